//! The end of svscan: what it waits for, what it does not mind, what takes its place; and svscan as process 1.

use crate::support::{Running, Sandbox, is_root, kill, process_state, send, show};
use nix::sys::signal::Signal::{SIGALRM, SIGHUP, SIGINT, SIGTERM};
use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

/// What obeys is gone long before svscan's grace of ten seconds is over.
const BEFORE_THE_GRACE_IS_OVER: Duration = Duration::from_secs(9);

/// Says a last word when it is told to end.
const OBEDIENT: &str = "trap 'echo last words; exit 0' TERM\necho started\nwhile :; do sleep 0.02; done";

/// The same, but it takes its time, until something is written to `in`.
const PENSIVE: &str = "exec 3<>in
trap 'trap \"\" TERM; echo told >told; read -r line <&3; echo last words; exit 0' TERM
echo started\nwhile :; do sleep 0.02; done";

/// Notes what it finds when it takes the place of svscan.
const AFTER: &str =
    "{ echo $$; ulimit -Sn; grep SigBlk /proc/self/status; kill -0 $(cat web/pid) 2>&1; } >../found
exit 7";

#[test]
fn a_program_takes_the_place_of_svscan() {
    for option in ["--then=../after", "--then ../after"] {
        let sandbox = Sandbox::new();
        sandbox.script("after", AFTER);
        sandbox.script("service/web/run", "echo $$ >pid\nexec sleep 1000");
        let mut svscan =
            sandbox.start(&format!("sh -c 'ulimit -Sn 77 && exec svscan {option} service'"), "messages");
        let pid = sandbox.next_pid("service/web", 0);
        sandbox.wait_until("the service runs", || sandbox.read("service/web/pid").ends_with('\n'));
        send(svscan.pid(), SIGTERM);
        assert_eq!(svscan.wait().code(), Some(7));
        let found = sandbox.read("found");
        let lines: Vec<&str> = found.lines().collect();
        assert_eq!(lines[..3], [&svscan.pid().to_string(), "77", "SigBlk:\t0000000000000000"], "{found}");
        assert!(lines[3].ends_with("No such process"), "{found}");
        assert_eq!(process_state(pid), None);
        assert_eq!(sandbox.read("messages"), "");
    }
}

#[test]
fn a_program_that_is_not_there_is_missed_in_the_end() {
    let sandbox = Sandbox::new();
    sandbox.script("service/web/run", "exec sleep 1000");
    let mut svscan = sandbox.start("svscan --then=./nowhere service", "messages");
    let pid = sandbox.next_pid("service/web", 0);
    send(svscan.pid(), SIGTERM);
    assert_eq!(svscan.wait().code(), Some(111));
    assert_eq!(process_state(pid), None);
    assert_eq!(sandbox.read("messages"), "svscan: fatal: unable to run ./nowhere: file does not exist\n");
    assert_eq!(sandbox.sh("exec svscan --then").status.code(), Some(100));
}

#[test]
fn more_signals_during_the_end_change_nothing() {
    let sandbox = Sandbox::new();
    sandbox.script("service/web/run", PENSIVE);
    sandbox.script("service/web/log/run", "exec multilog ./main");
    let words = sandbox.fifo("service/web/in");
    let mut svscan = sandbox.start("svscan service", "messages");
    let log = || sandbox.read("service/web/log/main/current");
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
    assert_eq!(sandbox.read("messages"), "");
}

#[test]
fn a_paused_service_ends_as_the_others() {
    let sandbox = Sandbox::new();
    sandbox.script("service/web/run", OBEDIENT);
    sandbox.script("service/web/log/run", "exec multilog ./main");
    let mut svscan = sandbox.start("svscan service", "messages");
    let log = || sandbox.read("service/web/log/main/current");
    sandbox.wait_until("it is logged", || log() == "started\n");
    let pid = sandbox.next_pid("service/web", 0);
    sandbox.run("svc -p service/web");
    sandbox.wait_until("it is stopped", || process_state(pid) == Some('T'));
    send(svscan.pid(), SIGTERM);
    let status = svscan.wait_at_most(BEFORE_THE_GRACE_IS_OVER).expect("a paused service ends when told to");
    assert_eq!(status.code(), Some(0));
    assert_eq!(log(), "started\nlast words\n");
}

