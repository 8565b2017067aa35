//! Our programs beside the original's, in any mixture: who upgrades one of them does not have to upgrade all.

use crate::support::{Sandbox, process_state, program_of, send};
use nix::sys::signal::Signal::SIGKILL;
use servicedir::service::status::{Status, Want};
use servicedir::tai::Stamp;
use std::num::NonZeroU32;
use std::time::Duration;

const WEB: &str = "service/web";
const LOG: &str = "service/web/log";

/// Says which signals it gets.
const RUN: &str = "
trap 'echo alarm' ALRM
trap 'echo hangup' HUP
trap 'echo interrupt' INT
echo started
exec 2>/dev/null
while :; do sleep 0.05; done";

#[test]
fn our_tools_control_their_supervise() {
    a_logged_service_obeys(&["supervise"]);
}

#[test]
fn their_tools_control_our_supervise() {
    a_logged_service_obeys(&["svc", "svok", "svstat"]);
}

#[test]
fn their_svscan_runs_our_supervise() {
    a_logged_service_obeys(&["svscan"]);
}

#[test]
fn their_svscan_and_supervise_run_our_logger() {
    a_logged_service_obeys(&["svscan", "supervise"]);
}

#[test]
fn our_svscan_and_supervise_run_their_logger() {
    a_logged_service_obeys(&["multilog"]);
}

#[test]
fn our_svscan_starts_their_supervise_again() {
    a_supervise_that_died_comes_back(&["supervise"]);
}

#[test]
fn their_svscan_starts_our_supervise_again() {
    a_supervise_that_died_comes_back(&["svscan"]);
}

/// Puts a service with a logger through everything that svc can do, with these programs of the original's.
#[track_caller]
fn a_logged_service_obeys(theirs: &[&str]) {
    let sandbox = Sandbox::with_theirs(theirs);
    sandbox.logged_service("new/web", RUN);
    sandbox.run(&format!(
        "mkdir service && svstat new/web && {{ svok new/web; test $? = 100; }} && mv new/web {WEB}"
    ));
    let _svscan = sandbox.start("svscan service", "messages");

    let first = sandbox.pid(WEB);
    let logger = sandbox.pid(LOG);
    sandbox.run(&format!("svok {WEB} && svok {LOG}"));
    wait_for_log(&sandbox, "started", 1);

    for (letter, word) in [("a", "alarm"), ("h", "hangup"), ("i", "interrupt")] {
        sandbox.run(&format!("svc -{letter} {WEB}"));
        wait_for_log(&sandbox, word, 1);
    }
    assert_eq!(sandbox.pid(WEB), first, "a signal that the service catches does not end it");

    sandbox.run(&format!("svc -p {WEB}"));
    sandbox.wait_for_status(WEB, " seconds, paused\n");
    sandbox.wait_until("the service is stopped", || process_state(first) == Some('T'));
    sandbox.run(&format!("svc -c {WEB}"));
    sandbox.wait_until("svstat does not say paused", || {
        !sandbox.run(&format!("svstat {WEB}")).contains("paused")
    });
    sandbox.wait_until("the service goes on", || process_state(first).is_some_and(|state| state != 'T'));

    sandbox.run(&format!("svc -t {WEB}"));
    let second = sandbox.next_pid(WEB, first);
    wait_for_log(&sandbox, "started", 2);

    // Up already, so -o only means that it is not started again; -k shows that.
    sandbox.run(&format!("svc -o {WEB} && svc -k {WEB}"));
    sandbox.wait_for_status(WEB, ": down ");
    assert_eq!(process_state(second), None);
    sandbox.run(&format!("svok {WEB}"));
    sandbox.wait_for_status(WEB, " seconds, normally up\n");

    sandbox.run(&format!("svc -u {WEB}"));
    let third = sandbox.next_pid(WEB, second);
    wait_for_log(&sandbox, "started", 3);
    sandbox.run(&format!("svc -d {WEB}"));
    sandbox.wait_for_status(WEB, ": down ");
    assert_eq!(process_state(third), None);
    sandbox.write("service/web/down", "");
    let line = sandbox.run(&format!("svstat {WEB}"));
    assert!(line.ends_with(" seconds\n"), "down, normally down, wanted down: {line}");

    // Out of svscan's sight, so that nobody starts them again.
    sandbox.run(&format!("mv {WEB} service/.web && svc -dx service/.web service/.web/log"));
    for service in ["service/.web", "service/.web/log"] {
        sandbox.wait_for_status(service, ": supervise not running\n");
        sandbox.run(&format!("svok {service}; test $? = 100"));
    }
    assert_eq!(process_state(logger), None);
    let expected = "started\nalarm\nhangup\ninterrupt\nstarted\nstarted\n";
    assert_eq!(sandbox.log_of("service/.web"), expected);
    // With these programs nothing has gone wrong so far.
    assert_eq!(sandbox.read("messages"), "");
}

