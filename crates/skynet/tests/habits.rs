//! What people have done with participants since there were any, and still do.

use crate::support::{Sandbox, is_root};

/// A mini-SkyNET with a participant `x` that somebody has made in the old way.
fn made() -> Sandbox {
    let sandbox = Sandbox::with_skynet();
    sandbox.write("logic.py", "pass\n");
    let said = sandbox.run("skynet make_participant -n x -p logic.py");
    assert_eq!(said, format!("x: made in {}\n", sandbox.path("BOSS/participants/x").display()));
    sandbox
}

#[test]
fn old_habit_1_make_participant_with_its_logic_by_p() {
    let sandbox = made();
    assert_eq!(sandbox.read("BOSS/participants/x/logic.py"), "pass\n");
    assert_eq!(sandbox.run("skynet list"), "  x\n");
    assert_eq!(sandbox.run("skynet make_participant -n x -p logic.py"), "x: unchanged\n");
}

#[test]
fn old_habit_2_awk_reads_config_exo() {
    let sandbox = made();
    sandbox.run("skynet install -n x -q work -u builder logic.py");
    for (key, expected) in [("code", "logic.py\n"), ("queue", "work\n"), ("runas", "builder\n")] {
        let script = format!("awk -F= '/^{key}/ {{print $2}}' BOSS/participants/x/config.exo");
        assert_eq!(sandbox.run(&script), expected, "{key}");
    }
}

#[test]
fn old_habit_3_svc_on_the_path_in_the_store() {
    // A system of its own takes root's privileges.
    if !is_root() {
        return;
    }
    let script = r#"
        printf '%s\n' '#!/bin/sh' 'exec sleep 1000' >/usr/bin/exo
        chmod 755 /usr/bin/exo
        echo pass >x.py
        skynet install x.py >/dev/null
        scan
        skynet enable --now x
        store=/var/lib/SkyNET/store/x
        svc -d $store
        svc --wait=down $store
        skynet status x | cut -d ' ' -f 3
        svc -u $store
        skynet wait up x
        svc -dx /service/x /service/x/log
        wait_for sh -c "! svok $store"
    "#;
    assert_eq!(Sandbox::new().system(script), "x is enabled\nx RUNNING\nstopped\nx RUNNING\n");
}

#[test]
fn old_habit_4_a_second_svc_d_tells_it_to_drop_what_it_has_in_hand() {
    let sandbox = Sandbox::with_skynet();
    let run = "end() { echo told >>told; [ \"$(wc -l <told)\" -lt 2 ] || exit 1; }
        trap end TERM; echo >&3; while :; do sleep 0.02; done";
    sandbox.enabled_ready("x", run);
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait ready x");
    sandbox.run("svc -d BOSS/participants/x");
    sandbox.wait_until("it is told", || sandbox.read("BOSS/participants/x/told") == "told\n");
    sandbox.wait_for_state("x", "stopping");
    sandbox.run("svc -d BOSS/participants/x");
    assert_eq!(sandbox.run("skynet wait down x"), "x STOPPED\n");
    assert!(
        sandbox.member("x", "last_exit").contains("\"code\":1"),
        "{}",
        sandbox.run("skynet status --json")
    );
}

#[test]
fn old_habit_5_tail_follows_the_log_by_name_through_tai64nlocal() {
    let sandbox = Sandbox::with_skynet();
    let run = "n=0; while :; do until [ -e go$n ]; do sleep 0.02; done; echo line $n; n=$((n + 1)); done";
    sandbox.enabled("x", run);
    let log = "BOSS/participants/x/log/main";
    let _svscan = sandbox.svscan();
    sandbox.wait_until("there is a log", || sandbox.path(&format!("{log}/current")).exists());
    let script = format!("sh -c 'tail --follow=name {log}/current 2>/dev/null | tai64nlocal'");
    let _tail = sandbox.start(&script, "seen");
    for number in 0..3 {
        sandbox.write(&format!("BOSS/participants/x/go{number}"), "");
        let end = format!(" line {number}\n");
        sandbox.wait_until("the line is seen", || sandbox.read("seen").ends_with(&end));
        // What was logged goes into an archive, and the log is a new file.
        sandbox.run("svc -a BOSS/participants/x/log");
        let archives =
            || sandbox.run(&format!("ls {log} | grep -c ^@ || :")).trim().parse::<usize>().unwrap();
        sandbox.wait_until("the log is rotated", || archives() > number);
    }
    let seen = sandbox.read("seen");
    assert!(seen.lines().all(|line| line.starts_with("20") && !line.contains('@')), "{seen}");
}
