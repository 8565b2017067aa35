//! What files of a service directory say about stopping and pausing, and when that holds.

use crate::support::{NOTE_START, Supervised, best_of_attempts};
use std::time::{Duration, Instant};

#[test]
fn a_service_that_does_not_end_in_time_is_killed() {
    let supervised = Supervised::new(&[
        ("run", "trap '' TERM\n: >deaf\nwhile :; do sleep 0.02; done"),
        ("timeout-kill", "300"),
    ]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("it is deaf", || sandbox.path("web/deaf").exists());
    let before = Instant::now();
    sandbox.run("svc -d web");
    supervised.wait_until_down();
    assert!(before.elapsed() >= Duration::from_millis(300));
    assert_eq!(supervised.last_exit(), "killed KILL");
    supervised.is_silent();
}

#[test]
fn another_signal_tells_a_service_to_end() {
    let supervised = Supervised::new(&[
        (
            "run",
            "trap 'echo int >>got; exit 0' INT\ntrap 'echo term >>got' TERM\n: >ready\nwhile :; do sleep 0.02; done",
        ),
        ("down-signal", "SIGINT"),
    ]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("it has its traps", || sandbox.path("web/ready").exists());
    sandbox.run("svc -t web");
    supervised.wait_for("got", "term\n");
    sandbox.run("svc -d web");
    supervised.wait_for("got", "term\nint\n");
    supervised.wait_until_down();
    assert_eq!(supervised.last_exit(), "exited 0");
    supervised.is_silent();
}

#[test]
fn pauses_between_quick_failures_double_and_up_ends_them() {
    let run = format!("{NOTE_START}\nexit 1");
    best_of_attempts("from a start to the next that was asked for", Duration::from_secs(8), || {
        let supervised = Supervised::new(&[("run", &run), ("backoff", "8")]);
        let sandbox = &supervised.sandbox;
        let starts = || supervised.starts();
        sandbox.wait_until("it was started four times", || starts().len() >= 4);
        let pauses: Vec<Duration> = starts().windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (pause, expected) in pauses.iter().zip([1000, 2000, 4000]) {
            assert!(*pause >= Duration::from_millis(expected - 10), "{pauses:?}");
        }
        supervised.wait_until_down();
        // The pace of a second holds for whoever is impatient, too.
        let down = Instant::now();
        sandbox.wait_until("a second is over", || down.elapsed() > Duration::from_millis(1100));
        sandbox.run("svc -u web");
        sandbox.wait_until("it is started", || starts().len() >= 5);
        let messages = supervised.sandbox.read("messages");
        assert!(
            messages.lines().all(|line| line.starts_with("supervise: warning: web: run exited 1, ")),
            "{messages}"
        );
        starts()[4] - starts()[3]
    });
}

#[test]
fn files_that_make_no_sense_are_reported_and_ignored() {
    let files = [
        ("backoff", "often", "a number of seconds"),
        ("down-signal", "NONSENSE", "the name of a signal"),
        ("notification-fd", "1", "the number of a descriptor from 3 to 1023"),
        ("timeout-finish", "soon", "a number of milliseconds"),
        ("timeout-kill", "-5", "a number of milliseconds"),
    ];
    let mut all: Vec<(&str, &str)> = files.iter().map(|(name, content, _)| (*name, *content)).collect();
    all.push(("run", "exec sleep 1000"));
    let supervised = Supervised::new(&all);
    let sandbox = &supervised.sandbox;
    sandbox.next_pid("web", 0);
    let mut messages: Vec<String> = sandbox.read("messages").lines().map(str::to_string).collect();
    messages.sort();
    let expected = files
        .map(|(name, _, what)| format!("supervise: warning: web/{name} is ignored: it must hold {what}"));
    assert_eq!(messages, expected);
    sandbox.run("svc -d web");
    sandbox.wait_for_status("web", ": down ");
    assert_eq!(supervised.last_exit(), "killed TERM");
}

#[test]
fn a_change_of_the_files_holds_at_once() {
    let supervised = Supervised::new(&[("run", "exec sleep 1000")]);
    let sandbox = &supervised.sandbox;
    supervised.wait_for_program("sleep");
    sandbox.write("web/down-signal", "USR1\n");
    sandbox.run("svc -d web");
    sandbox.wait_until("it is down", || supervised.last_exit() == "killed USR1");
    // Written over, not replaced: the directory is not changed by that.
    sandbox.write("web/down-signal", "HUP\n");
    sandbox.run("svc -u web");
    supervised.wait_for_program("sleep");
    sandbox.run("svc -d web");
    sandbox.wait_until("it is down", || supervised.last_exit() == "killed HUP");
    supervised.is_silent();
}

/// It is not the directory that changes then, so it does not tell.
#[test]
fn what_becomes_a_setting_without_a_change_of_the_directory_holds_at_once() {
    let supervised = Supervised::new(&[("run", "exec sleep 1000")]);
    let sandbox = &supervised.sandbox;
    sandbox.write("web/finish", "#!/bin/sh\necho finish >>../ends\n");
    sandbox.run("ln -s ../signal web/down-signal");
    let kill = |count: usize| {
        let pid = supervised.wait_for_program("sleep");
        let changed = Instant::now();
        // What was changed just now is looked at again in any case.
        sandbox.wait_until("that is not recent", || changed.elapsed() > Duration::from_millis(2100));
        sandbox.run("svc -k web");
        sandbox.next_pid("web", pid);
        assert_eq!(sandbox.count("ends", "finish"), count);
    };
    kill(0);
    sandbox.run("chmod 755 web/finish");
    sandbox.write("signal", "USR1\n");
    kill(1);
    sandbox.run("svc -d web");
    sandbox.wait_until("it is down", || supervised.last_exit() == "killed USR1");
    supervised.is_silent();
}

#[test]
fn a_setting_that_comes_with_an_old_time_holds_at_once() {
    let supervised = Supervised::new(&[("run", "exec sleep 1000")]);
    let sandbox = &supervised.sandbox;
    let pid = supervised.wait_for_program("sleep");
    sandbox.run("touch -d '1 hour ago' web");
    let changed = Instant::now();
    sandbox.wait_until("that is not recent", || changed.elapsed() > Duration::from_millis(2100));
    sandbox.run("svc -k web");
    sandbox.next_pid("web", pid);
    supervised.wait_for_program("sleep");
    // As rsync and tar do it: they give the directory its old time.
    sandbox.run("touch -r web time && echo USR1 >web/down-signal && touch -r time web");
    sandbox.run("svc -d web");
    sandbox.wait_until("it is down", || !supervised.last_exit().is_empty());
    supervised.wait_until_down();
    assert_eq!(supervised.last_exit(), "killed USR1");
}
