//! Crashes: restarts, and who is told.

use crate::support::Sandbox;
use std::path::Path;

/// Enables a participant that has the skeleton's `notify`.
fn enable(sandbox: &Sandbox, name: &str, run: &str) {
    sandbox.participant(name, run);
    let skeleton = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../skeletons/participant/notify");
    let copy = sandbox.path(&format!("BOSS/participants/{name}/notify"));
    std::fs::copy(skeleton, copy).unwrap();
    sandbox.enable(name);
}

/// Sets the command that tells of crashes.
fn tell_by(sandbox: &Sandbox, command: &str) {
    sandbox.write("BOSS/boss.conf", &format!("[skynet]\nnotify={command}\n"));
}

const MAILBOX: &str = "{ echo \"to $PARTICIPANT: $HOW\"; cat; } >>../../../mail";

#[test]
fn a4_a_crash_is_told_with_the_last_lines_of_the_log() {
    let sandbox = Sandbox::with_skynet();
    tell_by(&sandbox, MAILBOX);
    enable(
        &sandbox,
        "p",
        "[ ! -e crashed ] || exec sleep 1000; touch crashed; echo I am about to fail; kill -SEGV $$",
    );
    let _svscan = sandbox.svscan();
    sandbox.wait_until("somebody is told", || sandbox.read("mail").contains("I am about to fail\n"));
    let mail = sandbox.read("mail");
    assert!(mail.starts_with("to p: killed by SEGV\nThe participant p on "), "{mail}");
    assert!(
        mail.contains(" was killed by SEGV (process ") && mail.contains("The last lines of its log:\n\n20"),
        "{mail}"
    );
}

#[test]
fn a4_many_crashes_are_one_message_a_minute() {
    let sandbox = Sandbox::with_skynet();
    tell_by(&sandbox, MAILBOX);
    enable(&sandbox, "p", "exit 3");
    let _svscan = sandbox.svscan();
    let suppressed = |sandbox: &Sandbox| {
        let text = sandbox.read("BOSS/participants/p/supervise/notified");
        text.split_whitespace().nth(1).and_then(|count| count.parse::<u32>().ok()).unwrap_or(0)
    };
    sandbox.wait_until("crashes are suppressed", || suppressed(&sandbox) >= 2);
    assert_eq!(sandbox.read("mail").matches("to p: exit 3\n").count(), 1);
    // As if a minute had passed.
    let notified = sandbox.read("BOSS/participants/p/supervise/notified");
    let count = suppressed(&sandbox);
    let earlier = notified.replacen("@40000000", "@3fffffff", 1);
    assert_ne!(earlier, notified);
    sandbox.run("skynet stop p");
    sandbox.write(
        "BOSS/participants/p/supervise/notified",
        &earlier.replacen(&format!(" {count}\n"), " 41\n", 1),
    );
    sandbox.skynet("start p");
    sandbox.wait_until("the number is told", || {
        sandbox.read("mail").contains("41 more crashes since the last message were not told.\n")
    });
}

#[test]
fn a4_what_was_asked_for_is_no_crash() {
    let sandbox = Sandbox::with_skynet();
    tell_by(&sandbox, MAILBOX);
    enable(&sandbox, "term", "exec sleep 1000");
    enable(&sandbox, "code", "trap 'exit 1' TERM; while :; do sleep 0.05; done");
    enable(&sandbox, "crash", "exit 3");
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait up term code");
    assert_eq!(sandbox.run("skynet restart term"), "term RUNNING\n");
    sandbox.run("skynet stop term code");
    // By the time that a real one is told, the others would have been.
    sandbox.wait_until("somebody is told", || sandbox.read("mail").contains("to crash"));
    let mail = sandbox.read("mail");
    assert!(!mail.contains("to term") && !mail.contains("to code"), "{mail}");
}

#[test]
fn a4_a_command_that_fails_is_reported_and_none_is_none() {
    let sandbox = Sandbox::with_skynet();
    tell_by(&sandbox, "exit 7");
    enable(&sandbox, "p", "exit 3");
    let _svscan = sandbox.svscan();
    let expected = "skynet: p: nobody may know of the crash: exit 7 has ended with exit status: 7\n";
    sandbox.wait_until("it is reported", || sandbox.read("messages").contains(expected));
    tell_by(&sandbox, "");
    let said = sandbox.skynet("notify p exit 1 3");
    assert_eq!(said.code, 100, "{said:?}");
}

#[test]
fn a5_what_crashes_is_started_again_but_not_more_than_once_a_second() {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled("p", "date +%s%N >>starts; exit 3");
    let _svscan = sandbox.svscan();
    let starts = |sandbox: &Sandbox| -> Vec<u64> {
        sandbox.read("BOSS/participants/p/starts").lines().map(|line| line.parse().unwrap()).collect()
    };
    sandbox.wait_until("it was started four times", || starts(&sandbox).len() >= 4);
    let starts = starts(&sandbox);
    // The moments are those of `date`, which may itself take its time to start.
    assert!(starts[3] - starts[0] > 2_500_000_000, "{starts:?}");
    assert!(sandbox.run("skynet status").contains("  last end: exit 3, 20"));
    sandbox.wait_until("it waits", || sandbox.member("p", "state") == "\"restarting\"");
    assert_eq!(sandbox.run("skynet stop p"), "p STOPPED\n");
}
