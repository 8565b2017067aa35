//! What svscan stops at HUP, and what it leaves alone because it may not be gone.

use crate::support::scanned::{MARK_AND_STAY, Scanned};
use crate::support::{Sandbox, process_state, send};
use nix::sys::signal::Signal::{self, SIGHUP, SIGTERM};
use std::fs;
use std::os::unix::fs::symlink;

/// svscan with services that are symbolic links to directories in `store`, and their processes.
fn linked<const N: usize>(names: [&str; N]) -> (Scanned, [i32; N]) {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    let pids = names.map(|name| {
        sandbox.script(&format!("store/{name}/run"), MARK_AND_STAY);
        let link = format!("service/{name}");
        scanned.timed(&link, || symlink(format!("../store/{name}"), sandbox.path(&link)).unwrap());
        sandbox.next_pid(&format!("store/{name}"), 0)
    });
    (scanned, pids)
}

/// Sends HUP, and waits until svscan has stopped this service, which is certainly gone.
#[track_caller]
fn sweep(scanned: &Scanned, gone: i32) {
    send(scanned.svscan.pid(), SIGHUP);
    scanned.sandbox.wait_until("what is gone is stopped", || process_state(gone).is_none());
    scanned.has_looked();
}

#[test]
fn a_service_whose_link_leads_nowhere_for_a_moment_runs_on() {
    let (scanned, [web, gone]) = linked(["web", "gone"]);
    let sandbox = &scanned.sandbox;
    let supervise = sandbox.next_supervise("store/web", 0);
    fs::remove_file(sandbox.path("service/gone")).unwrap();
    fs::rename(sandbox.path("store"), sandbox.path("elsewhere")).unwrap();
    sweep(&scanned, gone);
    let complaint = "svscan: warning: unable to stat web: file does not exist";
    assert!(sandbox.count("messages", complaint) > 0);
    fs::rename(sandbox.path("elsewhere"), sandbox.path("store")).unwrap();
    send(scanned.svscan.pid(), SIGHUP);
    scanned.has_looked();
    assert_eq!((sandbox.pid("store/web"), sandbox.next_supervise("store/web", 0)), (web, supervise));
    // It is gone when its name is.
    fs::remove_file(sandbox.path("service/web")).unwrap();
    sweep(&scanned, web);
}

#[test]
fn a_service_whose_log_cannot_be_examined_runs_on_and_is_restarted() {
    let (scanned, [web, gone]) = linked(["web", "gone"]);
    let sandbox = &scanned.sandbox;
    fs::remove_file(sandbox.path("service/gone")).unwrap();
    symlink("log", sandbox.path("store/web/log")).unwrap();
    sweep(&scanned, gone);
    let complaint = "svscan: warning: unable to stat web/log: symbolic link loop";
    assert!(sandbox.count("messages", complaint) > 0);
    assert_eq!(sandbox.pid("store/web"), web);
    let supervise = sandbox.next_supervise("store/web", 0);
    crate::support::kill(supervise);
    sandbox.next_supervise("store/web", supervise);
    assert_eq!(sandbox.pid("store/web"), web);
    // When the mistake is mended, it is given a logger.
    fs::remove_file(sandbox.path("store/web/log")).unwrap();
    sandbox.script("new/run", "exec multilog ./main");
    fs::rename(sandbox.path("new"), sandbox.path("store/web/log")).unwrap();
    sandbox.next_pid("store/web/log", 0);
    assert_eq!(sandbox.pid("store/web"), web);
}

#[test]
fn services_that_are_renamed_while_hups_come_run_on() {
    const SERVICES: usize = 40;
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    let names: Vec<_> = (0..SERVICES).map(|number| format!("service/web{number}")).collect();
    for name in &names {
        sandbox.script(&format!("{name}/run"), "echo start >>starts; exec sleep 1000");
    }
    let before: Vec<i32> = names.iter().map(|name| sandbox.next_pid(name, 0)).collect();
    let name = |index: usize, round: usize| sandbox.path(&format!("service/web{index}.{round}"));
    for (index, old) in names.iter().enumerate() {
        fs::rename(sandbox.path(old), name(index, 0)).unwrap();
    }
    for round in 0..100 {
        for index in 0..SERVICES {
            // Into another order each time.
            let index = index * 7 % SERVICES;
            fs::rename(name(index, round), name(index, round + 1)).unwrap();
            if index % 5 == 0 {
                send(scanned.svscan.pid(), SIGHUP);
            }
        }
    }
    scanned.has_looked();
    fs::create_dir(sandbox.path("away")).unwrap();
    fs::rename(name(0, 100), sandbox.path("away/web")).unwrap();
    sweep(&scanned, before[0]);
    for (index, pid) in before.into_iter().enumerate().skip(1) {
        let service = format!("service/web{index}.100");
        assert_eq!(
            (sandbox.pid(&service), sandbox.count(&format!("{service}/starts"), "")),
            (pid, 1),
            "{service}"
        );
    }
    scanned.is_silent();
}

