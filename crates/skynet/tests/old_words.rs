//! The command lines that packages and documents have had since there were participants.

use crate::support::{READY, Sandbox};

/// An exoskeleton that says what it is asked, and with which settings.
const EXO: &str = "echo \"$1\"; echo >&2; for key in name queue regexp amqp_host; do
    sed -n \"s/^$key=/$key /p\" \"$2\" | tail -n 1; done";

fn site() -> Sandbox {
    let sandbox = Sandbox::with_skynet();
    sandbox.script("bin/exo", EXO);
    sandbox.write("BOSS/boss.conf", "[boss]\namqp_host=broker:5672\n");
    sandbox.write("logic.py", "pass\n");
    sandbox
}

#[test]
fn a6_a_package_whose_logic_is_missing_is_installed_nevertheless() {
    let sandbox = site();
    let said = sandbox.run("skynet install -u boss -n x -q work -r work -p /usr/share/boss-skynet/x.py");
    assert_eq!(said, "SKIPPING x: there is no /usr/share/boss-skynet/x.py\n");
    assert_eq!(sandbox.run("skynet install --skip-missing gone.py"), "SKIPPING gone: there is no gone.py\n");
    assert_eq!(sandbox.run("skynet make_participant -p gone.py -n y"), "SKIPPING y: there is no gone.py\n");
    sandbox.fail(111, "skynet install gone.py");
    assert_eq!(sandbox.run("ls BOSS/participants"), "");
}

#[test]
fn awk_finds_the_name_the_queue_and_the_regexp_of_every_participant() {
    let sandbox = site();
    let awk = |key: &str| {
        sandbox.run(&format!("awk -F '=' '/^{key}/ {{print $2}}' BOSS/participants/x/config.exo"))
    };
    sandbox.run("skynet install -n x logic.py");
    let found: Vec<String> = ["code", "name", "queue", "regexp"].map(awk).to_vec();
    assert_eq!(found, ["logic.py\n", "x\n", "x\n", "x\n"]);
    // One that has been made by an earlier version gets the lines, too.
    sandbox.write("BOSS/participants/x/config.exo", "[participant]\ncode=logic.py\nqueue=q\n");
    assert_eq!(sandbox.run("skynet rebuild --force --all"), "x: written again: config.exo\n");
    assert_eq!([awk("name"), awk("queue"), awk("regexp")], ["x\n", "q\n", "x\n"]);
    assert_eq!(sandbox.run("skynet rebuild --force x"), "x: unchanged\n");
}

#[test]
fn p1_a_participant_that_is_not_here_is_registered() {
    let sandbox = site();
    sandbox.run("skynet install -n x -q own -r own_regexp logic.py");
    #[track_caller]
    fn check(sandbox: &Sandbox, words: &str, expected: &str) {
        let said = sandbox.run(&format!("skynet {words}"));
        let [option, name, queue, regexp] =
            expected.split(' ').collect::<Vec<_>>().try_into().expect("four words");
        let expected =
            format!("--{option}\nname {name}\nqueue {queue}\nregexp {regexp}\namqp_host broker:5672\n");
        assert_eq!(said, expected, "skynet {words}");
    }
    check(&sandbox, "register -n obs_event", "register obs_event obs_event obs_event");
    check(&sandbox, "register -n built_.* -q built_notice", "register built_.* built_notice built_.*");
    check(&sandbox, "register -n far -r far.* -q other", "register far other far.*");
    check(&sandbox, "unregister -r far.*", "unregister far.* far.* far.*");
    // One that is here has settings.
    check(&sandbox, "register -n x", "register x own own_regexp");
    check(&sandbox, "register x -q new", "register x new own_regexp");
    check(&sandbox, "unregister -n x -r new", "unregister x own new");
    let said = sandbox.fail(100, "skynet register x y -q new");
    assert!(said.contains("-r and -q are for one participant"), "{said}");
    // Nothing of it stays.
    assert_eq!(sandbox.run("ls -A BOSS"), "boss.conf\nparticipants\nservice\n");
    sandbox.run("rm bin/exo");
    assert!(sandbox.fail(100, "skynet register -n far").contains("exo is not installed"));
}

