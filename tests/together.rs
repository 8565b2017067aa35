//! Signals that reach svscan and its supervises together, and supervises that die while everything ends: services have
//! their time, `finish` is run, and every line is logged, as if svscan alone had got the signal.

use crate::support::tree::lines;
use crate::support::{ENDLESS_GRACE, Running, Sandbox, kill, process_state, send};
use nix::sys::signal::Signal::{self, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGSTOP, SIGTERM};
use std::fs::File;
use std::io::Write;
use std::time::Duration;

const WEB: &str = "service/web";
const LOG: &str = "service/web/log";

/// Ends when it is told to by TERM and then by a line in `in`, and says a last word.
const PENSIVE: &str = "exec 3<>in
trap '' INT HUP QUIT
trap 'trap \"\" TERM; : >told; read -r line <&3; echo last words; exit 0' TERM
echo started
while :; do sleep 0.02; done";

const FINISH: &str = "echo finish >>story";

/// svscan, which leads a process group, with a service that takes its time.
struct Group {
    sandbox: Sandbox,
    svscan: Running,
    /// What is written here, the service reads, and the logger.
    words: [File; 2],
    service: i32,
    supervises: [i32; 2],
}

impl Group {
    fn start(log: &str) -> Self {
        let sandbox = Sandbox::new();
        sandbox.script("new/run", PENSIVE);
        sandbox.script("new/finish", FINISH);
        sandbox.script("new/log/run", log);
        for name in ["new", "new/log"] {
            sandbox.write(&format!("{name}/timeout-kill"), ENDLESS_GRACE);
        }
        let words = ["new/in", "new/log/in"].map(|name| sandbox.fifo(name));
        sandbox.run(&format!("mkdir service && mv new {WEB}"));
        let svscan = sandbox.start("setsid svscan service", "messages");
        let service = sandbox.next_pid(WEB, 0);
        let supervises = [WEB, LOG].map(|name| sandbox.next_supervise(name, 0));
        Self { sandbox, svscan, words, service, supervises }
    }

    /// One that has logged its first line.
    fn logged() -> Self {
        let group = Self::start("exec multilog ./main");
        group.sandbox.wait_until("it is logged", || group.sandbox.log_of(WEB) == "started\n");
        group
    }

    /// Sends signals to all at once.
    fn send(&self, signals: &[Signal]) {
        signals.iter().for_each(|&signal| send(-self.svscan.pid(), signal));
    }

    /// Waits until the service was told to end.
    #[track_caller]
    fn is_told(&self) {
        self.sandbox.wait_until("it is told", || self.sandbox.path(WEB).join("told").exists());
    }

    /// Waits until other supervises have taken the places of these two.
    #[track_caller]
    fn next_supervises(&self, before: [i32; 2]) -> [i32; 2] {
        let [main, log] = before;
        [self.sandbox.next_supervise(WEB, main), self.sandbox.next_supervise(LOG, log)]
    }

    /// The service goes on until it is told to go, then all ends in good order.
    #[track_caller]
    fn ends_in_good_order(mut self) {
        assert_eq!(
            self.svscan.wait_at_most(Duration::from_millis(200)),
            None,
            "svscan waits for the service"
        );
        assert!(process_state(self.service).is_some(), "the service has its time");
        assert_eq!(self.sandbox.read("service/web/story"), "");
        writeln!(&self.words[0]).unwrap();
        assert_eq!(self.svscan.wait().code(), Some(0));
        assert_eq!(self.sandbox.processes(), []);
        assert_eq!(lines(&self.sandbox, LOG), "started\nlast words\n");
        assert_eq!(self.sandbox.read("service/web/story"), "finish\n");
        // A shell says how its children end.
        assert_eq!(
            self.sandbox.count("messages", ": warning: ") + self.sandbox.count("messages", ": fatal: "),
            0
        );
    }
}

