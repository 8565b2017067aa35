//! What may be adopted: only what is certainly the service, with all that is known of it.

use crate::support::tree::{ECHO, LOG, Tree, WEB, lines};
use crate::support::{Sandbox, kill, process_state, send};
use nix::sys::signal::Signal::SIGTERM;
use servicedir::file_id::FileId;
use servicedir::service::instance::{Instance, Process};
use std::fs;
use std::time::{Duration, Instant};

#[test]
fn a_process_that_was_given_the_number_of_the_service_is_not_taken_for_it() {
    for wrong in ["time", "boot", "directory", "nonsense", "nothing"] {
        let mut tree = Tree::new(ECHO);
        tree.wait_for_lines("started\n");
        let stranger = tree.sandbox.start("sleep 1000", "stranger");
        let services = tree.services();
        tree.kill_svscan();
        tree.supervises().into_iter().chain(services).for_each(kill);
        for pid in services {
            tree.sandbox.wait_until("the service is gone", || process_state(pid).is_none());
        }

        let pid = stranger.pid();
        let start = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let started = start.rsplit(") ").next().unwrap().split(' ').nth(19).unwrap().parse().unwrap();
        for name in [WEB, LOG] {
            let left = tree.sandbox.instance(name).unwrap();
            let process = Some(Process { pid, started });
            let left = Instance { supervise: process, service: process, ..left };
            let content = match wrong {
                "time" => {
                    let process = Some(Process { pid, started: started + 1 });
                    Instance { supervise: process, service: process, ..left }.encode()
                }
                "boot" => Instance { boot: "another".to_string(), ..left }.encode(),
                "directory" => Instance { directory: Some(FileId::new(1, 1)), ..left }.encode(),
                "nonsense" => b"boot\nsupervise x\n\0".to_vec(),
                _ => Vec::new(),
            };
            fs::write(tree.sandbox.path(name).join("supervise/instance"), content).unwrap();
        }
        tree.start_svscan();
        tree.sandbox.next_pid(WEB, services[0]);
        tree.wait_for_lines("started\nstarted\n");
        assert_ne!(tree.sandbox.next_pid(WEB, services[0]), pid);
        tree.sandbox.tell(WEB, "-dx");
        tree.sandbox.wait_until("it is down", || tree.sandbox.status(WEB).unwrap().pid.is_none());
        assert!(process_state(pid).is_some(), "the stranger was left alone, {wrong}");
    }
}

/// Administrators make a new service of an old one in this way.
#[test]
fn a_copy_of_the_directory_of_a_running_service_is_a_service_of_its_own() {
    let tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let [web, log] = tree.services();
    tree.sandbox.run(&format!("cp -a {WEB} copy && rm -r copy/log/main && mv copy service/copy"));
    let copies = [tree.sandbox.next_pid("service/copy", web), tree.sandbox.next_pid("service/copy/log", log)];
    tree.sandbox.wait_until("the copy is logged", || lines(&tree.sandbox, "service/copy/log") == "started\n");
    assert_eq!(tree.services(), [web, log]);
    assert!(copies.iter().all(|&pid| process_state(pid).is_some()));
    tree.runs_once();
}

#[test]
fn a_service_that_is_paused_or_wanted_once_remains_so() {
    let tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let [web, _] = tree.services();
    tree.sandbox.run(&format!("svc -op {WEB}"));
    tree.sandbox.wait_for_status(WEB, " seconds, paused\n");
    let [supervise, _] = tree.supervises();
    kill(supervise);
    tree.sandbox.next_supervise(WEB, supervise);
    assert!(tree.sandbox.wait_for_status(WEB, ": up ").ends_with(" seconds, paused\n"));
    assert_eq!(tree.sandbox.pid(WEB), web);
    tree.sandbox.run(&format!("svc -ct {WEB}"));
    tree.sandbox.wait_for_status(WEB, ": down ");
    tree.wait_for_lines("started\n");
}

