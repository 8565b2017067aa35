//! multilog and its peers: what a line costs, and how soon it is in the log.

use crate::report::{Report, Row, Target, Unit, median, place_of_logs};
use crate::suite::Suite;
use crate::tree::{POLLIN, wait_for};
use crate::{Bench, ROLE, progress};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::fs;
use std::io::Write;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

const fn time(what: &'static str) -> Row {
    Row::new("logging", what, Unit::Seconds)
}

const fn speed(what: &'static str) -> Row {
    Row::new("logging", what, Unit::MegabytesASecond)
}

/// What is logged, how, and the rows for the processor time and the speed.
struct Kind {
    line: usize,
    rotation: u32,
    stamps: Stamps,
    patterns: &'static [Pattern],
    time: Row,
    speed: Row,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stamps {
    With,
    Without,
}

/// The same choice in the language of multilog and svlogd, and in that of s6-log.
struct Pattern {
    stars: &'static str,
    expression: &'static str,
}

const LARGE: u32 = 16_777_215;

/// These take two lines in five away.
const PATTERNS: &[Pattern] = &[
    Pattern { stars: "-* debug *", expression: "-^[^ ]* debug " },
    Pattern { stars: "-* trace *", expression: "-^[^ ]* trace " },
    Pattern { stars: "-cron[*", expression: "-^cron\\[" },
    Pattern { stars: "-* notice stop *", expression: "-^[^ ]* notice stop " },
    Pattern { stars: "+* trace lost *", expression: "+^[^ ]* trace lost " },
];

const PLAIN: Kind = Kind {
    line: 100,
    rotation: LARGE,
    stamps: Stamps::Without,
    patterns: &[],
    time: time("multilog, processor time"),
    speed: speed("multilog, speed"),
};

const KINDS: [Kind; 6] = [
    PLAIN,
    Kind {
        stamps: Stamps::With,
        time: time("multilog t, processor time")
            .targets(&[Target::Ratio(0.2, Suite::Daemontools), Target::Ratio(0.33, Suite::S6)])
            .shown(),
        speed: speed("multilog t, speed"),
        ..PLAIN
    },
    Kind {
        stamps: Stamps::With,
        patterns: PATTERNS,
        time: time("multilog t and five patterns, processor time").shown(),
        speed: speed("multilog t and five patterns, speed"),
        ..PLAIN
    },
    Kind {
        line: 20,
        stamps: Stamps::With,
        time: time("multilog t, lines of 20 bytes, processor time"),
        speed: speed("multilog t, lines of 20 bytes, speed"),
        ..PLAIN
    },
    Kind {
        line: 4096,
        stamps: Stamps::With,
        time: time("multilog t, lines of 4 KB, processor time"),
        speed: speed("multilog t, lines of 4 KB, speed"),
        ..PLAIN
    },
    Kind {
        rotation: 99_999,
        stamps: Stamps::With,
        time: time("multilog t, rotation at 99,999 bytes, processor time"),
        speed: speed("multilog t, rotation at 99,999 bytes, speed"),
        ..PLAIN
    },
];

const LATENCY: Row = Row::new("logging", "a line written until it is in current", Unit::Milliseconds)
    .targets(&[Target::Ratio(1.0, Suite::Daemontools)])
    .shown();

const MEGABYTE: usize = 1_000_000;

pub fn measure(bench: &Bench, report: &mut Report) {
    let megabytes = bench.size(300, 30);
    let disk = if place_of_logs() == std::env::temp_dir() {
        ""
    } else {
        ", into memory, so that no disk is measured"
    };
    report.note(
        "logging",
        format!(
            "{megabytes} MB through a pipe from a process that does nothing but write them{disk}; lines of 100 \
             bytes and rotation at 16 MB where nothing else is said. Processor time is that of the logger alone. \
             svlogd has the larger buffer (-b 65536) that its manual advises for much data."
        ),
    );
    let directory = directory(&bench.scratch);
    let _ = fs::create_dir(&directory);
    let rounds = bench.rounds.min(3);
    for round in 1..=rounds {
        for kind in KINDS {
            progress(&format!("logging: {}, round {round} of {rounds}", kind.time.what));
            for suite in bench.turns(round) {
                let (time, processor) = log(bench, suite, (&kind, megabytes * MEGABYTE));
                report.add(kind.time, suite, processor);
                report.add(kind.speed, suite, f64::from(u32::try_from(megabytes).unwrap()) / time);
            }
        }
    }
    for round in 1..=bench.rounds {
        progress(&format!("logging: single lines, round {round} of {}", bench.rounds));
        latency(bench, report);
    }
}

/// The directory for logs of this run.
pub fn directory(scratch: &Path) -> PathBuf {
    place_of_logs().join(scratch.file_name().unwrap()).with_extension("logs")
}

/// A logger with its arguments, and a fresh directory.
fn logger(bench: &Bench, suite: Suite, kind: &Kind) -> (Command, PathBuf) {
    let directory = directory(&bench.scratch).join(suite.name());
    let _ = fs::remove_dir_all(&directory);
    let mut command = suite.command(bench, suite.logger());
    let size = format!("s{}", kind.rotation);
    let stamps = (kind.stamps == Stamps::With).then_some("t");
    match suite {
        Suite::Ours | Suite::Daemontools => {
            // To multilog, the stamp is the first word of the line.
            let patterns = kind.patterns.iter().map(|pattern| pattern.stars.split_at(1));
            command.args(stamps).args(patterns.map(|(sign, rest)| format!("{sign}* {rest}")));
            command.args([&size, "n3"]);
        }
        Suite::S6 => {
            command.arg("--").args(kind.patterns.iter().map(|pattern| pattern.expression));
            command.args([&size, "n3"]).args(stamps);
        }
        Suite::Runit => {
            fs::create_dir(&directory).unwrap();
            let patterns: Vec<_> = kind.patterns.iter().map(|pattern| pattern.stars).collect();
            let configuration = format!("{size}\nn3\n{}\n", patterns.join("\n"));
            fs::write(directory.join("config"), configuration).unwrap();
            command.args(["-b", "65536"]).args(stamps.map(|_| "-t"));
        }
    }
    command.arg(&directory);
    (command, directory)
}

/// Logs so many bytes; the seconds it took, and the processor time of the logger.
fn log(bench: &Bench, suite: Suite, (kind, bytes): (&Kind, usize)) -> (f64, f64) {
    let (mut logger, directory) = logger(bench, suite, kind);
    let mut writer = Command::new(std::env::current_exe().unwrap());
    writer.env(ROLE, "write").args([kind.line.to_string(), bytes.to_string()]);
    let mut writer =
        writer.stdin(Stdio::null()).stdout(Stdio::piped()).current_dir(&bench.scratch).spawn().unwrap();
    logger.stdin(writer.stdout.take().unwrap());
    let begin = Instant::now();
    let mut child = logger.spawn().unwrap();
    // The other end of the pipe must be that of the logger alone.
    drop(logger);
    // Nothing else ends and is waited for meanwhile, so the difference is exactly this child's.
    let before = processor_time();
    let status = child.wait().unwrap();
    let (time, after) = (begin.elapsed().as_secs_f64(), processor_time());
    assert!(status.success() && writer.wait().unwrap().success(), "{}: {status}", suite.logger());
    fs::remove_dir_all(directory).unwrap();
    (time, after - before)
}

fn processor_time() -> f64 {
    let usage: Usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let time = usage.user_time() + usage.system_time();
    Duration::from_micros(u64::try_from(time.num_microseconds()).unwrap()).as_secs_f64()
}

/// What the copy of this program does that writes the lines: `LENGTH BYTES`.
pub fn write() -> ExitCode {
    let numbers: Vec<usize> = std::env::args().skip(1).map(|argument| argument.parse().unwrap()).collect();
    let [length, mut left] = numbers[..] else { return ExitCode::FAILURE };
    let mut block = Vec::new();
    for number in 0.. {
        let line = line(number, length);
        if block.len() + line.len() > MEGABYTE {
            break;
        }
        block.extend(line);
    }
    let mut output = std::io::stdout().lock();
    while left > 0 {
        // As much as a pipe takes; what is written ends somewhere in a line, as with any service.
        for part in block.chunks(65536) {
            let part = &part[..part.len().min(left)];
            nix_write_all(&mut output, part);
            left -= part.len();
        }
    }
    ExitCode::SUCCESS
}

/// Past the buffer of std, which would look for the ends of lines.
fn nix_write_all(output: &mut std::io::StdoutLock<'_>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let written = nix::unistd::write(output.as_fd(), bytes).unwrap();
        bytes = &bytes[written..];
    }
}

