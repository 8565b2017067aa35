//! start, stop, restart, reload and wait.

use crate::support::{Patience, READY, Said, Sandbox};
use std::fs;
use std::io::Read;
use std::process::Stdio;

/// Puts an item into the hand of a participant.
fn give(sandbox: &Sandbox, name: &str) {
    sandbox.write(&format!("BOSS/participants/{name}/hand"), "");
}

/// Lets a participant finish its item.
fn take(sandbox: &Sandbox, name: &str) {
    fs::remove_file(sandbox.path(&format!("BOSS/participants/{name}/hand"))).unwrap();
}

#[test]
fn a1_participants_are_started_stopped_and_restarted_by_short_names() {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled_ready("build_image", READY);
    sandbox.enabled_ready("build_ks", READY);
    sandbox.enabled("get", "exec sleep 1000");
    let _svscan = sandbox.svscan();
    sandbox.wait_for_supervises(&["build_image", "build_ks", "get"]);
    let sorted = |text: &str| -> Vec<String> {
        let mut lines: Vec<String> = text.lines().map(String::from).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&sandbox.run("skynet start build_i ge")), ["build_image RUNNING", "get RUNNING"]);
    let first = sandbox.member("build_image", "pid");
    assert_eq!(sandbox.run("skynet start build_image"), "build_image RUNNING\n");
    assert_eq!(sandbox.member("build_image", "pid"), first, "starting what runs changes nothing");
    assert_eq!(sandbox.run("skynet restart build_i"), "build_image RUNNING\n");
    assert_ne!(sandbox.member("build_image", "pid"), first);
    let said = sandbox.skynet("stop bui get");
    assert_eq!((said.code, said.out.as_str()), (1, "get STOPPED\n"));
    assert_eq!(said.err, "skynet: Ambiguous name bui, it could be build_image or build_ks\n");
    assert_eq!(sandbox.member("get", "state"), "\"stopped\"");
    let lines = sorted(&sandbox.run("skynet stop --all"));
    assert_eq!(lines, ["build_image STOPPED", "build_ks STOPPED", "get STOPPED"]);
    assert_eq!(sandbox.run("skynet restart get"), "get RUNNING\n", "one that is down is started");
}

/// What a command says about the participant `bad`, which ends at once. If a busy machine takes a second for that, it
/// counts as running, and the command is tried again after `undo`.
#[track_caller]
fn failure_of_bad(sandbox: &Sandbox, command: &str, undo: &str) -> Said {
    let mut patience = Patience::new();
    loop {
        let said = sandbox.skynet(command);
        if said.code != 0 {
            return said;
        }
        assert!(said.out.ends_with("bad RUNNING\n") && patience.lasts(), "{said:?}");
        sandbox.skynet(undo);
    }
}

#[test]
fn a1_a_start_that_fails_says_how() {
    let sandbox = Sandbox::with_skynet();
    sandbox.participant("bad", "exit 3");
    sandbox.write("BOSS/participants/bad/down", "");
    sandbox.enable("bad");
    sandbox.enabled_ready("mute", "exec sleep 1000");
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait up mute");
    sandbox.wait_for_supervises(&["bad"]);
    let said = failure_of_bad(&sandbox, "start bad", "stop bad");
    assert_eq!((said.code, said.out.as_str()), (1, "bad FAILED\n"));
    assert_eq!(
        said.err,
        "skynet: bad: it exited with code 3 within a second after its start; its log may say why\n"
    );
    let said = sandbox.skynet("start -w 1 mute");
    assert_eq!((said.code, said.out.as_str()), (1, "mute FAILED\n"));
    assert_eq!(said.err, "skynet: mute: it runs, but has not said within 1 second that it is ready\n");
}

#[test]
fn a1_without_a_supervisor_there_is_nobody_to_tell() {
    let sandbox = Sandbox::with_skynet();
    sandbox.participant("off", "exec sleep 1000");
    sandbox.enabled("on", "exec sleep 1000");
    let said = sandbox.skynet("start off on");
    let expected = "off is not running and has no supervisor. It is not enabled for automatic running\n\
                    on is not running and has no supervisor\n";
    assert_eq!((said.code, said.out.as_str()), (1, expected));
    // What does not run has stopped.
    assert_eq!(sandbox.run("skynet stop on"), "on is not running and has no supervisor\n");
    assert_eq!(sandbox.run("skynet stop --all"), "on is not running and has no supervisor\n");
    assert_eq!(sandbox.run("skynet wait down on"), "on STOPPED\n");
    let said = sandbox.skynet("wait up on -w 1");
    assert_eq!((said.code, said.out.as_str()), (1, "on FAILED\n"));
}

