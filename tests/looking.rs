//! When svscan looks at its directory: if it is told to, and every now and then. As long as nothing happens, nothing wakes.

use crate::support::machine::skip;
use crate::support::scanned::{SOON, Scanned};
use crate::support::{Sandbox, best_of_attempts, process_state, send, show};
use nix::sys::signal::Signal::{SIGALRM, SIGHUP};
use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

#[test]
fn the_slow_ones_share_their_time() {
    std::thread::scope(|scope| {
        scope.spawn(|| without_inotify_all_comes_to_pass_in_five_seconds("instances"));
        scope.spawn(|| without_inotify_all_comes_to_pass_in_five_seconds("watches"));
        scope.spawn(an_idle_tree_makes_no_system_call);
        scope.spawn(a_directory_that_waits_to_be_completed_costs_next_to_nothing);
    });
}

/// Without inotify there is a look every five seconds, and one more at ALRM; svscan says so once.
fn without_inotify_all_comes_to_pass_in_five_seconds(refused: &str) {
    let sandbox = Sandbox::new();
    if !sandbox.sh("unshare --user --map-root-user true").status.success() {
        skip("it needs user namespaces, which a chroot has not");
        return;
    }
    fs::create_dir(sandbox.path("service")).unwrap();
    // A limit of a user namespace of its own is gone with it.
    let limit = format!("echo 0 >/proc/sys/user/max_inotify_{refused}");
    let svscan = format!("unshare --user --map-root-user sh -c '{limit} && exec svscan service'");
    let svscan = sandbox.start(&svscan, "messages");
    let scanned = Scanned { sandbox, svscan };
    let sandbox = &scanned.sandbox;
    let complaint = "svscan: warning: unable to watch directory: ";
    sandbox.wait_until("svscan says that it is not told of changes", || {
        sandbox.count("messages", complaint) == 1
    });

    sandbox.script("store/linked/run", ": >started\nexec sleep 1000");
    // The safety net would be minutes.
    let elapsed = scanned.timed("service/linked", || {
        symlink("../store/linked", sandbox.path("service/linked")).unwrap();
    });
    // It may be found at once; but the next then comes between two looks.
    show(&format!("{refused} refused: found after {elapsed:?}"));
    let mut name = "service/renamed".to_owned();
    best_of_attempts("from ALRM to running", SOON, || {
        name.push('+');
        sandbox.script("new/renamed/run", ": >started\nexec sleep 1000");
        scanned.timed(&name, || {
            fs::rename(sandbox.path("new/renamed"), sandbox.path(&name)).unwrap();
            send(scanned.svscan.pid(), SIGALRM);
        })
    });

    let pid = sandbox.next_pid(&name, 0);
    sandbox.script("new/log/run", "exec multilog ./main");
    fs::rename(sandbox.path("new/log"), sandbox.path(&name).join("log")).unwrap();
    sandbox.next_pid(&format!("{name}/log"), 0);
    assert_eq!(sandbox.next_pid(&name, 0), pid);

    let linked = sandbox.next_pid("service/linked", 0);
    fs::remove_file(sandbox.path("service/linked")).unwrap();
    send(scanned.svscan.pid(), SIGHUP);
    sandbox.wait_until("the service that vanished is down", || process_state(linked).is_none());
    assert!(process_state(pid).is_some());
    assert_eq!(sandbox.read("messages").lines().count(), 1, "{}", sandbox.read("messages"));
}

#[test]
fn hup_stops_the_services_that_have_vanished_and_their_loggers() {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    for name in ["stays", "plain", "logged"] {
        sandbox.script(&format!("store/{name}/run"), ": >started\necho hello\nexec sleep 1000");
        if name != "plain" {
            sandbox.script(&format!("store/{name}/log/run"), "exec multilog ./main");
        }
        let link = format!("service/{name}");
        scanned.timed(&link, || symlink(format!("../store/{name}"), sandbox.path(&link)).unwrap());
    }
    let stays = ["store/stays", "store/stays/log"].map(|name| sandbox.next_pid(name, 0));
    let vanish = ["store/plain", "store/logged", "store/logged/log"]
        .map(|name| [sandbox.next_pid(name, 0), sandbox.next_supervise(name, 0)]);
    fs::remove_file(sandbox.path("service/plain")).unwrap();
    fs::remove_file(sandbox.path("service/logged")).unwrap();
    scanned.has_looked();
    assert!(vanish.as_flattened().iter().all(|&pid| process_state(pid).is_some()), "HUP is what stops them");
    send(scanned.svscan.pid(), SIGHUP);
    for pid in vanish.into_iter().flatten() {
        sandbox.wait_until("what has vanished is down", || process_state(pid).is_none());
    }
    assert_eq!(["store/stays", "store/stays/log"].map(|name| sandbox.pid(name)), stays);
    assert_eq!(sandbox.log_of("store/logged"), "hello\n");
    assert_eq!(sandbox.read("messages").replace("hello\n", ""), "");
}

