//! The orderly end of svscan: who has how much time (DESIGN.md 3.8).
#![forbid(unsafe_code)]

use super::table::{AT_ONCE, Action, Role};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long services may take to end before they are killed, unless they say that they need longer.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// How long a supervise may go on whose service was killed: `finish` may take its five seconds.
const LAST_WORDS: Duration = Duration::from_secs(6);

/// An end that has begun.
#[derive(Debug)]
pub struct End {
    began: Instant,
    /// When there is something to be done next.
    next: Instant,
    /// The supervises of services that have more time than others.
    graces: BTreeMap<i32, Duration>,
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

    /// A service whose supervise is `pid` has that much time.
    pub fn grant(&mut self, pid: i32, grace: Duration) {
        self.graces.insert(pid, grace.max(GRACE));
    }

    /// Kills the services that have had their time, and the supervises that go on all the same. Loggers have a second
    /// when there is nobody left who could write to them.
    pub fn act<'a>(&mut self, left: impl Iterator<Item = (i32, Role)> + 'a, now: Instant) -> Vec<Action> {
        if now < self.next {
            return Vec::new();
        }
        self.next = now + AT_ONCE;
        let left: Vec<(i32, Role)> = left.collect();
        let is_draining = left.iter().all(|(_, role)| *role == Role::Log);
        if is_draining && self.drained.is_none() {
            self.drained = Some(now);
        }
        let due = |&(pid, role): &(i32, Role)| match (role, self.drained) {
            (Role::Main, _) => Some(self.began + self.graces.get(&pid).copied().unwrap_or(GRACE)),
            (Role::Log, Some(drained)) => Some(drained + AT_ONCE),
            (Role::Log, None) => None,
        };
        self.late = left.iter().filter(|(_, role)| *role == Role::Main).filter_map(due).all(|due| due <= now);
        let end = |supervise: &(i32, Role)| {
            let due = due(supervise).filter(|due| *due <= now)?;
            let (pid, _) = *supervise;
            Some(if due + LAST_WORDS <= now { Action::Replace(pid) } else { Action::Kill(pid) })
        };
        left.iter().filter_map(end).collect()
    }
}