/// Whenever TERM comes, be it while supervises are being started, nobody waits for the grace.
#[test]
fn term_right_after_the_start_ends_all_at_once() {
    const SERVICES: usize = 30;
    let sandbox = Sandbox::new();
    for number in 0..SERVICES {
        sandbox.script(&format!("service/{number}/run"), "exec sleep 1000");
    }
    for round in 0..8 {
        let mut svscan = sandbox.start("svscan service", "messages");
        // From the first supervise on; it is the moment that matters, so nothing else is waited for.
        sandbox.wait_until("svscan has a child", || !children(svscan.pid()).is_empty());
        std::thread::sleep(Duration::from_millis(round * 2));
        send(svscan.pid(), SIGTERM);
        let status = svscan.wait_at_most(BEFORE_THE_GRACE_IS_OVER);
        assert_eq!(status.and_then(|status| status.code()), Some(0), "in round {round}");
        assert_eq!(sandbox.processes(), []);
    }
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
        sandbox.script("service/web/run", OBEDIENT);
        sandbox.script("service/web/log/run", "exec multilog ./main");
        let mut svscan = sandbox.start(&format!("{prefix} exec svscan service'"), "messages");
        let log = || sandbox.read("service/web/log/main/current");
        sandbox.wait_until("it is logged", || log() == "started\n");
        // In a namespace, it is the child of unshare.
        let pid = if prefix == wrong_proc { children(svscan.pid())[0] } else { svscan.pid() };
        send(pid, SIGTERM);
        let status = svscan.wait_at_most(BEFORE_THE_GRACE_IS_OVER);
        assert_eq!(status.and_then(|status| status.code()), Some(0), "{prefix}");
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

#[test]
fn signals_that_were_ignored_stay_ignored() {
    let sandbox = Sandbox::new();
    sandbox.script("store/run", "exec sleep 1000");
    sandbox.run("mkdir service && ln -s ../store service/web");
    let mut svscan = sandbox.start("sh -c 'trap \"\" TERM && exec nohup svscan service'", "messages");
    let pid = sandbox.next_pid("store", 0);
    fs::remove_file(sandbox.path("service/web")).unwrap();
    for (number, signal) in [SIGHUP, SIGTERM].into_iter().enumerate() {
        send(svscan.pid(), signal);
        // What is there after the signal is seen after it.
        sandbox.script("new/run", "exec sleep 1000");
        sandbox.run(&format!("mv new service/{number}"));
        sandbox.next_pid(&format!("service/{number}"), 0);
        assert!(process_state(pid).is_some(), "{signal}");
    }
    let ignored = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap().to_string();
        u64::from_str_radix(&line, 16).unwrap()
    };
    let both = [SIGHUP, SIGTERM].map(|signal| 1_u64 << (signal as u64 - 1)).iter().sum::<u64>();
    for pid in [svscan.pid(), pid] {
        assert_eq!(ignored(pid) & both, both, "services are given what svscan was given");
    }
    // INT was not ignored. The services do not hear TERM: they are killed in the end.
    send(svscan.pid(), SIGINT);
    assert_eq!(svscan.wait().code(), Some(0));
    assert_eq!(sandbox.processes(), []);
}

#[test]
fn process_1_buries_a_thousand_orphans() {
    const ORPHANS: usize = 1000;
    // Each reads a line, and ends. Their parent ends before all of them.
    let parent = format!(
        "number=0; while [ $number -lt {ORPHANS} ]; do read -r line <&3 & number=$((number + 1)); done"
    );
    let run = format!("exec 3<>in\nsh -c '{parent}'\nexec sleep 1000");
    let Some(one) = ProcessOne::start(&[("web", &run)], "") else { return };
    one.sandbox.wait_until("all are children of process 1", || one.children().len() == ORPHANS + 1);
    let before = Instant::now();
    (&one.words[0]).write_all(&[b'\n'; ORPHANS]).unwrap();
    one.sandbox.wait_until("nothing is left but one supervise", || {
        let children = one.children();
        children.len() == 1 && process_state(children[0]).is_some()
    });
    show(&format!("{ORPHANS} orphans that end at once are buried after {:?}", before.elapsed()));
    one.ends_with(0);
}

