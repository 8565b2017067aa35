//! Medians, ratios, tables and the chart.

use crate::Bench;
use crate::suite::Suite;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Something that is measured, of each suite that has it.
#[derive(Clone, Copy)]
pub struct Row {
    pub group: &'static str,
    pub what: &'static str,
    pub unit: Unit,
    /// The targets, as in docs/decisions.md 13.
    pub targets: &'static [Target],
    pub chart: Chart,
}

/// Whether the chart shows a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Chart {
    Shown,
    Left,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Kilobytes,
    Milliseconds,
    Seconds,
    Number,
    /// The only one of which more is better.
    MegabytesASecond,
}

#[derive(Clone, Copy)]
pub enum Target {
    /// Ours is at most so much, in the unit of the row.
    AtMost(f64),
    /// Ours is at most so much of what the other one has.
    Ratio(f64, Suite),
}

impl Unit {
    fn name(self) -> &'static str {
        match self {
            Self::Kilobytes => " KB",
            Self::Milliseconds => " ms",
            Self::Seconds => " s",
            Self::Number => "",
            Self::MegabytesASecond => " MB/s",
        }
    }
}

impl Row {
    /// A row without a target that the chart does not show.
    pub const fn new(group: &'static str, what: &'static str, unit: Unit) -> Self {
        Self { group, what, unit, targets: &[], chart: Chart::Left }
    }

    pub const fn targets(self, targets: &'static [Target]) -> Self {
        Self { targets, ..self }
    }

    pub const fn shown(self) -> Self {
        Self { chart: Chart::Shown, ..self }
    }
}

/// All measurements, in the order of the first of each row.
#[derive(Default)]
pub struct Report {
    rows: Vec<(Row, Vec<(Suite, f64)>)>,
    notes: Vec<(&'static str, String)>,
}

impl Report {
    pub fn add(&mut self, row: Row, suite: Suite, value: f64) {
        let known =
            self.rows.iter_mut().find(|(other, _)| (other.group, other.what) == (row.group, row.what));
        match known {
            Some((_, values)) => values.push((suite, value)),
            None => self.rows.push((row, vec![(suite, value)])),
        }
    }

    /// What is to be read with a group.
    pub fn note(&mut self, group: &'static str, note: impl Into<String>) {
        self.notes.push((group, note.into()));
    }
}

/// The middle one, or between the two in the middle.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    Some((upper + values[(values.len() - 1) / 2]) / 2.0)
}

fn value(values: &[(Suite, f64)], suite: Suite) -> Option<f64> {
    median(values.iter().filter(|(other, _)| *other == suite).map(|(_, value)| *value).collect())
}

/// Ours as a part of theirs: below 1 ours is better.
fn ratio(row: &Row, values: &[(Suite, f64)], suite: Suite) -> Option<f64> {
    let (ours, theirs) = (value(values, Suite::Ours)?, value(values, suite)?);
    match row.unit {
        Unit::MegabytesASecond => Some(theirs / ours),
        _ if theirs == 0.0 => (ours == 0.0).then_some(1.0),
        _ => Some(ours / theirs),
    }
}

fn figure(number: f64) -> String {
    match number {
        number if number == 0.0 || number >= 100.0 => format!("{number:.0}"),
        number if number >= 10.0 => format!("{number:.1}"),
        number if number >= 1.0 => format!("{number:.2}"),
        number => format!("{number:.3}"),
    }
}

fn cell(row: &Row, number: Option<f64>) -> String {
    number.map_or("-".into(), |number| format!("{}{}", figure(number), row.unit.name()))
}

/// Writes the tables and the chart, and shows the tables.
#[expect(clippy::print_stdout, reason = "the result")]
pub fn write(bench: &Bench, report: &Report, output: &Path) {
    let text = text(bench, report);
    println!("{text}");
    std::fs::create_dir_all(output.join("benches")).unwrap();
    std::fs::write(output.join("BENCHMARKS.md"), text).unwrap();
    std::fs::write(output.join("benches/chart.svg"), chart(report)).unwrap();
    crate::progress(&format!("written: {}/BENCHMARKS.md, benches/chart.svg", output.display()));
}

