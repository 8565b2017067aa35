//! A participant is running when it is ready; names, places and completions.

use crate::support::{READY, Sandbox, is_root};

/// A mini-SkyNET with an exoskeleton that says when it is ready, as its file `notification-fd` asks it to.
fn site() -> Sandbox {
    let sandbox = Sandbox::with_skynet();
    sandbox
        .script("bin/exo", &format!("[ -e notification-fd ]\nuntil [ -e go ]; do sleep 0.02; done\n{READY}"));
    sandbox.write("logic.py", "pass\n");
    sandbox.run("chmod 777 logic.py; skynet install -u \"$(id -un)\" -n x logic.py");
    sandbox
}

#[test]
fn a_participant_is_running_when_it_is_ready() {
    let sandbox = site();
    assert_eq!(sandbox.read("BOSS/participants/x/notification-fd"), "3\n");
    sandbox.run("skynet enable x");
    let _svscan = sandbox.svscan();
    sandbox.wait_for_supervises(&["x"]);
    sandbox.wait_for_state("x", "starting");
    sandbox.write("BOSS/participants/x/go", "");
    assert_eq!(sandbox.run("skynet wait ready x"), "x RUNNING\n");
    // A run that was not asked to say so still counts.
    sandbox.run("rm BOSS/participants/x/notification-fd; skynet restart x");
    assert_eq!(sandbox.run("skynet rebuild x"), "x: unchanged\n");
    assert_eq!(sandbox.member("x", "state"), "\"running\"");
    sandbox.run("skynet stop x");
    assert_eq!(sandbox.run("skynet rebuild x"), "x: written again: notification-fd\n");
}

#[test]
fn another_exoskeleton_is_not_asked_whether_it_is_ready() {
    let sandbox = site();
    sandbox.script("bin/exo", "exec sleep 1000");
    sandbox.run("skynet install -u \"$(id -un)\" -n y logic.py");
    assert!(!sandbox.path("BOSS/participants/y/notification-fd").exists());
    let said = sandbox.fail(1, "skynet wait -w 1000 ready y");
    let directory = sandbox.path("BOSS/participants/y").display().to_string();
    let expected =
        format!("skynet: y does not say when it is ready: there is no notification-fd in {directory};");
    assert!(said.starts_with(&expected), "{said}");
}

#[test]
fn what_takes_something_away_wants_the_full_name() {
    let sandbox = site();
    for command in ["uninstall", "disable", "unregister"] {
        let said = sandbox.fail(
            1,
            &format!(
                "mv BOSS/participants/x BOSS/participants/xyz; skynet {command} xy; \
            code=$?; mv BOSS/participants/xyz BOSS/participants/x; exit $code"
            ),
        );
        assert_eq!(said, "skynet: xy is short for xyz: write the full name\n", "{command}");
    }
    sandbox.run("skynet enable x");
    let said = sandbox.fail(1, "skynet uninstall x");
    assert_eq!(said, "skynet: x is enabled: skynet disable --now x first\n");
    assert_eq!(sandbox.run("skynet disable --now x; skynet uninstall x"), "x is disabled\nx: removed\n");
}

#[test]
fn a_name_that_is_unknown_is_told_with_the_places_that_were_searched() {
    let sandbox = Sandbox::with_skynet();
    let places =
        ["participants", "service"].map(|name| sandbox.path("BOSS").join(name).display().to_string());
    let expected = format!("skynet: There is no participant x in {}\n", places.join(", "));
    for command in ["start", "status", "log", "history", "uninstall", "rebuild", "manual"] {
        assert_eq!(sandbox.fail(1, &format!("skynet {command} x")), expected, "{command}");
    }
}

#[test]
fn d6_a_boss_that_is_empty_is_used() {
    let sandbox = Sandbox::new();
    sandbox.run("mkdir -p home/BOSS home/deep/er; echo pass >home/x.py");
    let said = sandbox.run("cd home/deep/er && skynet install ../../x.py");
    assert_eq!(said, format!("x: made in {}\n", sandbox.path("home/BOSS/participants/x").display()));
    assert_eq!(sandbox.run("cd home/BOSS && skynet enable x && skynet list"), "x is enabled\n  x\n");
}

#[test]
fn who_may_not_is_told_of_a_mini_skynet() {
    if !is_root() {
        return;
    }
    let sandbox = site();
    let said = sandbox.fail(111, "chmod 700 BOSS/service; setuidgid nobody skynet enable x");
    assert!(said.contains("Permission denied") && said.contains("see --root"), "{said}");
}

#[test]
fn completion_knows_the_names() {
    let sandbox = site();
    sandbox.participant("y", "exit 0");
    let complete = |words: &str| {
        let script = format!(
            "eval \"$(skynet completions bash)\"\nCOMP_WORDS=({words} '')\nCOMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
             _skynet skynet '' \"${{COMP_WORDS[COMP_CWORD - 1]}}\"\necho \"${{COMPREPLY[@]}}\""
        );
        let output = sandbox.command("bash").args(["-c", &script]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for words in ["skynet start", "skynet stop x", "skynet status", "skynet log", "skynet manual"] {
        assert!(complete(words).starts_with("x y -"), "{words}: {}", complete(words));
    }
    assert!(!complete("skynet apply").contains("x y"));
    assert!(complete("skynet --root nowhere start").starts_with('-'));
    for shell in ["zsh", "fish"] {
        assert!(sandbox.run(&format!("skynet completions {shell}")).contains("skynet list"), "{shell}");
    }
}
