//! What comes into the scan directory runs as soon as it is complete, and not before.

use crate::support::scanned::{Log, SOON, Scanned, create};
use crate::support::{Sandbox, best_of_attempts, show};
use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, Instant};

const ROUNDS: usize = 20;

#[test]
fn a_directory_that_is_renamed_into_place_runs_at_once() {
    let scanned = Scanned::new();
    let times = (0..ROUNDS).map(|round| {
        let (new, name) = (format!("new/{round}"), format!("service/{round}"));
        scanned.sandbox.script(&format!("{new}/run"), ": >started\nexec sleep 1000");
        scanned.timed(&name, || fs::rename(scanned.sandbox.path(&new), scanned.sandbox.path(&name)).unwrap())
    });
    report("renamed -> running", times.collect());
    scanned.is_silent();
}

#[test]
fn a_directory_that_is_linked_into_place_runs_at_once() {
    let scanned = Scanned::new();
    let times = (0..ROUNDS).map(|round| {
        let (store, name) = (format!("store/{round}"), format!("service/{round}"));
        scanned.sandbox.logged_service(&store, ": >started\nexec sleep 1000");
        scanned.timed(&name, || symlink(format!("../{store}"), scanned.sandbox.path(&name)).unwrap())
    });
    report("linked -> running, with a logger", times.collect());
    scanned.is_silent();
}

#[test]
fn a_directory_that_is_copied_slowly_runs_when_it_is_complete() {
    for log in [Log::None, Log::First] {
        best_of_attempts("from being executable to running", SOON, || {
            let scanned = Scanned::new();
            let Some(run) = scanned.copy_slowly("service/web", 0o644, log) else { return Duration::MAX };
            drop(run);
            let run = scanned.sandbox.path("service/web/run");
            let executable = Permissions::from_mode(0o755);
            let time = scanned.timed("service/web", || fs::set_permissions(run, executable).unwrap());
            scanned.is_silent();
            time
        });
    }
}

#[test]
fn a_program_that_is_still_being_written_is_not_run() {
    for log in [Log::None, Log::First] {
        best_of_attempts("from being closed to running", SOON, || {
            let scanned = Scanned::new();
            // Executable from the beginning, as cp makes it; and now complete but for the last line, and open.
            let Some(run) = scanned.copy_slowly("service/web", 0o755, log) else { return Duration::MAX };
            let time = scanned.timed("service/web", || drop(run));
            scanned.is_silent();
            time
        });
    }
}

#[test]
fn a_service_waits_for_its_logger_that_is_being_copied() {
    best_of_attempts("from the logger being closed to running", SOON, || {
        let scanned = Scanned::new();
        let sandbox = &scanned.sandbox;
        let begin = Instant::now();
        fs::create_dir_all(sandbox.path("service/web/log")).unwrap();
        sandbox.script("service/web/run", "echo hello\n: >started\nexec sleep 1000");
        scanned.has_looked();
        let mut run = create(sandbox, "service/web/log/run", 0o755);
        run.write_all(b"#!/bin/sh\n").unwrap();
        scanned.has_looked();
        if !scanned.still_waits("service/web", begin) {
            return Duration::MAX;
        }
        run.write_all(b"exec multilog ./main\n").unwrap();
        let time = scanned.timed("service/web", || drop(run));
        sandbox.wait_until("the service is logged", || sandbox.log_of("service/web") == "hello\n");
        scanned.is_silent();
        time
    });
}

/// cp and tar take the files of a directory in any order, and svscan sees each come.
#[test]
fn a_service_that_is_copied_with_its_logger_runs_and_is_logged() {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    let run = ": >started\necho hello >>../../lines/$$\necho hello\nexec sleep 1000";
    fs::create_dir(sandbox.path("lines")).unwrap();
    sandbox.logged_service("store/both", run);
    sandbox
        .run("cd store && tar cf run-first.tar both/run both/log && tar cf log-first.tar both/log both/run");
    let times = (0..ROUNDS).map(|round| {
        let name = format!("service/{round}");
        let copy = match round % 4 {
            0 | 1 => format!("cp -r store/both {name}"),
            2 => format!("mkdir {name} && tar xf store/log-first.tar -C {name} --strip-components=1"),
            _ => format!("mkdir {name} && tar xf store/run-first.tar -C {name} --strip-components=1"),
        };
        let time = scanned.timed(&name, || drop(sandbox.run(&copy)));
        sandbox.next_pid(&format!("{name}/log"), 0);
        time
    });
    report("copied -> running, with a logger", times.collect());
    // Where the service came first, its first words went where svscan's go; a new start is logged everywhere.
    for round in 0..ROUNDS {
        let (name, log) = (format!("service/{round}"), format!("service/{round}/log/main/current"));
        let has_pipe = || sandbox.instance(&name).is_some_and(|instance| instance.output.is_some());
        sandbox.wait_until("its supervise has the pipe", has_pipe);
        sandbox.wait_until("it takes commands", || sandbox.is_served(&name));
        sandbox.run(&format!("svc -t {name}"));
        sandbox.wait_until("the service is logged", || sandbox.count(&log, "hello") >= 1);
    }
    let messages = sandbox.read("messages");
    assert_eq!(messages.replace("hello\n", ""), "");
}

