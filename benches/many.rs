//! More services than the original can have.

use crate::memory::memory;
use crate::report::{Report, Row, Target, Unit};
use crate::starting::time_of_status;
use crate::suite::Suite;
use crate::tree::{Log, Tree};
use crate::{Bench, progress};
use nix::sys::signal::Signal;

const fn row(what: &'static str, unit: Unit) -> Row {
    Row::new("10,000 services", what, unit)
}

const UP: Row = row("10,000 services from nothing to running", Unit::Seconds);
const MEMORY: Row = row("svscan and 10,000 supervise, PSS", Unit::Kilobytes);
const STATUS: Row = row("svstat over 10,000 services", Unit::Seconds).targets(&[Target::AtMost(1.0)]);
const END: Row =
    row("TERM until svscan and all services have ended", Unit::Seconds).targets(&[Target::AtMost(30.0)]);

pub fn measure(bench: &Bench, report: &mut Report) {
    let services = bench.size(10_000, 1000);
    let note = if bench.quick { "In a quick run 1000 services only. " } else { "" };
    if let Some(obstacle) = obstacle(services) {
        report.note("10,000 services", format!("{note}Not measured: {obstacle}"));
        progress(&format!("many: not measured: {obstacle}"));
        return;
    }
    report.note(
        "10,000 services",
        format!("{note}Under one svscan, ours only: that of daemontools takes 1000 at most."),
    );
    let mut tree = Tree::start(bench, Suite::Ours, (services, Log::Without));
    report.add(UP, Suite::Ours, tree.wait_for(services).as_secs_f64());
    tree.wait_until_running("sleep", services);
    progress("many: all are up");
    report.add(STATUS, Suite::Ours, time_of_status(bench, &tree));
    let programs = [Suite::Ours.scanner(), Suite::Ours.supervisor()];
    let pids = programs.into_iter().flat_map(|program| tree.running(program));
    report.add(MEMORY, Suite::Ours, pids.filter_map(memory).map(|memory| memory.pss).sum());
    progress("many: shutdown");
    report.add(END, Suite::Ours, tree.end_scanner(Signal::SIGTERM).as_secs_f64());
    let left = crate::tree::inside(&tree.directory).len();
    assert!(left == 0, "{left} processes are left after the shutdown");
}

/// What does not let so many services run here.
fn obstacle(services: usize) -> Option<String> {
    let needed = 2 * services + 500;
    for file in ["/proc/sys/kernel/pid_max", "/proc/sys/kernel/threads-max"] {
        let most: usize = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
        if most < needed {
            return Some(format!("{file} is {most}, and {needed} are needed."));
        }
    }
    let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NPROC).unwrap().0;
    let is_enough = limit >= u64::try_from(needed).unwrap() || nix::unistd::geteuid().is_root();
    (!is_enough).then(|| format!("the limit of processes is {limit}, and {needed} are needed."))
}
