//! `supervise/`, or what is in it, is removed or replaced under a running service.

use crate::support::tree::{LOG, Tree, WEB};
use crate::support::{Sandbox, Supervised, kill, process_state, program_of, send};
use nix::sys::signal::Signal::SIGURG;
use std::fs;
use std::os::unix::fs::MetadataExt;

const STAY: &str = "echo $$ >>starts\nexec sleep 1000";

/// Does something to `supervise/`, asks supervise to look, and finds the service under control, and again after supervise
/// was killed.
#[track_caller]
fn check(what: &str, damage: &str) {
    let mut supervised = Supervised::new(&[("run", STAY)]);
    let sandbox = &supervised.sandbox;
    let pid = supervised.wait_for_program("sleep");
    let supervise = supervised.supervise.pid();
    sandbox.run(&format!("cd web && {damage}"));
    send(supervise, SIGURG);
    sandbox.wait_until(&format!("supervise runs again after {what}"), || {
        sandbox.sh("svok web").status.success() && sandbox.pid("web") == pid
    });
    sandbox.run("svc -p web");
    sandbox.wait_until("it is paused", || process_state(pid) == Some('T'));
    sandbox.run("svc -c web");
    sandbox.wait_until("it goes on", || process_state(pid) != Some('T'));
    assert_eq!(sandbox.count("messages", "web/supervise was removed or replaced"), 1, "{what}");
    // No other supervise can start, and the next one takes the service over.
    assert_eq!(sandbox.sh("supervise web").status.code(), Some(111), "{what}");
    kill(supervise);
    supervised.supervise.wait();
    supervised.supervise = supervised.sandbox.start("supervise web", "messages");
    assert!(supervised.sandbox.next_supervise("web", supervise) != supervise);
    supervised.sandbox.wait_until("svok", || supervised.sandbox.sh("svok web").status.success());
    assert_eq!(supervised.sandbox.pid("web"), pid, "{what}");
    assert_eq!(supervised.sandbox.count("web/starts", ""), 1, "{what}: never a second copy");
}

#[test]
fn what_is_removed_from_supervise_is_made_again() {
    check("the directory was removed", "rm -rf supervise");
    check("control was removed", "rm supervise/control");
    check("ok was removed", "rm supervise/ok");
    check("lock was removed", "rm supervise/lock");
    check("both fifos were removed", "rm supervise/control supervise/ok");
    check("the directory was moved away", "mv supervise elsewhere");
    check("the directory was replaced", "mv supervise old && mkdir supervise && rm -r old");
    check("the directory became a link", "mv supervise old && mkdir new && ln -s new supervise");
    check("control was replaced by a file", "rm supervise/control supervise/ok && mkfifo supervise/control");
}

/// svscan sees it, and asks each supervise to look.
#[test]
fn under_svscan_nothing_has_to_happen_for_it() {
    let tree = Tree::new("exec sleep 1000");
    let (sandbox, before) = (&tree.sandbox, tree.services());
    sandbox.wait_until("the services are their programs", || {
        before.map(program_of) == ["sleep", "multilog"].map(str::to_owned)
    });
    let damages = [
        ("rm -rf supervise", "control"),
        ("rm supervise/control", "control"),
        ("mv supervise/control supervise/elsewhere", "control"),
        ("rm supervise/ok", "ok"),
        ("mv supervise/ok supervise/elsewhere", "ok"),
        ("ln -s elsewhere supervise/new && mv supervise/new supervise/ok && rm supervise/ok", "ok"),
        ("rm supervise/lock", "lock"),
        ("cp supervise/lock supervise/new && mv supervise/new supervise/lock && rm supervise/lock", "lock"),
    ];
    for (damage, file) in damages {
        for name in [WEB, LOG] {
            let file = sandbox.path(name).join("supervise").join(file);
            let old = fs::metadata(&file).unwrap().ino();
            sandbox.run(&format!("cd {name} && {damage}"));
            sandbox.wait_until(&format!("{name} is served after {damage}"), || {
                fs::metadata(&file).is_ok_and(|new| new.ino() != old) && sandbox.is_served(name)
            });
        }
    }
    assert_eq!(tree.services(), before);
    sandbox.run(&format!("svc -t {WEB}"));
    sandbox.next_pid(WEB, before[0]);
}

/// Without a word from outside: the next record that is written shows that the directory is gone.
#[test]
fn a_supervise_whose_directory_was_removed_makes_it_again_when_the_service_ends() {
    let supervised = Supervised::new(&[("run", STAY)]);
    let sandbox = &supervised.sandbox;
    let before = supervised.wait_for_program("sleep");
    fs::remove_dir_all(sandbox.path("web/supervise")).unwrap();
    kill(before);
    sandbox.next_pid("web", before);
    sandbox.run("svok web");
    assert_eq!(supervised.last_exit(), "killed KILL");
    sandbox.run("svc -d web");
    supervised.wait_until_down();
}

/// Where it cannot be made, that is said once, and tried again.
#[test]
fn what_stands_in_the_way_of_making_it_again_is_told_once_and_overcome() {
    let supervised = Supervised::new(&[("run", STAY)]);
    let sandbox = &supervised.sandbox;
    let before = supervised.wait_for_program("sleep");
    sandbox.run("cd web && rm -rf supervise && touch supervise");
    kill(before);
    let message = "unable to acquire web/supervise/lock: not a directory\n";
    sandbox.wait_until("it is told", || sandbox.count("messages", message.trim_end()) > 0);
    let starts = || sandbox.read("web/starts");
    sandbox.wait_until("it was started again", || starts().lines().count() == 2);
    let after: i32 = starts().lines().last().unwrap().parse().unwrap();
    (0..3).for_each(|_| send(supervised.supervise.pid(), SIGURG));
    kill(after);
    sandbox.wait_until("it was tried again", || sandbox.count("web/starts", "") == 3);
    fs::remove_file(sandbox.path("web/supervise")).unwrap();
    sandbox.wait_until("it is made", || sandbox.sh("svok web").status.success());
    assert_eq!(sandbox.count("messages", message.trim_end()), 1);
}

#[test]
fn commands_that_wait_in_a_removed_fifo_are_obeyed() {
    let supervised = Supervised::new(&[("run", STAY)]);
    let sandbox: &Sandbox = &supervised.sandbox;
    let pid = supervised.wait_for_program("sleep");
    let supervise = supervised.supervise.pid();
    send(supervise, nix::sys::signal::Signal::SIGSTOP);
    sandbox.wait_until("supervise is stopped", || process_state(supervise) == Some('T'));
    sandbox.run("svc -p web && rm -rf web/supervise");
    send(supervise, SIGURG);
    send(supervise, nix::sys::signal::Signal::SIGCONT);
    sandbox.wait_until("it is paused", || process_state(pid) == Some('T'));
    sandbox.wait_for_status("web", "paused");
}
