//! The orderly end of svscan: who has how much time (DESIGN.md 3.8).
#![forbid(unsafe_code)]

use super::table::{AT_ONCE, Action, Identity, Role};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long services may take to end before they are killed, unless they say that they need longer.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// How long a supervise may go on whose service was killed: `finish` may take its five seconds.
const LAST_WORDS: Duration = Duration::from_secs(6);

/// One of the two supervises of a service, as long as it has not ended as it was told to; its process, if it has one.
pub type Unfinished = (Identity, Role, Option<i32>);

/// An end that has begun.
#[derive(Debug)]
pub struct End {
    began: Instant,
    /// When there is something to be done next.
    next: Instant,
    /// The services that have more time than others.
    graces: BTreeMap<Identity, Duration>,
    /// Since when there are only loggers.
    drained: Option<Instant>,
    /// Nobody has any time left.
    late: bool,
}

impl End {
    /// It begins.
    pub fn new(now: Instant) -> Self {
        Self { began: now, next: now + GRACE, graces: BTreeMap::new(), drained: None, late: false }
    }

    /// When [`Self::act`] is due.
    pub const fn deadline(&self) -> Instant {
        self.next
    }

    /// Whether every service has had its time.
    pub const fn is_late(&self) -> bool {
        self.late
    }

    /// This service has that much time.
    pub fn grant(&mut self, identity: Identity, grace: Duration) {
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
        let due = |&(identity, role, _): &Unfinished| match (role, self.drained) {
            (Role::Main, _) => Some(self.began + self.graces.get(&identity).copied().unwrap_or(GRACE)),
            (Role::Log, Some(drained)) => Some(drained + AT_ONCE),
            (Role::Log, None) => None,
        };
        self.late =
            left.iter().filter(|(_, role, _)| *role == Role::Main).filter_map(due).all(|due| due <= now);
        let end = |supervise: &Unfinished| {
            let due = due(supervise).filter(|due| *due <= now)?;
            let &(_, _, Some(pid)) = supervise else { return None };
            Some(if due + LAST_WORDS <= now { Action::Replace(pid) } else { Action::Kill(pid) })
        };
        left.iter().filter_map(end).collect()
    }
}