#[test]
fn a2_a_stop_waits_for_the_item_in_hand_but_not_for_ever() {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled_ready("p", READY);
    let _svscan = sandbox.svscan();
    assert_eq!(sandbox.run("skynet wait ready p"), "p RUNNING\n");
    give(&sandbox, "p");
    let said = sandbox.skynet("stop -w 1 p");
    assert_eq!((said.code, said.out.as_str()), (1, "p FAILED\n"));
    let expected =
        "skynet: p: it has not finished what it has in hand within 1 second; it stops when it has\n";
    assert_eq!(said.err, expected);
    sandbox.wait_for_state("p", "stopping");
    // A second one waits on, and does not make it drop its item.
    let mut stop = sandbox.start("skynet stop p", "stop");
    let mut wait = sandbox.start("skynet wait down p", "wait");
    assert!(!stop.has_ended());
    take(&sandbox, "p");
    assert_eq!((stop.end(), wait.end()), (Some(0), Some(0)));
    assert_eq!((sandbox.read("stop"), sandbox.read("wait")), ("p STOPPED\n".into(), "p STOPPED\n".into()));
    assert_eq!(sandbox.read("BOSS/participants/p/finished"), "finished\n");
}

#[test]
fn a6_a_reload_brings_new_logic_and_loses_no_item() {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled_ready("p", READY);
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait ready p");
    let first = sandbox.member("p", "pid");
    give(&sandbox, "p");
    let mut reload = sandbox.start("skynet reload p", "reload");
    sandbox.wait_until("it is told", || !sandbox.read("BOSS/participants/p/told").is_empty());
    assert!(!reload.has_ended());
    assert_eq!(sandbox.member("p", "pid"), first, "the item is in hand");
    take(&sandbox, "p");
    assert_eq!((reload.end(), sandbox.read("reload").as_str()), (Some(0), "p RUNNING\n"));
    assert_ne!(sandbox.member("p", "pid"), first);
    assert_eq!(sandbox.member("p", "restarts"), "1", "the process has changed once");
    give(&sandbox, "p");
    let said = sandbox.skynet("reload p -w 0");
    assert_eq!((said.code, said.out.as_str()), (1, "p FAILED\n"));
    assert!(said.err.ends_with("; it is started again when it has\n"), "{}", said.err);
    take(&sandbox, "p");
    sandbox.wait_until("it runs again", || sandbox.member("p", "restarts") == "2");
    sandbox.run("skynet wait ready p");
    assert_eq!(sandbox.read("BOSS/participants/p/finished"), "finished\nfinished\n");
    sandbox.run("skynet stop p");
    assert_eq!(sandbox.run("skynet reload p"), "p STOPPED\n", "what does not run is left alone");
}

#[test]
fn a2_many_are_stopped_and_started_in_parallel() {
    let sandbox = Sandbox::with_skynet();
    let names: Vec<String> = (0..20).map(|number| format!("p{number:02}")).collect();
    for name in &names {
        // None stops before the test lets them all.
        let stop = "touch told; until [ -e ../../open ]; do sleep 0.1; done; exit 0";
        let run = format!("trap '{stop}' TERM; echo >&3; while :; do sleep 0.1; done");
        sandbox.enabled_ready(name, &run);
    }
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait ready --all -w 600");
    let mut stop = sandbox.start("skynet stop --all -w 600", "stop");
    let is_told = |name: &String| sandbox.path(&format!("BOSS/participants/{name}/told")).exists();
    sandbox.wait_until("all are told before any has stopped", || names.iter().all(is_told));
    sandbox.write("BOSS/open", "");
    assert_eq!(stop.end(), Some(0));
    assert_eq!(sandbox.read("stop").matches(" STOPPED\n").count(), 20);
    assert_eq!(sandbox.run("skynet start --all -w 600").matches(" RUNNING\n").count(), 20);
    assert_eq!(sandbox.run("skynet status --json").matches("\"ready\":true").count(), 20);
    fs::remove_file(sandbox.path("BOSS/open")).unwrap();
    let seen = on_terminal(&sandbox, "skynet stop --all -w 600", |seen| {
        if seen.contains("waiting for") {
            sandbox.write("BOSS/open", "");
        }
    });
    assert!(seen.contains("\r\x1b[K0 of 20 done, waiting for p00 p01 "), "{seen:?}");
    assert_eq!(seen.matches(" STOPPED\r\n").count(), 20, "{seen:?}");
}

