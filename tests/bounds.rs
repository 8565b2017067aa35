//! The end has bounds: nobody waits for ever, and nobody is cut short.

use crate::support::{Running, Sandbox, process_state, send, show};
use nix::sys::signal::Signal::{SIGSTOP, SIGTERM};
use std::time::{Duration, Instant};

/// Far more than the grace and what comes after it.
const BOUND: Duration = Duration::from_secs(60);

const DEAF: &str = "trap '' TERM\nwhile :; do sleep 1000; done";

#[test]
fn the_slow_ones_share_their_time() {
    std::thread::scope(|scope| {
        scope.spawn(what_a_service_leaves_behind_is_told_before_it_is_killed);
        scope.spawn(a_finish_that_hangs_does_not_hold_up_the_end);
        scope.spawn(a_supervise_that_is_stopped_does_not_hold_up_the_end);
        scope.spawn(leftovers_with_a_long_time_to_end_do_not_hold_it_up_much_longer);
        scope.spawn(a_service_that_needs_longer_has_longer);
    });
}

fn what_a_service_leaves_behind_is_told_before_it_is_killed() {
    let tree = Tree::new(&[("deaf/run", DEAF), ("left/run", "setsid ./child &\nexec sleep 1000")]);
    let child = "trap 'echo bye >told; exit' TERM\n: >ready\nwhile :; do sleep 0.1; done";
    tree.sandbox.script("service/left/child", child);
    let mut svscan = tree.start(&["deaf", "left"]);
    tree.sandbox.wait_until("the child listens", || tree.sandbox.path("service/left/ready").exists());
    tree.end(&mut svscan, "orphans beside a deaf service");
    assert_eq!(tree.sandbox.read("service/left/told"), "bye\n");
}

fn a_finish_that_hangs_does_not_hold_up_the_end() {
    let tree = Tree::new(&[("web/run", "exec sleep 1000"), ("web/finish", "exec sleep 1000")]);
    tree.sandbox.write("service/web/timeout-finish", "0\n");
    let mut svscan = tree.start(&["web"]);
    tree.end(&mut svscan, "a finish that hangs");
}

fn a_supervise_that_is_stopped_does_not_hold_up_the_end() {
    let tree = Tree::new(&[("web/run", DEAF), ("web/log/run", "exec multilog ./main")]);
    let mut svscan = tree.start(&["web", "web/log"]);
    send(tree.sandbox.next_supervise("service/web", 0), SIGSTOP);
    send(tree.sandbox.next_supervise("service/web/log", 0), SIGSTOP);
    tree.end(&mut svscan, "supervises that are stopped");
}

fn leftovers_with_a_long_time_to_end_do_not_hold_it_up_much_longer() {
    let tree = Tree::new(&[("web/run", "pgrphack ./child &\nexec sleep 1000"), ("web/child", DEAF)]);
    tree.sandbox.write("service/web/end-leftovers", "");
    tree.sandbox.write("service/web/timeout-kill", "12000\n");
    let mut svscan = tree.start(&["web"]);
    tree.end(&mut svscan, "leftovers with twelve seconds");
}

fn a_service_that_needs_longer_has_longer() {
    let tree = Tree::new(&[("web/run", DEAF)]);
    tree.sandbox.write("service/web/timeout-kill", "12000\n");
    let mut svscan = tree.start(&["web"]);
    let elapsed = tree.end(&mut svscan, "a service with twelve seconds");
    assert!(elapsed >= Duration::from_secs(12), "it was killed after {elapsed:?}");
}

#[test]
fn who_waits_for_the_end_waits_for_finish_too() {
    let tree = Tree::new(&[("web/run", "exec sleep 1000"), ("web/finish", "sleep 1\n: >finished")]);
    let _svscan = tree.start(&["web"]);
    tree.sandbox.run("svc -d --wait=down --timeout=20 service/web");
    assert!(tree.sandbox.path("service/web/finished").exists());
}

#[test]
fn a_pause_between_two_starts_is_not_the_end() {
    let tree = Tree::new(&[("web/run", ": >started\nexit 1")]);
    let _svscan = tree.start(&[]);
    tree.sandbox.wait_until("it was started", || tree.sandbox.path("service/web/started").exists());
    let waited = tree.sandbox.sh("svc --wait=down --timeout=2 service/web");
    assert_eq!(waited.status.code(), Some(99));
    tree.sandbox.run("svc -d --wait=down --timeout=20 service/web");
    tree.sandbox.wait_for_status("service/web", ": down ");
}

/// A scan directory with scripts.
struct Tree {
    sandbox: Sandbox,
}

impl Tree {
    fn new(scripts: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::new();
        scripts.iter().for_each(|(name, body)| sandbox.script(&format!("service/{name}"), body));
        Self { sandbox }
    }

    /// Starts svscan and waits until these are up.
    fn start(&self, services: &[&str]) -> Running {
        let svscan = self.sandbox.start("svscan service", "messages");
        for service in services {
            let pid = self.sandbox.next_pid(&format!("service/{service}"), 0);
            // A shell that has not set its trap yet would end at once.
            self.sandbox.wait_until("it sleeps", || process_state(pid) == Some('S'));
        }
        svscan
    }

    /// Ends svscan, and says how long that took. Nothing is left then.
    fn end(&self, svscan: &mut Running, what: &str) -> Duration {
        let before = Instant::now();
        send(svscan.pid(), SIGTERM);
        let status = svscan.wait_at_most(BOUND).unwrap_or_else(|| panic!("{what}: svscan does not end"));
        let elapsed = before.elapsed();
        show(&format!("{what}: svscan ends after {elapsed:?}"));
        assert!(status.success(), "{what}: {status}");
        let left = self.sandbox.processes();
        assert!(left.is_empty(), "{what}: {left:?} run on");
        elapsed
    }
}
