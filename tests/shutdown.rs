//! The end of svscan, with services that obey: at once, in order, with nothing left and no last line lost.

use crate::support::{
    BEFORE_THE_GRACE_IS_OVER, ENDLESS_GRACE, Sandbox, best_of_attempts, children, is_root, kill,
    process_state, program_of, send, show,
};
use nix::sys::signal::Signal::{SIGALRM, SIGHUP, SIGINT, SIGTERM};
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

/// Says a last word when it is told to end.
const OBEDIENT: &str = "trap 'echo last words; exit 0' TERM\necho started\nwhile :; do sleep 0.02; done";

/// The same, but it takes its time, until something is written to `in`.
const PENSIVE: &str = "exec 3<>in
trap 'trap \"\" TERM; echo told >told; read -r line <&3; echo last words; exit 0' TERM
echo started\nwhile :; do sleep 0.02; done";

#[test]
fn obedient_services_end_at_once_and_are_up_again_at_once() {
    const ROUNDS: usize = 5;
    const NAMES: [&str; 3] = ["service/one", "service/two", "service/three"];
    let sandbox = Sandbox::new();
    for name in NAMES {
        let run = "trap 'echo last words; exit 0' TERM\necho started\nwhile read -r word; do :; done <in";
        sandbox.logged_service(name, run);
    }
    let _held = NAMES.map(|name| sandbox.fifo(&format!("{name}/in")));
    let mut expected = String::new();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let mut svscan = sandbox.start("svscan service", "messages");
        expected += "started\n";
        for name in NAMES {
            sandbox.wait_until(&format!("{name} is up"), || sandbox.log_of(name) == expected);
        }
        let before = Instant::now();
        send(svscan.pid(), if round % 2 == 0 { SIGTERM } else { SIGINT });
        assert_eq!(svscan.wait().code(), Some(0));
        times.push(before.elapsed());
        assert_eq!(sandbox.processes(), []);
        expected += "last words\n";
        for name in NAMES {
            assert_eq!(sandbox.log_of(name), expected, "{name}");
        }
    }
    times.sort();
    show(&format!("TERM -> all gone: median {:?}, longest {:?}", times[ROUNDS / 2], times[ROUNDS - 1]));
    assert_eq!(sandbox.complaints(), "");
}

#[test]
fn what_an_earlier_svscan_left_running_ends_too() {
    let sandbox = Sandbox::new();
    sandbox.logged_service("service/web", OBEDIENT);
    let svscan = sandbox.start("svscan service", "messages");
    sandbox.wait_until("it is up", || sandbox.log_of("service/web") == "started\n");
    let pid = sandbox.next_pid("service/web", 0);
    drop(svscan);
    let mut svscan = sandbox.start("svscan service", "messages");
    // That it starts another shows that it has looked.
    sandbox.logged_service("new", OBEDIENT);
    fs::rename(sandbox.path("new"), sandbox.path("service/new")).unwrap();
    sandbox.wait_until("the other is up", || sandbox.log_of("service/new") == "started\n");
    assert_eq!(sandbox.next_pid("service/web", 0), pid);
    send(svscan.pid(), SIGTERM);
    assert_eq!(svscan.wait().code(), Some(0));
    assert_eq!(sandbox.processes(), []);
    for name in ["service/web", "service/new"] {
        assert_eq!(sandbox.log_of(name), "started\nlast words\n");
    }
}

#[test]
fn a_service_whose_directory_was_removed_ends_with_the_others() {
    best_of_attempts("from TERM to the end", BEFORE_THE_GRACE_IS_OVER, || {
        let sandbox = Sandbox::new();
        sandbox.script("service/gone/run", "exec sleep 1000");
        sandbox.script("service/stays/run", "exec sleep 1000");
        let mut svscan = sandbox.start("svscan service", "messages");
        let pids = ["service/gone", "service/stays"].map(|name| sandbox.next_pid(name, 0));
        sandbox.wait_until("it is removed", || fs::remove_dir_all(sandbox.path("service/gone")).is_ok());
        let before = Instant::now();
        send(svscan.pid(), SIGTERM);
        assert_eq!(svscan.wait().code(), Some(0));
        assert!(pids.iter().all(|&pid| process_state(pid).is_none()));
        before.elapsed()
    });
}