fn text(bench: &Bench, report: &Report) -> String {
    let mut text = String::from(
        "# Benchmarks\n\nWritten by `make bench`: all programs on one machine in one run, by turns. ",
    );
    let _ = writeln!(
        text,
        "Figures are medians of {}. A ratio is ours / theirs, \
         for MB/s theirs / ours: below 1.00 ours is better. Rows in which ours is worse than another by more than \
         2 in 100 say `lost`, and to whom.\n",
        if bench.rounds == 1 { "one round".into() } else { format!("up to {} rounds", bench.rounds) }
    );
    if bench.quick {
        text.push_str(
            "**This was a quick run, with small numbers: it shows that the bench works, no more.**\n\n",
        );
    }
    text.push_str(&machine(bench));
    text.push_str(&targets(report));
    let mut groups: Vec<&str> = Vec::new();
    report.rows.iter().for_each(|(row, _)| {
        if !groups.contains(&row.group) {
            groups.push(row.group);
        }
    });
    for group in groups {
        let _ = writeln!(text, "## {group}\n");
        for (_, note) in report.notes.iter().filter(|(of, _)| *of == group) {
            let _ = writeln!(text, "{note}\n");
        }
        text.push_str(
            "| what | ours | daemontools | runit | s6 | ours/daemontools | ours/runit | ours/s6 | |\n",
        );
        text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|---|\n");
        for (row, values) in report.rows.iter().filter(|(row, _)| row.group == group) {
            text.push_str(&line(row, values));
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn line(row: &Row, values: &[(Suite, f64)]) -> String {
    let cells = Suite::ALL.map(|suite| cell(row, value(values, suite)));
    let peers = [Suite::Daemontools, Suite::Runit, Suite::S6];
    let ratios =
        peers.map(|suite| ratio(row, values, suite).map_or("-".into(), |ratio| format!("{ratio:.2}")));
    let is_lost = |suite: Suite| {
        let worse = |ours: f64, theirs: f64| theirs == 0.0 && ours > 0.0;
        ratio(row, values, suite).is_some_and(|ratio| ratio > 1.02)
            || value(values, Suite::Ours).zip(value(values, suite)).is_some_and(|(a, b)| worse(a, b))
    };
    let lost: Vec<_> = peers.into_iter().filter(|suite| is_lost(*suite)).map(Suite::name).collect();
    let lost = if lost.is_empty() { String::new() } else { format!("lost to {}", lost.join(", ")) };
    format!("| {} | {} | {} | {lost} |\n", row.what, cells.join(" | "), ratios.join(" | "))
}

/// What stands in the way of the targets that are missed where this was written.
const OBSTACLES: &str = "500 services from nothing: the shells that run the scripts take longer than what starts them, \
    and are the same for all; what is ours has a row of its own, below. A line until it is in current: multilog waits for \
    input and for signals at once, which takes a system call more than to read; what that costs is as much as two runs of \
    this bench differ.\n\n";

fn targets(report: &Report) -> String {
    let mut text = String::from("## targets\n\n| what | target | measured | |\n|---|---|--:|---|\n");
    let mut is_empty = true;
    for (row, values) in &report.rows {
        for target in row.targets {
            let (wanted, measured, shown) = match *target {
                Target::AtMost(most) => {
                    let ours = value(values, Suite::Ours);
                    (most, ours, (format!("at most {}{}", figure(most), row.unit.name()), cell(row, ours)))
                }
                Target::Ratio(most, suite) => {
                    let ratio = ratio(row, values, suite);
                    let shown = ratio.map_or("-".into(), |ratio| format!("{ratio:.2}"));
                    (most, ratio, (format!("at most {most:.2} of {}", suite.name()), shown))
                }
            };
            let verdict = match measured {
                Some(measured) if measured <= wanted => "reached",
                Some(_) => "missed",
                None => "not measured",
            };
            let _ = writeln!(text, "| {} | {} | {} | {verdict} |", row.what, shown.0, shown.1);
            is_empty = false;
        }
    }
    text.push('\n');
    if text.contains("| missed |") {
        text.push_str(OBSTACLES);
    }
    if is_empty { String::new() } else { text }
}

/// The machine, the time, and what was compared.
fn machine(bench: &Bench) -> String {
    let mut text = String::new();
    let shell = |script: &str| {
        let output = Command::new("/bin/sh").args(["-c", script]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let processors = "grep -m 1 '^model name' /proc/cpuinfo | cut -d: -f2; nproc";
    let processors = shell(processors).split_whitespace().collect::<Vec<_>>().join(" ");
    let (model, count) = processors.rsplit_once(' ').unwrap_or((&processors, "?"));
    let memory = shell("awk '/^MemTotal/ { printf \"%.1f GB\", $2 / 1048576 }' /proc/meminfo");
    let system = shell(". /etc/os-release; echo \"$PRETTY_NAME\"");
    let packages = shell("dpkg-query -W -f '${Package} ${Version}, ' daemontools runit s6 libc6 2>/dev/null");
    let commit = format!("git -C '{}' log -1 --format=%h 2>/dev/null", env!("CARGO_MANIFEST_DIR"));
    let _ = writeln!(text, "| | |\n|---|---|");
    let _ = writeln!(text, "| date | {} |", shell("date -u +%Y-%m-%d"));
    let _ = writeln!(text, "| machine | {count} x {}, {memory} |", model.trim());
    let _ = writeln!(text, "| kernel | {} |", shell("uname -sr"));
    let _ = writeln!(text, "| system | {system} |");
    let _ = writeln!(text, "| packages | {} |", packages.trim_end_matches(','));
    let _ = writeln!(text, "| ours | {} {} |", env!("CARGO_PKG_VERSION"), shell(&commit));
    let scratch = shell(&format!("stat -f -c %T '{}'", bench.scratch.display()));
    let logs = shell(&format!("stat -f -c %T '{}'", place_of_logs().display()));
    let _ = writeln!(text, "| file systems | {scratch}; logs on {logs} |");
    let _ = writeln!(text, "| load before | {} |\n", bench.load);
    text
}

const BAR: u32 = 22;
const LEFT: u32 = 350;
const SCALE: f64 = 340.0;

/// A bar for each row that is shown: ours as a part of the original's.
fn chart(report: &Report) -> String {
    let rows = report.rows.iter().filter(|(row, _)| row.chart == Chart::Shown);
    let ratios = rows.filter_map(|(row, values)| Some((row, ratio(row, values, Suite::Daemontools)?)));
    let ratios: Vec<_> = ratios.collect();
    let height = 78 + BAR * u32::try_from(ratios.len()).unwrap();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"780\" height=\"{height}\" \
         viewBox=\"0 0 780 {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>What servicedir needs, as a part of what daemontools needs</title>\n\
         <rect width=\"780\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"26\" font-size=\"15\" font-weight=\"bold\" fill=\"#1f2328\">\
         What servicedir needs, as a part of what daemontools needs (shorter is better)</text>\n"
    );
    for (index, (row, ratio)) in (0..).zip(&ratios) {
        let top = 44 + BAR * index;
        let (middle, width) = (top + 12, (ratio * SCALE).clamp(1.5, SCALE * 1.1));
        let colour = if *ratio > 1.02 { "#b35900" } else { "#1a7f5a" };
        // What the others call it does not matter here.
        let (begin, end) = (row.what.find(" ("), row.what.find(')'));
        let label = match (begin, end) {
            (Some(begin), Some(end)) => [&row.what[..begin], &row.what[end + 1..]].concat(),
            _ => row.what.replace('`', ""),
        };
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\" fill=\"#1f2328\">{label}</text>\n\
             <rect x=\"{LEFT}\" y=\"{top}\" width=\"{width:.1}\" height=\"16\" fill=\"{colour}\"/>\n\
             <text x=\"{:.1}\" y=\"{middle}\" fill=\"#1f2328\">{ratio:.2}</text>",
            LEFT - 8,
            f64::from(LEFT) + width + 6.0
        );
    }
    let (bottom, one) = (height - 30, f64::from(LEFT) + SCALE);
    let _ = writeln!(
        svg,
        "<line x1=\"{one}\" y1=\"40\" x2=\"{one}\" y2=\"{bottom}\" stroke=\"#57606a\" stroke-dasharray=\"4 3\"/>\n\
         <text x=\"{one}\" y=\"{}\" text-anchor=\"middle\" fill=\"#57606a\">daemontools = 1</text>\n</svg>",
        height - 12
    );
    svg
}

/// Where logs are written: in memory, if there is enough of it.
pub fn place_of_logs() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let free =
        nix::sys::statvfs::statvfs(memory).map(|facts| facts.blocks_available() * facts.fragment_size());
    if free.is_ok_and(|free| free > 1_000_000_000) { memory.to_owned() } else { std::env::temp_dir() }
}