/// A line as services write them, of exactly this length.
fn line(number: usize, length: usize) -> Vec<u8> {
    let level = ["info", "debug", "error", "trace", "notice"][number % 5];
    let mut line =
        format!("web[{}] {level} request {number:07} from 192.0.2.{} GET /", number % 7, number % 250);
    while line.len() < length {
        line.push_str("path/to/some/page/");
    }
    line.truncate(length - 1);
    line.push('\n');
    line.into_bytes()
}

/// Writes single lines to all loggers by turns.
fn latency(bench: &Bench, report: &mut Report) {
    let lines = bench.size(500, 100);
    let mut subjects: Vec<_> = bench.suites.iter().map(|&suite| Subject::start(bench, suite)).collect();
    for number in 0..lines {
        subjects.iter_mut().for_each(|subject| subject.time(number));
        subjects.rotate_left(1);
    }
    for mut subject in subjects {
        report.add(LATENCY, subject.suite, median(std::mem::take(&mut subject.times)).unwrap());
        drop(subject.child.stdin.take());
        assert!(subject.child.wait().unwrap().success());
    }
}

struct Subject {
    suite: Suite,
    child: std::process::Child,
    current: Inotify,
    times: Vec<f64>,
}

impl Subject {
    fn start(bench: &Bench, suite: Suite) -> Self {
        let (mut logger, directory) = logger(bench, suite, &Kind { stamps: Stamps::With, ..PLAIN });
        let child = logger.stdin(Stdio::piped()).spawn().unwrap();
        let current = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).unwrap();
        let file = directory.join("current");
        crate::tree::wait_until("current", || file.exists());
        // What comes before the first line does not count.
        std::thread::sleep(Duration::from_millis(100));
        current.add_watch(&file, AddWatchFlags::IN_MODIFY).unwrap();
        Self { suite, child, current, times: Vec::new() }
    }

    fn time(&mut self, number: usize) {
        let line = line(number, 100);
        // The logger waits for input again by then.
        std::thread::sleep(Duration::from_millis(1));
        let begin = Instant::now();
        self.child.stdin.as_mut().unwrap().write_all(&line).unwrap();
        wait_for(self.current.as_fd(), POLLIN);
        self.times.push(begin.elapsed().as_secs_f64() * 1e3);
        while self.current.read_events().is_ok() {}
    }
}
