//! What somebody waits for after a command, and when it is reached.
#![forbid(unsafe_code)]

use super::control::Command;
use std::num::NonZeroU32;

/// A state of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// It runs.
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

/// A service at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Its process, if it is up.
    pub pid: Option<NonZeroU32>,
    /// Whether it is ready.
    pub is_ready: bool,
    /// Whether something is still to come: another start, or the end of what goes on about its last run.
    pub is_restless: bool,
}

/// Whether commands end the run of a service, so that a new one is to be waited for.
pub fn end_the_run(letters: &[u8]) -> bool {
    use super::control::Signal::{Interrupt, Kill, Quit, Terminate};
    letters.iter().any(|&letter| match Command::from_byte(letter) {
        Some(Command::Down) => true,
        Some(Command::Send(signal)) => matches!(signal, Interrupt | Kill | Quit | Terminate),
        _ => false,
    })
}

/// Whether `goal` is reached. The run of a service that was `ended` on purpose does not count.
pub fn is_reached(goal: Goal, ended: Option<NonZeroU32>, now: Moment) -> bool {
    let is_up = now.pid.is_some() && now.pid != ended;
    match goal {
        Goal::Up => is_up,
        Goal::Down => now.pid.is_none() && !now.is_restless,
        Goal::Ready => is_up && now.is_ready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(goal: Goal, ended: u32, pid: u32, is_ready: bool, expected: bool) {
        let now = Moment { pid: NonZeroU32::new(pid), is_ready, is_restless: false };
        assert_eq!(is_reached(goal, NonZeroU32::new(ended), now), expected);
    }

    #[test]
    fn goals_are_reached_by_a_new_run() {
        check(Goal::Up, 0, 7, false, true);
        check(Goal::Up, 0, 0, false, false);
        check(Goal::Up, 7, 7, false, false);
        check(Goal::Up, 7, 8, false, true);
        check(Goal::Down, 7, 7, false, false);
        check(Goal::Down, 7, 0, false, true);
        check(Goal::Ready, 0, 7, false, false);
        check(Goal::Ready, 0, 7, true, true);
        check(Goal::Ready, 7, 7, true, false);
    }

    #[test]
    fn what_is_about_to_be_started_again_or_still_busy_is_not_down() {
        let now = Moment { pid: None, is_ready: false, is_restless: true };
        assert!(!is_reached(Goal::Down, None, now));
    }

    #[test]
    fn some_commands_end_a_run() {
        assert!(end_the_run(b"d") && end_the_run(b"xt") && end_the_run(b"k"));
        assert!(!end_the_run(b"u") && !end_the_run(b"hacpox12w"));
    }
}
