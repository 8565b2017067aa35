//! What a participant has done so far: how often it was called, how long it took, what failed.
//!
//! Memory is bounded: times are counted in classes that are exact up to 255 ms and from there on at most 1/128 of their
//! value wide, so that a median or 95th percentile is within 0.4 % of the true one. Shortest and longest are exact.
#![forbid(unsafe_code)]

use crate::open::{Open, Run};
use servicedir::json::Object;
use servicedir::tai::Stamp;
use servicedir::text::clean;
use skynet_core::items::{End, Note, Verdict};

/// Each power of two is divided into so many classes, a power of two itself.
const CLASSES: u64 = 128;

/// What a participant has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// How many items it has ended.
    pub calls: u64,
    /// How many of them with the result false.
    pub negative: u64,
    /// How many of them with an error.
    pub failures: u64,
    /// How many were begun and never ended.
    pub crashed: usize,
    open: Open,
    times: Times,
    last_failure: Option<Failed>,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Failed {
    at: Option<Stamp>,
    wfid: String,
    error: String,
}

/// How long items took, in milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Times {
    classes: Vec<u64>,
    count: u64,
    range: Option<(u64, u64)>,
}

impl History {
    /// Adds what a line tells that was logged then.
    pub fn add(&mut self, note: &Note<'_>, at: Option<Stamp>) {
        let (work, End { milliseconds, verdict }) = match note {
            Note::Begin(work) => return self.open.begin(work.wfid, at),
            Note::End(work, end) => (work, end),
        };
        self.open.end(work.wfid);
        self.calls += 1;
        self.times.add(*milliseconds);
        match verdict {
            Verdict::True => {}
            Verdict::False => self.negative += 1,
            Verdict::Error(error) => {
                self.failures += 1;
                let (wfid, error) = (work.wfid.to_string(), (*error).to_string());
                self.last_failure = Some(Failed { at, wfid, error });
            }
        }
    }

    /// Counts what was begun and never ended, with what is known of the present run.
    pub fn settle(&mut self, run: Run) {
        self.crashed = self.open.crashed(run);
    }

    /// The row of a table; `clock` shows a moment.
    pub fn row(&self, name: &str, clock: impl Fn(i64) -> String) -> [String; COLUMNS] {
        let time = |milliseconds: Option<u64>| milliseconds.map_or("-".to_string(), duration);
        let last = self.last_failure.as_ref().map_or("-".to_string(), |failed| {
            let at = failed.at.map_or("-".to_string(), |at| clock(at.to_unix()));
            let text = clean(format!("{} {}", failed.wfid, failed.error).as_bytes());
            format!("{at} {text}").trim_end().to_string()
        });
        [
            name.to_string(),
            self.calls.to_string(),
            self.negative.to_string(),
            self.failures.to_string(),
            self.crashed.to_string(),
            time(self.times.range.map(|(shortest, _)| shortest)),
            time(self.times.quantile(50)),
            time(self.times.quantile(95)),
            time(self.times.range.map(|(_, longest)| longest)),
            last,
        ]
    }

    /// The same for programs.
    pub fn json(&self, name: &str) -> String {
        let failure = self.last_failure.as_ref().map_or("null".to_string(), |failed| {
            let mut object = Object::default();
            match failed.at {
                Some(at) => object.text("at", &at.to_rfc3339()),
                None => object.raw("at", "null"),
            };
            object.text("wfid", &failed.wfid).text("error", &failed.error).finish()
        });
        let mut object = Object::default();
        object.text("participant", name).value("calls", Some(self.calls));
        object.value("false", Some(self.negative)).value("failures", Some(self.failures));
        object.value("crashed", Some(self.crashed));
        object.value("shortest_ms", self.times.range.map(|(shortest, _)| shortest));
        object.value("median_ms", self.times.quantile(50)).value("p95_ms", self.times.quantile(95));
        object.value("longest_ms", self.times.range.map(|(_, longest)| longest));
        object.raw("last_failure", &failure).finish()
    }
}

impl Times {
    fn add(&mut self, milliseconds: u64) {
        let class = class(milliseconds);
        if self.classes.len() <= class {
            self.classes.resize(class + 1, 0);
        }
        if let Some(count) = self.classes.get_mut(class) {
            *count += 1;
        }
        self.count += 1;
        let (shortest, longest) = self.range.unwrap_or((milliseconds, milliseconds));
        self.range = Some((shortest.min(milliseconds), longest.max(milliseconds)));
    }

    /// The time that so many percent of the items did not exceed.
    fn quantile(&self, percent: u64) -> Option<u64> {
        let (shortest, longest) = self.range?;
        let rank = (self.count.saturating_mul(percent)).div_ceil(100).max(1);
        let mut below = 0;
        let class = self.classes.iter().position(|count| {
            below += count;
            below >= rank
        })?;
        Some(middle(class).clamp(shortest, longest))
    }
}

