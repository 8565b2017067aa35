//! What idle processes occupy: 500 services with a logger each.

use crate::report::{Report, Row, Target, Unit, median};
use crate::tree::{Log, Tree, wait_until};
use crate::{Bench, progress};
use std::fs;
use std::path::Path;

const fn row(what: &'static str) -> Row {
    Row::new("memory", what, Unit::Kilobytes)
}

const SUPERVISOR: Row =
    row("an idle supervise (runsv, s6-supervise), PSS").targets(&[Target::AtMost(75.0)]).shown();
const SUPERVISOR_PRIVATE: Row = row("an idle supervise, private");
const LOGGER: Row = row("an idle multilog (svlogd, s6-log), PSS").targets(&[Target::AtMost(80.0)]).shown();
const LOGGER_PRIVATE: Row = row("an idle multilog, private");
const SCANNER: Row = row("svscan (runsvdir, s6-svscan), PSS");
const SCANNER_PRIVATE: Row = row("svscan, private");
const ALL: Row = row("all programs, for each service with its log, PSS").shown();

pub fn measure(bench: &Bench, report: &mut Report) {
    let services = bench.size(500, 50);
    report.note(
        "memory",
        format!(
            "{services} services with a log, after a line has been logged; the figures of the middle process, from \
             smaps_rollup. runsv does for a service and its log what two processes do elsewhere."
        ),
    );
    // Memory hardly varies: two rounds show that.
    for round in 0..bench.rounds.min(2) {
        for suite in bench.turns(round) {
            progress(&format!("memory: {}", suite.name()));
            let mut tree = Tree::start(bench, suite, (services, Log::With));
            tree.wait_for(services);
            wait_for_logs(&tree);
            let programs = [
                (suite.supervisor(), SUPERVISOR, SUPERVISOR_PRIVATE),
                (suite.logger(), LOGGER, LOGGER_PRIVATE),
                (suite.scanner(), SCANNER, SCANNER_PRIVATE),
            ];
            let mut total = 0.0;
            for (program, pss, private) in programs {
                let memory: Vec<_> = tree.running(program).into_iter().filter_map(memory).collect();
                total += memory.iter().map(|memory| memory.pss).sum::<f64>();
                report.add(pss, suite, median(memory.iter().map(|memory| memory.pss).collect()).unwrap());
                let all = memory.iter().map(|memory| memory.private).collect();
                report.add(private, suite, median(all).unwrap());
            }
            report.add(ALL, suite, total / f64::from(u32::try_from(services).unwrap()));
        }
    }
}

/// Waits until each logger has written its line.
pub fn wait_for_logs(tree: &Tree) {
    let directory = tree.directory.join("service");
    let has_line = |service: &Path| {
        fs::metadata(service.join("log/main/current")).is_ok_and(|current| current.len() > 0)
    };
    let services = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    for service in services.filter(|service| service.join("log").exists()) {
        wait_until("a line in the log", || has_line(&service));
    }
}

pub struct Memory {
    pub pss: f64,
    pub private: f64,
}

/// The memory of a process, in KB.
pub fn memory(pid: i32) -> Option<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let field = |name: &str| -> Option<f64> {
        text.lines().find_map(|line| line.strip_prefix(name))?.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(Memory {
        pss: field("Pss:")?,
        private: field("Private_Clean:")? + field("Private_Dirty:")? + field("Private_Hugetlb:")?,
    })
}
