//! svscan as process 1, and what takes its place in the end.

use crate::support::{ENDLESS_GRACE, Running, Sandbox, children, is_root, process_state, send, show};
use nix::sys::signal::Signal::SIGTERM;
use std::fs;
use std::io::Write;
use std::time::Instant;

/// Says a last word when it is told to end.
const OBEDIENT: &str = "trap 'echo last words; exit 0' TERM\necho started\nwhile :; do sleep 0.02; done";

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
        assert_eq!(sandbox.complaints(), "");
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
    assert_eq!(sandbox.complaints(), "svscan: fatal: unable to run ./nowhere: file does not exist\n");
    assert_eq!(sandbox.sh("exec svscan --then").status.code(), Some(100));
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
        for name in services {
            one.sandbox.wait_until("it is logged", || one.sandbox.log_of(name) == "started\n");
        }
        let sandbox = one.ends_with(code);
        for name in services {
            assert_eq!(sandbox.log_of(name), "started\nlast words\n");
        }
        assert_eq!(sandbox.read("found"), if code == 0 { "" } else { "1\n" });
        assert_eq!(sandbox.complaints(), "");
    }
}

/// Whoever is in the namespace may send the signal, too: process 1 gets only those that it wants.
#[test]
fn process_1_is_told_from_inside() {
    let told = "[ -e told ] && exec sleep 1000\n: >told\nkill -HUP 1\nkill -ALRM 1\nkill -USR1 1\nkill -TERM 1\nexec sleep 1000";
    let Some(mut one) = ProcessOne::start(&[("web", told)], "") else { return };
    assert_eq!(one.unshare.wait().code(), Some(0), "TERM from inside ends it");
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
            sandbox.write(&format!("service/{name}/timeout-kill"), ENDLESS_GRACE);
            if *run == OBEDIENT {
                sandbox.logged_service(&format!("service/{name}"), run);
            } else {
                sandbox.script(&format!("service/{name}/run"), run);
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

    /// Sends TERM; everything ends before anybody is killed, which would be in an hour.
    #[track_caller]
    fn ends_with(mut self, code: i32) -> Sandbox {
        send(self.svscan, SIGTERM);
        let status = self.unshare.wait();
        assert_eq!(status.code(), Some(code), "{status}");
        assert_eq!(self.sandbox.processes(), []);
        self.sandbox
    }
}
