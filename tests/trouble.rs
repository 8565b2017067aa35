//! The world's trouble ends neither supervise nor svscan: each says what is wrong, goes on with the rest, and
//! recovers by itself when the trouble is over.

use crate::support::{Sandbox, is_root, is_settled, kill, process_state, program_of};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Instant;

const STAY: &str = "exec sleep 1000";

#[test]
fn a_run_that_cannot_be_started_is_tried_once_a_second_until_it_is_repaired() {
    let sandbox = Sandbox::new();
    let repaired = format!("#!/bin/sh\n{STAY}\n");
    sandbox.write("missing/other", "");
    sandbox.write("unexecutable/run", &repaired);
    sandbox.write("unmarked/run", STAY);
    sandbox.write("uninterpreted/run", "#!/nowhere/sh\n");
    make_executable(&sandbox, "unmarked/run");
    make_executable(&sandbox, "uninterpreted/run");
    let before = Instant::now();
    let services = [
        ("missing", "file does not exist"),
        ("unexecutable", "access denied"),
        ("unmarked", "exec format error"),
        ("uninterpreted", "file does not exist"),
    ];
    let mut supervises: Vec<_> = services
        .iter()
        .map(|(service, _)| sandbox.start(&format!("supervise {service}"), &format!("{service}.messages")))
        .collect();
    for (service, reason) in services {
        let messages = format!("{service}.messages");
        let message = format!("supervise: fatal: unable to start {service}/run: {reason}\n");
        sandbox.wait_until("it was tried three times", || sandbox.count(&messages, "") >= 3);
        // From before the first attempt until after the last, so that no delay can make this time too short.
        let said = sandbox.read(&messages);
        let elapsed = before.elapsed();
        let times = said.lines().count();
        assert_eq!(said, message.repeat(times));
        assert!(elapsed.as_secs() + 1 >= times as u64, "{times} attempts in {elapsed:?}");
    }

    // Written beside and renamed, as an editor does it: nothing else is ever half a file.
    for (service, _) in services {
        sandbox.write(&format!("{service}/run.new"), &repaired);
        make_executable(&sandbox, &format!("{service}/run.new"));
        fs::rename(sandbox.path(&format!("{service}/run.new")), sandbox.path(&format!("{service}/run")))
            .unwrap();
    }
    for (service, _) in services {
        sandbox.wait_until("the service stays up", || program_of(sandbox.next_pid(service, 0)) == "sleep");
    }
    assert!(supervises.iter_mut().all(|supervise| !supervise.has_ended()));
}

#[test]
fn a_status_that_cannot_be_written_does_not_end_supervision() {
    let sandbox = Sandbox::new();
    sandbox.script("web/run", &format!("echo start >>starts\n{STAY}"));
    let _supervise = sandbox.start("supervise web", "messages");
    let first = sandbox.next_pid("web", 0);
    sandbox.wait_until("the service has noted its start", || sandbox.count("web/starts", "") == 1);

    // What is written to this device fails as on a full disk.
    symlink("/dev/full", sandbox.path("web/supervise/status.new")).unwrap();
    sandbox.run("svc -p web");
    let message = "supervise: warning: unable to write web/supervise/status.new: out of disk space\n";
    sandbox.wait_until("supervise complains", || sandbox.read("messages") == message);
    sandbox.wait_until("the command was obeyed all the same", || process_state(first) == Some('T'));
    kill(first);
    sandbox.wait_until("the service was started again", || sandbox.count("web/starts", "") == 2);
    let status = sandbox.status("web").unwrap();
    assert_eq!(status.pid.map(|pid| pid.get()), first.try_into().ok(), "the old record is still there");
    assert!(!status.paused, "the old record is still there");

    fs::remove_file(sandbox.path("web/supervise/status.new")).unwrap();
    // The next change is written.
    sandbox.run("svc -p web");
    sandbox.wait_for_status("web", " seconds, paused\n");
    let second = sandbox.next_pid("web", first);
    sandbox.wait_until("the status is true again", || process_state(second) == Some('T'));
    let messages = sandbox.read("messages");
    assert_eq!(messages, message.repeat(messages.lines().count()));
}

#[test]
fn a_refused_fork_is_tried_again_and_commands_are_acted_on_meanwhile() {
    let sandbox = Sandbox::for_everybody();
    sandbox.script("web/run", STAY);
    sandbox.write("web/down", "");
    let supervise = sandbox.start(&unprivileged(&sandbox, "web", "supervise web"), "messages");
    sandbox.wait_for_status("web", ": down ");

    // It may have no process; that it has one already does not matter.
    sandbox.limit(&supervise, "nproc=0");
    let warned = |seconds: u32, times: usize| {
        let text = format!(
            "supervise: warning: unable to fork for web, sleeping {seconds} seconds: temporary failure"
        );
        sandbox.wait_until(&text, || sandbox.count("messages", &text) >= times);
    };
    sandbox.run("svc -u web");
    warned(1, 1);
    warned(2, 1);
    sandbox.wait_for_status("web", " seconds, want up\n");
    sandbox.run("svc -d web");
    sandbox.wait_until("it is not wanted up", || !sandbox.run("svstat web").contains("want up"));
    // This is no retry after the pause, which would have announced four seconds or more.
    sandbox.run("svc -u web");
    warned(1, 2);

    sandbox.lift(&supervise, "nproc");
    sandbox.next_pid("web", 0);
    assert_eq!(sandbox.instance("web").unwrap().starts, 1, "only what was started counts");
}

