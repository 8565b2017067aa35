//! status and list.

use crate::support::{READY, Sandbox, show};
use std::time::Instant;

#[test]
fn o2_status_has_a_line_for_each() {
    let sandbox = Sandbox::with_skynet();
    let items = "echo 'begin wfid=1-a participant=busy'
        echo 'item wfid=1-a participant=busy ms=5 result=true'
        echo 'begin wfid=1-b participant=busy'";
    sandbox.enabled_ready("busy", &format!("{items}\n{READY}"));
    sandbox.enabled("down", "exit 3");
    sandbox.participant("none", "exit 0");
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait ready busy");
    sandbox.wait_for_supervises(&["down"]);
    sandbox.run("skynet stop down");
    sandbox.wait_until("the log is there", || sandbox.member("busy", "in_hand") == "1");
    let text = sandbox.run("skynet status");
    let lines: Vec<&str> = text.lines().collect();
    let [busy, down, none] = lines[..] else { panic!("{text}") };
    let pid = sandbox.member("busy", "pid");
    assert!(busy.starts_with(&format!("busy  running  pid {pid}")), "{busy}");
    assert!(busy.contains("  1 in hand, 1 done  ") && busy.ends_with("  enabled"), "{busy}");
    // It may be told to stop in the moment in which it runs.
    let is_told =
        ["exit 3", "killed by TERM"].iter().any(|how| down.contains(&format!("  last end: {how}, 20")));
    assert!(down.starts_with("down  stopped  -") && is_told, "{down}");
    assert_eq!(none, "none  is not running and has no supervisor. It is not enabled for automatic running");
    assert_eq!(busy.find("since "), down.find("since "), "{text}");
    assert_eq!(sandbox.run("skynet list"), "* busy\n  down\n  none\n");
    assert_eq!(sandbox.run("skynet list --enabled"), "* busy\n  down\n");
    assert_eq!(sandbox.run("skynet list --disabled"), "  none\n");
}

#[test]
fn o2_status_is_an_array_for_programs() {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled("p", "exec sleep 1000");
    sandbox.participant("q", "exit 0");
    assert!(sandbox.member("p", "state") == "\"unsupervised\"");
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait up p");
    assert_eq!(sandbox.member("p", "state"), "\"running\"");
    assert_eq!(sandbox.member("p", "ready"), "null");
    assert_eq!(sandbox.member("p", "enabled"), "true");
    assert_eq!(sandbox.member("q", "enabled"), "false");
    let text = sandbox.run("skynet status --json");
    assert!(text.starts_with("[\n{\"name\":\"p\",") && text.ends_with("}\n]\n"), "{text}");
    let said = sandbox.skynet("status x p");
    assert_eq!(said.code, 1);
    assert!(said.err.starts_with("skynet: There is no participant x in /"), "{said:?}");
    assert!(said.out.starts_with("p  running  "), "{}", said.out);
}

#[test]
fn a3_a_logger_that_is_down_or_blocked_is_told() {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled_ready("blocked", &format!("echo something\n{READY}"));
    sandbox.script("BOSS/participants/blocked/log/run", "exec sleep 1000");
    sandbox.enabled_ready("down", READY);
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait ready blocked down");
    sandbox.wait_until("it has a logger", || {
        sandbox.sh("svc -d --wait=down BOSS/participants/down/log").status.success()
    });
    for (name, trouble) in [("blocked", "blocked"), ("down", "down")] {
        let trouble = format!("{{\"trouble\":\"{trouble}\",\"failing\":null}}");
        sandbox.wait_until("it is told", || sandbox.member(name, "logger") == trouble);
    }
    let said = sandbox.run("skynet status");
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].ends_with("enabled, its logger is blocked: it does not read what is logged"), "{said}");
    assert!(lines[1].ends_with("enabled, its logger is down"), "{said}");
}

/// The account of a participant may put anything in the places of these.
#[test]
fn o2_files_that_are_none_or_are_endless_hold_up_neither_status_nor_stop() {
    for oddity in ["ln -s /dev/zero $file", "mkfifo $file"] {
        let sandbox = Sandbox::with_skynet();
        sandbox.enabled("p", "exec sleep 1000");
        let _svscan = sandbox.svscan();
        sandbox.run("skynet wait up p");
        sandbox
            .wait_until("the log is there", || sandbox.path("BOSS/participants/p/log/main/current").exists());
        let files = "supervise/instance supervise/told down-signal config.exo log/main/current";
        sandbox
            .run(&format!("cd BOSS/participants/p && for file in {files}; do rm -f $file && {oddity}; done"));
        let limited = "prlimit --as=1000000000:";
        let text = sandbox.run(&format!("{limited} skynet status p"));
        assert!(text.starts_with("p  running  pid "), "{oddity}: {text}");
        let log = sandbox.fail(1, &format!("{limited} skynet log p"));
        assert!(log.contains("unable to read ") && log.contains("/current: "), "{oddity}: {log}");
        let register = sandbox.fail(1, &format!("{limited} skynet register p"));
        assert!(register.contains("/config.exo: it is not a regular file"), "{oddity}: {register}");
        assert_eq!(sandbox.run(&format!("{limited} skynet stop p")), "p STOPPED\n");
    }
}

/// How long commands for many participants take: figures, since the machine may be busy.
#[test]
#[ignore = "a measurement: run it with --release, --ignored and --nocapture"]
fn status_start_and_stop_of_200_participants() {
    let sandbox = Sandbox::with_skynet();
    for number in 0..200 {
        // Logs are as long as multilog lets them grow.
        let lines = "i=0; while [ $i -lt 900 ]; do echo \"item wfid=20110216-$i participant=p ms=5 result=true and so on\"; i=$((i+1)); done";
        sandbox.enabled_ready(&format!("p{number:03}"), &format!("{lines}\necho >&3\nexec sleep 1000"));
    }
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait ready --all -w 300");
    for (command, said) in [
        ("status --json", "\"ready\":true"),
        ("status", "  running  "),
        ("list", "* p"),
        ("stop --all", " STOPPED\n"),
        ("start --all -w 300", " RUNNING\n"),
        ("status --json", "\"ready\":true"),
        ("status", "  running  "),
        ("status", "  running  "),
    ] {
        let start = Instant::now();
        let text = sandbox.run(&format!("skynet {command}; times"));
        let times = text.lines().last().unwrap();
        show(&format!("skynet {command}: {:?}, of the processor: {times}", start.elapsed()));
        assert_eq!(text.matches(said).count(), 200, "{text}");
    }
}
