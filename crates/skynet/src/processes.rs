//! The processes that participants have worked for, as far as their logs tell.
#![forbid(unsafe_code)]

use crate::open::{Fate, Open, Run};
use servicedir::json::{self, Object};
use servicedir::tai::Stamp;
use servicedir::text::clean;
use skynet_core::items::{Note, Verdict};
use std::collections::BTreeMap;

/// What participants have done for a process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Process {
    first: Option<Stamp>,
    last: Option<Stamp>,
    ended: u64,
    failures: u64,
    crashed: u64,
    in_hand: u64,
    /// In the order of their names.
    participants: Vec<String>,
    last_failure: Option<(Option<Stamp>, String)>,
}

/// Processes, by their wfid.
#[derive(Debug, Clone, Default)]
pub struct Processes(BTreeMap<String, Process>);

/// The work of one participant, of which lines are still read.
#[derive(Debug)]
pub struct Worker<'a> {
    processes: &'a mut Processes,
    name: &'a str,
    open: Open,
}

/// Which processes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those of which an item has failed, or was never ended.
    Failed,
}

impl Process {
    fn touch(&mut self, at: Option<Stamp>, name: &str) {
        self.first = self.first.into_iter().chain(at).min();
        self.last = self.last.max(at);
        if self.participants.last().is_none_or(|last| last != name) {
            self.participants.push(name.to_string());
        }
    }
}

impl Processes {
    /// Begins with the log of the participant `name`.
    pub fn worker<'a>(&'a mut self, name: &'a str) -> Worker<'a> {
        Worker { processes: self, name, open: Open::default() }
    }

    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that are shown, in the order in which they were begun.
    fn chosen(&self, which: Which) -> Vec<(&str, &Process)> {
        let is_failed = |process: &Process| process.failures + process.crashed > 0;
        let all = self.0.iter().map(|(wfid, process)| (wfid.as_str(), process));
        let mut chosen: Vec<_> =
            all.filter(|(_, process)| which == Which::All || is_failed(process)).collect();
        chosen.sort_by_key(|(_, process)| process.first);
        chosen
    }

    /// The rows of a table; `clock` shows a moment.
    pub fn rows(&self, which: Which, clock: impl Fn(i64) -> String) -> Vec<[String; COLUMNS]> {
        let moment = |at: Option<Stamp>| at.map_or("-".to_string(), |at| clock(at.to_unix()));
        let row = |(wfid, process): (&str, &Process)| {
            let failure = process.last_failure.as_ref().map_or("-", |(_, text)| text);
            [
                clean(wfid.as_bytes()).to_string(),
                moment(process.first),
                moment(process.last),
                process.ended.to_string(),
                process.failures.to_string(),
                process.crashed.to_string(),
                process.in_hand.to_string(),
                process.participants.join(","),
                clean(failure.as_bytes()).to_string(),
            ]
        };
        self.chosen(which).into_iter().map(row).collect()
    }

    /// The same for programs.
    pub fn json(&self, which: Which) -> String {
        let object = |(wfid, process): (&str, &Process)| {
            let mut object = Object::default();
            object.text("wfid", wfid);
            for (name, at) in [("first", process.first), ("last", process.last)] {
                match at {
                    Some(at) => object.text(name, &at.to_rfc3339()),
                    None => object.value(name, None::<u8>),
                };
            }
            object.value("ended", Some(process.ended)).value("failures", Some(process.failures));
            object.value("crashed", Some(process.crashed)).value("in_hand", Some(process.in_hand));
            object.text("participants", &process.participants.join(" "));
            match &process.last_failure {
                Some((_, text)) => object.text("last_failure", text),
                None => object.value("last_failure", None::<u8>),
            };
            object.finish()
        };
        json::lines(&self.chosen(which).into_iter().map(object).collect::<Vec<_>>())
    }
}

impl Worker<'_> {
    /// Adds what a line tells that was logged then.
    pub fn add(&mut self, note: &Note<'_>, at: Option<Stamp>) {
        let (Note::Begin(work) | Note::End(work, _)) = note;
        let process = self.processes.0.entry(work.wfid.to_string()).or_default();
        process.touch(at, self.name);
        match note {
            Note::Begin(_) => self.open.begin(work.wfid, at),
            Note::End(_, end) => {
                self.open.end(work.wfid);
                process.ended += 1;
                if let Verdict::Error(error) = end.verdict {
                    process.failures += 1;
                    process.fail(at, format!("{} {error}", self.name).trim_end());
                }
            }
        }
    }

    /// Ends with this participant, of whose present run this is known.
    pub fn finish(self, run: Run) {
        for (wfid, at, fate) in self.open.fates(run) {
            let process = self.processes.0.entry(wfid.to_string()).or_default();
            match fate {
                Fate::InHand => process.in_hand += 1,
                Fate::Crashed => {
                    process.crashed += 1;
                    process.fail(at, &format!("{} CRASHED", self.name));
                }
            }
        }
    }
}

impl Process {
    fn fail(&mut self, at: Option<Stamp>, text: &str) {
        if self.last_failure.as_ref().is_none_or(|(last, _)| *last <= at) {
            self.last_failure = Some((at, text.to_string()));
        }
    }
}

const COLUMNS: usize = 9;

/// What the columns of the table are.
pub const TITLES: [&str; COLUMNS] =
    ["PROCESS", "FIRST", "LAST", "ENDED", "FAILED", "CRASHED", "IN HAND", "PARTICIPANTS", "LAST FAILURE"];

/// Those of them that are texts.
pub const TEXTS: [&str; 4] = ["PROCESS", "FIRST", "LAST", "PARTICIPANTS"];

#[cfg(test)]
mod tests {
    use super::*;
    use skynet_core::items::parse;
    use std::time::Duration;

    #[test]
    fn p4_a_process_has_what_all_participants_have_done_for_it() {
        let at = |second| Stamp::from_unix(Duration::from_secs(second));
        let mut processes = Processes::default();
        for (name, run, lines) in [
            (
                "a",
                Run::Since(at(5)),
                &[
                    (1, "begin wfid=w participant=a"),
                    (2, "item wfid=w participant=a ms=1 result=error error=KeyError: 'x'"),
                    (3, "begin wfid=v participant=a"),
                    (6, "begin wfid=u participant=a"),
                ][..],
            ),
            ("b", Run::Down, &[(4, "item wfid=w participant=b ms=1 result=true")][..]),
        ] {
            let mut worker = processes.worker(name);
            for (second, line) in lines {
                worker.add(&parse(line.as_bytes()).unwrap(), Some(at(*second)));
            }
            worker.finish(run);
        }
        let rows = processes.rows(Which::All, |unix| unix.to_string());
        let rows: Vec<String> = rows.iter().map(|row| row.join("|")).collect();
        let [w, v, u] =
            ["w|1|4|2|1|0|0|a,b|a KeyError: 'x'", "v|3|3|0|0|1|0|a|a CRASHED", "u|6|6|0|0|0|1|a|-"];
        assert_eq!(rows, [w, v, u]);
        let rows = processes.rows(Which::Failed, |unix| unix.to_string());
        assert_eq!(rows.iter().map(|row| row.join("|")).collect::<Vec<_>>(), [w, v]);
        let json = processes.json(Which::Failed);
        assert!(json.contains(r#""ended":0,"failures":0,"crashed":1,"in_hand":0,"participants":"a","last_failure":"a CRASHED""#), "{json}");
    }
}
