//! No death of svscan or of any supervise disturbs a service: whoever comes next finds it, and its log pipe, and goes
//! on as if nothing had happened.

use crate::support::tree::{ECHO, LOG, Tree, WEB, lines};
use crate::support::{Running, Sandbox, kill, process_state, send};
use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
use std::fs;

#[test]
fn svscan_is_replaced() {
    a_death_disturbs_nothing(&[Victim::Svscan]);
}

#[test]
fn a_supervise_is_replaced() {
    a_death_disturbs_nothing(&[Victim::Main]);
}

#[test]
fn the_supervise_of_a_logger_is_replaced() {
    a_death_disturbs_nothing(&[Victim::Logger]);
}

#[test]
fn svscan_and_a_supervise_are_replaced() {
    a_death_disturbs_nothing(&[Victim::Svscan, Victim::Main]);
}

#[test]
fn svscan_and_the_supervise_of_a_logger_are_replaced() {
    a_death_disturbs_nothing(&[Victim::Svscan, Victim::Logger]);
}

#[test]
fn all_are_replaced_at_once() {
    a_death_disturbs_nothing(&[Victim::Svscan, Victim::Main, Victim::Logger]);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    Svscan,
    Main,
    Logger,
}

/// Kills these at once, and starts svscan again if it was among them.
#[track_caller]
fn a_death_disturbs_nothing(victims: &[Victim]) {
    let mut tree = Tree::new(ECHO);
    tree.say("before");
    tree.wait_for_lines("started\nbefore\n");
    let services = tree.services();
    let since = tree.since();
    let supervises = tree.supervises();

    let is_killed = |victim| victims.contains(&victim);
    // svscan first, so that it does not replace the others.
    for victim in victims {
        match victim {
            Victim::Svscan => tree.kill_svscan(),
            Victim::Main => kill(supervises[0]),
            Victim::Logger => kill(supervises[1]),
        }
    }
    if is_killed(Victim::Svscan) {
        tree.say("between");
        tree.start_svscan();
    } else {
        tree.say("between");
    }
    for (name, victim, before) in [(WEB, Victim::Main, supervises[0]), (LOG, Victim::Logger, supervises[1])] {
        let now = tree.sandbox.next_supervise(name, if is_killed(victim) { before } else { 0 });
        assert_eq!(now == before, !is_killed(victim), "only what was killed is replaced");
    }
    tree.say("after");
    tree.wait_for_lines("started\nbefore\nbetween\nafter\n");
    assert_eq!(tree.services(), services, "the services go on");
    assert_eq!(tree.since(), since, "and svstat knows since when");

    // The new ones do all that the old ones did; and the pipe is the old one.
    let supervises = tree.supervises();
    tree.sandbox.run(&format!("svc -t {WEB}"));
    let next = tree.sandbox.next_pid(WEB, services[0]);
    tree.wait_for_lines("started\nbefore\nbetween\nafter\nstarted\n");
    kill(services[1]);
    tree.sandbox.next_pid(LOG, services[1]);
    tree.say("last");
    tree.wait_for_lines("started\nbefore\nbetween\nafter\nstarted\nlast\n");
    assert_eq!(tree.sandbox.next_pid(WEB, 0), next);
    assert_eq!(tree.supervises(), supervises);
    tree.runs_once();
    assert_eq!(tree.sandbox.read("messages"), "");
}

#[test]
fn a_service_that_dies_while_nobody_looks_is_started_anew() {
    let mut tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let [web, log] = tree.services();
    tree.kill_svscan();
    tree.supervises().into_iter().for_each(kill);
    kill(web);
    tree.sandbox.wait_until("the service is gone", || process_state(web).is_none());
    tree.start_svscan();
    tree.sandbox.next_pid(WEB, web);
    tree.wait_for_lines("started\nstarted\n");
    assert!(process_state(log).is_some() || tree.sandbox.next_pid(LOG, log) != log);
    tree.say("after");
    tree.wait_for_lines("started\nstarted\nafter\n");
    tree.runs_once();
}

