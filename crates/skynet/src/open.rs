//! Items that were begun: which of them are still in hand, and which never ended because their participant has crashed.
#![forbid(unsafe_code)]

use servicedir::tai::Stamp;
use std::collections::BTreeMap;

/// The items of a participant that were begun and have not ended, by their processes, in the order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Open(BTreeMap<String, Vec<Option<Stamp>>>);

/// What the supervise of a participant says about its present run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// There is none.
    Down,
    /// It is up since then.
    Since(Stamp),
    /// We may not know.
    Unknown,
}

/// What has become of an item that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The participant works on it.
    InHand,
    /// The run that had it in hand is over.
    Crashed,
}

impl Open {
    /// An item of the process `wfid` was begun.
    pub fn begin(&mut self, wfid: &str, at: Option<Stamp>) {
        self.0.entry(wfid.to_string()).or_default().push(at);
    }

    /// One has ended: the one that was begun last, as those before were begun again.
    pub fn end(&mut self, wfid: &str) {
        if let Some(begun) = self.0.get_mut(wfid) {
            begun.pop();
            if begun.is_empty() {
                self.0.remove(wfid);
            }
        }
    }

    /// What has become of each, with its process and when it was begun.
    pub fn fates(&self, run: Run) -> impl Iterator<Item = (&str, Option<Stamp>, Fate)> {
        self.0.iter().flat_map(move |(wfid, begun)| {
            let last = begun.len();
            begun.iter().enumerate().map(move |(index, at)| {
                let is_in_hand = match run {
                    Run::Down => false,
                    Run::Since(since) => at.is_some_and(|at| at >= since),
                    // What was begun again was not in hand any more.
                    Run::Unknown => index + 1 == last,
                };
                (wfid.as_str(), *at, if is_in_hand { Fate::InHand } else { Fate::Crashed })
            })
        })
    }

    /// How many have crashed.
    pub fn crashed(&self, run: Run) -> usize {
        self.fates(run).filter(|(.., fate)| *fate == Fate::Crashed).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(second: u64) -> Option<Stamp> {
        Some(Stamp::from_unix(Duration::from_secs(second)))
    }

    #[test]
    fn what_was_begun_before_the_present_run_has_crashed() {
        let mut open = Open::default();
        open.begin("a", at(1));
        open.begin("a", at(3));
        open.begin("b", at(4));
        open.begin("c", at(5));
        open.end("c");
        open.end("unknown");
        let check = |run, crashed| assert_eq!(open.crashed(run), crashed, "{run:?}");
        check(Run::Down, 3);
        check(Run::Since(at(2).unwrap()), 1);
        check(Run::Since(at(4).unwrap()), 2);
        check(Run::Since(at(9).unwrap()), 3);
        check(Run::Unknown, 1);
        open.end("a");
        assert_eq!(open.fates(Run::Unknown).map(|(wfid, ..)| wfid).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(open.crashed(Run::Since(at(2).unwrap())), 1);
    }
}
