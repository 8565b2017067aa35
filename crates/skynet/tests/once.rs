//! A participant that finishes what it has in hand is told to end only once, whoever else has told it: the second signal
//! would make it drop that.

use crate::support::{READY, Sandbox};
use std::fs;

const DIRECTORY: &str = "BOSS/participants/p";

/// A participant `p` that has an item in hand.
fn busy() -> (Sandbox, crate::support::Running) {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled_ready("p", READY);
    let svscan = sandbox.svscan();
    sandbox.run("skynet wait ready p");
    sandbox.write(&format!("{DIRECTORY}/hand"), "");
    (sandbox, svscan)
}

/// Lets it finish its item.
fn take(sandbox: &Sandbox) {
    fs::remove_file(sandbox.path(&format!("{DIRECTORY}/hand"))).unwrap();
}

fn told(sandbox: &Sandbox) -> String {
    sandbox.read(&format!("{DIRECTORY}/told"))
}

/// Runs these commands while it has an item in hand, of which each gives up, then lets it finish; the state in which it is
/// then is `goal`.
#[track_caller]
fn check(commands: &[&str], goal: &str) {
    let (sandbox, _svscan) = busy();
    let first = sandbox.member("p", "pid");
    for command in commands {
        let said = sandbox.skynet(&format!("{command} -w 1 p"));
        assert_eq!((said.code, said.out.as_str()), (1, "p FAILED\n"), "{command} of {commands:?}: {said:?}");
        sandbox.wait_for_state("p", "stopping");
    }
    sandbox.wait_until("it is told", || !told(&sandbox).is_empty());
    assert_eq!(sandbox.member("p", "pid"), first, "{commands:?}");
    take(&sandbox);
    if goal == "down" {
        assert_eq!(sandbox.run("skynet wait down p"), "p STOPPED\n", "{commands:?}");
        assert_eq!(sandbox.member("p", "state"), "\"stopped\"", "{commands:?}");
    } else {
        sandbox.wait_until("the next run is ready", || {
            sandbox.member("p", "pid") != first && sandbox.member("p", "state") == "\"running\""
        });
        assert_eq!(sandbox.member("p", "restarts"), "1", "{commands:?}");
    }
    assert_eq!(told(&sandbox), "told\n", "{commands:?}");
    assert_eq!(sandbox.read(&format!("{DIRECTORY}/finished")), "finished\n", "{commands:?}");
}

#[test]
fn a6_two_reloads_do_not_make_it_drop_its_item() {
    check(&["reload", "reload"], "ready");
    check(&["restart", "restart", "reload"], "ready");
}

#[test]
fn a2_stop_start_stop_does_not_make_it_drop_its_item() {
    check(&["stop", "start", "stop"], "down");
    check(&["reload", "stop"], "down");
    check(&["reload", "stop", "start"], "ready");
}

#[test]
fn a1_many_managers_at_once_do_not_make_it_drop_its_item() {
    let (sandbox, _svscan) = busy();
    let names: Vec<String> = (0..12).map(|number| format!("said{number}")).collect();
    let commands = ["reload", "restart", "reload"];
    let mut managers: Vec<_> = names
        .iter()
        .zip(commands.iter().cycle())
        .map(|(name, command)| sandbox.start(&format!("skynet {command} p"), name))
        .collect();
    sandbox.wait_until("it is told", || !told(&sandbox).is_empty());
    // One that begins now waits with the others.
    sandbox.skynet("reload -w 1 p");
    assert_eq!(told(&sandbox), "told\n");
    take(&sandbox);
    for ((manager, name), command) in managers.iter_mut().zip(&names).zip(commands.iter().cycle()) {
        assert_eq!(manager.end(), Some(0), "{command}: {}", sandbox.read(name));
        // Who reloads may see it stopped by who restarts.
        let said = sandbox.read(name);
        let is_seen = said == "p RUNNING\n" || (*command == "reload" && said == "p STOPPED\n");
        assert!(is_seen, "{command}: {said}");
    }
    sandbox.run("skynet wait ready p");
    // One that begins late finds the next run.
    let finished = sandbox.read(&format!("{DIRECTORY}/finished"));
    assert_eq!(finished, told(&sandbox).replace("told", "finished"));
}

#[test]
fn a2_what_was_told_and_is_disabled_ends_once() {
    let (sandbox, _svscan) = busy();
    sandbox.skynet("reload -w 0 p");
    let mut disable = sandbox.start("skynet disable --now p", "said");
    sandbox.wait_until("the link is gone", || sandbox.read("said").contains("disabled"));
    sandbox.skynet("stop -w 1 p");
    take(&sandbox);
    assert_eq!((disable.end(), sandbox.read("said").as_str()), (Some(0), "p is disabled\np STOPPED\n"));
    assert_eq!(told(&sandbox), "told\n");
}

#[test]
fn a1_the_next_run_is_told_as_the_first() {
    let (sandbox, _svscan) = busy();
    take(&sandbox);
    for number in 1..=3 {
        assert_eq!(sandbox.run("skynet reload p"), "p RUNNING\n");
        assert_eq!(told(&sandbox), "told\n".repeat(number));
    }
    // A note about another run, of which only the process has the same number.
    let note = sandbox.read(&format!("{DIRECTORY}/supervise/told"));
    let pid = sandbox.member("p", "pid");
    let (_, since) = note.split_once(' ').unwrap();
    sandbox.write(&format!("{DIRECTORY}/supervise/told"), &format!("{pid} {since}"));
    assert_eq!(sandbox.member("p", "state"), "\"running\"");
    assert_eq!(sandbox.run("skynet stop p"), "p STOPPED\n");
    assert_eq!(told(&sandbox), "told\n".repeat(4));
}