#[test]
fn a_thousand_links_that_come_at_once_all_run() {
    const LINKS: usize = 1000;
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    sandbox.write("store/run", "#!/bin/sh\nexec sleep 1000\n");
    sandbox.run(&format!(
        "chmod 755 store/run
        for i in $(seq {LINKS}); do mkdir store/$i; ln store/run store/$i/run; done"
    ));
    let before = Instant::now();
    for number in 1..=LINKS {
        symlink(format!("../store/{number}"), sandbox.path(&format!("service/{number}"))).unwrap();
    }
    for number in 1..=LINKS {
        sandbox.next_pid(&format!("store/{number}"), 0);
    }
    show(&format!("1000 links -> all running: {:?}", before.elapsed()));
    scanned.is_silent();
}

#[test]
fn the_slow_ones_share_their_time() {
    std::thread::scope(|scope| {
        scope.spawn(a_directory_without_run_is_started_as_it_is_after_five_seconds);
        scope.spawn(a_service_that_waited_in_vain_for_its_logger_is_logged_from_the_first_line);
    });
}

fn a_directory_without_run_is_started_as_it_is_after_five_seconds() {
    let scanned = Scanned::new();
    let before = Instant::now();
    fs::create_dir(scanned.sandbox.path("service/web")).unwrap();
    let message = "supervise: fatal: unable to start web/run: file does not exist\n";
    scanned
        .sandbox
        .wait_until("supervise complains", || scanned.sandbox.read("messages").starts_with(message));
    let elapsed = before.elapsed();
    assert!(elapsed >= Duration::from_secs(5), "after {elapsed:?}");
}

fn a_service_that_waited_in_vain_for_its_logger_is_logged_from_the_first_line() {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    // Another look in between: when the five seconds are over, no look is due.
    fs::create_dir_all(sandbox.path("service/web/log")).unwrap();
    sandbox.script("service/web/run", "echo hello\n: >started\nexec sleep 1000");
    let start = Instant::now();
    sandbox.wait_until("some time has passed", || start.elapsed() > Duration::from_secs(2));
    scanned.has_looked();
    sandbox.wait_until("the service runs", || sandbox.path("service/web/started").exists());
    sandbox.wait_until("the logger is tried", || sandbox.count("messages", "unable to start log/run") >= 1);
    sandbox.script("service/web/log/new", "exec multilog ./main");
    fs::rename(sandbox.path("service/web/log/new"), sandbox.path("service/web/log/run")).unwrap();
    sandbox.wait_until("the first line is logged", || sandbox.log_of("service/web") == "hello\n");
    assert_eq!(sandbox.count("messages", "hello"), 0);
}

#[test]
fn a_logger_that_is_added_later_is_taken_up_without_disturbing_the_service() {
    best_of_attempts("from a logger that is renamed to running", SOON, || {
        add_a_logger(|scanned| {
            scanned.sandbox.script("new/log/run", "exec multilog ./main");
            fs::rename(scanned.sandbox.path("new/log"), scanned.sandbox.path("service/web/log")).unwrap();
        })
    });
    best_of_attempts("from a logger that is complete to running", SOON, || {
        add_a_logger(|scanned| {
            fs::create_dir(scanned.sandbox.path("service/web/log")).unwrap();
            scanned.has_looked();
            let mut run = create(&scanned.sandbox, "service/web/log/run", 0o755);
            run.write_all(b"#!/bin/sh\n").unwrap();
            scanned.has_looked();
            run.write_all(b"exec multilog ./main\n").unwrap();
        })
    });
}

