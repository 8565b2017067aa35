//! The world's trouble ends neither supervise nor svscan: each says what is wrong, goes on with the rest, and
//! recovers by itself when the trouble is over.

use crate::support::{Sandbox, is_root, is_settled, kill, process_state, program_of, send};
use nix::sys::signal::Signal::SIGTERM;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
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
fn a_status_that_cannot_be_written_is_written_when_that_is_possible() {
    let sandbox = Sandbox::new();
    sandbox.script("web/run", &format!("echo start >>starts\n{STAY}"));
    let _supervise = sandbox.start("supervise web", "messages");
    let first = sandbox.next_pid("web", 0);
    sandbox.wait_until("the service has noted its start", || sandbox.count("web/starts", "") == 1);

    // Neither a new record nor the old one can be written to.
    let directories = ["web/supervise/status.new", "web/supervise/status"];
    fs::remove_file(sandbox.path(directories[1])).unwrap();
    directories.iter().for_each(|path| fs::create_dir(sandbox.path(path)).unwrap());
    sandbox.run("svc -p web");
    let message = "supervise: warning: unable to open web/supervise/status.new: is a directory\n";
    sandbox.wait_until("supervise complains", || sandbox.read("messages") == message);
    sandbox.wait_until("the command was obeyed all the same", || process_state(first) == Some('T'));
    kill(first);
    sandbox.wait_until("the service was started again", || sandbox.count("web/starts", "") == 2);

    directories.iter().for_each(|path| fs::remove_dir(sandbox.path(path)).unwrap());
    // No command, and no end of the service, is needed for it.
    let second = sandbox.next_pid("web", first);
    assert!(process_state(second).is_some());
    assert_eq!(sandbox.read("messages"), message, "it is said once");
}

/// A file system that is full takes no new file, but a record of the same length in the place of the old one.
#[test]
fn a_full_disk_does_not_keep_the_old_status() {
    let sandbox = Sandbox::new();
    sandbox.run("mkdir small");
    let mounted = sandbox.sh("mount -t tmpfs -o size=64k none small").status.success();
    if !mounted {
        return super::support::machine::skip("it needs root and a tmpfs");
    }
    sandbox.script("small/web/run", STAY);
    let mut supervise = sandbox.start("supervise small/web", "messages");
    sandbox.next_pid("small/web", 0);
    sandbox.sh("cat /dev/zero >small/fill");
    sandbox.run("svc -d small/web");
    sandbox.wait_for_status("small/web", ": down ");
    let message = "unable to write small/web/supervise/status.new: out of disk space\n";
    sandbox.wait_until("it is said", || sandbox.count("messages", message.trim_end()) == 1);
    sandbox.run("rm small/fill");
    // What could only be written to a new file follows.
    let last_exit = "small/web/supervise/last-exit";
    sandbox.wait_until("the end is known", || sandbox.read(last_exit).ends_with(" killed TERM\n"));
    sandbox.run("svc -x small/web");
    supervise.ends_well();
    sandbox.run("umount small");
}

/// A standard error whose reader has gone, as after the death of readproctitle.
#[test]
fn a_standard_error_without_a_reader_ends_nothing() {
    let sandbox = Sandbox::new();
    sandbox.script("service/web/run", STAY);
    let reader = sandbox.fifo("errors");
    let mut svscan = sandbox.start("sh -c 'exec svscan service 2>errors'", "output");
    let before = sandbox.next_pid("service/web", 0);
    drop(reader);

    // svscan warns of the link, and supervise of the setting.
    symlink("/nowhere", sandbox.path("service/dangling")).unwrap();
    sandbox.write("service/web/timeout-finish", "soon\n");
    kill(before);
    let after = sandbox.next_pid("service/web", before);
    sandbox.script("new/run", STAY);
    sandbox.run("mv new service/new");
    sandbox.next_pid("service/new", 0);
    assert!(!svscan.has_ended());
    // The service itself meets broken pipes as ever.
    sandbox.wait_until("the service is its program", || program_of(after) == "sleep");
    let status = fs::read_to_string(format!("/proc/{after}/status")).unwrap();
    let sets = status.lines().filter(|line| line.starts_with("SigBlk:") || line.starts_with("SigIgn:"));
    let broken_pipe = 1 << (nix::libc::SIGPIPE - 1);
    let is_free = |set: &str| u64::from_str_radix(set[7..].trim(), 16).unwrap() & broken_pipe == 0;
    assert_eq!(sets.filter(|set| is_free(set)).count(), 2, "{status}");
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

/// Neither the messages of svscan nor those of supervise, nor of a child before it becomes `run`, wait for a reader.
#[test]
fn a_standard_error_that_is_full_holds_nothing_up() {
    let sandbox = Sandbox::new();
    sandbox.script("service/web/run", STAY);
    sandbox.write("service/broken/run", "#!/nowhere/sh\n");
    make_executable(&sandbox, "service/broken/run");
    symlink("/nowhere", sandbox.path("service/dangling")).unwrap();
    let mut reader = sandbox.fifo("err");
    while reader.write(&[b'.'; 512]).is_ok() {}
    let mut svscan = sandbox.start("sh -c 'exec svscan service 2>err'", "messages");
    let first = sandbox.next_pid("service/web", 0);
    // Each of its starts has something to say.
    sandbox.wait_until("it is started again and again", || {
        sandbox.instance("service/broken").is_some_and(|instance| instance.starts >= 3)
    });
    sandbox.run("svc -d --wait=down --timeout=60 service/broken");
    sandbox.run("svc -t service/web");
    sandbox.next_pid("service/web", first);

    // Who reads at last is told that something is missing.
    let mut said = String::new();
    let lost = "svscan: warning: ";
    sandbox.wait_until("svscan tells what was lost", || {
        let mut bytes = Vec::new();
        let _ = reader.read_to_end(&mut bytes);
        said += String::from_utf8_lossy(&bytes).trim_start_matches('.');
        said.lines()
            .any(|line| line.starts_with(lost) && line.ends_with(" lost, because standard error was full"))
    });
    assert!(said.contains("svscan: warning: unable to stat dangling: file does not exist\n"), "{said}");
    send(svscan.pid(), SIGTERM);
    assert_eq!(svscan.wait().code(), Some(0));
}
