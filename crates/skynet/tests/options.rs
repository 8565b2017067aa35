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
