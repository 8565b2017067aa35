//! `svscan --stagger`: the first starts at boot come one after the other, and nothing else is put off.

use crate::support::{Running, Sandbox, best_of_attempts, kill, send};
use nix::sys::signal::Signal::SIGTERM;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Notes when it starts, by the clock that the test reads, too.
const NOTE: &str = "date +%s.%N >>started\nexec sleep 1000";

/// From one slot to the next.
const GAP: Duration = Duration::from_millis(400);

/// A gap that no test lives to see the end of.
const FOR_EVER: &str = "--stagger=1000";

#[test]
fn services_start_in_the_order_of_their_names_and_never_before_their_slot() {
    let sandbox = Sandbox::new();
    // Neither the order in which they were made nor that of their numbers is the order of names.
    let names = ["10", "a", "b", "c", "z"];
    for name in ["z", "b", "10", "c", "a"] {
        sandbox.script(&format!("service/{name}/run"), NOTE);
    }
    sandbox.script("service/aa/run", NOTE);
    sandbox.write("service/aa/down", "");
    let before = now();
    let _svscan = sandbox.start("svscan --stagger=0.4 service", "messages");
    let starts: Vec<f64> = names.iter().map(|name| started(&sandbox, name)).collect();
    for (slot, start) in starts.iter().enumerate() {
        let earliest = before + GAP.as_secs_f64() * slot as f64;
        assert!(*start >= earliest, "{} is early by {} s: {starts:?}", names[slot], earliest - start);
    }
    assert!(!sandbox.path("service/aa/started").exists());
    assert_eq!(sandbox.read("messages"), "");
}

/// With slots this far apart, whatever has started after the first of all has not waited for one.
#[test]
fn services_that_are_down_take_no_slot() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c"] {
        sandbox.script(&format!("service/{name}/run"), NOTE);
        sandbox.write(&format!("service/{name}/down"), "");
    }
    sandbox.script("service/d/run", NOTE);
    let _svscan = sandbox.start(&format!("svscan {FOR_EVER} service"), "messages");
    started(&sandbox, "d");
    for name in ["a", "b", "c"] {
        let line = sandbox.wait_for_status(&format!("service/{name}"), ": down ");
        assert!(!line.contains("want up"), "{line}");
    }
}

#[test]
fn loggers_and_supervises_do_not_wait() {
    let sandbox = Sandbox::new();
    for name in ["a", "b", "c"] {
        sandbox.logged_service(&format!("service/{name}"), &format!("echo hello\n{NOTE}"));
    }
    let _svscan = sandbox.start(&format!("svscan {FOR_EVER} service"), "messages");
    started(&sandbox, "a");
    for name in ["a", "b", "c"] {
        sandbox.next_pid(&format!("service/{name}/log"), 0);
    }
    for name in ["b", "c"] {
        let line = sandbox.wait_for_status(&format!("service/{name}"), ": down ");
        assert!(line.contains(", normally up, want up"), "{line}");
        assert!(!sandbox.path(&format!("service/{name}/started")).exists());
    }
    // What waits is logged like any other when its time has come.
    sandbox.run("svc -u service/c");
    sandbox.wait_until("the service is logged", || sandbox.log_of("service/c") == "hello\n");
    assert_eq!(sandbox.read("messages"), "");
}

#[test]
fn up_and_once_start_a_waiting_service_now() {
    let (sandbox, _svscan) = waiting(&["a", "b", "c", "d"]);
    for (letter, name) in [("u", "d"), ("o", "c")] {
        assert!(!sandbox.path(&format!("service/{name}/started")).exists());
        sandbox.run(&format!("svc -{letter} service/{name}"));
        started(&sandbox, name);
    }
    // That one was asked for does not bring the others forward.
    assert!(!sandbox.path("service/b/started").exists());
    let line = sandbox.run("svstat service/b");
    assert!(line.contains(": down ") && line.contains("want up"), "{line}");
}

#[test]
fn down_cancels_the_first_start() {
    const SLOT: Duration = Duration::from_secs(5);
    best_of_attempts("from the start of svscan to a command before the second slot", SLOT, || {
        let sandbox = Sandbox::new();
        for name in ["a", "b", "c"] {
            sandbox.script(&format!("service/{name}/run"), NOTE);
        }
        let begin = Instant::now();
        let _svscan = sandbox.start("svscan --stagger 5 service", "messages");
        sandbox.wait_until("b waits", || sandbox.is_served("service/b"));
        sandbox.tell("service/b", "-d");
        let elapsed = begin.elapsed();
        if elapsed > SLOT {
            return Duration::MAX;
        }
        // The slot of c comes after that of b.
        started(&sandbox, "c");
        let line = sandbox.run("svstat service/b");
        assert!(line.contains(": down ") && !line.contains("want up"), "{line}");
        assert!(!sandbox.path("service/b/started").exists());
        sandbox.run("svc -u service/b");
        started(&sandbox, "b");
        elapsed
    });
}

