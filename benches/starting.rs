//! From nothing to running: many services at once, and svstat over all of them.

use crate::idle::processor_time;
use crate::report::{Report, Row, Target, Unit};
use crate::suite::Suite;
use crate::tree::{Log, Tree};
use crate::{Bench, progress};
use std::fs;
use std::process::Command;
use std::time::Instant;

const fn row(what: &'static str) -> Row {
    Row::new("starting", what, Unit::Milliseconds)
}

const SERVICES: [(usize, Row); 4] = [
    (10, row("10 services from nothing to running")),
    (100, row("100 services from nothing to running")),
    (
        500,
        row("500 services from nothing to running")
            .targets(&[Target::Ratio(0.8, Suite::Daemontools)])
            .shown(),
    ),
    (1000, row("1000 services from nothing to running")),
];
const PROCESSOR: Row = row("of that, processor time of svscan and 500 supervise");
const STATUS: Row = row("svstat (sv status, s6-svstat) over 1000 services").shown();

pub fn measure(bench: &Bench, report: &mut Report) {
    report.note(
        "starting",
        "From the start of svscan (runsvdir, s6-svscan) until the last `run`, a shell script, has begun. s6-svstat \
         takes one service at a time, and is started by a shell loop.",
    );
    for round in 1..=bench.rounds {
        for (services, row) in SERVICES.into_iter().take(bench.size(4, 2)) {
            progress(&format!("starting: {services} services, round {round} of {}", bench.rounds));
            for suite in bench.turns(round) {
                let mut tree = Tree::start(bench, suite, (services, Log::Without));
                let time = tree.wait_for(services);
                report.add(row, suite, time.as_secs_f64() * 1e3);
                if services == 500 {
                    let programs = [suite.scanner(), suite.supervisor()];
                    let pids = programs.into_iter().flat_map(|program| tree.running(program));
                    report.add(PROCESSOR, suite, pids.map(processor_time).sum::<f64>() / 1e6);
                }
                if services == 1000 {
                    // The last one has begun a little before that is known everywhere.
                    tree.wait_until_running("sleep", services);
                    report.add(STATUS, suite, time_of_status(bench, &tree) * 1e3);
                }
            }
        }
    }
}

/// Asks for the status of all services of a tree, in seconds.
pub fn time_of_status(bench: &Bench, tree: &Tree) -> f64 {
    let directory = tree.directory.join("service");
    let mut services: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    services.retain(|path| path.join("run").exists());
    services.sort();
    let mut command = match tree.suite {
        Suite::Ours | Suite::Daemontools => tree.suite.command(bench, "svstat"),
        Suite::Runit => tree.suite.command(bench, "sv"),
        Suite::S6 => tree.suite.command(bench, "sh"),
    };
    match tree.suite {
        Suite::Ours | Suite::Daemontools => {}
        Suite::Runit => _ = command.arg("status"),
        Suite::S6 => _ = command.args(["-c", "for service; do s6-svstat \"$service\"; done", "sh"]),
    }
    command.args(&services);
    timed(&mut command)
}

/// How long a program runs, in seconds.
pub fn timed(command: &mut Command) -> f64 {
    let begin = Instant::now();
    let status = command.status().unwrap();
    let time = begin.elapsed().as_secs_f64();
    assert!(status.success(), "{command:?}: {status}");
    time
}
