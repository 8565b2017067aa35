//! What a tree costs that has nothing to do: wake-ups and processor time.

use crate::memory::wait_for_logs;
use crate::report::{Report, Row, Target, Unit};
use crate::tree::{Log, Tree};
use crate::{Bench, progress};
use std::fs;
use std::time::Duration;

const WAKE_UPS: Row = Row::new("idle", "wake-ups of an idle tree, a minute", Unit::Number)
    .targets(&[Target::AtMost(0.0)])
    .shown();
const PROCESSOR: Row = Row::new("idle", "processor time of an idle tree, a minute", Unit::Milliseconds);

const SERVICES: usize = 10;

/// What all programs of a tree have done so far, without the services.
struct Done {
    wake_ups: f64,
    nanoseconds: f64,
}

pub fn measure(bench: &Bench, report: &mut Report) {
    let seconds: u8 = bench.size(60, 6);
    report.note(
        "idle",
        format!("{SERVICES} services with a log, all trees at the same time for {seconds} seconds."),
    );
    let trees: Vec<_> = bench.suites.iter().map(|&suite| idle_tree(bench, suite)).collect();
    // What follows a start is over by then: a logger looks at its files once, 5 seconds after a line.
    std::thread::sleep(Duration::from_secs(7));
    progress(&format!("idle: {seconds} seconds"));
    let before: Vec<_> = trees.iter().map(done).collect();
    std::thread::sleep(Duration::from_secs(seconds.into()));
    for (tree, before) in trees.iter().zip(before) {
        let (after, minute) = (done(tree), 60.0 / f64::from(seconds));
        report.add(WAKE_UPS, tree.suite, (after.wake_ups - before.wake_ups) * minute);
        report.add(PROCESSOR, tree.suite, (after.nanoseconds - before.nanoseconds) / 1e6 * minute);
    }
}

fn idle_tree(bench: &Bench, suite: crate::suite::Suite) -> Tree {
    let mut tree = Tree::start(bench, suite, (SERVICES, Log::With));
    tree.wait_for(SERVICES);
    wait_for_logs(&tree);
    tree
}

fn done(tree: &Tree) -> Done {
    let programs = [tree.suite.scanner(), tree.suite.supervisor(), tree.suite.logger()];
    let mut done = Done { wake_ups: 0.0, nanoseconds: 0.0 };
    for pid in programs.into_iter().flat_map(|program| tree.running(program)) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let switches = status.lines().filter_map(|line| line.split_once("ctxt_switches:"));
        done.wake_ups += switches.map(|(_, number)| number.trim().parse::<f64>().unwrap()).sum::<f64>();
        done.nanoseconds += processor_time(pid);
    }
    done
}

/// The time that a process had a processor, in nanoseconds.
pub fn processor_time(pid: i32) -> f64 {
    let schedule = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    schedule.split(' ').next().unwrap().parse().unwrap()
}
