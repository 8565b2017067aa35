//! What scripts of packages do that are older than this program, and what they meet.

use crate::support::{READY, Sandbox, is_root};

#[test]
fn a_run_of_another_hand_is_never_lost() {
    let sandbox = Sandbox::with_skynet();
    sandbox.script("bin/exo", "exit 0");
    for (name, run) in [("own", "exec sleep 1"), ("old", "exec setuidgid boss ./exo config.exo 2>&1")] {
        sandbox.participant(name, run);
        sandbox.write(&format!("BOSS/participants/{name}/config.exo"), "[participant]\nrunas=nobody\n");
    }
    let said = sandbox.run("skynet rebuild --force");
    assert!(said.contains("own: left alone, because skynet has not written its run"), "{said}");
    assert!(said.contains("old/run.old: a script that skynet has not written is kept\n"), "{said}");
    assert!(said.contains("\nold: written again: "), "{said}");
    assert!(sandbox.read("BOSS/participants/old/run.old").contains("setuidgid boss ./exo"));
    assert!(sandbox.read("BOSS/participants/old/run").contains("\naccount=nobody\n"));
    assert!(sandbox.read("BOSS/participants/own/run").contains("exec sleep 1"));
    assert!(sandbox.fail(1, "skynet rebuild own").contains("own is left alone"));
    // What was kept first stays.
    sandbox.script("BOSS/participants/old/run", "exec ./exo other");
    sandbox.run("skynet rebuild old");
    assert!(sandbox.read("BOSS/participants/old/run.old").contains("setuidgid boss ./exo"));
}

#[test]
fn a_name_that_instances_have_in_common_is_all_of_them() {
    let sandbox = Sandbox::with_skynet();
    sandbox.script("bin/exo", "exit 0");
    sandbox.write("logic.py", "pass\n");
    sandbox.run("skynet install -i 2 -n p logic.py");
    assert_eq!(sandbox.run("skynet enable p"), "p_0 is enabled\np_1 is enabled\n");
    assert_eq!(sandbox.run("skynet disable p"), "p_0 is disabled\np_1 is disabled\n");
    assert_eq!(sandbox.run("skynet uninstall p"), "p_0: removed\np_1: removed\n");
}

#[test]
fn a_link_whose_participant_was_removed_is_disabled() {
    let sandbox = Sandbox::with_skynet();
    for name in ["x", "y"] {
        sandbox.participant(name, "exec sleep 1000");
    }
    let _svscan = sandbox.svscan();
    sandbox.run("skynet enable --now x y");
    let pids = ["x", "y"].map(|name| sandbox.member(name, "pid"));
    sandbox.run("rm -rf BOSS/participants/x BOSS/participants/y");
    for (command, name) in [("disable x", "x"), ("disable --all", "y")] {
        let said = sandbox.run(&format!("skynet {command}"));
        assert_eq!(said, format!("{name} is disabled: its link led nowhere\n"));
    }
    assert_eq!(sandbox.run("ls BOSS/service"), "");
    for pid in pids {
        sandbox.wait_until("svscan has ended it", || {
            sandbox.sh(&format!("kill -0 {pid}")).status.code() != Some(0)
        });
    }
    sandbox.fail(1, "skynet disable x");
}

#[test]
fn a_participant_that_was_not_ready_is_reloaded_without_waiting_for_that() {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled_ready("x", &READY.replace("echo >&3", ":"));
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait up x");
    assert_eq!(sandbox.run("skynet reload x"), "x RUNNING\n");
}

#[test]
fn settings_of_a_registration_are_read_under_any_umask() {
    if !is_root() {
        return;
    }
    let said = Sandbox::new().system(
        "printf '%s\\n' '#!/bin/sh' 'cat \"$2\"; stat -c \"%a %U\" \"${2%/*}\"' >/usr/bin/exo; chmod 755 /usr/bin/exo\n\
         umask 077; skynet register -n far -q work\n\
         skynet --sysroot /srv register -n far 2>&1 || echo $?\n",
    );
    let expected = "[participant]\nname=far\nregexp=far\nqueue=work\n700 nobody\n\
                    skynet: participants of an image are registered when it runs: /srv has no broker\n100\n";
    assert_eq!(said, expected);
}

#[test]
fn a_scan_directory_that_leads_nowhere_is_named() {
    if !is_root() {
        return;
    }
    let said = Sandbox::new().system(
        "rmdir /service; rm -rf /etc/service; ln -s /nowhere /etc/service; echo pass >x.py\n\
         skynet install x.py >/dev/null; skynet enable x 2>&1 || echo $?\n",
    );
    let expected = "skynet: /etc/service is a link to /nowhere, which does not exist: make that directory, or remove the link\n100\n";
    assert_eq!(said, expected);
}

#[test]
fn command_lines_that_are_not_understood_say_what_to_write() {
    let sandbox = Sandbox::with_skynet();
    for (old, new) in [
        ("start-all", "write: skynet start --all"),
        ("enable", "write: skynet enable NAME, or skynet enable --all"),
        ("disable -n x", "write the names without -n: skynet disable NAME"),
        ("purge x", "skynet uninstall NAME"),
    ] {
        let said = sandbox.fail(100, &format!("skynet {old}"));
        assert!(said.contains(new) && !said.contains("tip:"), "{old}: {said}");
    }
}