#[test]
fn term_before_the_first_service_ends_svscan() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("service")).unwrap();
    let mut svscan = sandbox.start("svscan service", "messages");
    // A shell becomes svscan.
    let waits = || program_of(svscan.pid()) == "svscan" && process_state(svscan.pid()) == Some('S');
    sandbox.wait_until("svscan waits", waits);
    send(svscan.pid(), SIGTERM);
    assert!(svscan.wait().code() == Some(0));
}

/// Whenever TERM comes, be it while supervises are being started, nobody waits for the grace.
#[test]
fn term_right_after_the_start_ends_all_at_once() {
    const SERVICES: usize = 30;
    let sandbox = Sandbox::new();
    for number in 0..SERVICES {
        sandbox.script(&format!("service/{number}/run"), "exec sleep 1000");
        sandbox.write(&format!("service/{number}/timeout-kill"), ENDLESS_GRACE);
    }
    for round in 0..8 {
        let mut svscan = sandbox.start("svscan service", "messages");
        // From the first supervise on; it is the moment that matters, so nothing else is waited for.
        sandbox.wait_until("svscan has a child", || !children(svscan.pid()).is_empty());
        std::thread::sleep(Duration::from_millis(round * 2));
        send(svscan.pid(), SIGTERM);
        assert_eq!(svscan.wait().code(), Some(0), "in round {round}");
        assert_eq!(sandbox.processes(), []);
    }
}

#[test]
fn more_signals_during_the_end_change_nothing() {
    let sandbox = Sandbox::new();
    sandbox.logged_service("service/web", PENSIVE);
    sandbox.write("service/web/timeout-kill", ENDLESS_GRACE);
    let words = sandbox.fifo("service/web/in");
    let mut svscan = sandbox.start("svscan service", "messages");
    let log = || sandbox.log_of("service/web");
    sandbox.wait_until("it is logged", || log() == "started\n");
    let services = ["service/web", "service/web/log"].map(|name| sandbox.next_pid(name, 0));
    send(svscan.pid(), SIGTERM);
    sandbox.wait_until("it is told", || sandbox.path("service/web/told").exists());
    for (number, signal) in [SIGTERM, SIGINT, SIGHUP, SIGALRM, SIGTERM].into_iter().enumerate() {
        sandbox.script("new/run", "exec sleep 1000");
        sandbox.run(&format!("mv new service/{number}"));
        send(svscan.pid(), signal);
        assert_eq!(svscan.wait_at_most(Duration::from_millis(100)), None, "after {signal}");
        assert!(services.iter().all(|&pid| process_state(pid).is_some()), "after {signal}");
    }
    writeln!(&words).unwrap();
    assert_eq!(svscan.wait().code(), Some(0));
    assert_eq!(log(), "started\nlast words\n");
    assert_eq!(sandbox.processes(), []);
    let supervised = sandbox.run("find service -name supervise | sort");
    assert_eq!(supervised, "service/web/log/supervise\nservice/web/supervise\n", "nothing new was started");
    assert_eq!(sandbox.complaints(), "");
}

#[test]
fn a_paused_service_ends_as_the_others() {
    let sandbox = Sandbox::new();
    sandbox.logged_service("service/web", OBEDIENT);
    sandbox.write("service/web/timeout-kill", ENDLESS_GRACE);
    let mut svscan = sandbox.start("svscan service", "messages");
    let log = || sandbox.log_of("service/web");
    sandbox.wait_until("it is logged", || log() == "started\n");
    let pid = sandbox.next_pid("service/web", 0);
    sandbox.run("svc -p service/web");
    sandbox.wait_until("it is stopped", || process_state(pid) == Some('T'));
    send(svscan.pid(), SIGTERM);
    assert_eq!(svscan.wait().code(), Some(0));
    assert_eq!(log(), "started\nlast words\n");
}

