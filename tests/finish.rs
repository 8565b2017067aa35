//! What comes after the end of a service: `finish`, and what is written down about it.

use crate::support::{Supervised, process_state, send};
use nix::sys::signal::Signal::SIGTERM;
use servicedir::tai::Stamp;
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// finish has the exit code, the signal and the name; it notes them.
const NOTE: &str = "echo \"$# $*\" >>ends";

#[test]
fn finish_is_told_how_the_service_ended() {
    let supervised =
        Supervised::new(&[("run", "[ -e again ] && exec sleep 1000\n: >again\nexit 3"), ("finish", NOTE)]);
    supervised.wait_for("ends", "3 3 0 web\n");
    let pid = supervised.wait_for_program("sleep");
    send(pid, SIGTERM);
    supervised.wait_for("ends", "3 3 0 web\n3 256 15 web\n");
    supervised.sandbox.next_pid("web", pid);
    supervised.is_silent();
}

#[test]
fn a_finish_that_exits_125_keeps_the_service_down() {
    let supervised = Supervised::new(&[("run", "echo start >>starts\nexit 1"), ("finish", "exit 125")]);
    let sandbox = &supervised.sandbox;
    supervised.wait_for("starts", "start\n");
    let line = sandbox.wait_for_status("web", ": down ");
    sandbox.wait_until("it is not wanted up", || !sandbox.run("svstat web").contains("want up"));
    assert!(line.contains(": down "), "{line}");
    // Nothing is due any more: supervise sleeps until it is told to start it.
    sandbox.run("svc -u web");
    supervised.wait_for("starts", "start\nstart\n");
    supervised.is_silent();
}

#[test]
fn a_finish_that_takes_too_long_is_killed() {
    let supervised = Supervised::new(&[
        // On a busy machine finish may be killed before it has said anything.
        ("run", "[ ! -s finisher ] || { echo start >>starts; exec sleep 1000; }"),
        ("finish", "echo $$ >finisher\nexec sleep 1000"),
        ("timeout-finish", "300"),
    ]);
    let sandbox = &supervised.sandbox;
    supervised.wait_for("starts", "start\n");
    let finisher: i32 = sandbox.read("web/finisher").trim().parse().unwrap();
    assert_eq!(process_state(finisher), None);
    supervised.is_silent();
}

#[test]
fn a_service_that_is_told_to_end_while_finish_runs_ends_after_it() {
    let mut supervised = Supervised::new(&[
        ("run", "echo start >>starts\nexit 1"),
        ("finish", "echo begin >>ends\nread -r word <in\necho end >>ends"),
        ("timeout-finish", "0"),
        ("down", ""),
    ]);
    supervised.sandbox.run("svc -u web");
    supervised.wait_for("ends", "begin\n");
    // Told after it has ended, supervise would start it once more.
    supervised.sandbox.tell("web", "-dx");
    supervised.say("");
    supervised.supervise.ends_well();
    assert_eq!(supervised.sandbox.read("web/ends"), "begin\nend\n");
    assert_eq!(supervised.sandbox.read("web/starts"), "start\n");
}

#[test]
fn a_finish_that_cannot_be_executed_does_not_stand_in_the_way() {
    let supervised = Supervised::new(&[("run", "echo start >>starts")]);
    let sandbox = &supervised.sandbox;
    // A file without x is none; one that cannot be executed is reported.
    sandbox.write("web/finish", "#!/bin/sh\nexit 125\n");
    sandbox.wait_until("it is started again", || sandbox.count("web/starts", "") >= 2);
    supervised.is_silent();
    sandbox.write("web/finish.new", "#!/nowhere/sh\nexit 125\n");
    fs::set_permissions(sandbox.path("web/finish.new"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(sandbox.path("web/finish.new"), sandbox.path("web/finish")).unwrap();
    let message = "supervise: fatal: unable to start web/finish: file does not exist";
    sandbox.wait_until("supervise complains", || sandbox.count("messages", message) >= 1);
    let starts = sandbox.count("web/starts", "");
    sandbox.wait_until("it is started all the same", || sandbox.count("web/starts", "") > starts);
}

#[test]
fn how_a_service_ended_last_is_written_down() {
    let supervised = Supervised::new(&[("run", "exec 3<>in\nread -r how <&3\neval \"$how\""), ("down", "")]);
    let sandbox = &supervised.sandbox;
    assert!(!sandbox.path("web/supervise/last-exit").exists());
    for (how, expected) in [
        ("exit 3", "exited 3"),
        ("kill -SEGV $$", "killed SEGV"),
        ("exit 0", "exited 0"),
        ("kill -KILL $$", "killed KILL"),
    ] {
        supervised.say(how);
        sandbox.run("svc -o web");
        sandbox.wait_until(expected, || supervised.last_exit() == expected);
        let line = sandbox.read("web/supervise/last-exit");
        let label = line.split(' ').next().unwrap();
        let stamp = label.strip_prefix('@').and_then(|digits| Stamp::from_digits(digits.as_bytes()));
        assert!(stamp.is_some() && line.ends_with('\n'), "{line:?}");
        supervised.wait_until_down();
    }
    supervised.is_silent();
}