/// The next look of svscan finds the dead supervises, and starts both.
#[track_caller]
fn a_supervise_that_died_comes_back(theirs: &[&str]) {
    let sandbox = Sandbox::with_theirs(theirs);
    sandbox.logged_service("new/web", RUN);
    sandbox.run(&format!("mkdir service && mv new/web {WEB}"));
    let _svscan = sandbox.start("svscan service", "messages");
    sandbox.wait_for_status(WEB, ": up ");
    sandbox.wait_for_status(LOG, ": up ");
    let before = (sandbox.pid(WEB), sandbox.pid(LOG));
    // A service that is told to end before that would never say so.
    wait_for_log(&sandbox, "started", 1);
    // The services end first, so that the new supervises do not have to deal with them.
    sandbox.run(&format!("svc -dx {WEB} {LOG}"));
    sandbox.wait_until("both services have ended", || {
        process_state(before.0).is_none() && process_state(before.1).is_none()
    });
    sandbox.next_pid(WEB, before.0);
    sandbox.next_pid(LOG, before.1);
    wait_for_log(&sandbox, "started", 2);
    send(sandbox.pid(WEB), SIGKILL);
    wait_for_log(&sandbox, "started", 3);
}

#[track_caller]
fn wait_for_log(sandbox: &Sandbox, text: &str, times: usize) {
    let current = format!("{LOG}/main/current");
    sandbox
        .wait_until(&format!("the log says {text} {times} times"), || sandbox.count(&current, text) == times);
}

/// The original writes down less than ours, but its service must not be started a second time either.
#[test]
fn our_supervise_takes_over_the_service_of_theirs() {
    for run in ["echo start >>starts\nexec sleep 1000", "echo start >>starts\ncd /\nexec sleep 1000"] {
        let sandbox = Sandbox::new();
        sandbox.script("web/run", run);
        let theirs = crate::support::theirs().join("supervise");
        let mut before = sandbox.start(&format!("{} web", theirs.display()), "messages");
        let pid = sandbox.next_pid("web", 0);
        sandbox.wait_until("the service is its program", || program_of(pid) == "sleep");
        send(before.pid(), SIGKILL);
        before.wait();
        let _after = sandbox.start("supervise web", "messages");
        sandbox.wait_until("ours runs", || sandbox.sh("svok web").status.success());
        assert_eq!(sandbox.pid("web"), pid);
        sandbox.run("svc -dx web");
        sandbox.wait_until("the service has ended", || process_state(pid).is_none());
        assert_eq!(sandbox.read("web/starts"), "start\n");
        assert_eq!(sandbox.read("messages"), "");
    }
}

/// The record of a supervise that has long gone may name any process.
#[test]
fn our_supervise_takes_over_no_stranger_that_their_record_names() {
    let sandbox = Sandbox::new();
    sandbox.script("web/run", "exec sleep 1000");
    let stranger = sandbox.start("sleep 1000", "output");
    sandbox.wait_until("the stranger is its program", || program_of(stranger.pid()) == "sleep");
    let pid = u32::try_from(stranger.pid()).unwrap();
    let since = Stamp::from_unix(Duration::from_secs(1_700_000_000));
    let record = Status { since, pid: NonZeroU32::new(pid), paused: false, want: Want::Up }.encode();
    std::fs::create_dir(sandbox.path("web/supervise")).unwrap();
    std::fs::write(sandbox.path("web/supervise/status"), record).unwrap();
    let mut supervise = sandbox.start("supervise web", "messages");
    sandbox.next_pid("web", stranger.pid());
    sandbox.run("svc -dx web");
    supervise.ends_well();
    assert!(process_state(stranger.pid()).is_some());
}
