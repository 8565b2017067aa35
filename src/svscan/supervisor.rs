//! One of the two supervises of a service: whether it runs, and when the next one is started.
#![forbid(unsafe_code)]

use super::event::Ending;
use super::pauses::{ABSENCE, AT_ONCE};
use std::time::{Duration, Instant};

/// Pauses after supervises that have failed at once: the first failure may be a lock that is about to be free.
pub(super) const SOON: Duration = Duration::from_millis(100);

/// How many supervises may fail at once, one after the other, before the service that they were to end is left alone.
const ATTEMPTS: u32 = 5;

/// A supervise of a service, or the place of one.
#[derive(Debug)]
pub(super) struct Supervisor {
    state: State,
    /// How often in a row it has failed at once.
    failures: u32,
    /// How many bytes the last logger has left in its pipe.
    unread: Option<usize>,
    /// None is started any more, even if this one leaves something running.
    given_up: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is to be started, but not before this moment.
    Wanted(Instant, Remains),
    /// It was asked for; the answer is still out.
    Asked(Remains),
    /// It runs, since then.
    Running(i32, Instant),
}

/// What the last supervise has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remains {
    /// It has ended as it was told to, so nothing runs any more; or there was none.
    Nothing,
    /// It was killed, or could not go on: the service may run, and `finish` may be due.
    Perhaps,
}

/// What is planned for a service whose supervise ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prospect {
    /// It goes on.
    Stay,
    /// It is being stopped.
    Stop,
    /// It is being stopped, and has no name any more under which another supervise could be started.
    Vanish,
}

impl Supervisor {
    /// The one that an earlier svscan has left `running`, or none so far.
    pub(super) const fn new(running: Option<i32>, now: Instant) -> Self {
        let state = match running {
            Some(pid) => State::Running(pid, now),
            None => State::Wanted(now, Remains::Nothing),
        };
        Self { state, failures: 0, unread: None, given_up: false }
    }

    /// Its process, if it runs.
    pub(super) const fn pid(&self) -> Option<i32> {
        match self.state {
            State::Running(pid, _) => Some(pid),
            State::Wanted(..) | State::Asked(_) => None,
        }
    }

    /// Whether it has ended at once, so that there may be something in its way.
    pub(super) const fn has_failed(&self) -> bool {
        self.failures > 0
    }

    /// Whether it runs, or may have left something that the next one has to end.
    pub(super) const fn is_unfinished(&self) -> bool {
        !matches!(self.state, State::Wanted(_, Remains::Nothing))
    }

    /// When the next one is to be started.
    pub(super) const fn wanted(&self) -> Option<Instant> {
        match self.state {
            State::Wanted(moment, _) => Some(moment),
            State::Asked(_) | State::Running(..) => None,
        }
    }

    /// When the next one is to be started to end what this one has left.
    pub(super) const fn wanted_to_stop(&self) -> Option<Instant> {
        match self.state {
            State::Wanted(moment, Remains::Perhaps) => Some(moment),
            State::Wanted(_, Remains::Nothing) | State::Asked(_) | State::Running(..) => None,
        }
    }

    /// Takes note that it is asked for.
    pub(super) const fn ask(&mut self) {
        if let State::Wanted(_, remains) = self.state {
            self.state = State::Asked(remains);
        }
    }

    /// Takes note that it was started.
    pub(super) const fn started(&mut self, pid: i32, now: Instant) {
        self.state = State::Running(pid, now);
    }

    /// Takes note that it could not be started.
    pub(super) fn refused(&mut self, prospect: Prospect, now: Instant) {
        match self.state {
            State::Asked(Remains::Nothing) => self.state = State::Wanted(now + ABSENCE, Remains::Nothing),
            State::Asked(Remains::Perhaps) if prospect == Prospect::Stay => {
                self.state = State::Wanted(now + ABSENCE, Remains::Perhaps);
            }
            State::Asked(Remains::Perhaps) | State::Wanted(..) | State::Running(..) => {
                self.ended(Ending::Failed, prospect, now);
            }
        }
    }

    /// Takes note that it has ended, and decides when the next one is started.
    pub(super) fn ended(&mut self, how: Ending, prospect: Prospect, now: Instant) {
        let ran = match self.state {
            State::Running(_, since) => now.saturating_duration_since(since),
            State::Wanted(..) | State::Asked(_) => Duration::ZERO,
        };
        self.failures =
            if how == Ending::Failed && ran < AT_ONCE { self.failures.saturating_add(1) } else { 0 };
        let absence = match (how, self.failures) {
            (Ending::AsTold, _) => ABSENCE,
            (Ending::Unread(_), _) | (Ending::Failed, 0) => Duration::ZERO,
            (Ending::Failed, 1) => SOON,
            (Ending::Failed, 2) => AT_ONCE,
            (Ending::Failed, _) if prospect == Prospect::Stop => AT_ONCE,
            (Ending::Failed, _) => ABSENCE,
        };
        let is_over = match prospect {
            Prospect::Stay => false,
            Prospect::Stop => self.given_up || self.failures >= ATTEMPTS,
            Prospect::Vanish => true,
        };
        let has_left = match how {
            Ending::AsTold => false,
            Ending::Failed => true,
            // One that reads nothing is not asked again and again.
            Ending::Unread(bytes) => self.unread.replace(bytes).is_none_or(|before| bytes < before),
        };
        let remains = if has_left && !is_over { Remains::Perhaps } else { Remains::Nothing };
        self.state = State::Wanted(now + absence, remains);
    }

    /// Takes note that its service is to be stopped: what it may have left is not left alone for long.
    pub(super) fn stop(&mut self, prospect: Prospect, now: Instant) {
        if let State::Wanted(moment, Remains::Perhaps) = self.state {
            let remains = if prospect == Prospect::Vanish { Remains::Nothing } else { Remains::Perhaps };
            self.state = State::Wanted(moment.min(now + AT_ONCE), remains);
        }
    }

    /// Takes note that it is killed because it does not end: another would not do so either.
    pub(super) const fn give_up(&mut self) {
        self.given_up = true;
    }

    /// Takes note that there is nothing to do for the next one.
    pub(super) const fn dispense(&mut self, now: Instant) {
        self.state = State::Wanted(now, Remains::Nothing);
    }
}
