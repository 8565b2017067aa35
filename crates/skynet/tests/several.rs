//! Commands for several participants: what is wrong with one of them is told with its name, and the others are seen to.

use crate::support::Sandbox;
use std::fs;

/// Runs a command for `a` and `b`, of which `a` stands in the way; `expected` is what is said of `b`.
#[track_caller]
fn check(sandbox: &Sandbox, command: &str, expected: &str) {
    let said = sandbox.skynet(command);
    assert_eq!(said.code, 1, "{command}: {said:?}");
    assert!(said.out.contains(expected), "{command}: {said:?}");
    assert!(said.err.contains("skynet: a: unable to "), "{command}: {said:?}");
}

#[test]
fn a1_what_is_wrong_with_one_participant_does_not_keep_the_others() {
    let sandbox = Sandbox::with_skynet();
    for name in ["a", "b"] {
        sandbox.participant(name, "# skynet install and skynet rebuild write this.\nexec sleep 1000");
        sandbox.script(&format!("BOSS/participants/{name}/exo"), "echo exo $PWD $1");
    }
    // No directory can be made below a file.
    sandbox.run("ln -s $PWD/BOSS/participants/a/run/x/y BOSS/participants/a/supervise");
    check(&sandbox, "enable a b", "b is enabled\n");
    sandbox.enable("a");
    check(&sandbox, "apply", "No svscan runs on ");
    sandbox.run("rm BOSS/participants/a/supervise");
    fs::write(sandbox.path("BOSS/participants/a/config.exo"), b"\xff\n").unwrap();
    check(&sandbox, "register a b", "/b --register\n");
    check(&sandbox, "unregister a b", "/b --unregister\n");
    check(&sandbox, "rebuild a b", "b: written again: ");
    sandbox.run("rm BOSS/service/*");
    // What is in a directory that may not be written cannot be removed, except by root.
    sandbox.run("mkdir -p BOSS/participants/a/full/x && chmod 555 BOSS/participants/a/full");
    if crate::support::is_root() {
        sandbox.run("chown -R nobody BOSS");
        let said = sandbox.sh("setuidgid nobody skynet uninstall a b");
        assert_eq!(said.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&said.stdout), "b: removed\n");
        assert!(String::from_utf8_lossy(&said.stderr).contains("skynet: a: unable to remove "));
    } else {
        check(&sandbox, "uninstall a b", "b: removed\n");
    }
    sandbox.run("chmod 755 BOSS/participants/a/full");
}

#[test]
fn what_its_user_manages_is_registered_by_its_name_only() {
    let sandbox = Sandbox::with_skynet();
    for name in ["mine", "ours"] {
        sandbox.participant(name, "exec sleep 1000");
        sandbox.script(&format!("BOSS/participants/{name}/exo"), "echo exo ${PWD##*/} $1");
    }
    sandbox.write("BOSS/participants/mine/config.exo", "[participant]\nuser_managed=yes\n");
    for option in ["register", "unregister"] {
        let expected = format!("mine is user-managed, and left alone\nexo ours --{option}\n");
        assert_eq!(sandbox.run(&format!("skynet {option} --all")), expected);
        assert_eq!(sandbox.run(&format!("skynet {option} mine")), format!("exo mine --{option}\n"));
    }
}