#[test]
fn a_signal_to_the_whole_group_ends_all_in_good_order() {
    for signals in [&[SIGTERM][..], &[SIGINT], &[SIGQUIT], &[SIGHUP, SIGTERM], &[SIGTERM, SIGINT, SIGTERM]] {
        let group = Group::logged();
        group.send(signals);
        group.is_told();
        group.next_supervises(group.supervises);
        group.ends_in_good_order();
    }
}

#[test]
fn a_signal_to_supervises_and_svscan_ends_all_in_good_order() {
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let group = Group::logged();
        let [main, log] = group.supervises;
        for index in order {
            send([main, log, group.svscan.pid()][index], SIGTERM);
        }
        group.is_told();
        group.next_supervises(group.supervises);
        group.ends_in_good_order();
    }
}

#[test]
fn supervises_that_are_killed_in_the_end_are_replaced() {
    let group = Group::logged();
    send(group.svscan.pid(), SIGTERM);
    group.is_told();
    let mut supervises = group.supervises;
    for _ in 0..3 {
        supervises.into_iter().for_each(kill);
        supervises = group.next_supervises(supervises);
    }
    group.ends_in_good_order();
}

#[test]
fn a_service_that_ends_while_it_has_no_supervise_is_finished_and_not_started() {
    let mut group = Group::logged();
    let [main, _] = group.supervises;
    send(group.svscan.pid(), SIGSTOP);
    send(main, SIGTERM);
    group.sandbox.wait_until("it has no supervise", || process_state(main).is_none());
    kill(group.service);
    group.sandbox.wait_until("it has ended", || process_state(group.service).is_none());
    send(group.svscan.pid(), SIGTERM);
    send(group.svscan.pid(), SIGCONT);
    assert_eq!(group.svscan.wait().code(), Some(0));
    assert_eq!(group.sandbox.processes(), []);
    assert_eq!(lines(&group.sandbox, LOG), "started\n");
    assert_eq!(group.sandbox.read("service/web/story"), "finish\n");
}

/// The logger gets the signal, too, and does not even read yet.
#[test]
fn a_logger_that_is_behind_reads_all_that_was_written_before_and_after_the_signal() {
    let mut group = Group::start(": >>ready\nexec 3<>in\nread -r line <&3\nexec multilog ./main");
    let [_, log] = [WEB, LOG].map(|name| group.sandbox.next_pid(name, 0));
    group.sandbox.wait_until("the logger waits", || group.sandbox.path(LOG).join("ready").exists());
    group.sandbox.wait_until("the service listens", || group.has_trap());
    group.send(&[SIGTERM]);
    group.is_told();
    writeln!(&group.words[0]).unwrap();
    group.sandbox.wait_until("the service has ended", || process_state(group.service).is_none());
    group.sandbox.wait_until("the logger has another start", || {
        process_state(log).is_none() && group.sandbox.next_pid(LOG, log) != log
    });
    assert_eq!(group.svscan.wait_at_most(Duration::from_millis(200)), None, "svscan waits for the logger");
    // Whatever dies now, what is in the pipe stays there.
    kill(group.sandbox.next_supervise(LOG, 0));
    let logger = group.sandbox.next_pid(LOG, 0);
    kill(logger);
    // One that is about to die may read a line nevertheless.
    group.sandbox.wait_until("it has ended", || process_state(logger).is_none());
    writeln!(&group.words[1]).unwrap();
    assert_eq!(group.svscan.wait().code(), Some(0));
    assert_eq!(lines(&group.sandbox, LOG), "started\nlast words\n");
    assert_eq!(group.sandbox.processes(), []);
}

impl Group {
    /// Whether the service catches TERM.
    fn has_trap(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.service)).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t"));
        let caught = caught.and_then(|mask| u64::from_str_radix(mask, 16).ok()).unwrap_or(0);
        caught & (1 << (SIGTERM as u64 - 1)) != 0
    }
}