#[test]
fn a_command_is_sent_and_not_waited_for() {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled_ready("x", READY);
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait ready x");
    let file = |name: &str| sandbox.read(&format!("BOSS/participants/x/{name}"));
    sandbox.write("BOSS/participants/x/hand", "");
    assert_eq!(sandbox.run("skynet reload --no-wait x"), "x TOLD\n");
    sandbox.wait_until("it is told", || file("told") == "told\n");
    sandbox.run("rm BOSS/participants/x/hand; skynet wait ready x");
    sandbox.wait_until("the new run is ready", || {
        file("finished") == "finished\n" && sandbox.member("x", "restarts") == "1"
    });
    sandbox.run("skynet wait ready x");
    // It has nothing in hand, and may have ended before skynet looks.
    let said = sandbox.run("skynet stop --no-wait x");
    assert!(["x TOLD\n", "x STOPPED\n"].contains(&said.as_str()), "{said}");
    assert_eq!(sandbox.run("skynet wait down x"), "x STOPPED\n");
    assert_eq!(file("told"), "told\ntold\n");
    sandbox.fail(100, "skynet reload --no-wait -w 1 x");
}

#[test]
fn enable_and_disable_make_svscan_look_now() {
    let sandbox = Sandbox::with_skynet();
    sandbox.participant("x", READY);
    let said = sandbox.run("skynet enable --apply x");
    assert!(said.starts_with("x is enabled\nNo svscan runs on "), "{said}");
    let _svscan = sandbox.svscan();
    let said = sandbox.run("skynet disable --apply x");
    assert!(said.starts_with("x is disabled\n") && said.contains("looks at "), "{said}");
    let said = sandbox.run("skynet enable --apply --now x");
    assert!(said.starts_with("x is enabled\nx RUNNING\n") && said.contains("looks at "), "{said}");
}

#[test]
fn list_names_all_whether_or_not_that_is_said() {
    let sandbox = Sandbox::with_skynet();
    sandbox.participant("x", "exit 0");
    sandbox.participant("y", "exit 0");
    for words in ["list", "list --all", "list -a"] {
        assert_eq!(sandbox.run(&format!("skynet {words}")), "  x\n  y\n", "{words}");
    }
}

#[test]
fn a3_on_a_terminal_the_log_of_a_participant_goes_on() {
    let sandbox = Sandbox::with_skynet();
    sandbox.participant("x", "exit 0");
    let log = "BOSS/participants/x/log/main/current";
    sandbox.write(log, "one\n");
    let _terminal = sandbox.start("script -qefc 'skynet log x' /dev/null", "seen");
    sandbox.wait_until("it is shown", || sandbox.read("seen").contains("- x: one\r\n"));
    assert!(sandbox.read("seen").contains("skynet log -o prints all of it and ends"));
    sandbox.run(&format!("echo two >>{log}"));
    sandbox.wait_until("it goes on", || sandbox.read("seen").contains("- x: two\r\n"));
    for words in ["log -o x", "log -n 5 x", "log"] {
        let said = sandbox.run(&format!("script -qec 'skynet {words}' /dev/null"));
        assert_eq!(said, "- x: one\r\n- x: two\r\n", "{words}");
    }
    assert_eq!(sandbox.run("skynet log x"), "- x: one\n- x: two\n");
}

#[test]
fn what_is_not_understood_any_more_says_what_to_write_instead() {
    let sandbox = Sandbox::with_skynet();
    for (old, new) in [
        ("-i bossmaintainer -n x -p /usr/share/boss-skynet/x.py", "skynet install -u USER"),
        ("tail -f x", "skynet log -f NAME"),
        ("remove x", "skynet uninstall NAME"),
    ] {
        let said = sandbox.fail(100, &format!("skynet {old}"));
        assert!(said.contains("write: ") && said.contains(new), "{old}: {said}");
    }
}
