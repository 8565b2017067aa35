//! What somebody waits for after a command, and when it is reached.
#![forbid(unsafe_code)]

use super::control::Command;
use crate::signal::Signal;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// A state of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// It has stayed up for a while, or says that it is ready.
    Up,
    /// It does not run, nothing goes on about its last run, and it is not going to be started again.
    Down,
    /// It runs and has said that it is ready.
    Ready,
}

impl Goal {
    /// Reads `up`, `down` or `ready`.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        match name {
            b"up" => Some(Self::Up),
            b"down" => Some(Self::Down),
            b"ready" => Some(Self::Ready),
            _ => None,
        }
    }
}

/// How long a service must have stayed up to count as up.
pub const SETTLED: Duration = Duration::from_secs(1);

/// How soon to look again at a process that has not yet become `run`: nothing tells when it does.
const GLANCE: Duration = Duration::from_millis(10);

/// A run of a service, as it is seen at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// Its process.
    pub pid: NonZeroU32,
    /// How long ago it was started.
    pub age: Duration,
    /// Whether its process has become `run`. Until then that may still fail.
    pub has_begun: bool,
}

/// A service at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Its present run, if it is up.
    pub run: Option<Run>,
    /// Whether it is ready.
    pub is_ready: bool,
    /// Whether something is still to come: another start, or the end of what goes on about its last run.
    pub is_restless: bool,
}

/// Finds out when one and the same run has lasted for long enough. A run that has ended does not count for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uptime {
    enough: Duration,
    /// The process of the run that counts, and when it will have lasted long enough.
    run: Option<(NonZeroU32, Instant)>,
}

impl Uptime {
    /// Has seen nothing yet.
    pub const fn new(enough: Duration) -> Self {
        Self { enough, run: None }
    }

    /// When this run will have lasted for long enough, or is worth another look. The age of a run counts when it is
    /// first seen; from then on the clock of `now` does.
    pub fn settles(&mut self, run: Run, now: Instant) -> Instant {
        if !run.has_begun {
            return now + GLANCE;
        }
        let settled = match self.run {
            Some((pid, settled)) if pid == run.pid => settled,
            _ => now + self.enough.saturating_sub(run.age),
        };
        self.run = Some((run.pid, settled));
        settled
    }
}

/// A service that is to reach a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expectation {
    goal: Goal,
    /// The run that does not count any more.
    ended: Option<NonZeroU32>,
    uptime: Uptime,
    /// Whether one that says that it is ready counts as up before it has stayed up.
    ready_suffices: bool,
}

/// How far a service is from its goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It has reached it.
    Reached,
    /// It has not; it is to be looked at again when there is news, or at this moment.
    Pending(Option<Instant>),
}

impl Expectation {
    /// A service is to be in the state `goal`.
    pub const fn new(goal: Goal) -> Self {
        Self { goal, ended: None, uptime: Uptime::new(SETTLED), ready_suffices: true }
    }

    /// To count as up, it must have stayed up for so long, ready or not.
    pub const fn lasting(self, enough: Duration) -> Self {
        Self { uptime: Uptime::new(enough), ready_suffices: false, ..self }
    }

    /// The run with this process does not count: it was ended on purpose.
    pub const fn after(self, ended: Option<NonZeroU32>) -> Self {
        Self { ended, ..self }
    }

    /// Takes note of what is seen.
    pub fn see(&mut self, moment: Moment, now: Instant) -> Answer {
        let Moment { is_ready, is_restless, .. } = moment;
        if self.goal == Goal::Down {
            let is_down = moment.run.is_none() && !is_restless;
            return if is_down { Answer::Reached } else { Answer::Pending(None) };
        }
        let Some(run) = moment.run.filter(|run| Some(run.pid) != self.ended) else {
            return Answer::Pending(None);
        };
        let settles = self.uptime.settles(run, now);
        match self.goal {
            Goal::Ready if is_ready => Answer::Reached,
            Goal::Ready | Goal::Down => Answer::Pending(None),
            Goal::Up if settles <= now || (is_ready && self.ready_suffices) => Answer::Reached,
            Goal::Up => Answer::Pending(Some(settles)),
        }
    }
}

