//! What a service tells, and who is told: readiness, and `notify`.

use crate::support::{Sandbox, Supervised, children, kill, process_state, send};
use nix::sys::signal::Signal::SIGKILL;
use servicedir::tai::Stamp;
use std::fs;

#[test]
fn a_service_says_when_it_is_ready() {
    let supervised = Supervised::new(&[
        ("run", "read -r word <in\necho unready >&5\nexec 5>&-\nexec sleep 1000"),
        ("notification-fd", "5"),
        ("down", ""),
    ]);
    let sandbox = &supervised.sandbox;
    let is_ready = || sandbox.path("web/supervise/ready").exists();
    sandbox.run("svc -u web");
    let mut pid = 0;
    for round in 0..2 {
        pid = sandbox.next_pid("web", pid);
        assert!(!is_ready(), "nothing was said, in round {round}");
        let before = fs::metadata(sandbox.path("web/supervise/status")).unwrap().modified().unwrap();
        supervised.say("");
        sandbox.wait_until("it is ready", is_ready);
        let label = sandbox.read("web/supervise/ready");
        assert!(stamp(label.trim_end()) >= sandbox.status("web").map(|status| status.since), "{label}");
        assert_eq!(fs::metadata(sandbox.path("web/supervise/status")).unwrap().modified().unwrap(), before);
        kill(pid);
    }
    sandbox.next_pid("web", pid);
    assert!(!is_ready(), "a new start is not ready");
    sandbox.run("svc -d web");
    supervised.wait_until_down();
    assert!(!is_ready());
    supervised.is_silent();
}

#[test]
fn a_service_that_becomes_ready_when_its_supervise_was_killed_is_heard() {
    let sandbox = Sandbox::new();
    let run = "until [ -e go ]; do sleep 0.02; done\necho >&3\n: >told\nexec 3>&-\nexec sleep 1000";
    sandbox.script("service/web/run", run);
    sandbox.write("service/web/notification-fd", "3");
    let _svscan = sandbox.start("svscan service", "messages");
    let pid = sandbox.pid("service/web");
    let supervise = sandbox.instance("service/web").unwrap().supervise.unwrap().pid;
    kill(supervise);
    sandbox.next_supervise("service/web", supervise);
    sandbox.write("service/web/go", "");
    sandbox.run("svc --wait=ready --timeout=60 service/web");
    assert!(sandbox.path("service/web/told").exists());
    assert_eq!(sandbox.pid("service/web"), pid);
}

#[test]
fn readiness_survives_supervise_and_ends_with_the_service() {
    let sandbox = Sandbox::new();
    sandbox.script("web/run", "echo >&3\nexec sleep 1000");
    sandbox.write("web/notification-fd", "3");
    let supervise = sandbox.start("supervise web", "messages");
    let is_ready = || sandbox.path("web/supervise/ready").exists();
    sandbox.wait_until("it is ready", is_ready);
    let pid = sandbox.next_pid("web", 0);
    drop(supervise);
    let before = sandbox.read("web/supervise/ready");
    let instance = sandbox.instance("web").unwrap().supervise.unwrap().pid;
    let _supervise = sandbox.start("supervise web", "messages");
    sandbox.next_supervise("web", instance);
    assert_eq!(sandbox.read("web/supervise/ready"), before);
    sandbox.run("svc -d web");
    sandbox.wait_until("it is down", || {
        process_state(pid).is_none() && sandbox.status("web").unwrap().pid.is_none()
    });
    assert!(!is_ready());
}

#[test]
fn notify_is_told_of_starts_and_ends() {
    let supervised = Supervised::new(&[
        ("run", "read -r code <in\nexit $code"),
        ("notify", "echo \"$# $*\" >>told"),
        ("down", ""),
    ]);
    let sandbox = &supervised.sandbox;
    sandbox.run("svc -o web");
    let first = sandbox.next_pid("web", 0);
    let mut told = format!("4 web start {first} 0\n");
    wait_for_notify(&supervised, &told);
    supervised.say("3");
    told += &format!("4 web exit {first} 3\n");
    wait_for_notify(&supervised, &told);
    sandbox.run("svc -o web");
    let second = sandbox.next_pid("web", first);
    told += &format!("4 web start {second} 0\n");
    wait_for_notify(&supervised, &told);
    send(second, SIGKILL);
    told += &format!("4 web killed {second} 9\n");
    wait_for_notify(&supervised, &told);
    supervised.is_silent();
}

/// A mail server that hangs must not keep a service down, nor gather processes.
#[test]
fn notify_is_not_waited_for_and_runs_once_at_a_time() {
    let supervised =
        Supervised::new(&[("run", "echo start >>starts"), ("notify", "echo told >>told\nexec sleep 1000")]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("it was started three times", || sandbox.count("web/starts", "") >= 3);
    assert_eq!(sandbox.read("web/told"), "told\n");
    // A service that ends again and again is reported.
    let messages = sandbox.read("messages");
    assert!(messages.lines().all(|line| line.contains(" web: run exited 0, ")), "{messages}");
}

/// Waits until `notify` has said this, and has ended.
#[track_caller]
fn wait_for_notify(supervised: &Supervised, expected: &str) {
    supervised.wait_for("told", expected);
    let service = || supervised.sandbox.status("web").unwrap().pid.map(|pid| pid.get());
    supervised.sandbox.wait_until("notify has ended", || {
        children(supervised.supervise.pid()).iter().all(|&child| u32::try_from(child).ok() == service())
    });
}

fn stamp(label: &str) -> Option<Stamp> {
    Stamp::from_digits(label.strip_prefix('@')?.as_bytes())
}