#[test]
fn an_adopted_service_that_ends_is_started_again() {
    let tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let [web, _] = tree.services();
    let [supervise, _] = tree.supervises();
    kill(supervise);
    tree.sandbox.next_supervise(WEB, supervise);
    // The status is what tells that it was adopted, not started.
    tree.sandbox.wait_until("it is adopted", || tree.sandbox.instance(WEB).unwrap().service.is_some());
    kill(web);
    tree.sandbox.next_pid(WEB, web);
    tree.wait_for_lines("started\nstarted\n");
    assert!(tree.sandbox.read("service/web/supervise/last-exit").ends_with(" unknown\n"));
    tree.runs_once();
}

/// The kernel shows such a process as dead, and it is not.
#[test]
fn a_service_whose_first_thread_has_ended_is_adopted() {
    const RUN: &str = r#"#!/usr/bin/env python3
import ctypes, os, threading
libc = ctypes.CDLL(None)
threading.Thread(target=lambda: libc.sleep(1000)).start()
open("starts", "a").write("start\n")
libc.syscall(ctypes.c_long(EXIT), 0)
"#;
    let tree = Tree::new(&RUN.replace("EXIT", &nix::libc::SYS_exit.to_string()));
    let [web, _] = tree.services();
    let is_zombie = || fs::read_to_string(format!("/proc/{web}/stat")).unwrap().contains(") Z ");
    tree.sandbox.wait_until("its first thread has ended", is_zombie);
    let [supervise, _] = tree.supervises();
    kill(supervise);
    tree.sandbox.next_supervise(WEB, supervise);
    tree.sandbox.wait_until("it is adopted", || tree.sandbox.instance(WEB).unwrap().service.is_some());
    assert_eq!(tree.sandbox.next_pid(WEB, 0), web);
    kill(web);
    tree.sandbox.wait_until("its end is seen", || tree.sandbox.count("service/web/starts", "start") == 2);
    assert!(tree.sandbox.read("service/web/supervise/last-exit").ends_with(" unknown\n"));
    tree.sandbox.next_pid(WEB, web);
    assert_eq!(tree.sandbox.count("service/web/starts", "start"), 2);
}

/// Whoever removes a service without moving it away first has the same five seconds as ever.
#[test]
fn an_adopted_supervise_that_is_told_to_exit_stays_away_for_a_while() {
    let mut tree = Tree::new(ECHO);
    tree.kill_svscan();
    let supervises = tree.supervises();
    tree.start_svscan();
    // A third service shows that the new svscan has looked.
    tree.sandbox.script("service/other/run", "exec sleep 1000");
    tree.sandbox.next_pid("service/other", 0);
    let told = Instant::now();
    tree.sandbox.run(&format!("svc -dx {WEB} {LOG}"));
    for (name, supervise) in [WEB, LOG].into_iter().zip(supervises) {
        tree.sandbox.next_supervise(name, supervise);
        assert!(told.elapsed() > Duration::from_secs(4), "{name} was back after {:?}", told.elapsed());
    }
}

/// Without /proc, nobody can tell whether a process is the one that it was: all is as it was with the original.
#[test]
fn without_proc_services_run_and_are_logged() {
    let sandbox = Sandbox::new();
    if !sandbox.sh("unshare --mount mount -t tmpfs none /proc").status.success() {
        return;
    }
    sandbox.logged_service("service/web", "echo started\nexec sleep 1000");
    let mut svscan =
        sandbox.start("unshare --mount sh -c 'mount -t tmpfs none /proc && exec svscan service'", "messages");
    let pid = sandbox.next_pid(WEB, 0);
    sandbox.wait_until("it is logged", || lines(&sandbox, LOG) == "started\n");
    sandbox.run(&format!("svc -t {WEB}"));
    sandbox.next_pid(WEB, pid);
    sandbox.wait_until("it is logged", || lines(&sandbox, LOG) == "started\nstarted\n");
    send(svscan.pid(), SIGTERM);
    assert!(svscan.wait().success(), "it ends in good order");
    assert_eq!(sandbox.run("svstat service/web"), "service/web: supervise not running\n");
    assert_eq!(
        sandbox.complaints(),
        "svscan: warning: unable to read /proc, so that nothing that runs can be taken over: file does not exist\n"
    );
}