#[test]
fn the_pipe_is_taken_over_from_the_logger_when_the_service_is_gone() {
    let mut tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let [web, log] = tree.services();
    // A logger that does not read does not see the end of its input, and the pipe keeps what it has not read.
    send(log, SIGSTOP);
    tree.say("unread");
    tree.wait_until_said("unread");
    tree.kill_svscan();
    kill(tree.supervises()[0]);
    kill(web);
    tree.sandbox.wait_until("the service is gone", || process_state(web).is_none());
    tree.start_svscan();
    tree.sandbox.next_pid(WEB, web);
    send(log, SIGCONT);
    tree.wait_for_lines("started\nunread\nstarted\n");
    assert_eq!(tree.services()[1], log, "the logger saw no end");
    tree.runs_once();
}

#[test]
fn the_pipe_is_taken_over_from_the_service_when_the_logger_is_gone() {
    let mut tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let [web, log] = tree.services();
    tree.kill_svscan();
    // Whatever has the end to read from is stopped first, so that the service always has a reader.
    let [_, supervise] = tree.supervises();
    kill(supervise);
    tree.sandbox.wait_until("the supervise of the logger is gone", || process_state(supervise).is_none());
    send(log, SIGSTOP);
    tree.say("unread");
    tree.wait_until_said("unread");
    tree.start_svscan();
    tree.sandbox.next_supervise(LOG, supervise);
    kill(log);
    tree.sandbox.next_pid(LOG, log);
    tree.wait_for_lines("started\nunread\n");
    assert_eq!(tree.services()[0], web);
    tree.runs_once();
}

#[test]
fn an_upgrade_restarts_nothing() {
    let sandbox = Sandbox::for_everybody();
    let mut tree = Tree::start(sandbox, ECHO, "exec multilog ./main");
    tree.wait_for_lines("started\n");
    let (services, since, supervises) = (tree.services(), tree.since(), tree.supervises());
    // As a package manager does it: new files take the names of the old ones.
    tree.sandbox.run("mkdir new && cp bin/* new && for i in new/*; do mv \"$i\" bin; done");
    let is_old = |pid: i32| {
        fs::read_link(format!("/proc/{pid}/exe"))
            .is_ok_and(|path| path.to_string_lossy().ends_with(" (deleted)"))
    };
    assert!(supervises.iter().all(|&pid| is_old(pid)));
    tree.kill_svscan();
    supervises.into_iter().for_each(kill);
    tree.start_svscan();
    for (name, before) in [WEB, LOG].into_iter().zip(supervises) {
        let supervise = tree.sandbox.next_supervise(name, before);
        assert!(!is_old(supervise), "{name} is supervised by the new program");
    }
    tree.say("after");
    tree.wait_for_lines("started\nafter\n");
    assert_eq!((tree.services(), tree.since()), (services, since));
    tree.runs_once();
    assert_eq!(tree.sandbox.read("messages"), "");
}

#[test]
fn a_logger_that_was_added_while_there_was_no_svscan_is_connected() {
    let sandbox = Sandbox::new();
    sandbox.script(&format!("{WEB}/run"), "echo started\nexec sleep 1000");
    let svscan = sandbox.start("svscan service", "messages");
    let (web, supervise) = (sandbox.next_pid(WEB, 0), sandbox.next_supervise(WEB, 0));
    sandbox.wait_until("the service has said so", || sandbox.read("messages") == "started\n");
    drop(svscan);
    sandbox.script(&format!("{LOG}/run"), "exec multilog ./main");
    let _svscan = sandbox.start("svscan service", "messages");
    sandbox.next_supervise(WEB, supervise);
    sandbox.next_pid(LOG, 0);
    assert_eq!(sandbox.next_pid(WEB, 0), web, "the service goes on");
    sandbox.run(&format!("svc -t {WEB}"));
    sandbox.next_pid(WEB, web);
    sandbox.wait_until("it is logged", || lines(&sandbox, LOG) == "started\n");
    assert_eq!(sandbox.read("messages"), "started\n");
}

