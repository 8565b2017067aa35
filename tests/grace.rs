//! The end of svscan, with services that do not obey: they have their time, nobody waits for ever, and nothing is left.

use crate::support::tree::lines;
use crate::support::{ENDLESS_GRACE, GRACE, Running, Sandbox, best_of_attempts, process_state, send, show};
use nix::sys::signal::Signal::{self, SIGINT, SIGSTOP, SIGTERM};
use std::time::{Duration, Instant};

/// Far more than the grace and what comes after it.
const BOUND: Duration = Duration::from_secs(90);

/// A shell that has not set its trap yet would end at once.
const DEAF: &str = "trap '' TERM\n: >deaf\nwhile :; do sleep 1000; done";

/// Says a last word, and goes.
const OBEDIENT: &str = "trap 'echo last words; exit 0' TERM
echo started
while :; do sleep 0.02; done";

/// Prints numbers and notes what it has printed, whatever it is told.
const STUBBORN: &str = "trap '' TERM INT
number=0
echo started
while :; do
    number=$((number + 1))
    echo $number
    echo $number >>printed
    sleep 0.02
done";

/// Goes when it is told to, and leaves children that do not: one in its group, one in a session of its own, and one
/// that does not even notice when its output goes nowhere.
const FORKING: &str =
    "child='trap \"\" TERM INT HUP; while :; do echo $0; echo $0 >>printed; sleep 0.02; done'
sh -c \"$child\" son &
setsid sh -c \"$child\" daughter &
setsid sh -c 'trap \"\" TERM INT HUP; while :; do sleep 0.1; done' &
trap 'echo last words; exit 0' TERM
echo started
while :; do sleep 0.02; done";

const LOGGED: [&str; 3] = ["service/obedient", "service/stubborn", "service/forking"];

#[test]
fn the_slow_ones_share_their_time() {
    std::thread::scope(|scope| {
        scope.spawn(|| all_ends_within_the_grace(SIGTERM));
        scope.spawn(|| all_ends_within_the_grace(SIGINT));
        scope.spawn(what_a_service_leaves_behind_is_told_before_it_is_killed);
        scope.spawn(a_finish_that_hangs_does_not_hold_up_the_end);
        scope.spawn(a_supervise_that_is_stopped_does_not_hold_up_the_end);
        scope.spawn(leftovers_with_a_long_time_to_end_do_not_hold_it_up_much_longer);
        scope.spawn(a_service_that_needs_longer_has_longer);
        scope.spawn(a_service_that_needs_longer_has_longer_whatever_happens_to_its_supervise);
    });
}

fn all_ends_within_the_grace(signal: Signal) {
    // Whoever gave each its own would be later.
    let what = format!("from {signal} until all is gone");
    best_of_attempts(&what, 2 * GRACE, || ending_takes(signal));
}

/// How long it takes to end services that obey, and some that do not.
fn ending_takes(signal: Signal) -> Duration {
    let sandbox = Sandbox::new();
    for (name, run) in LOGGED.into_iter().zip([OBEDIENT, STUBBORN, FORKING]) {
        sandbox.logged_service(name, run);
    }
    let mut svscan = sandbox.start("svscan service", "messages");
    for name in LOGGED {
        sandbox.wait_until(&format!("{name} is logged"), || sandbox.log_of(name).contains("started\n"));
    }
    sandbox.wait_until("the children run", || {
        ["son", "daughter"].iter().all(|child| sandbox.count("service/forking/printed", child) > 0)
    });

    let before = Instant::now();
    send(svscan.pid(), signal);
    let obedient = "started\nlast words\n";
    sandbox.wait_until("the obedient has ended", || sandbox.log_of(LOGGED[0]) == obedient);
    assert!(!svscan.has_ended(), "the others still have time");
    let status = svscan.wait();
    let elapsed = before.elapsed();
    assert_eq!(status.code(), Some(0), "{status}");
    assert_eq!(sandbox.processes(), [], "processes are left");
    assert!(elapsed >= GRACE, "the stubborn had only {elapsed:?}");
    show(&format!("{signal} -> all gone, grace and all: {elapsed:?}"));
    assert!(sandbox.log_of(LOGGED[0]) == obedient);
    for name in [LOGGED[1], LOGGED[2]] {
        let (lines, printed) = (logged(&sandbox, name), sandbox.read(&format!("{name}/printed")));
        for last in last_lines(&printed) {
            let count = |text: &str| text.lines().filter(|line| *line == last).count();
            assert!(count(&lines) >= count(&printed), "{last} is not in the log of {name}");
        }
    }
    assert!(logged(&sandbox, LOGGED[2]).contains("last words\n"));
    assert_eq!(sandbox.complaints(), "");

    let _svscan = sandbox.start("svscan service", "messages");
    for name in LOGGED {
        sandbox.next_pid(&format!("{name}/log"), 0);
        let starts = || logged(&sandbox, name).matches("started").count();
        sandbox.wait_until(&format!("{name} is up again"), || starts() == 2);
    }
    // What a logger that was killed has left becomes such an archive.
    let files = sandbox.run(&format!("ls {}/log/main", LOGGED[0]));
    assert!(!files.contains(".u"), "the logger of a service that obeys was killed: {files}");
    elapsed
}

/// All that a service has printed. It may be more than fits into one file, if the machine is slow.
fn logged(sandbox: &Sandbox, service: &str) -> String {
    lines(sandbox, &format!("{service}/log"))
}

/// The last line of all, and the last of those that are words.
fn last_lines(printed: &str) -> Vec<&str> {
    let words = ["son", "daughter"].into_iter().filter(|word| printed.contains(word));
    words.chain(printed.lines().last().filter(|line| line.parse::<u64>().is_ok())).collect()
}

fn what_a_service_leaves_behind_is_told_before_it_is_killed() {
    let tree = Tree::new(&[("deaf/run", DEAF), ("left/run", "setsid ./child &\nexec sleep 1000")]);
    let child = "trap 'echo bye >told; exit' TERM\n: >ready\nwhile :; do sleep 0.1; done";
    tree.sandbox.script("service/left/child", child);
    tree.sandbox.write("service/left/timeout-kill", ENDLESS_GRACE);
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
    let said = tree.sandbox.read("messages");
    let is_named =
        said.contains("svscan: told to end ") && said.contains(" ago, still waiting for web (killed in ");
    assert!(is_named && said.lines().count() == 1, "svscan says once what it waits for: {said}");
}

fn a_service_that_needs_longer_has_longer_whatever_happens_to_its_supervise() {
    let tree = Tree::new(&[("web/run", DEAF)]);
    tree.sandbox.write("service/web/timeout-kill", "12000\n");
    let mut svscan = tree.start(&["web"]);
    let supervise = tree.sandbox.next_supervise("service/web", 0);
    send(svscan.pid(), SIGTERM);
    send(supervise, SIGTERM);
    tree.sandbox.next_supervise("service/web", supervise);
    let elapsed = tree.end(&mut svscan, "a service with twelve seconds and another supervise");
    assert!(elapsed >= Duration::from_secs(11), "it was killed after {elapsed:?}");
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
            let service = format!("service/{service}");
            let pid = self.sandbox.next_pid(&service, 0);
            if self.sandbox.read(&format!("{service}/run")).contains(DEAF) {
                self.sandbox.wait_until("it is deaf", || self.sandbox.path(&service).join("deaf").exists());
            }
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
