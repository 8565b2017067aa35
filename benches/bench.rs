//! Measures our programs beside those of daemontools, runit and s6: one run, one machine, by turns.
//!
//! `make bench` builds and installs ours, and starts this. It writes BENCHMARKS.md and benches/chart.svg.

#![expect(unreachable_pub, reason = "a program has no outside")]
#![expect(clippy::unwrap_used, reason = "a measurement that meets a surprise is worth nothing, so it stops")]
#![expect(clippy::expect_used, reason = "as above")]
#![expect(clippy::indexing_slicing, reason = "as above")]
#![expect(
    clippy::disallowed_methods,
    reason = "programs are started as a shell would, and found idle by waiting"
)]
#![expect(clippy::print_stderr, reason = "progress is shown there")]

/// svc, restarts, new directories: how soon they have an effect.
mod control;
/// What a tree costs that has nothing to do.
mod idle;
/// multilog and its peers.
mod logging;
/// More services than the original can have.
mod many;
/// What idle processes occupy.
mod memory;
/// How long a program takes to start, and how large it is.
mod programs;
/// Medians, ratios, tables and the chart.
mod report;
/// From nothing to running.
mod starting;
/// Ours and the three peers.
mod suite;
/// Scan directories with services, and all processes in them.
mod tree;

use report::Report;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use suite::Suite;

/// Everything a measurement needs to know.
pub struct Bench {
    /// Where our programs are installed.
    pub ours: PathBuf,
    /// A directory of our own, on a disk.
    pub scratch: PathBuf,
    /// How often each measurement is repeated.
    pub rounds: usize,
    /// Small numbers, to see that it works.
    pub quick: bool,
    /// The load of the machine when this began: figures from a busy machine mislead.
    pub load: String,
    /// Those that are installed here.
    pub suites: Vec<Suite>,
}

impl Bench {
    /// One of two values, for a full or a quick run.
    pub fn size<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// All suites, another one first each time: after a pause, whoever is first pays for caches that are cold.
    pub fn turns(&self, round: usize) -> Vec<Suite> {
        let mut suites = self.suites.clone();
        suites.rotate_left(round % self.suites.len());
        suites
    }
}

type Measurement = fn(&Bench, &mut Report);

const GROUPS: [(&str, Measurement); 7] = [
    ("memory", memory::measure),
    ("starting", starting::measure),
    ("control", control::measure),
    ("idle", idle::measure),
    ("logging", logging::measure),
    ("programs", programs::measure),
    ("many", many::measure),
];

const USAGE: &str =
    "usage: cargo bench -- [--quick] [--only GROUP]... [--rounds N] [--programs DIR] [--output DIR]
groups: memory starting control idle logging programs many";

/// The variable by which this program tells a copy of itself what it is to do.
const ROLE: &str = "SERVICEDIR_BENCH_ROLE";

fn main() -> ExitCode {
    match std::env::var(ROLE).as_deref() {
        Ok("write") => logging::write(),
        Ok("measure") => run(Path::new(&std::env::var_os("SERVICEDIR_BENCH_SCRATCH").unwrap())),
        _ => guard(),
    }
}

/// Has a copy of this program do the work, and ends everything that is left in the scratch directory, however
/// that copy has ended.
fn guard() -> ExitCode {
    let scratch = std::env::temp_dir().join(format!("servicedir-bench-{}", std::process::id()));
    std::fs::create_dir(&scratch).unwrap();
    let scratch = std::fs::canonicalize(scratch).unwrap();
    // Ctrl-C ends the copy, and this notices.
    ignore_interrupt();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(std::env::args_os().skip(1)).env(ROLE, "measure");
    let status = command.env("SERVICEDIR_BENCH_SCRATCH", &scratch).status().unwrap();
    for directory in [scratch.clone(), logging::directory(&scratch)] {
        tree::end_all_inside(&directory);
        let _ = std::fs::remove_dir_all(directory);
    }
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn ignore_interrupt() {
    use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
    let mut set = SigSet::empty();
    set.add(Signal::SIGINT);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&set), None).unwrap();
}

fn run(scratch: &Path) -> ExitCode {
    use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None).unwrap();
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let places = [tmp.join("../programs/bin"), tmp.join("../bench/programs/bin")];
    let mut ours = places.into_iter().find(|place| place.join("supervise").exists());
    let (mut quick, mut rounds, mut only, mut output) = (false, None, Vec::new(), None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo says this to every bench.
            "--bench" => {}
            "--quick" => quick = true,
            "--rounds" => rounds = arguments.next().and_then(|number| number.parse().ok()),
            "--only" => only.extend(arguments.next()),
            "--programs" => ours = arguments.next().map(PathBuf::from),
            "--output" => output = arguments.next().map(PathBuf::from),
            _ => {
                eprintln!("{USAGE}");
                return ExitCode::from(100);
            }
        }
    }
    let Some(ours) = ours.filter(|ours| ours.join("supervise").exists()) else {
        eprintln!("bench: no programs of ours: run make bench, or say --programs DIR");
        return ExitCode::from(100);
    };
    if let Some(unknown) = only.iter().find(|only| GROUPS.iter().all(|(name, _)| name != only)) {
        eprintln!("bench: there is no group {unknown}\n{USAGE}");
        return ExitCode::from(100);
    }
    let bench = Bench {
        ours: std::fs::canonicalize(ours).unwrap(),
        scratch: scratch.to_owned(),
        rounds: rounds.unwrap_or(if quick { 1 } else { 5 }),
        quick,
        load: std::fs::read_to_string("/proc/loadavg")
            .unwrap()
            .split(" ")
            .take(3)
            .collect::<Vec<_>>()
            .join(" "),
        suites: Suite::ALL.into_iter().filter(|suite| suite.is_here()).collect(),
    };
    let mut report = Report::default();
    for (name, measure) in GROUPS {
        if only.is_empty() || only.iter().any(|only| only == name) {
            progress(name);
            measure(&bench, &mut report);
        }
    }
    // What was not measured in full does not replace what was.
    let is_whole = !quick && only.is_empty();
    let output = output.unwrap_or(if is_whole { env!("CARGO_MANIFEST_DIR").into() } else { tmp.to_owned() });
    report::write(&bench, &report, &output);
    ExitCode::SUCCESS
}

/// Shows what is being done.
pub fn progress(what: &str) {
    eprintln!("bench: {what}");
}