/// Whether commands end the run of a service, so that a new one is to be waited for.
pub fn end_the_run(letters: &[u8]) -> bool {
    letters.iter().any(|&letter| match Command::from_byte(letter) {
        Some(Command::Down) => true,
        Some(Command::Send(signal)) => {
            matches!(signal, Signal::INT | Signal::KILL | Signal::QUIT | Signal::TERM)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks, one every 400 milliseconds: `7` is up since now, `7+` since an hour, `7?` about to become `run`, with `r` it
    /// is ready; `.` is down, `~` restless. The answers stand below them: `!` reached, `-` not yet.
    #[track_caller]
    fn check(expectation: Expectation, looks: &str, expected: &str) {
        let start = Instant::now();
        let mut expectation = expectation;
        let answers = looks.split(' ').enumerate().map(|(index, look)| {
            let now = start + Duration::from_millis(400) * u32::try_from(index).unwrap();
            let pid = look.chars().next().and_then(|digit| digit.to_digit(10)).and_then(NonZeroU32::new);
            let age = if look.contains('+') { Duration::from_secs(3600) } else { Duration::ZERO };
            let run = pid.map(|pid| Run { pid, age, has_begun: !look.contains('?') });
            let moment = Moment { run, is_ready: look.contains('r'), is_restless: look.contains('~') };
            match expectation.see(moment, now) {
                Answer::Reached => "!",
                Answer::Pending(Some(when)) => {
                    assert!(when > now, "{look} is looked at again and again");
                    "-"
                }
                Answer::Pending(None) => "-",
            }
        });
        assert_eq!(answers.collect::<Vec<_>>().join(" "), expected, "{looks}");
    }

    fn after_7(goal: Goal) -> Expectation {
        Expectation::new(goal).after(NonZeroU32::new(7))
    }

    #[test]
    fn up_is_what_has_stayed_up_for_a_second() {
        let up = Expectation::new(Goal::Up);
        check(up, ". 7 7 7 7", "- - - - !");
        check(up, "7+", "!");
        check(up, "7 7 8 8 8 8", "- - - - - !");
        check(up, "7 7 ~ 8 8 ~ 9 9 ~", "- - - - - - - - -");
        check(up, "7 7r", "- !");
    }

    #[test]
    fn what_may_still_fail_to_be_executed_is_not_up() {
        let up = Expectation::new(Goal::Up);
        check(up, "7? 7? 7? 7? 7?", "- - - - -");
        check(up, "7+? 7+", "- !");
        check(up.lasting(Duration::ZERO), ". 7? ~ 8? 8", "- - - - !");
    }

    #[test]
    fn how_long_it_must_stay_up_can_be_said() {
        let lasting = |seconds| Expectation::new(Goal::Up).lasting(Duration::from_secs(seconds));
        check(lasting(0), "7", "!");
        check(lasting(2), "7 7 7 7 7 7", "- - - - - !");
        check(lasting(2), "7r 7r 7r 7r 7r 7r", "- - - - - !");
        check(lasting(3600), "7+", "!");
        check(lasting(3601), "7+ 7+ 7+ 7+", "- - - !");
    }

    #[test]
    fn goals_are_reached_by_a_new_run() {
        check(after_7(Goal::Up), "7+ . 8+", "- - !");
        check(after_7(Goal::Down), "7+ .", "- !");
        check(Expectation::new(Goal::Ready), ". 7+ 7r", "- - !");
        check(after_7(Goal::Ready), "7r . 8 8r", "- - - !");
    }

    #[test]
    fn what_is_about_to_be_started_again_or_still_busy_is_not_down() {
        check(Expectation::new(Goal::Down), "~ ~ .", "- - !");
    }

    #[test]
    fn some_commands_end_a_run() {
        assert!(end_the_run(b"d") && end_the_run(b"xt") && end_the_run(b"k"));
        assert!(!end_the_run(b"u") && !end_the_run(b"hacpox12w"));
    }
}
