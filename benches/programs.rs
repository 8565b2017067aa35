//! How long a program takes from its start to its end, and how large it is.

use crate::report::{Report, Row, Unit};
use crate::starting::timed;
use crate::suite::Suite;
use crate::tree::{Log, Tree};
use crate::{Bench, progress};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// The same job: with daemontools and ours, with runit, with s6.
struct Job {
    row: Row,
    lines: [&'static str; 3],
}

const fn job(what: &'static str, lines: [&'static str; 3]) -> Job {
    Job { row: Row::new("start-up", what, Unit::Milliseconds), lines }
}

/// No such program there.
const NONE: &str = "";

const JOBS: [Job; 15] = [
    job("svc -u", ["svc -u SERVICE", "sv up SERVICE", "s6-svc -u SERVICE"]),
    job("svok", ["svok SERVICE", NONE, "s6-svok SERVICE"]),
    job("svstat", ["svstat SERVICE", "sv status SERVICE", "s6-svstat SERVICE"]),
    job("setuidgid", ["setuidgid root true", "chpst -u root true", "s6-setuidgid root true"]),
    job("envuidgid", ["envuidgid root true", "chpst -U root true", "s6-envuidgid root true"]),
    job("envdir", ["envdir ENVIRONMENT true", "chpst -e ENVIRONMENT true", "s6-envdir ENVIRONMENT true"]),
    job("softlimit", ["softlimit -c 0 true", "chpst -c 0 true", "s6-softlimit -c 0 true"]),
    job("setlock", ["setlock lock true", "chpst -l lock true", "s6-setlock lock true"]),
    job("pgrphack", ["pgrphack true", "chpst -P true", "s6-setsid true"]),
    job("fghack", ["fghack true", NONE, "s6-fghack true"]),
    job("tai64n", ["tai64n", NONE, "s6-tai64n"]),
    job("tai64nlocal", ["tai64nlocal", NONE, "s6-tai64nlocal"]),
    job("multilog", ["multilog t LOG", "svlogd -t LOG", "s6-log t LOG"]),
    job("readproctitle", ["readproctitle ..........", NONE, NONE]),
    job("true, which many of these start", ["true", "true", "true"]),
];

const BATCH: usize = 20;

pub fn measure(bench: &Bench, report: &mut Report) {
    start_up(bench, report);
    sizes(bench, report);
}

fn start_up(bench: &Bench, report: &mut Report) {
    let batches = bench.size(10, 2) * bench.rounds;
    report.note(
        "start-up",
        format!("From the start to the end of a program that has no input, {} times each.", batches * BATCH),
    );
    let mut trees: Vec<_> = bench.suites.iter().map(|&suite| subject(bench, suite)).collect();
    for job in JOBS {
        progress(&format!("programs: {}", job.row.what));
        for _ in 0..batches {
            trees.rotate_left(1);
            for tree in &trees {
                let line = match tree.suite {
                    Suite::Ours | Suite::Daemontools => job.lines[0],
                    Suite::Runit => job.lines[1],
                    Suite::S6 => job.lines[2],
                };
                for time in times(bench, tree, line) {
                    report.add(job.row, tree.suite, time);
                }
            }
        }
    }
}

/// A tree with a service, and beside it what the programs need.
fn subject(bench: &Bench, suite: Suite) -> Tree {
    let mut tree = Tree::start(bench, suite, (1, Log::Without));
    tree.wait_for(1);
    for directory in ["environment", "log"] {
        fs::create_dir(tree.directory.join(directory)).unwrap();
    }
    for (name, value) in [("HOST", "localhost\n"), ("PORT", "8080\n")] {
        fs::write(tree.directory.join("environment").join(name), value).unwrap();
    }
    tree
}

/// The milliseconds of some runs; none if there is no such program, or only root can use it.
fn times(bench: &Bench, tree: &Tree, line: &str) -> Vec<f64> {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let needs_root = line.contains(" root ");
    let is_possible = !needs_root || nix::unistd::geteuid().is_root();
    let Some(program) = words.next().filter(|_| is_possible) else { return Vec::new() };
    let mut command = tree.suite.command(bench, program);
    command.current_dir(&tree.directory);
    for word in words {
        match word {
            "SERVICE" => command.arg(tree.directory.join("service/web00000")),
            "ENVIRONMENT" => command.arg(tree.directory.join("environment")),
            "LOG" => command.arg(tree.directory.join("log")),
            word => command.arg(word),
        };
    }
    (0..BATCH).map(|_| timed(&mut command) * 1e3).collect()
}

const SIZE_TO_SERVE: Row = Row::new("size", "to scan, supervise, log, control and see", Unit::Kilobytes);

const SIZE_OF_ALL: Row = Row::new("size", "all 16 programs of daemontools", Unit::Kilobytes);

fn sizes(bench: &Bench, report: &mut Report) {
    report.note(
        "size",
        "Of the program files, each file once. All of ours but setuidgid and envuidgid are one file with many names, \
         linked statically, and contain what they use of the C library; the others load it (1.9 MB), and those of s6 a \
         library of their own, too.",
    );
    for &suite in &bench.suites {
        let size = |programs: &mut dyn Iterator<Item = String>| {
            let paths = programs.map(|program| suite.program(bench, &program).expect("it is installed"));
            let files = paths.map(|path| fs::metadata(path).unwrap()).map(|file| (file.ino(), file.len()));
            kilobytes(files.collect::<BTreeMap<_, _>>().values().sum())
        };
        let serving = match suite {
            Suite::Ours | Suite::Daemontools => &["svscan", "supervise", "multilog", "svc", "svstat"][..],
            Suite::Runit => &["runsvdir", "runsv", "svlogd", "sv"],
            Suite::S6 => &["s6-svscan", "s6-supervise", "s6-log", "s6-svc", "s6-svstat"],
        };
        report.add(SIZE_TO_SERVE, suite, size(&mut serving.iter().map(|name| name.to_string())));
        if matches!(suite, Suite::Ours | Suite::Daemontools) {
            let programs = fs::read_dir(&bench.ours).unwrap().map(|entry| entry.unwrap().file_name());
            // These two have no peers.
            let is_daemontools =
                |name: &String| !name.ends_with("boot") && !["skynet", "exo"].contains(&name.as_str());
            let names = programs.filter_map(|name| name.into_string().ok()).filter(is_daemontools);
            report.add(SIZE_OF_ALL, suite, size(&mut names.into_iter()));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a program is no terabyte")]
fn kilobytes(bytes: u64) -> f64 {
    bytes as f64 / 1024.0
}
