//! What comes into the scan directory runs as soon as it is complete, and not before; whatever svscan is not told of
//! it finds by itself. And as long as nothing happens, nothing wakes.

use crate::support::{Running, Sandbox, process_state, send, show};
use nix::sys::signal::Signal::{SIGALRM, SIGHUP};
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::time::{Duration, Instant};

/// From being complete to running: well under the five seconds of a look.
const SOON: Duration = Duration::from_secs(2);

const ROUNDS: usize = 20;

/// Leaves a mark when it runs, and stays. It prints nothing, because it may run before its logger is there.
const MARK_AND_STAY: &str = "#!/bin/sh\n: >started\nexec sleep 1000\n";

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
        scanned.sandbox.script(&format!("{store}/run"), ": >started\nexec sleep 1000");
        scanned.sandbox.script(&format!("{store}/log/run"), "exec multilog ./main");
        scanned.timed(&name, || symlink(format!("../{store}"), scanned.sandbox.path(&name)).unwrap())
    });
    report("linked -> running, with a logger", times.collect());
    scanned.is_silent();
}

#[test]
fn a_directory_that_is_copied_slowly_runs_when_it_is_complete() {
    let scanned = Scanned::new();
    for (name, log) in [("service/plain", Log::None), ("service/logged", Log::First)] {
        scanned.copy_slowly(name, 0o644, log);
        let run = scanned.sandbox.path(name).join("run");
        scanned.timed(name, || fs::set_permissions(run, Permissions::from_mode(0o755)).unwrap());
    }
    scanned.is_silent();
}

#[test]
fn a_program_that_is_still_being_written_is_not_run() {
    let scanned = Scanned::new();
    for (name, log) in [("service/plain", Log::None), ("service/logged", Log::First)] {
        // Executable from the beginning, as cp makes it; and now complete but for the last line, and open.
        let run = scanned.copy_slowly(name, 0o755, log).unwrap();
        scanned.timed(name, || drop(run));
    }
    scanned.is_silent();
}

#[test]
fn a_service_waits_for_its_logger_that_is_being_copied() {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    fs::create_dir_all(sandbox.path("service/web/log")).unwrap();
    sandbox.script("service/web/run", "echo hello\n: >started\nexec sleep 1000");
    scanned.has_looked();
    let mut run = create(sandbox, "service/web/log/run", 0o755);
    run.write_all(b"#!/bin/sh\n").unwrap();
    scanned.has_looked();
    scanned.is_not_started("service/web");
    run.write_all(b"exec multilog ./main\n").unwrap();
    scanned.timed("service/web", || drop(run));
    sandbox.wait_until("the service is logged", || sandbox.read("service/web/log/main/current") == "hello\n");
    scanned.is_silent();
}