/// The supervise is replaced by one with the pipe, and that one exits when the service has ended.
#[test]
fn a_supervise_that_was_told_to_exit_does_so_although_a_logger_was_added() {
    let sandbox = Sandbox::new();
    sandbox.script(&format!("{WEB}/run"), "exec sleep 1000");
    let _svscan = sandbox.start("svscan service", "messages");
    let (web, first) = (sandbox.next_pid(WEB, 0), sandbox.next_supervise(WEB, 0));
    sandbox.run(&format!("svc -x {WEB}"));
    sandbox.wait_until("it is to exit", || sandbox.instance(WEB).is_some_and(|instance| instance.exiting));
    sandbox.script("log/run", "exec multilog ./main");
    fs::rename(sandbox.path("log"), sandbox.path(LOG)).unwrap();
    let second = sandbox.next_supervise(WEB, first);
    assert_eq!(sandbox.next_pid(WEB, 0), web, "the service goes on");
    kill(web);
    sandbox.wait_until("it exits", || process_state(second).is_none());
    sandbox.next_supervise(WEB, second);
}

/// A supervise and its service, with a logger that was never started; what they print goes to the command `reader`.
fn without_logger(reader: &str) -> (Sandbox, Running) {
    let sandbox = Sandbox::new();
    sandbox.script(&format!("{WEB}/run"), ECHO);
    sandbox.script(&format!("{LOG}/run"), "exec multilog ./main");
    sandbox.fifo(&format!("{WEB}/in"));
    let supervise = sandbox.start(&format!("sh -c '(cd service && exec supervise web) | {reader}'"), "shell");
    sandbox.wait_until("its first line is read", || sandbox.read("read") == "started\n");
    (sandbox, supervise)
}

/// An svscan that was killed between the starts of a service and of its logger has left such a pipe.
#[test]
fn the_pipe_to_a_logger_that_was_never_started_is_found() {
    let (sandbox, _supervise) = without_logger("head -n 1 >read");
    let before = (sandbox.next_pid(WEB, 0), sandbox.next_supervise(WEB, 0));
    let _svscan = sandbox.start("svscan service", "messages");
    sandbox.next_pid(LOG, 0);
    sandbox.run(&format!("echo one >{WEB}/in"));
    sandbox.wait_until("it is logged", || lines(&sandbox, LOG) == "one\n");
    assert_eq!((sandbox.next_pid(WEB, 0), sandbox.next_supervise(WEB, 0)), before);
    assert_eq!(sandbox.read("messages"), "");
}

#[test]
fn a_pipe_that_others_read_is_not_taken_for_that_to_the_logger() {
    let (sandbox, _supervise) = without_logger("cat >read");
    let (web, supervise) = (sandbox.next_pid(WEB, 0), sandbox.next_supervise(WEB, 0));
    let _svscan = sandbox.start("svscan service", "messages");
    sandbox.next_pid(LOG, 0);
    sandbox.run(&format!("echo one >{WEB}/in"));
    sandbox.wait_until("the other reader has it", || sandbox.read("read") == "started\none\n");
    // The next supervise has the pipe to the logger.
    sandbox.next_supervise(WEB, supervise);
    assert_eq!(sandbox.next_pid(WEB, 0), web);
    sandbox.run(&format!("svc -t {WEB}"));
    sandbox.wait_until("it is logged", || lines(&sandbox, LOG) == "started\n");
}

/// svscan holds the pipe, and so does each process that reads it; but all of these may be killed in one moment.
#[test]
fn a_service_goes_on_when_all_that_read_its_pipe_are_killed_at_once() {
    let mut tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let (services, [main, log]) = (tree.services(), tree.supervises());
    tree.kill_svscan();
    for pid in [log, services[1]] {
        kill(pid);
        tree.sandbox.wait_until("it is gone", || process_state(pid).is_none());
    }
    for word in ["one", "two", "three"] {
        tree.say(word);
        tree.wait_until_said(word);
    }
    tree.start_svscan();
    tree.wait_for_lines("started\none\ntwo\nthree\n");
    assert_eq!((tree.services()[0], tree.supervises()[0]), (services[0], main));
    // The logger comes to the end of its input all the same.
    let [_, logger] = tree.services();
    tree.kill_svscan();
    tree.sandbox.run(&format!("svc -dx {WEB}"));
    tree.sandbox.wait_until("the logger ends", || process_state(logger).is_none());
}