/// A directory that is removed while its service runs: only the processes know where it was.
#[test]
fn hup_stops_services_whose_directories_were_removed() {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    sandbox.script("new/run", ": >started\nexec sleep 1000");
    scanned.timed("service/web", || fs::rename(sandbox.path("new"), sandbox.path("service/web")).unwrap());
    let pids = [sandbox.next_pid("service/web", 0), sandbox.next_supervise("service/web", 0)];
    sandbox.wait_until("it is removed", || fs::remove_dir_all(sandbox.path("service/web")).is_ok());
    scanned.has_looked();
    send(scanned.svscan.pid(), SIGHUP);
    for pid in pids {
        sandbox.wait_until("what has vanished is down", || process_state(pid).is_none());
    }
}

#[test]
fn alarm_and_hup_disturb_nothing() {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    sandbox.script("new/run", ": >started\nexec sleep 1000");
    scanned.timed("service/web", || fs::rename(sandbox.path("new"), sandbox.path("service/web")).unwrap());
    let pids = (sandbox.next_pid("service/web", 0), sandbox.next_supervise("service/web", 0));
    for _ in 0..10 {
        send(scanned.svscan.pid(), SIGALRM);
        send(scanned.svscan.pid(), SIGHUP);
        scanned.has_looked();
    }
    assert_eq!((sandbox.pid("service/web"), sandbox.next_supervise("service/web", 0)), pids);
    scanned.is_silent();
}

/// A process that makes a system call has been woken, and goes to sleep again: that is counted.
fn an_idle_tree_makes_no_system_call() {
    const SERVICES: usize = 100;
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    let mut pids = vec![scanned.svscan.pid()];
    for number in 0..SERVICES {
        let name = format!("service/{number}");
        sandbox.script("new/run", ": >started\nexec sleep 1000");
        // A logger for some of them, so that the tests beside this one are not starved.
        let is_logged = number % 4 == 0;
        if is_logged {
            sandbox.script("new/log/run", "exec multilog ./main");
        }
        scanned.timed(&name, || fs::rename(sandbox.path("new"), sandbox.path(&name)).unwrap());
        let names = [name.clone(), format!("{name}/log")];
        for name in names.iter().take(if is_logged { 2 } else { 1 }) {
            pids.push(sandbox.next_supervise(name, 0));
            pids.push(sandbox.next_pid(name, 0));
        }
    }
    // A loggers' first look at its directory and the like are over when a few seconds were idle.
    let mut wakes = Vec::new();
    show(&format!("{SERVICES} services: {} processes", pids.len()));
    let is_idle = (0..20).any(|_| {
        let before: Vec<u64> = pids.iter().map(|&pid| switches(pid)).collect();
        let start = Instant::now();
        sandbox.wait_until("three seconds are over", || start.elapsed() > Duration::from_secs(3));
        let after: Vec<u64> = pids.iter().map(|&pid| switches(pid)).collect();
        wakes.push(after.iter().sum::<u64>() - before.iter().sum::<u64>());
        before == after
    });
    assert!(is_idle, "no three seconds without a wake-up of {} processes: {wakes:?}", pids.len());
}

/// Looking again and again at what is incomplete must not be how svscan waits for it.
fn a_directory_that_waits_to_be_completed_costs_next_to_nothing() {
    let scanned = Scanned::new();
    fs::create_dir(scanned.sandbox.path("service/web")).unwrap();
    scanned.has_looked();
    let before = switches(scanned.svscan.pid());
    let start = Instant::now();
    scanned.sandbox.wait_until("two seconds are over", || start.elapsed() > Duration::from_secs(2));
    let wakes = switches(scanned.svscan.pid()) - before;
    assert!(wakes <= 20, "{wakes} wake-ups in two seconds");
}

/// How often a process has gone to sleep.
#[track_caller]
fn switches(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}