/// Without /proc, or with that of other processes, services still have a name under which they can be told.
#[test]
fn all_ends_without_a_proc_of_its_own() {
    let (no_proc, wrong_proc) =
        ("unshare --mount sh -c 'mount -t tmpfs none /proc && ", "unshare --pid --fork --kill-child sh -c '");
    for prefix in [no_proc, wrong_proc] {
        let sandbox = Sandbox::new();
        if !is_root() || !sandbox.sh(&format!("{prefix} true'")).status.success() {
            show("skipped: a namespace needs root");
            return;
        }
        sandbox.logged_service("service/web", OBEDIENT);
        sandbox.write("service/web/timeout-kill", ENDLESS_GRACE);
        let mut svscan = sandbox.start(&format!("{prefix} exec svscan service'"), "messages");
        let log = || sandbox.log_of("service/web");
        sandbox.wait_until("it is logged", || log() == "started\n");
        // In a namespace, it is the child of unshare.
        let pid = if prefix == wrong_proc { children(svscan.pid())[0] } else { svscan.pid() };
        send(pid, SIGTERM);
        assert_eq!(svscan.wait().code(), Some(0), "{prefix}");
        assert_eq!(log(), "started\nlast words\n");
        assert_eq!(sandbox.processes(), []);
    }
}

/// The last line of a service stands behind many others, and the logger does not even read yet.
#[test]
fn a_logger_that_is_behind_is_waited_for() {
    const LINES: usize = 1500;
    let sandbox = Sandbox::new();
    let run = format!(
        "trap 'echo last words; exit 0' TERM\nseq -f 'line %06.0f of many' {LINES}\n: >ready\nwhile :; do sleep 0.02; done"
    );
    sandbox.script("service/web/run", &run);
    sandbox.script("service/web/log/run", "exec 3<>in\nread -r line <&3\nexec cat >>all");
    let words = sandbox.fifo("service/web/log/in");
    let mut svscan = sandbox.start("svscan service", "messages");
    sandbox.wait_until("all is in the pipe", || sandbox.path("service/web/ready").exists());
    let pid = sandbox.next_pid("service/web", 0);
    send(svscan.pid(), SIGTERM);
    sandbox.wait_until("the service is gone", || process_state(pid).is_none());
    assert!(!svscan.has_ended());
    assert_eq!(sandbox.read("service/web/log/all"), "");
    writeln!(&words).unwrap();
    assert_eq!(svscan.wait().code(), Some(0));
    let all = sandbox.read("service/web/log/all");
    assert_eq!(all.lines().count(), LINES + 1);
    assert!(all.ends_with(" of many\nlast words\n"), "{}", &all[all.len() - 100..]);
}

/// The signal sets of a process, as proc(5) names them.
fn signals(pid: i32, set: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(set)).unwrap().trim().to_string();
    // The C library keeps 32 and 33 to itself.
    u64::from_str_radix(&line, 16).unwrap() & !(0b11 << 31)
}

#[test]
fn signals_that_its_caller_had_blocked_or_ignored_are_obeyed() {
    let odd = "import os, signal, sys
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
os.execvp(sys.argv[1], sys.argv[1:])
";
    for (signal, goes_on) in [(SIGTERM, false), (SIGINT, false), (SIGHUP, true)] {
        let sandbox = Sandbox::new();
        sandbox.write("odd.py", odd);
        sandbox.script("store/run", "exec sleep 1000");
        sandbox.script("service/other/run", "exec sleep 1000");
        sandbox.run("ln -s ../store service/web");
        let mut svscan = sandbox.start("python3 odd.py svscan service", "messages");
        let pid = sandbox.next_pid("store", 0);
        sandbox.wait_until("the service is its program", || program_of(pid) == "sleep");
        let other = sandbox.next_pid("service/other", 0);
        for set in ["SigBlk:", "SigIgn:"] {
            assert_eq!(signals(pid, set), 0, "{set}");
        }
        fs::remove_file(sandbox.path("service/web")).unwrap();
        send(svscan.pid(), signal);
        sandbox.wait_until("the service has ended", || process_state(pid).is_none());
        if goes_on {
            assert!(process_state(other).is_some(), "HUP ends only what has vanished");
        } else {
            assert_eq!(svscan.wait().code(), Some(0));
            assert_eq!(sandbox.processes(), []);
        }
    }
}