/// cp and tar take the files of a directory in any order, and svscan sees each come.
#[test]
fn a_service_that_is_copied_with_its_logger_runs_and_is_logged() {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    let run = ": >started\necho hello >>../../lines/$$\necho hello\nexec sleep 1000";
    fs::create_dir(sandbox.path("lines")).unwrap();
    sandbox.script("store/both/run", run);
    sandbox.script("store/both/log/run", "exec multilog ./main");
    sandbox
        .run("cd store && tar cf run-first.tar both/run both/log && tar cf log-first.tar both/log both/run");
    for round in 0..ROUNDS {
        let name = format!("service/{round}");
        let copy = match round % 4 {
            0 | 1 => format!("cp -r store/both {name}"),
            2 => format!("mkdir {name} && tar xf store/log-first.tar -C {name} --strip-components=1"),
            _ => format!("mkdir {name} && tar xf store/run-first.tar -C {name} --strip-components=1"),
        };
        scanned.timed(&name, || drop(sandbox.run(&copy)));
        sandbox.next_pid(&format!("{name}/log"), 0);
    }
    // Where the service came first, its first words went where svscan's go; a new start is logged everywhere.
    for round in 0..ROUNDS {
        let (name, log) = (format!("service/{round}"), format!("service/{round}/log/main/current"));
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
    report("1000 links -> all running", vec![before.elapsed()]);
    scanned.is_silent();
}

#[test]
fn the_slow_ones_share_their_time() {
    std::thread::scope(|scope| {
        scope.spawn(a_directory_without_run_is_started_as_it_is_after_five_seconds);
        scope.spawn(a_service_that_waited_in_vain_for_its_logger_is_logged_from_the_first_line);
        scope.spawn(|| without_inotify_all_comes_to_pass_in_five_seconds("instances"));
        scope.spawn(|| without_inotify_all_comes_to_pass_in_five_seconds("watches"));
        scope.spawn(an_idle_tree_makes_no_system_call);
        scope.spawn(a_directory_that_waits_to_be_completed_costs_next_to_nothing);
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
    assert!(elapsed < Duration::from_secs(8), "after {elapsed:?}");
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
    sandbox
        .wait_until("the first line is logged", || sandbox.read("service/web/log/main/current") == "hello\n");
    assert_eq!(sandbox.count("messages", "hello"), 0);
}

/// Without inotify there is a look every five seconds, and one more at ALRM; svscan says so once.
fn without_inotify_all_comes_to_pass_in_five_seconds(refused: &str) {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("service")).unwrap();
    // A limit of a user namespace of its own is gone with it.
    let limit = format!("echo 0 >/proc/sys/user/max_inotify_{refused}");
    let svscan = format!("unshare --user --map-root-user sh -c '{limit} && exec svscan service'");
    let svscan = sandbox.start(&svscan, "messages");
    let scanned = Scanned { sandbox, svscan };
    let sandbox = &scanned.sandbox;
    // Five seconds, and as much again for a busy machine; the safety net would be minutes.
    let a_look = Duration::from_secs(10);
    let complaint = "svscan: warning: unable to watch directory: ";
    sandbox.wait_until("svscan says that it is not told of changes", || {
        sandbox.count("messages", complaint) == 1
    });

    sandbox.script("store/linked/run", ": >started\nexec sleep 1000");
    let elapsed = scanned.timed_within(a_look, "service/linked", || {
        symlink("../store/linked", sandbox.path("service/linked")).unwrap();
    });
    // It may be found at once; but the next then comes between two looks.
    show(&format!("{refused} refused: found after {elapsed:?}"));
    sandbox.script("new/renamed/run", ": >started\nexec sleep 1000");
    let elapsed = scanned.timed_within(a_look, "service/renamed", || {
        fs::rename(sandbox.path("new/renamed"), sandbox.path("service/renamed")).unwrap();
        send(scanned.svscan.pid(), SIGALRM);
    });
    assert!(elapsed < SOON, "ALRM looks at once, not after {elapsed:?}");

    let pid = sandbox.next_pid("service/renamed", 0);
    sandbox.script("new/log/run", "exec multilog ./main");
    fs::rename(sandbox.path("new/log"), sandbox.path("service/renamed/log")).unwrap();
    sandbox.next_pid("service/renamed/log", 0);
    assert_eq!(sandbox.next_pid("service/renamed", 0), pid);

    let linked = sandbox.next_pid("service/linked", 0);
    fs::remove_file(sandbox.path("service/linked")).unwrap();
    send(scanned.svscan.pid(), SIGHUP);
    sandbox.wait_until("the service that vanished is down", || process_state(linked).is_none());
    assert_eq!(process_state(pid), Some('S'));
    assert_eq!(sandbox.read("messages").lines().count(), 1, "{}", sandbox.read("messages"));
}

#[test]
fn a_logger_that_is_added_later_is_taken_up_without_disturbing_the_service() {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    sandbox.script("new/log/run", "exec multilog ./main");
    for (name, is_slow) in [("service/renamed", false), ("service/copied", true)] {
        sandbox.script("new/service/run", ": >started\necho hello\nexec sleep 1000");
        scanned.timed(name, || fs::rename(sandbox.path("new/service"), sandbox.path(name)).unwrap());
        let (pid, supervise) = (sandbox.next_pid(name, 0), sandbox.next_supervise(name, 0));
        if is_slow {
            fs::create_dir(sandbox.path(&format!("{name}/log"))).unwrap();
            scanned.has_looked();
            let mut run = create(sandbox, &format!("{name}/log/run"), 0o755);
            run.write_all(b"#!/bin/sh\n").unwrap();
            scanned.has_looked();
            run.write_all(b"exec multilog ./main\n").unwrap();
        } else {
            sandbox.run(&format!("cp -r new/log new/copy && mv new/copy {name}/log"));
        }
        let before = Instant::now();
        sandbox.next_pid(&format!("{name}/log"), 0);
        let elapsed = before.elapsed();
        assert!(elapsed < SOON, "the logger of {name} runs only after {elapsed:?}");
        sandbox.next_supervise(name, supervise);
        assert_eq!(sandbox.pid(name), pid, "the service goes on");
        assert_eq!(sandbox.read(&format!("{name}/log/main/current")), "");

        sandbox.run(&format!("svc -t {name}"));
        sandbox.next_pid(name, pid);
        let log = format!("{name}/log/main/current");
        sandbox.wait_until("the service is logged", || sandbox.read(&log) == "hello\n");
    }
    assert_eq!(sandbox.read("messages"), "hello\n".repeat(2), "what the services said before");
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
    assert_eq!(sandbox.read("store/logged/log/main/current"), "hello\n");
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
    let is_idle = (0..4).any(|_| {
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

/// Creates a file and leaves it open.
fn create(sandbox: &Sandbox, name: &str, mode: u32) -> File {
    File::options().write(true).create_new(true).mode(mode).open(sandbox.path(name)).unwrap()
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    show(&format!("{what}: median {:?}, longest {:?}", times[times.len() / 2], times[times.len() - 1]));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Log {
    None,
    /// It is there before the service.
    First,
}

/// svscan in an empty scan directory.
struct Scanned {
    sandbox: Sandbox,
    svscan: Running,
}

impl Scanned {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.path("service")).unwrap();
        let svscan = sandbox.start("svscan service", "messages");
        let scanned = Self { sandbox, svscan };
        scanned.has_looked();
        scanned
    }

    /// How long it takes from `action` to the start of the service `name`.
    #[track_caller]
    fn timed(&self, name: &str, action: impl FnOnce()) -> Duration {
        self.timed_within(SOON, name, action)
    }

    #[track_caller]
    fn timed_within(&self, limit: Duration, name: &str, action: impl FnOnce()) -> Duration {
        let started = self.sandbox.path(name).join("started");
        let before = Instant::now();
        action();
        let done = Instant::now();
        while !started.exists() {
            if done.elapsed() > limit {
                // The report shows what is there.
                self.sandbox.wait_until(&format!("{name} runs"), || started.exists());
                panic!("{name} runs only after {:?}", done.elapsed());
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        before.elapsed()
    }

    /// Waits until svscan has looked at the directory once more: something that came after all else runs.
    #[track_caller]
    fn has_looked(&self) {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let (new, name) = (format!("witness{number}"), format!("service/witness{number}"));
        self.sandbox.write(&format!("{new}/run"), MARK_AND_STAY);
        self.sandbox.run(&format!("chmod 755 {new}/run && mv {new} {name}"));
        self.sandbox.next_pid(&name, 0);
    }

    /// Makes a service in the scan directory step by step, each seen by svscan; returns `run`, complete, but open.
    fn copy_slowly(&self, name: &str, mode: u32, log: Log) -> Option<File> {
        fs::create_dir(self.sandbox.path(name)).unwrap();
        self.has_looked();
        if log == Log::First {
            self.sandbox.script(&format!("{name}/log/run"), "exec multilog ./main");
            self.has_looked();
        }
        let mut run = create(&self.sandbox, &format!("{name}/run"), mode);
        for line in MARK_AND_STAY.split_inclusive('\n') {
            run.write_all(line.as_bytes()).unwrap();
            self.has_looked();
        }
        self.is_not_started(name);
        (mode & 0o100 != 0).then_some(run)
    }

    #[track_caller]
    fn is_not_started(&self, name: &str) {
        assert!(!self.sandbox.path(name).join("supervise").exists(), "{name} is supervised too early");
    }

    /// Nobody had anything to complain about.
    #[track_caller]
    fn is_silent(&self) {
        assert_eq!(self.sandbox.read("messages"), "");
    }
}