/// The class of a time.
fn class(milliseconds: u64) -> usize {
    let bits = u64::from(u64::BITS - milliseconds.leading_zeros());
    // So many of the last bits do not count.
    let shift = bits.saturating_sub(8);
    usize::try_from(shift * CLASSES + (milliseconds >> shift)).unwrap_or(usize::MAX)
}

/// The time in the middle of a class.
fn middle(class: usize) -> u64 {
    let class = u64::try_from(class).unwrap_or(u64::MAX);
    let shift = (class / CLASSES).saturating_sub(1);
    let lowest = (class - shift * CLASSES) << shift;
    lowest + ((1 << shift) >> 1)
}

/// A time as people read it, with three digits or so.
fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match milliseconds {
        0..1_000 => format!("{milliseconds}ms"),
        1_000..10_000 => format!("{seconds}.{:02}s", milliseconds % 1000 / 10),
        10_000..60_000 => format!("{seconds}.{}s", milliseconds % 1000 / 100),
        60_000..3_600_000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

const COLUMNS: usize = 10;

/// What the columns of the table are.
pub const TITLES: [&str; COLUMNS] = [
    "PARTICIPANT",
    "CALLS",
    "FALSE",
    "FAILED",
    "CRASHED",
    "SHORTEST",
    "MEDIAN",
    "95%",
    "LONGEST",
    "LAST FAILURE",
];

#[cfg(test)]
mod tests {
    use super::*;
    use skynet_core::items::Work;
    use std::time::Duration;

    fn history(times: impl IntoIterator<Item = u64>) -> History {
        let mut history = History::default();
        for milliseconds in times {
            let work = Work { wfid: "w", participant: "p" };
            history.add(&Note::End(work, End { milliseconds, verdict: Verdict::True }), None);
        }
        history
    }

    #[test]
    fn a_class_is_near_the_times_in_it() {
        let powers = (0..64).map(|power| 1_u64 << power);
        let odd = (0..60).flat_map(|power| [(1 << power) * 3 - 1, (1 << power) * 11 / 7]);
        for milliseconds in (0..5000).chain(powers).chain(odd).chain([u64::MAX]) {
            let error = middle(class(milliseconds)).abs_diff(milliseconds);
            assert!(error <= milliseconds / 250, "{milliseconds} {error}");
        }
        let classes: Vec<usize> = (0..100_000).map(class).collect();
        assert!(classes.windows(2).all(|pair| pair[1] == pair[0] || pair[1] == pair[0] + 1));
        assert!(class(u64::MAX) < 8000);
    }

    #[test]
    fn p4_quantiles_are_within_one_percent() {
        let times: Vec<u64> = (1..=1000).map(|n| n * n).collect();
        let times = history(times).times;
        for (percent, expected) in [(50, 250_000), (95, 902_500), (100, 1_000_000)] {
            let found: u64 = times.quantile(percent).unwrap();
            assert!(found.abs_diff(expected) <= expected / 100, "{percent}: {found}");
        }
        assert_eq!(history([7]).times.quantile(50), Some(7));
        assert_eq!(history([1, 2, 3, 4]).times.quantile(50), Some(2));
        assert_eq!(history([]).times.quantile(50), None);
    }

    #[test]
    fn p4_a_row_tells_how_often_how_long_and_what_failed() {
        let mut history = history([5, 1500, 70_000]);
        let work = Work { wfid: "w7", participant: "p" };
        let at = Some(Stamp::from_unix(Duration::from_secs(1_800_000_000)));
        history.add(&Note::Begin(work), at);
        history.add(&Note::End(work, End { milliseconds: 12_340, verdict: Verdict::False }), at);
        let verdict = Verdict::Error("no \"x\"\u{7}");
        history.add(&Note::End(work, End { milliseconds: 4_000_000, verdict }), at);
        history.add(&Note::Begin(work), at);
        history.settle(Run::Down);
        let row = history.row("build", |unix| format!("<{unix}>"));
        let expected =
            ["build", "5", "1", "1", "1", "5ms", "12.3s", "1h06m", "1h06m", "<1800000000> w7 no \"x\"?"];
        assert_eq!(row, expected);
        assert_eq!(
            history.json("build"),
            "{\"participant\":\"build\",\"calls\":5,\"false\":1,\"failures\":1,\"crashed\":1,\"shortest_ms\":5,\
             \"median_ms\":12320,\"p95_ms\":4000000,\"longest_ms\":4000000,\"last_failure\":\
             {\"at\":\"2027-01-15T08:00:00.0000005Z\",\"wfid\":\"w7\",\"error\":\"no \\\"x\\\"\\u0007\"}}"
        );
        let nothing = History::default();
        assert_eq!(nothing.row("get", |_| String::new())[1..], ["0", "0", "0", "0", "-", "-", "-", "-", "-"]);
        assert!(nothing.json("get").ends_with("\"longest_ms\":null,\"last_failure\":null}"));
    }
}
