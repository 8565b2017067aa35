//! The command line: mistakes and questions.

use crate::support::Sandbox;

#[test]
fn a_command_that_is_not_understood_is_a_mistake() {
    let sandbox = Sandbox::with_skynet();
    for words in [
        "",
        "dance",
        "start",
        "start --all p",
        "start --loud p",
        "start -w soon p",
        "status --color p",
        "wait over p",
        "wait up",
        "install",
        "install -i many x.py",
        "log -n",
        "list p",
        "completions csh",
        "--sysroot / --root BOSS list",
    ] {
        let said = sandbox.skynet(words);
        assert_eq!((said.code, said.out.as_str()), (100, ""), "skynet {words}: {said:?}");
        assert!(said.err.contains("Usage: skynet") || said.err.contains("try '--help'"), "{words}: {said:?}");
    }
}

#[test]
fn a_question_is_none() {
    let sandbox = Sandbox::with_skynet();
    for words in ["--help", "-h", "help", "help start", "start --help", "--version", "-V", "start -V"] {
        let said = sandbox.skynet(words);
        assert_eq!((said.code, said.err.as_str()), (0, ""), "skynet {words}");
        assert!(!said.out.is_empty(), "skynet {words}");
    }
    // Even if the answer cannot be written.
    sandbox.run("skynet --help >/dev/full");
}

#[test]
fn what_was_asked_for_and_cannot_be_written_is_a_failure() {
    let sandbox = Sandbox::with_skynet();
    sandbox.participant("p", "exit 0");
    sandbox.write("BOSS/participants/p/log/main/current", "hello\n");
    for words in ["status", "status --json", "list", "history", "history --json", "log", "completions bash"] {
        let said = sandbox.fail(111, &format!("skynet {words} >/dev/full"));
        assert!(said.starts_with("skynet: unable to write to standard output: "), "{words}: {said}");
        // That nobody reads it is none.
        let script = format!("mkfifo fifo; : <fifo & exec 3>fifo; wait; rm fifo; skynet {words} >&3");
        assert_eq!(sandbox.run(&script), "", "{words}");
    }
}

#[test]
fn the_environment_names_a_mini_skynet_and_changes_no_usage() {
    let sandbox = Sandbox::with_skynet();
    sandbox.participant("p", "exit 0");
    sandbox.run("mkdir -p else/where other/participants other/service");
    let list = |words: &str| sandbox.run(&format!("cd else/where && SKYNET_ROOT=$OLDPWD/{words}"));
    assert_eq!(list("BOSS skynet list"), "  p\n");
    assert_eq!(list("BOSS skynet --root ../../other list || :"), "");
    assert_eq!(list("BOSS skynet --sysroot . list || :"), "");
    for words in ["start", "start -h", "install", "-h", "start --loud"] {
        let usage = |prefix: &str| sandbox.sh(&format!("{prefix} skynet {words} 2>&1")).stdout;
        let [without, with] = ["", "SKYNET_ROOT=BOSS"].map(usage);
        assert!(!without.is_empty() && without == with, "{words}: {}", String::from_utf8_lossy(&with));
    }
}
