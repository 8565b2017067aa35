//! How often in a row a service has failed to stay up, and when that is worth a message.
#![forbid(unsafe_code)]

use super::now::Now;
use crate::exit::Exit;
use crate::service::last_exit::Failures;
use crate::service::status::Want;
use crate::signal::Signal;
use std::time::{Duration, Instant};

/// A run that ends sooner after its start, without having been told to, has failed to stay up.
const BRIEF: Duration = Duration::from_secs(5);

/// So many failures in a row are the first that are told of, and then twice as many, and so on.
const FIRST: u32 = 3;

/// Another way of failing is told of before that, but not more often than this.
const PAUSE: Duration = Duration::from_secs(60);

/// The failures in a row of one service.
#[derive(Debug, Clone, Copy, Default)]
pub struct Streak {
    times: u32,
    /// When the first of these runs was started.
    first: Option<Now>,
    /// How the last one has ended, and how many before it have ended in the same way.
    last: Option<(Exit, u32)>,
    /// The last message.
    warned: Option<Instant>,
    /// The present run.
    run: Attempt,
}

/// What matters of a run.
#[derive(Debug, Clone, Copy, Default)]
struct Attempt {
    /// Its start, if it was ours.
    started: Option<Now>,
    /// Why `run` could not be executed, if so.
    error: Option<i32>,
    /// It was sent a signal that may end it.
    was_told: bool,
}

/// A message about a service that keeps failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Warning {
    /// How the last run has ended.
    pub how: Exit,
    /// How often it has failed in a row.
    times: u32,
    /// In what time.
    span: Duration,
    /// Whether all these runs have ended in the same way.
    is_same: bool,
}

impl Streak {
    /// A run begins.
    pub fn start(&mut self, now: Now) {
        self.run = Attempt { started: Some(now), ..Attempt::default() };
    }

    /// The process of the present run could not become `run`, for this reason.
    pub fn unexecuted(&mut self, error: i32) {
        self.run.error = Some(error);
    }

    /// The present run is sent a signal.
    pub fn send(&mut self, signal: Signal) {
        self.run.was_told |= !matches!(signal, Signal::CONT | Signal::STOP | Signal::WINCH);
    }

    /// The administrator has said whether the service is to be up; what was before does not count any more.
    pub fn clear(&mut self) {
        *self = Self { run: self.run, ..Self::default() };
    }

    /// The present run has ended, and this is what was wanted of it. Returns what is to be told of it.
    pub fn end(&mut self, (how, want): (Exit, Want), now: Now) -> Option<Warning> {
        let run = std::mem::take(&mut self.run);
        let Some(started) = run.started else { return self.pass() };
        if now.instant.saturating_duration_since(started.instant) >= BRIEF {
            return self.pass();
        }
        let is_done = want == Want::Once && how == Exit::Exited(0);
        if run.was_told || want == Want::Down || is_done {
            return None;
        }
        self.run.error = run.error;
        self.times = self.times.saturating_add(1);
        let same = self.last.filter(|(last, _)| *last == how).map_or(1, |(_, same)| same.saturating_add(1));
        self.last = Some((how, same));
        let first = *self.first.get_or_insert(started);
        let is_round = self.times % FIRST == 0 && (self.times / FIRST).is_power_of_two();
        let is_new = same == FIRST && self.warned.is_none_or(|warned| warned + PAUSE <= now.instant);
        // Why `run` cannot be executed is told each time by the process that finds out.
        if run.error.is_some() || !(is_round || is_new) {
            return None;
        }
        self.warned = Some(now.instant);
        let span = now.instant.saturating_duration_since(first.instant);
        Some(Warning { how, times: self.times, span, is_same: same == self.times })
    }

    /// A run was all right.
    fn pass(&mut self) -> Option<Warning> {
        *self = Self::default();
        None
    }

    /// What is written down about the run that has just ended.
    pub fn failures(&self) -> Option<Failures> {
        let since = self.first?.stamp;
        Some(Failures { times: self.times, since, error: self.run.error })
    }
}