#[test]
fn a_new_svscan_neither_delays_nor_restarts_what_runs() {
    let (sandbox, svscan) = waiting(&["a", "b", "c"]);
    sandbox.run("svc -u service/b service/c");
    let names = ["a", "b", "c"];
    for name in names {
        started(&sandbox, name);
    }
    let pids = names.map(|name| sandbox.next_pid(&format!("service/{name}"), 0));
    drop(svscan);
    sandbox.script("service/d/run", NOTE);
    let _svscan = sandbox.start(&format!("svscan {FOR_EVER} service"), "messages");
    // Those that run took no slot, so the new one has the first.
    started(&sandbox, "d");
    assert_eq!(names.map(|name| sandbox.next_pid(&format!("service/{name}"), 0)), pids);
    for name in names {
        assert_eq!(sandbox.read(&format!("service/{name}/started")).lines().count(), 1, "{name}");
    }
    // Only first starts are put off.
    send(pids[2], SIGTERM);
    sandbox.next_pid("service/c", pids[2]);
    assert_eq!(sandbox.read("messages"), "");
}

#[test]
fn what_comes_later_does_not_wait() {
    let (sandbox, _svscan) = waiting(&["a", "b"]);
    sandbox.script("new/run", NOTE);
    sandbox.run("mv new service/new");
    started(&sandbox, "new");
    assert!(!sandbox.path("service/b/started").exists());
}

#[test]
fn a_supervise_that_dies_while_its_service_waits_does_not_bring_it_forward() {
    let (sandbox, _svscan) = waiting(&["a", "b"]);
    let supervise = sandbox.next_supervise("service/b", 0);
    kill(supervise);
    sandbox.next_supervise("service/b", supervise);
    let line = sandbox.wait_for_status("service/b", ": down ");
    assert!(line.contains("want up"), "{line}");
    assert!(!sandbox.path("service/b/started").exists());
    sandbox.run("svc -u service/b");
    started(&sandbox, "b");
}

#[test]
fn term_ends_svscan_while_services_wait() {
    let (sandbox, mut svscan) = waiting(&["a", "b", "c"]);
    send(svscan.pid(), SIGTERM);
    assert_eq!(svscan.wait().code(), Some(0), "nobody waits for a slot any more");
    assert_eq!(sandbox.processes(), []);
    assert!(!sandbox.path("service/b/started").exists() && !sandbox.path("service/c/started").exists());
}

#[test]
fn values_that_are_no_seconds_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.script("service/a/run", NOTE);
    let usage = "svscan: usage: svscan [--stagger=SECONDS] [--then=PROGRAM] [dir]\n";
    for options in
        ["--stagger", "--stagger=", "--stagger=soon", "--stagger=-1", "--stagger 1e3", "--stagger=1s"]
    {
        let directory = if options == "--stagger" { "" } else { "service" };
        let output = sandbox.sh(&format!("exec svscan {options} {directory}"));
        assert_eq!(output.status.code(), Some(100), "{options}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), usage, "{options}");
        assert_eq!(output.stdout, b"", "{options}");
    }
    assert!(!sandbox.path("service/a/supervise").exists());
}

#[test]
fn directories_that_look_like_options_are_scanned_as_ever() {
    let cases = [
        ("--other", ""),
        ("-s", ""),
        ("--staggered", ""),
        ("--stagger", "./"),
        ("--stagger", "-- "),
        ("--", ""),
    ];
    for (name, prefix) in cases {
        let sandbox = Sandbox::new();
        sandbox.script(&format!("{name}/a/run"), NOTE);
        let _svscan = sandbox.start(&format!("svscan {prefix}{name}"), "messages");
        let started = sandbox.path(name).join("a/started");
        sandbox.wait_until(&format!("the service in {name} runs"), || started.exists());
        assert_eq!(sandbox.read("messages"), "");
    }
}

#[test]
fn mistyped_options_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.script("service/a/run", NOTE);
    for words in ["svscan --staggered=1 service", "svscan --stager=1", "supervise --dealy=1 service/a"] {
        let output = sandbox.sh(&format!("exec {words}"));
        let [program, option] = [0, 1].map(|index| words.split(' ').nth(index).unwrap());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(100), "{words}");
        let expected = format!("{program}: unknown option {option}\n{program}: usage: {program} ");
        assert!(said.starts_with(&expected), "{said}");
    }
    assert!(!sandbox.path("service/a/supervise").exists());
}

/// svscan with these services, of which only the first has started and the others wait for ever.
fn waiting(names: &[&str]) -> (Sandbox, Running) {
    let sandbox = Sandbox::new();
    for name in names {
        sandbox.script(&format!("service/{name}/run"), NOTE);
    }
    let svscan = sandbox.start(&format!("svscan {FOR_EVER} service"), "messages");
    started(&sandbox, names[0]);
    for name in names {
        let directory = format!("service/{name}");
        sandbox.wait_until("it is supervised", || sandbox.is_served(&directory));
    }
    (sandbox, svscan)
}

/// Waits until a service has started, and returns when that was first.
#[track_caller]
fn started(sandbox: &Sandbox, name: &str) -> f64 {
    let file = format!("service/{name}/started");
    sandbox.wait_until(&format!("{name} has started"), || sandbox.read(&file).ends_with('\n'));
    sandbox.read(&file).lines().next().unwrap().parse().unwrap()
}

/// What `date +%s.%N` prints.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}