#[test]
fn a2_a_reboot_waits_for_the_item_in_hand_but_not_for_ever() {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled_ready("p", READY);
    sandbox.write("BOSS/participants/p/timeout-kill", "60000\n");
    sandbox.enabled_ready("stuck", "trap '' TERM; echo >&3; while :; do sleep 0.02; done");
    sandbox.write("BOSS/participants/stuck/timeout-kill", "500\n");
    let mut svscan = sandbox.svscan();
    sandbox.run("skynet wait ready --all");
    give(&sandbox, "p");
    sandbox.run(&format!("kill {}", svscan.pid()));
    sandbox.wait_until("it is told", || !sandbox.read("BOSS/participants/p/told").is_empty());
    sandbox.wait_until("who is stuck is not waited for", || {
        sandbox.run("skynet status stuck").contains("is not running and has no supervisor")
    });
    sandbox.wait_for_state("p", "stopping");
    assert!(!svscan.has_ended());
    take(&sandbox, "p");
    assert_eq!(svscan.end(), Some(0));
    assert_eq!(sandbox.read("BOSS/participants/p/finished"), "finished\n");
    let _svscan = sandbox.svscan();
    assert_eq!(sandbox.run("skynet wait ready --all").matches(" RUNNING\n").count(), 2);
}

#[test]
fn a2_disabling_twice_does_not_make_it_drop_its_item() {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled_ready("p", READY);
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait ready p");
    give(&sandbox, "p");
    let mut first = sandbox.start("skynet disable --now p", "first");
    sandbox.wait_until("it is told", || !sandbox.read("BOSS/participants/p/told").is_empty());
    let mut second = sandbox.start("skynet disable --now p", "second");
    sandbox.wait_until("the second waits, too", || sandbox.read("second").contains("already"));
    assert!(!first.has_ended() && !second.has_ended());
    take(&sandbox, "p");
    assert_eq!((first.end(), second.end()), (Some(0), Some(0)));
    assert_eq!(sandbox.read("first"), "p is disabled\np STOPPED\n");
    // It has ended before the second looks, on a busy machine.
    assert!(
        ["", "p STOPPED\n"]
            .map(|end| format!("p is disabled already\n{end}"))
            .contains(&sandbox.read("second"))
    );
    assert_eq!(sandbox.read("BOSS/participants/p/told"), "told\n", "TERM came once");
    assert_eq!(sandbox.fail(100, "svok BOSS/participants/p || svok BOSS/participants/p/log"), "");
}

#[test]
fn a1_what_is_enabled_and_does_not_run_says_how_it_failed() {
    let sandbox = Sandbox::with_skynet();
    sandbox.participant("bad", "exit 3");
    let _svscan = sandbox.svscan();
    let said = failure_of_bad(&sandbox, "enable --now bad", "disable --now bad");
    assert_eq!((said.code, said.out.as_str()), (1, "bad is enabled\nbad FAILED\n"));
    let expected =
        "skynet: bad: it exited with code 3 within a second after its start; its log may say why\n";
    assert_eq!(said.err, expected);
}

