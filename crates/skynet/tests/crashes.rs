//! Crashes: restarts, and who is told.

use crate::support::Sandbox;

/// The skeleton's.
const NOTIFY: &str = include_str!("../skeletons/participant/notify");

/// Enables a participant that has the skeleton's `notify`.
fn enable(sandbox: &Sandbox, name: &str, run: &str) {
    sandbox.participant(name, run);
    sandbox.program(&format!("BOSS/participants/{name}/notify"), NOTIFY);
    sandbox.enable(name);
}

/// Sets the command that tells of crashes.
fn tell_by(sandbox: &Sandbox, command: &str) {
    sandbox.write("BOSS/boss.conf", &format!("[skynet]\nnotify={command}\n"));
}

const MAILBOX: &str = "{ echo \"to $PARTICIPANT: $HOW\"; cat; } >>../../../mail";

#[test]
fn a4_a_crash_is_told_with_the_last_lines_of_the_log() {
    // skynet waits 5 seconds for the logger; on a busy machine that may need longer.
    let is_complete = (0..20).any(|_| {
        let mail = mail_after_a_crash();
        assert!(mail.starts_with("to p: killed by SEGV\nThe participant p on "), "{mail}");
        assert!(mail.contains(" was killed by SEGV (process "), "{mail}");
        mail.contains("The last lines of its log:\n\n20") && mail.contains("I am about to fail\n")
    });
    assert!(is_complete, "the lines were never told");
}

/// What is told of a crash of a participant whose logger is behind.
fn mail_after_a_crash() -> String {
    let sandbox = Sandbox::with_skynet();
    tell_by(&sandbox, "{ echo \"to $PARTICIPANT: $HOW\"; cat; } >mail && mv mail ../../../mail");
    enable(
        &sandbox,
        "p",
        "[ ! -e crashed ] || exec sleep 1000; touch crashed; echo I am about to fail; kill -SEGV $$",
    );
    let late = "until [ -e ../supervise/notified ]; do sleep 0.02; done; exec multilog t ./main";
    sandbox.script("BOSS/participants/p/log/run", late);
    let _svscan = sandbox.svscan();
    sandbox.wait_until("somebody is told", || !sandbox.read("mail").is_empty());
    sandbox.read("mail")
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
    // As if a minute had passed. It goes on crashing meanwhile, and counts that under the lock.
    sandbox.run(
        "cd BOSS/participants/p/supervise
        flock notified.lock sed -i 's/^@40000000\\(.*\\) [0-9]*$/@3fffffff\\1 41/' notified",
    );
    sandbox.wait_until("the number is told", || {
        sandbox.read("mail").contains("41 more crashes since the last message were not told.\n")
    });
}

#[test]
fn a4_what_was_asked_for_is_no_crash() {
    let sandbox = Sandbox::with_skynet();
    tell_by(&sandbox, MAILBOX);
    enable(&sandbox, "term", "exec sleep 1000");
    enable(&sandbox, "code", "trap 'exit 1' TERM; : >ready; while :; do sleep 0.05; done");
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait up term code");
    sandbox.wait_until("it has its trap", || sandbox.path("BOSS/participants/code/ready").exists());
    assert_eq!(sandbox.run("skynet restart term"), "term RUNNING\n");
    sandbox.run("skynet stop term code");
    // By the time that a later one is told, these would have been.
    enable(&sandbox, "crash", "exit 3");
    sandbox.run("skynet apply");
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
    // When the kernel made the process, in hundredths of a second since the boot.
    sandbox
        .enabled("p", "read -r stat </proc/$$/stat; set -- ${stat##*) }; shift 19; echo $1 >>starts; exit 3");
    let _svscan = sandbox.svscan();
    let starts = |sandbox: &Sandbox| -> Vec<u64> {
        let text = sandbox.read("BOSS/participants/p/starts");
        text.lines().map(|line| line.parse().unwrap()).collect()
    };
    sandbox.wait_until("it was started four times", || starts(&sandbox).len() >= 4);
    let starts = starts(&sandbox);
    // supervise may have to wait between its look at the clock and the start.
    assert!(starts[3] - starts[0] > 250, "{starts:?}");
    assert!(sandbox.run("skynet status").contains("  last end: exit 3, 20"));
    sandbox.wait_until("it waits", || sandbox.member("p", "state") == "\"restarting\"");
    assert_eq!(sandbox.run("skynet stop p"), "p STOPPED\n");
}
