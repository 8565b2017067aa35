//! svc, restarts, new directories: how soon they have an effect.

use crate::report::{Report, Row, Target, Unit};
use crate::suite::{Suite, Wish};
use crate::tree::{Life, Log, Tree, send};
use crate::{Bench, progress};
use nix::sys::signal::Signal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const fn row(what: &'static str) -> Row {
    Row::new("control", what, Unit::Milliseconds)
}

const AS_ORIGINAL: &[Target] = &[Target::Ratio(1.0, Suite::Daemontools), Target::AtMost(999.0)];

const DOWN: Row = row("svc -d until the service has ended").targets(AS_ORIGINAL).shown();
const UP: Row = row("svc -u until `run` has begun").targets(AS_ORIGINAL).shown();
const DOWN_AT_ONCE: Row =
    row("svc -d right after the start, until the service has ended").targets(AS_ORIGINAL);
const CRASH: Row = row("the service is killed, until `run` has begun again").targets(AS_ORIGINAL).shown();
const DROPPED: Row =
    row("a directory is moved in, until its `run` has begun").targets(&[Target::AtMost(10.0)]).shown();

/// At most one start a second: nothing that is measured here waits for that.
const PACE: Duration = Duration::from_millis(1300);

pub fn measure(bench: &Bench, report: &mut Report) {
    report.note(
        "control",
        "From the start of `svc` (`sv`, `s6-svc`), or from the signal. All services have been up, or down, for more \
         than a second, except in the row that says so. s6-svscan does not look for new directories by itself: \
         there, `s6-svscanctl -a` is run at once after the move.",
    );
    commands(bench, report);
    dropping(bench, report);
}

struct Subject {
    tree: Tree,
    service: PathBuf,
    pid: i32,
}

impl Subject {
    fn time(&mut self, bench: &Bench, wish: Wish) -> f64 {
        let life = Life::of_the_only_service(&self.tree);
        let mut command = self.tree.suite.control(bench, wish);
        command.arg(&self.service);
        let begin = Instant::now();
        let mut child = command.spawn().unwrap();
        match wish {
            Wish::Up => self.pid = self.tree.next_start(),
            Wish::Down => life.wait_for_end(),
        }
        let time = begin.elapsed().as_secs_f64() * 1e3;
        assert!(child.wait().unwrap().success());
        time
    }

    fn crash(&mut self) -> f64 {
        let begin = Instant::now();
        send(self.pid, Signal::SIGKILL);
        self.pid = self.tree.next_start();
        begin.elapsed().as_secs_f64() * 1e3
    }
}

fn commands(bench: &Bench, report: &mut Report) {
    let subjects = bench.suites.iter().map(|&suite| {
        let mut tree = Tree::start(bench, suite, (1, Log::Without));
        let pid = tree.next_start();
        Subject { service: tree.directory.join("service/web00000"), tree, pid }
    });
    let mut subjects: Vec<_> = subjects.collect();
    let rounds = bench.rounds * bench.size(4, 2);
    for round in 1..=rounds {
        progress(&format!("control: commands, round {round} of {rounds}"));
        // After a pause, whoever is first pays for caches that are cold.
        subjects.rotate_left(1);
        std::thread::sleep(PACE);
        for subject in &mut subjects {
            report.add(DOWN, subject.tree.suite, subject.time(bench, Wish::Down));
        }
        std::thread::sleep(PACE);
        for subject in &mut subjects {
            report.add(UP, subject.tree.suite, subject.time(bench, Wish::Up));
            report.add(DOWN_AT_ONCE, subject.tree.suite, subject.time(bench, Wish::Down));
        }
        std::thread::sleep(PACE);
        for subject in &mut subjects {
            subject.time(bench, Wish::Up);
        }
        std::thread::sleep(PACE);
        for subject in &mut subjects {
            report.add(CRASH, subject.tree.suite, subject.crash());
        }
    }
}

fn dropping(bench: &Bench, report: &mut Report) {
    let trees = bench.suites.iter().map(|&suite| {
        let mut tree = Tree::start(bench, suite, (1, Log::Without));
        tree.wait_for(1);
        tree
    });
    let mut trees: Vec<_> = trees.collect();
    let rounds = bench.rounds * bench.size(2, 2);
    for round in 1..=rounds {
        progress(&format!("control: a directory is moved in, round {round} of {rounds}"));
        trees.rotate_left(1);
        // Those that look every few seconds are met at another moment each time.
        std::thread::sleep(Duration::from_millis(300 + 700 * u64::try_from(round % 7).unwrap()));
        for tree in &mut trees {
            let service = tree.prepare(&format!("new{round}"));
            let target = tree.directory.join(format!("service/new{round}"));
            let begin = Instant::now();
            std::fs::rename(service, &target).unwrap();
            if tree.suite == Suite::S6 {
                let mut command = tree.suite.command(bench, "s6-svscanctl");
                assert!(command.arg("-a").arg(tree.directory.join("service")).status().unwrap().success());
            }
            tree.next_start();
            report.add(DROPPED, tree.suite, begin.elapsed().as_secs_f64() * 1e3);
        }
    }
}