#[test]
fn a1_what_its_user_manages_is_left_alone_unless_it_is_named() {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled_ready("mine", READY);
    sandbox.enabled_ready("ours", READY);
    sandbox.write("BOSS/participants/mine/config.exo", "[participant]\nname=mine\nuser_managed=yes\n");
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait ready mine ours");
    let pid = sandbox.member("mine", "pid");
    let files = || sandbox.run("cd BOSS && ls participants service && find participants/mine -name run -ls");
    let before = files();
    let alone = "mine is user-managed, and left alone\n";
    for (command, said) in [
        ("restart", "ours RUNNING\n"),
        ("reload", "ours RUNNING\n"),
        ("stop", "ours STOPPED\n"),
        ("wait down", "ours STOPPED\n"),
        ("start", "ours RUNNING\n"),
        ("enable --now", "ours is enabled already\nours RUNNING\n"),
        ("disable --now", "ours is disabled\nours STOPPED\n"),
        ("enable", "ours is enabled\n"),
    ] {
        assert_eq!(sandbox.run(&format!("skynet {command} --all")), format!("{alone}{said}"));
    }
    assert_eq!(files(), before);
    // svscan may not have started it yet.
    sandbox.run("skynet wait ready ours");
    assert!(sandbox.run("skynet rebuild --all").starts_with(alone));
    sandbox.run("skynet disable --now ours");
    assert_eq!(sandbox.run("skynet uninstall --all"), format!("{alone}ours: removed\n"));
    assert_eq!(sandbox.member("mine", "pid"), pid);
    // It is seen with the others, and obeys whoever names it.
    assert_eq!(sandbox.run("skynet list"), "* mine\n");
    assert_eq!(sandbox.run("skynet stop mine"), "mine STOPPED\n");
    // The system may say it of all, and a participant no.
    sandbox.write("BOSS/boss.conf", "[participant]\nuser_managed=yes\n");
    sandbox.write("BOSS/participants/mine/config.exo", "[participant]\nuser_managed=no\n");
    assert_eq!(sandbox.run("skynet start --all"), "mine RUNNING\n");
}

#[test]
fn a1_whose_settings_cannot_be_read_may_be_its_users() {
    let sandbox = Sandbox::with_skynet();
    let own = "BOSS/participants/mine/config.exo";
    sandbox.participant("mine", "exit 0");
    sandbox.participant("ours", "exit 0");
    std::fs::write(sandbox.path(own), b"[participant]\n# M\xe4rz\nuser_managed=yes\n").unwrap();
    let commands = [
        ("enable", "ours is enabled\n"),
        ("disable", "ours is disabled\n"),
        ("uninstall", "ours: removed\n"),
    ];
    for (command, ours) in commands {
        let said = sandbox.skynet(&format!("{command} --all"));
        assert_eq!((said.code, said.out.as_str()), (1, ours));
        let complaint = "skynet: mine may be user-managed, and is left alone: unable to read /";
        assert!(said.err.starts_with(complaint), "{}", said.err);
        assert!(sandbox.path(own).exists());
    }
}

/// What a terminal shows of a command. `look` is shown all that there is so far, whenever there is more.
fn on_terminal(sandbox: &Sandbox, command: &str, mut look: impl FnMut(&str)) -> String {
    let mut child = sandbox
        .command("script")
        .args(["-qec", command, "/dev/null"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut terminal = child.stdout.take().unwrap();
    let mut seen = String::new();
    let mut part = [0; 1024];
    // The command does not wait for ever, so there is an end to it.
    while let length @ 1.. = terminal.read(&mut part).unwrap() {
        seen += &String::from_utf8_lossy(&part[..length]);
        look(&seen);
    }
    child.wait().unwrap();
    seen
}

#[test]
fn a_progress_line_is_for_terminals_only() {
    let sandbox = Sandbox::with_skynet();
    let run = format!("while [ -e hand ]; do sleep 0.02; done\n{READY}");
    sandbox.enabled_ready("p", &run);
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait ready p");
    let said = sandbox.skynet("stop p");
    assert_eq!((said.out.as_str(), said.err.as_str()), ("p STOPPED\n", ""));
    for (command, end) in
        [("start", "RUNNING"), ("stop", "STOPPED"), ("enable --now", "RUNNING"), ("disable --now", "STOPPED")]
    {
        give(&sandbox, "p");
        let mut is_waited_for = false;
        let seen = on_terminal(&sandbox, &format!("skynet {command} p"), |seen| {
            if !is_waited_for && seen.contains("\r\x1b[K0 of 1 done, waiting for p") {
                take(&sandbox, "p");
                is_waited_for = true;
            }
        });
        assert!(is_waited_for && seen.ends_with(&format!("\r\x1b[Kp {end}\r\n")), "{seen:?}");
    }
}