/// Its supervise has died, so it is a child of svscan, like what services leave behind.
#[test]
fn a_logger_that_was_taken_over_writes_all_down() {
    let sandbox = Sandbox::new();
    sandbox.script(
        "service/web/run",
        "trap 'echo last words; exit 0' TERM\n: >ready\nwhile :; do sleep 0.02; done",
    );
    sandbox.script("service/web/log/run", ": >ready\nexec 3<>in\nread -r line <&3\nexec cat >>all");
    let words = sandbox.fifo("service/web/log/in");
    let mut svscan = sandbox.start("svscan service", "messages");
    for name in ["service/web", "service/web/log"] {
        sandbox.wait_until("it runs", || sandbox.path(name).join("ready").exists());
    }
    let [web, log] = ["service/web", "service/web/log"].map(|name| sandbox.next_pid(name, 0));
    let supervise = sandbox.next_supervise("service/web/log", 0);
    kill(supervise);
    sandbox.next_supervise("service/web/log", supervise);
    send(svscan.pid(), SIGTERM);
    sandbox.wait_until("the service is gone", || process_state(web).is_none());
    assert_eq!(svscan.wait_at_most(Duration::from_millis(500)), None);
    assert!(process_state(log).is_some(), "nobody has ended the logger");
    writeln!(&words).unwrap();
    assert_eq!(svscan.wait().code(), Some(0));
    assert_eq!(sandbox.read("service/web/log/all"), "last words\n");
}

/// Its next start has to wait for its second, and there is something in its pipe.
#[test]
fn a_logger_that_has_just_ended_is_started_once_more_for_the_last_lines() {
    let sandbox = Sandbox::new();
    sandbox.script("service/web/run", OBEDIENT);
    sandbox.script("service/web/log/run", "read -r line && echo \"$line\" >>all");
    let mut svscan = sandbox.start("svscan service", "messages");
    sandbox.wait_until("the first line is logged", || sandbox.read("service/web/log/all") == "started\n");
    send(svscan.pid(), SIGTERM);
    assert_eq!(svscan.wait().code(), Some(0));
    assert_eq!(sandbox.read("service/web/log/all"), "started\nlast words\n");
    assert_eq!(sandbox.processes(), []);
}

#[test]
fn a_logger_that_is_down_on_purpose_is_started_for_the_last_lines() {
    let sandbox = Sandbox::new();
    sandbox.logged_service("service/web", OBEDIENT);
    let mut svscan = sandbox.start("svscan service", "messages");
    sandbox.wait_until("the first line is logged", || sandbox.log_of("service/web") == "started\n");
    sandbox.run("svc -d service/web/log");
    sandbox.wait_until_down("service/web/log");
    send(svscan.pid(), SIGTERM);
    assert_eq!(svscan.wait().code(), Some(0));
    assert_eq!(sandbox.log_of("service/web"), "started\nlast words\n");
}

/// Such a run finishes its work, and would drop it at a second signal.
#[test]
fn a_run_that_the_manager_has_told_to_end_is_not_told_again() {
    let sandbox = Sandbox::new();
    sandbox
        .script("service/web/run", "exec 3<>in\ntrap 'echo TERM >>signals' TERM\n: >ready\nread -r line <&3");
    let words = sandbox.fifo("service/web/in");
    let mut svscan = sandbox.start("svscan service", "messages");
    sandbox.wait_until("it listens", || sandbox.path("service/web/ready").exists());
    sandbox.next_pid("service/web", 0);
    let note = servicedir::service::told::note(&sandbox.status("service/web").unwrap()).unwrap();
    sandbox.write("service/web/supervise/told", std::str::from_utf8(&note).unwrap());
    send(svscan.pid(), SIGTERM);
    let is_to_exit = || sandbox.instance("service/web").is_none_or(|instance| instance.exiting);
    sandbox.wait_until("its supervise is told to exit", is_to_exit);
    writeln!(&words).unwrap();
    assert_eq!(svscan.wait().code(), Some(0));
    assert_eq!(sandbox.read("service/web/signals"), "");
    assert_eq!(sandbox.processes(), []);
}