/// As little memory as there is, with a scan directory that grows.
#[test]
fn a_scan_directory_for_which_there_is_no_memory_ends_nothing() {
    let (mut scanned, [web, gone]) = linked(["web", "gone"]);
    let sandbox = &scanned.sandbox;
    let status = fs::read_to_string(format!("/proc/{}/status", scanned.svscan.pid())).unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    let size: u64 = size.trim().trim_end_matches(" kB").parse().unwrap();
    sandbox.limit(&scanned.svscan, &format!("as={}", (size + 4) * 1024));
    for number in 0..3000 {
        fs::write(sandbox.path(&format!("service/{}{number:04}", "x".repeat(200))), "").unwrap();
    }
    fs::remove_file(sandbox.path("service/gone")).unwrap();
    let warning = "svscan: warning: unable to read directory: out of memory";
    for _ in 0..2 {
        let before = sandbox.count("messages", warning);
        send(scanned.svscan.pid(), SIGHUP);
        sandbox.wait_until("it says so", || sandbox.count("messages", warning) > before);
    }
    assert!([web, gone].iter().all(|&pid| process_state(pid).is_some()), "nothing is stopped");
    sandbox.lift(&scanned.svscan, "as");
    sandbox.wait_until("what is gone is stopped", || process_state(gone).is_none());
    scanned.has_looked();
    assert_eq!(sandbox.pid("store/web"), web);
    assert!(!scanned.svscan.has_ended());
}

/// Services that lose their names while no svscan runs, each in another way; and what has nothing to do with svscan.
fn what_vanished_while_no_svscan_ran_is_stopped(signal: Signal) {
    let sandbox = Sandbox::new();
    for name in ["stays", "removed", "moved", "logged", "ended"] {
        sandbox.script(&format!("service/{name}/run"), "echo started\nexec sleep 1000");
    }
    for name in ["logged", "ended"] {
        sandbox.script(&format!("service/{name}/log/run"), "exec multilog ./main");
    }
    sandbox.script("store/run", "exec sleep 1000");
    symlink("../store", sandbox.path("service/linked")).unwrap();
    let svscan = sandbox.start("svscan service", "messages");
    let names = ["removed", "moved", "logged", "logged/log", "linked"];
    let gone = names.map(|name| format!("service/{name}"));
    let gone = gone.map(|name| [sandbox.next_pid(&name, 0), sandbox.next_supervise(&name, 0)]);
    // Of this one, a logger is left that comes to the end of its input again and again.
    sandbox.next_pid("service/ended", 0);
    let alone = sandbox.next_supervise("service/ended/log", 0);
    let gone = [gone.as_flattened(), &[alone]].concat();
    let stays = sandbox.next_pid("service/stays", 0);
    // Started by hand elsewhere, and left alone by the shell.
    sandbox.script("other/run", "exec sleep 1000");
    sandbox.run("supervise other >/dev/null 2>&1 &");
    let other = sandbox.next_pid("other", 0);
    let ended = sandbox.next_supervise("service/ended", 0);
    drop(svscan);
    sandbox.run("svc -dx service/ended");
    sandbox.wait_until("a logger is alone", || process_state(ended).is_none());
    sandbox.run("rm service/linked; mkdir away; mv service/moved service/logged service/ended away");
    sandbox.wait_until("it is removed", || fs::remove_dir_all(sandbox.path("service/removed")).is_ok());

    let mut svscan = sandbox.start("svscan service", "messages");
    sandbox.script("new/run", MARK_AND_STAY);
    fs::rename(sandbox.path("new"), sandbox.path("service/new")).unwrap();
    sandbox.next_pid("service/new", 0);
    assert!(gone.iter().all(|&pid| process_state(pid).is_some()), "nothing is stopped at once");
    send(svscan.pid(), signal);
    for pid in gone {
        sandbox.wait_until("what has vanished is gone", || process_state(pid).is_none());
    }
    if signal == SIGHUP {
        assert_eq!(sandbox.pid("service/stays"), stays);
    } else {
        assert_eq!(svscan.wait().code(), Some(0));
    }
    assert_eq!(sandbox.pid("other"), other, "nobody's business");
    assert_eq!(sandbox.log_of("away/logged"), "started\n");
}

#[test]
fn hup_stops_what_vanished_while_no_svscan_ran() {
    what_vanished_while_no_svscan_ran_is_stopped(SIGHUP);
}

#[test]
fn the_end_stops_what_vanished_while_no_svscan_ran() {
    what_vanished_while_no_svscan_ran_is_stopped(SIGTERM);
}

#[test]
fn a_link_that_leads_nowhere_when_svscan_begins_still_is_the_name_of_its_service() {
    let (mut scanned, [web, gone]) = linked(["web", "gone"]);
    crate::support::kill(scanned.svscan.pid());
    scanned.svscan.wait();
    fs::rename(scanned.sandbox.path("store"), scanned.sandbox.path("elsewhere")).unwrap();
    fs::remove_file(scanned.sandbox.path("service/gone")).unwrap();
    scanned.svscan = scanned.sandbox.start("svscan service", "messages");
    scanned.has_looked();
    sweep(&scanned, gone);
    let sandbox = &scanned.sandbox;
    fs::rename(sandbox.path("elsewhere"), sandbox.path("store")).unwrap();
    send(scanned.svscan.pid(), SIGHUP);
    scanned.has_looked();
    assert_eq!(sandbox.pid("store/web"), web);
}