#[test]
fn process_1_ends_in_good_order() {
    for (then, code) in [("", 0), ("--then=../after", 7)] {
        let Some(one) = ProcessOne::start(&[("web", OBEDIENT), ("db", OBEDIENT)], then) else { return };
        one.sandbox.script("after", "echo $$ >../found\nexit 7");
        let services = ["service/web", "service/db"];
        let log = |name: &str| one.sandbox.read(&format!("{name}/log/main/current"));
        for name in services {
            one.sandbox.wait_until("it is logged", || log(name) == "started\n");
        }
        let sandbox = one.ends_with(code);
        for name in services {
            assert_eq!(sandbox.read(&format!("{name}/log/main/current")), "started\nlast words\n");
        }
        assert_eq!(sandbox.read("found"), if code == 0 { "" } else { "1\n" });
        assert_eq!(sandbox.read("messages"), "");
    }
}

/// Whoever is in the namespace may send the signal, too: process 1 gets only those that it wants.
#[test]
fn process_1_is_told_from_inside() {
    let told = "[ -e told ] && exec sleep 1000\n: >told\nkill -HUP 1\nkill -ALRM 1\nkill -USR1 1\nkill -TERM 1\nexec sleep 1000";
    let Some(mut one) = ProcessOne::start(&[("web", told)], "") else { return };
    let status = one.unshare.wait_at_most(BEFORE_THE_GRACE_IS_OVER).expect("TERM from inside ends it");
    assert_eq!(status.code(), Some(0));
    assert_eq!(one.sandbox.processes(), []);
}

/// svscan as process 1 of a namespace, with logged services.
struct ProcessOne {
    sandbox: Sandbox,
    unshare: Running,
    svscan: i32,
    /// What is written here, a service finds in its `in`.
    words: Vec<fs::File>,
}

impl ProcessOne {
    /// `None`, with a word, if this account or this system does not allow it.
    fn start(services: &[(&str, &str)], options: &str) -> Option<Self> {
        let unshare = "unshare --pid --fork --kill-child --mount-proc";
        let sandbox = Sandbox::new();
        if !is_root() || !sandbox.sh(&format!("{unshare} true")).status.success() {
            show("skipped: a namespace for processes needs root");
            return None;
        }
        for (name, run) in services {
            sandbox.script(&format!("service/{name}/run"), run);
            if *run == OBEDIENT {
                sandbox.script(&format!("service/{name}/log/run"), "exec multilog ./main");
            }
        }
        let words = services.iter().map(|(name, _)| sandbox.fifo(&format!("service/{name}/in"))).collect();
        let unshare = sandbox.start(&format!("{unshare} svscan {options} service"), "messages");
        let mut svscan = 0;
        sandbox.wait_until("svscan is process 1", || {
            svscan = children(unshare.pid()).first().copied().unwrap_or(0);
            let status = fs::read_to_string(format!("/proc/{svscan}/status")).unwrap_or_default();
            status.lines().any(|line| line.starts_with("NSpid:") && line.ends_with("\t1"))
                && fs::read_to_string(format!("/proc/{svscan}/comm")).is_ok_and(|name| name == "svscan\n")
        });
        Some(Self { sandbox, unshare, svscan, words })
    }

    fn children(&self) -> Vec<i32> {
        children(self.svscan)
    }

    /// Sends TERM; everything ends long before anybody is killed.
    #[track_caller]
    fn ends_with(mut self, code: i32) -> Sandbox {
        send(self.svscan, SIGTERM);
        let status = self.unshare.wait_at_most(BEFORE_THE_GRACE_IS_OVER).unwrap_or_else(|| {
            kill(self.svscan);
            panic!("process 1 does not end")
        });
        assert_eq!(status.code(), Some(code), "{status}");
        assert_eq!(self.sandbox.processes(), []);
        self.sandbox
    }
}

fn children(pid: i32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|child| child.parse().unwrap()).collect()
}