/// Adds a logger to a service that runs, and says how long it takes from that until the logger runs.
#[track_caller]
fn add_a_logger(add: impl FnOnce(&Scanned)) -> Duration {
    let scanned = Scanned::new();
    let (sandbox, name) = (&scanned.sandbox, "service/web");
    sandbox.script("new/service/run", ": >started\necho hello\nexec sleep 1000");
    scanned.timed(name, || fs::rename(sandbox.path("new/service"), sandbox.path(name)).unwrap());
    let (pid, supervise) = (sandbox.next_pid(name, 0), sandbox.next_supervise(name, 0));
    add(&scanned);
    let before = Instant::now();
    sandbox.next_pid("service/web/log", 0);
    let elapsed = before.elapsed();
    sandbox.next_supervise(name, supervise);
    assert_eq!(sandbox.pid(name), pid, "the service goes on");
    assert_eq!(sandbox.log_of(name), "");

    sandbox.run(&format!("svc -t {name}"));
    sandbox.next_pid(name, pid);
    sandbox.wait_until("the service is logged", || sandbox.log_of(name) == "hello\n");
    assert_eq!(sandbox.read("messages"), "hello\n", "what the service said before");
    elapsed
}

/// svscanboot gives svscan a pipe to readproctitle, which everything inherits. That is not the pipe to a logger.
#[test]
fn a_logger_that_is_added_later_does_not_get_what_svscan_says() {
    let sandbox = Sandbox::new();
    sandbox.script("service/web/run", "exec sleep 1000");
    let mut said = sandbox.start("sh -c 'svscan service | exec cat >said'", "messages");
    let pid = sandbox.next_pid("service/web", 0);
    let supervise = sandbox.next_supervise("service/web", 0);
    sandbox.script("new/run", "exec multilog ./main");
    fs::rename(sandbox.path("new"), sandbox.path("service/web/log")).unwrap();
    let log = sandbox.next_pid("service/web/log", 0);
    sandbox.next_supervise("service/web", supervise);
    assert_eq!(sandbox.pid("service/web"), pid, "the service goes on");
    let pipe = |pid: i32, number: i32| fs::read_link(format!("/proc/{pid}/fd/{number}")).unwrap();
    assert_ne!(pipe(log, 0), pipe(pid, 1), "the logger has a pipe of its own");
    sandbox.run("svc -t service/web");
    let next = sandbox.next_pid("service/web", pid);
    assert_eq!(pipe(log, 0), pipe(next, 1));
    assert!(!said.has_ended());
}

/// Shows how long it took; somebody who only looked every few seconds would be late each time.
#[track_caller]
fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    assert!(times[0] < SOON, "{what}: {times:?}");
    show(&format!("{what}: median {:?}, longest {:?}", times[times.len() / 2], times[times.len() - 1]));
}

#[test]
fn a_name_may_look_like_an_option() {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    for name in ["--down", "--delay=3", "--delay", "--", "-x", "-"] {
        sandbox.logged_service("new", ": >started\necho hello\nexec sleep 1000");
        let service = format!("service/{name}");
        scanned.timed(&service, || fs::rename(sandbox.path("new"), sandbox.path(&service)).unwrap());
        sandbox.wait_until(&format!("{name} is logged"), || sandbox.log_of(&service) == "hello\n");
    }
    scanned.is_silent();
}

/// What a service does in its own directory costs svscan nothing, and hides nothing.
#[test]
fn a_service_that_makes_files_all_the_time_costs_next_to_nothing() {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    let busy = "import os\nopen('started', 'w')\nwhile True:\n open('x', 'w').close()\n os.unlink('x')";
    sandbox.write("new/run", &format!("#!/usr/bin/env python3\n{busy}\n"));
    fs::set_permissions(sandbox.path("new/run"), Permissions::from_mode(0o755)).unwrap();
    scanned.timed("service/busy", || fs::rename(sandbox.path("new"), sandbox.path("service/busy")).unwrap());
    let pid = sandbox.next_pid("service/busy", 0);
    let (before, begin) = (ticks(scanned.svscan.pid()), Instant::now());
    let start = ticks(pid);
    sandbox.wait_until("it has been busy for a second", || ticks(pid) - start > 100);
    let spent = ticks(scanned.svscan.pid()) - before;
    show(&format!("svscan beside a service that makes files for a second: {spent} ticks"));
    // On a busy machine that second takes longer, and svscan is woken ten times in each.
    assert!(spent <= 10 + begin.elapsed().as_secs(), "{spent} of 100 ticks");
    sandbox.script("new/run", "exec multilog ./main");
    fs::rename(sandbox.path("new"), sandbox.path("service/busy/log")).unwrap();
    sandbox.next_pid("service/busy/log", 0);
    assert_eq!(sandbox.next_pid("service/busy", 0), pid);
    scanned.is_silent();
}

/// The hundredths of a second that a process has used.
fn ticks(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11..=12].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}
