//! Debian's package is replaced in a running system: what the original's svscan and supervises look after goes on under
//! ours, and no line is lost or doubled.

use crate::support::tree::lines;
use crate::support::{Running, Sandbox, kill, ours, process_state, program_of, send};
use nix::sys::signal::Signal::SIGTERM;
use std::fs;

const WEB: &str = "service/web";
const LOG: &str = "service/web/log";

/// Prints numbers, and in the end a word.
const COUNT: &str = "echo start >>starts
trap 'echo end; exit 0' TERM
number=0
while :; do number=$((number + 1)); echo $number; sleep 0.01; done";

/// The original's programs with a logged service, and then our svscan.
struct Replaced {
    sandbox: Sandbox,
    svscan: Running,
    services: [i32; 2],
    supervises: [i32; 2],
}

impl Replaced {
    fn new() -> Self {
        let sandbox = Sandbox::with_theirs(&["svscan", "supervise", "multilog"]);
        sandbox.script("service/web/run", COUNT);
        sandbox.script("service/web/log/run", "exec multilog s16777215 ./main");
        let theirs = sandbox.start("svscan service", "messages");
        sandbox.wait_until("it is logged", || sandbox.log_of(WEB).lines().count() > 20);
        let services = [WEB, LOG].map(|name| sandbox.next_pid(name, 0));
        let supervises = [WEB, LOG].map(|name| supervise_of(&sandbox, name));
        drop(theirs);
        let svscan = start_ours(&sandbox);
        let replaced = Self { sandbox, svscan, services, supervises };
        replaced.has_looked();
        replaced
    }

    /// That svscan starts another service shows that it has looked.
    #[track_caller]
    fn has_looked(&self) {
        if !self.sandbox.path("service/witness").exists() {
            self.sandbox.script("witness/run", "exec sleep 1000");
            self.sandbox.run("mv witness service");
        }
        self.sandbox.next_supervise("service/witness", 0);
    }

    /// Waits for so many more lines, and returns the last.
    #[track_caller]
    fn grows(&self) -> usize {
        let count = || lines(&self.sandbox, LOG).lines().count();
        let before = count();
        self.sandbox.wait_until("more lines are logged", || count() > before + 10);
        before
    }

    /// All ends, and the log has every number once.
    #[track_caller]
    fn ends(mut self) {
        send(self.svscan.pid(), SIGTERM);
        assert_eq!(self.svscan.wait().code(), Some(0));
        assert_eq!(self.sandbox.processes(), []);
        let log = lines(&self.sandbox, LOG);
        let count = log.lines().count() - 1;
        let expected: String = (1..=count).map(|number| format!("{number}\n")).collect();
        assert_eq!(log, format!("{expected}end\n"));
        assert_eq!(self.sandbox.read("service/web/starts"), "start\n");
        assert_eq!(self.sandbox.complaints(), "");
    }
}

fn start_ours(sandbox: &Sandbox) -> Running {
    let ours = ours();
    sandbox.start(&format!("env PATH='{0}':\"$PATH\" '{0}/svscan' service", ours.display()), "messages")
}

/// The supervise that is in the directory of a service, whether or not it has written down what it is.
#[track_caller]
fn supervise_of(sandbox: &Sandbox, service: &str) -> i32 {
    let directory = sandbox.path(service);
    let is_it = |&pid: &i32| {
        program_of(pid) == "supervise"
            && fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == directory)
    };
    let mut found = None;
    sandbox.wait_until("it has a supervise", || {
        found = sandbox.processes().into_iter().find(is_it);
        found.is_some()
    });
    found.unwrap_or_default()
}

#[test]
fn what_the_originals_supervises_run_ends_in_good_order() {
    let replaced = Replaced::new();
    assert_eq!([WEB, LOG].map(|name| supervise_of(&replaced.sandbox, name)), replaced.supervises);
    replaced.grows();
    replaced.ends();
}

#[test]
fn an_svscan_that_follows_ours_finds_the_originals_supervises_too() {
    let mut replaced = Replaced::new();
    let witness = replaced.sandbox.next_supervise("service/witness", 0);
    kill(replaced.svscan.pid());
    replaced.svscan.wait();
    replaced.svscan = start_ours(&replaced.sandbox);
    // A supervise that was killed comes back from the one that looks now.
    kill(witness);
    replaced.sandbox.next_supervise("service/witness", witness);
    replaced.grows();
    replaced.ends();
}

#[test]
fn an_original_supervise_that_was_told_to_exit_is_back_after_a_while_on_the_same_pipe() {
    let replaced = Replaced::new();
    let sandbox = &replaced.sandbox;
    let [_, log] = replaced.supervises;
    sandbox.run(&format!("svc -tx {LOG}"));
    // The original's multilog may miss a TERM that comes just before it reads.
    sandbox.wait_until("the logger has ended", || {
        process_state(log).is_none() || {
            sandbox.run(&format!("svc -t {LOG}"));
            false
        }
    });
    // It is ours now.
    sandbox.next_supervise(LOG, log);
    replaced.grows();
    replaced.ends();
}

#[test]
fn the_originals_supervises_are_killed_one_by_one() {
    let replaced = Replaced::new();
    for (name, supervise) in [WEB, LOG].into_iter().zip(replaced.supervises) {
        kill(supervise);
        replaced.sandbox.next_supervise(name, supervise);
        replaced.grows();
        assert_eq!([WEB, LOG].map(|name| replaced.sandbox.next_pid(name, 0)), replaced.services);
    }
    replaced.ends();
}
