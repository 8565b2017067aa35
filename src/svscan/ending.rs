//! The orderly end of svscan: who has how much time (docs/decisions.md 8).
#![forbid(unsafe_code)]

use super::event::Action;
use super::pauses::AT_ONCE;
use super::role::Role;
use crate::file_id::FileId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long services may take to end before they are killed, unless they say that they need longer.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// How long a supervise may go on whose service was killed: `finish` may take its five seconds.
const LAST_WORDS: Duration = Duration::from_secs(6);

/// How long it takes until svscan says what it waits for, and until it says so again if that has changed.
const REPORT: Duration = Duration::from_secs(2);

/// One of the two supervises of a service, as long as it has not ended as it was told to; its process, if it has one.
pub type Unfinished = (FileId, Role, Option<i32>);

/// An end that has begun.
#[derive(Debug)]
pub struct End {
    began: Instant,
    /// When there is something to be done next.
    next: Instant,
    /// The services that have more time than others.
    graces: BTreeMap<FileId, Duration>,
    /// Since when there are only loggers.
    drained: Option<Instant>,
    /// Nobody has any time left.
    late: bool,
    /// What was said to be waited for, and when that is due again.
    reported: (Vec<(FileId, Role)>, Instant),
}

impl End {
    /// It begins.
    pub fn new(now: Instant) -> Self {
        let reported = (Vec::new(), now + REPORT);
        Self { began: now, next: now + GRACE, graces: BTreeMap::new(), drained: None, late: false, reported }
    }

    /// The time since it began.
    pub fn since(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
    }

    /// When [`Self::act`] or [`Self::report`] is due.
    pub fn deadline(&self) -> Instant {
        let (_, report) = self.reported;
        self.next.min(report)
    }

    /// Whether every service has had its time.
    pub const fn is_late(&self) -> bool {
        self.late
    }

    /// This service has that much time.
    pub fn grant(&mut self, identity: FileId, grace: Duration) {
        self.graces.insert(identity, grace.max(GRACE));
    }

    /// Kills the services that have had their time, and the supervises that go on all the same. Loggers have a second
    /// when there is nobody left who could write to them.
    pub fn act(&mut self, left: impl Iterator<Item = Unfinished>, now: Instant) -> Vec<Action> {
        if now < self.next {
            return Vec::new();
        }
        self.next = now + AT_ONCE;
        let left: Vec<Unfinished> = left.collect();
        let is_draining = left.iter().all(|(_, role, _)| *role == Role::Log);
        if is_draining && self.drained.is_none() {
            self.drained = Some(now);
        }
        let due = |supervise: &Unfinished| self.due(supervise);
        let is_late =
            left.iter().filter(|(_, role, _)| *role == Role::Main).filter_map(due).all(|due| due <= now);
        let end = |supervise: &Unfinished| {
            let due = due(supervise).filter(|due| *due <= now)?;
            let &(_, _, Some(pid)) = supervise else { return None };
            Some(if due + LAST_WORDS <= now { Action::Replace(pid) } else { Action::Kill(pid) })
        };
        let actions = left.iter().filter_map(end).collect();
        self.late = is_late;
        actions
    }

    /// When one is killed, as far as that is certain.
    fn due(&self, &(identity, role, _): &Unfinished) -> Option<Instant> {
        match role {
            Role::Main => Some(self.began + self.graces.get(&identity).copied().unwrap_or(GRACE)),
            Role::Log => self.drained.map(|drained| drained + AT_ONCE),
        }
    }

    /// What is waited for by now, with the time that each has left, if that is to be said: not at first, and not again
    /// as long as it is the same. A logger is not waited for before its service has ended.
    pub fn report(&mut self, left: &[Unfinished], now: Instant) -> Vec<(FileId, Role, Option<Duration>)> {
        let (reported, due) = &self.reported;
        if now < *due {
            return Vec::new();
        }
        let services: BTreeSet<FileId> =
            left.iter().filter(|(_, role, _)| *role == Role::Main).map(|&(identity, ..)| identity).collect();
        let awaited: Vec<&Unfinished> = left
            .iter()
            .filter(|(identity, role, _)| *role == Role::Main || !services.contains(identity))
            .collect();
        let names: Vec<_> = awaited.iter().map(|&&(identity, role, _)| (identity, role)).collect();
        let is_new = *reported != names;
        self.reported = (names, now + REPORT);
        let rest = |supervise: &Unfinished| Some(self.due(supervise)?.saturating_duration_since(now));
        let with_rest = |supervise: &Unfinished| (supervise.0, supervise.1, rest(supervise));
        awaited.into_iter().filter(|_| is_new).map(with_rest).collect()
    }
}