impl Warning {
    /// The message.
    pub fn sentence(&self) -> String {
        let how = match self.how {
            Exit::Exited(code) => format!("exited {code}"),
            Exit::Killed(signal) => format!("was killed by {signal}"),
            Exit::Unknown => "ended".to_string(),
        };
        let times = if self.is_same { "times" } else { "failures in a row" };
        format!("run {how}, {} {times} in {} s", self.times, self.span.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tai::Stamp;

    /// Runs one after the other, a start a second: `3` exits with this code, `k` is killed by a signal, `t` and `w` exit with 1
    /// after TERM and WINCH, `e` cannot be executed, `L` lasts, `d` was told to go down, `.` is done, `c` clears, `M` is a
    /// minute. Shows the count after each, and what is told.
    #[track_caller]
    fn check(runs: &str, expected: &str) {
        let base = Instant::now();
        let mut clock = Duration::ZERO;
        let mut streak = Streak::default();
        let mut shown = Vec::new();
        for run in runs.chars() {
            let now = |clock: Duration| Now {
                instant: base + clock,
                stamp: Stamp::from_unix(Duration::from_secs(1_000_000) + clock),
            };
            match run {
                'c' => {
                    streak.clear();
                    continue;
                }
                'M' => {
                    clock += PAUSE;
                    continue;
                }
                _ => streak.start(now(clock)),
            }
            match run {
                't' => streak.send(Signal::TERM),
                'w' => streak.send(Signal::WINCH),
                'e' => streak.unexecuted(2),
                _ => {}
            }
            clock += if run == 'L' { BRIEF } else { Duration::from_secs(1) };
            let (how, want) = match run {
                'k' => (Exit::Killed(Signal::SEGV), Want::Up),
                'd' => (Exit::Exited(1), Want::Down),
                '.' => (Exit::Exited(0), Want::Once),
                'e' => (Exit::Exited(111), Want::Up),
                code => (Exit::Exited(code.to_digit(10).unwrap_or(1).try_into().unwrap()), Want::Up),
            };
            let warning = streak.end((how, want), now(clock));
            let times = streak.failures().map_or(0, |failures| failures.times);
            let error = streak.failures().and_then(|failures| failures.error);
            assert_eq!(error.is_some(), run == 'e', "{run} in {runs}");
            let said = warning.map_or(String::new(), |warning| format!(": {};", warning.sentence()));
            shown.push(format!("{times}{said}"));
        }
        assert_eq!(shown.join(" "), expected, "{runs}");
    }

    #[test]
    fn failures_are_told_of_at_the_third_and_at_twice_as_many() {
        check("1111111", "1 2 3: run exited 1, 3 times in 3 s; 4 5 6: run exited 1, 6 times in 6 s; 7");
        check("kkk", "1 2 3: run was killed by SEGV, 3 times in 3 s;");
        check("000", "1 2 3: run exited 0, 3 times in 3 s;");
        check("123", "1 2 3: run exited 3, 3 failures in a row in 3 s;");
    }

    #[test]
    fn another_way_of_failing_is_told_of_once_a_minute() {
        let first = "1 2 3: run exited 1, 3 times in 3 s;";
        check("1112222", &format!("{first} 4 5 6: run exited 2, 6 failures in a row in 6 s; 7"));
        check("111M1222", &format!("{first} 4 5 6: run exited 2, 6 failures in a row in 66 s; 7"));
        check(
            "111111M1222",
            &format!(
                "{first} 4 5 6: run exited 1, 6 times in 6 s; \
                 7 8 9 10: run exited 2, 10 failures in a row in 70 s;"
            ),
        );
    }

    #[test]
    fn a_run_that_lasts_and_an_order_end_a_row() {
        check("11L1", "1 2 0 1");
        check("11c11", "1 2 1 2");
        check("11L11", "1 2 0 1 2");
    }

    #[test]
    fn what_was_told_to_end_or_has_done_its_work_has_not_failed() {
        check("1t1d1", "1 1 2 2 3: run exited 1, 3 times in 5 s;");
        check("...", "0 0 0");
        check("www", "1 2 3: run exited 1, 3 times in 3 s;");
    }

    #[test]
    fn what_cannot_be_executed_counts_and_is_told_of_by_others() {
        check("eeeeee", "1 2 3 4 5 6");
        check("eee11e", "1 2 3 4 5 6");
        check("eee111", "1 2 3 4 5 6: run exited 1, 6 failures in a row in 6 s;");
    }

    #[test]
    fn the_row_begins_with_the_start_of_its_first_run() {
        let now = |second| Now {
            instant: Instant::now() + Duration::from_secs(second),
            stamp: Stamp::from_unix(Duration::from_secs(second)),
        };
        let mut streak = Streak::default();
        for second in [10, 20, 30] {
            streak.start(now(second));
            streak.end((Exit::Exited(1), Want::Up), now(second + 1));
        }
        assert_eq!(streak.failures(), Some(Failures { times: 3, since: now(10).stamp, error: None }));
        // It was another supervise's, so nobody knows how long it ran.
        streak.end((Exit::Unknown, Want::Up), now(31));
        assert_eq!(streak.failures(), None);
    }
}
