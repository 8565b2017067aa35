//! One file that is many programs: its name says which.

use crate::support::{Sandbox, built, ours, programs};
use servicedir::programs::TOGETHER;
use std::collections::BTreeSet;
use std::process::Output;

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn all_programs_are_in_it_but_those_that_look_up_accounts() {
    let mut expected: BTreeSet<String> = programs().into_iter().collect();
    for name in ["setuidgid", "envuidgid"] {
        assert!(expected.remove(name), "there is {name}");
    }
    assert_eq!(TOGETHER.map(|(name, _)| name.to_string()).into_iter().collect::<BTreeSet<_>>(), expected);
}

#[test]
fn a_file_of_each_is_the_same_program() {
    let sandbox = Sandbox::new();
    for name in programs() {
        let says = |directory: &std::path::Path| {
            let mut command = sandbox.command(directory.join(&name).to_str().unwrap());
            let output = command.args(["-Z", "no-such-thing"]).output().unwrap();
            (said(&output), output.stdout)
        };
        assert_eq!(says(&built()), says(&ours()), "{name}");
    }
}

#[test]
fn links_scripts_copies_and_callers_may_have_their_own_names_for_it() {
    let sandbox = Sandbox::new();
    let ours = ours();
    let ours = ours.display();
    let usage = |name: &str| {
        let svc = "svc options: u up, d down, o once, x exit, p pause, c continue, \
            h hup, a alarm, i interrupt, t term, k kill\n";
        (Some(100), format!("{name}: illegal option -- Z\n{svc}"))
    };
    sandbox.run(&format!("ln -s {ours}/svc control"));
    assert_eq!(said(&sandbox.sh("./control -Z")), usage("control"));
    sandbox.run(&format!("cp {ours}/svc svc.distrib"));
    assert_eq!(said(&sandbox.sh("./svc.distrib -Z")), usage("svc.distrib"));
    let called = format!("bash -c 'exec -a multilog {ours}/svc -Z'");
    assert_eq!(said(&sandbox.sh(&called)), usage("multilog"));
    for name in ["run", "svc"] {
        sandbox.run(&format!("echo '#!{ours}/svok' >{name} && chmod 755 {name}"));
        let message = format!("svok: fatal: unable to chdir to ./{name}: not a directory\n");
        assert_eq!(said(&sandbox.sh(&format!("./{name}"))), (Some(111), message));
    }
}

#[test]
fn a_copy_with_another_name_says_what_it_needs() {
    let sandbox = Sandbox::new();
    sandbox.run(&format!("cp {}/svc x", ours().display()));
    let names = TOGETHER.map(|(name, _)| name).join(", ");
    let message =
        format!("servicedir: fatal: unable to tell which program ./x is: give it the name of one: {names}\n");
    assert_eq!(said(&sandbox.sh("./x /service/web")), (Some(100), message));
}