/// These take two looks of svscan each, five seconds apart; so they share their time.
#[test]
fn svscan_goes_on_through_trouble() {
    std::thread::scope(|scope| {
        scope.spawn(a_service_without_a_pipe_waits_for_descriptors);
        scope.spawn(an_unreadable_scan_directory_leaves_the_services_alone);
        scope.spawn(a_supervise_that_cannot_be_forked_is_started_later);
        scope.spawn(a_supervise_that_is_not_installed_is_started_when_it_is);
    });
}

fn a_service_without_a_pipe_waits_for_descriptors() {
    let sandbox = Sandbox::new();
    logged_service(&sandbox, "service/one");
    let svscan = sandbox.start("svscan service", "messages");
    let running = (sandbox.next_pid("service/one", 0), sandbox.next_pid("service/one/log", 0));

    // One more, so that the directory can be read, but a pipe cannot be made. While svscan looks, it has more open.
    sandbox.wait_until("svscan waits", || is_settled(svscan.pid()));
    let descriptor = |number: &u32| format!("/proc/{}/fd/{number}", svscan.pid());
    let first_free = (0..).find(|number| fs::symlink_metadata(descriptor(number)).is_err()).unwrap();
    sandbox.limit(&svscan, &format!("nofile={}", first_free + 1));
    logged_service(&sandbox, "service/two");
    let message = "svscan: warning: unable to create pipe for two: process cannot open more files\n";
    sandbox.wait_until("svscan complains", || sandbox.read("messages").starts_with(message));
    assert_eq!(running, (sandbox.next_pid("service/one", 0), sandbox.next_pid("service/one/log", 0)));
    kill(running.0);
    sandbox.next_pid("service/one", running.0);

    sandbox.lift(&svscan, "nofile");
    sandbox.next_pid("service/two", 0);
    sandbox.wait_until("the service is logged", || sandbox.log_of("service/two") == "started\n");
    let messages = sandbox.read("messages");
    assert_eq!(messages, message.repeat(messages.lines().count()));
}

fn an_unreadable_scan_directory_leaves_the_services_alone() {
    let sandbox = Sandbox::for_everybody();
    logged_service(&sandbox, "service/one");
    let _svscan = sandbox.start(&unprivileged(&sandbox, "service", "svscan service"), "messages");
    let running = (sandbox.next_pid("service/one", 0), sandbox.next_pid("service/one/log", 0));

    let allow = |mode| fs::set_permissions(sandbox.path("service"), Permissions::from_mode(mode)).unwrap();
    allow(0o000);
    let message = "svscan: warning: unable to read directory: access denied\n";
    sandbox.wait_until("svscan complains", || sandbox.read("messages").starts_with(message));

    allow(0o755);
    assert_eq!(running, (sandbox.next_pid("service/one", 0), sandbox.next_pid("service/one/log", 0)));
    logged_service(&sandbox, "two");
    unprivileged(&sandbox, "two", "");
    fs::rename(sandbox.path("two"), sandbox.path("service/two")).unwrap();
    sandbox.next_pid("service/two", 0);
    let messages = sandbox.read("messages");
    assert_eq!(messages, message.repeat(messages.lines().count()));
}

fn a_supervise_that_cannot_be_forked_is_started_later() {
    let sandbox = Sandbox::for_everybody();
    logged_service(&sandbox, "service/one");
    let svscan = unprivileged(&sandbox, "service", "prlimit --nproc=0: svscan service");
    let svscan = sandbox.start(&svscan, "messages");
    let messages = "svscan: warning: unable to fork for one: temporary failure\n\
                    svscan: warning: unable to fork for one/log: temporary failure\n";
    sandbox.wait_until("svscan complains", || sandbox.read("messages").starts_with(messages));

    sandbox.lift(&svscan, "nproc");
    sandbox.next_pid("service/one", 0);
    sandbox.wait_until("the service is logged", || sandbox.log_of("service/one") == "started\n");
    assert_eq!(sandbox.read("messages").replace(messages, ""), "");
}

fn a_supervise_that_is_not_installed_is_started_when_it_is() {
    let sandbox = Sandbox::new();
    logged_service(&sandbox, "service/one");
    fs::create_dir(sandbox.path("bin")).unwrap();
    let svscan = sandbox.run("command -v svscan");
    let mut svscan = sandbox.start(&format!("env PATH=\"$PWD/bin\" {} service", svscan.trim()), "messages");
    let told = |service: &str| {
        let message = format!("svscan: warning: unable to start supervise {service}: file does not exist");
        sandbox.wait_until(&message, || sandbox.count("messages", &message) >= 1);
    };
    told("one");
    told("one/log");
    assert!(!svscan.has_ended());

    sandbox.run("ln -s \"$(command -v supervise)\" \"$(command -v multilog)\" /bin/sh /bin/sleep bin");
    sandbox.next_pid("service/one", 0);
    sandbox.wait_until("the service is logged", || sandbox.log_of("service/one") == "started\n");
}

fn logged_service(sandbox: &Sandbox, service: &str) {
    // Made elsewhere, because svscan must not see half of it.
    sandbox.logged_service("new", &format!("echo started\n{STAY}"));
    let path = sandbox.path(service);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::rename(sandbox.path("new"), path).unwrap();
}

/// A command line that runs `command` without the privileges that make limits and permissions meaningless, and
/// may write to `directory`.
fn unprivileged(sandbox: &Sandbox, directory: &str, command: &str) -> String {
    if is_root() {
        sandbox.run(&format!("chown -R nobody {directory}"));
        format!("setuidgid nobody {command}")
    } else {
        command.to_owned()
    }
}

fn make_executable(sandbox: &Sandbox, name: &str) {
    fs::set_permissions(sandbox.path(name), Permissions::from_mode(0o755)).unwrap();
}
