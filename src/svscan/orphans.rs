//! What services have left behind, and how it is ended.

use crate::sys::process;
use crate::sys::signals::Signal;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long it may take to end.
const GRACE: Duration = Duration::from_secs(1);

/// Processes that have been told to end, and when each is killed.
#[derive(Debug, Default)]
pub struct Orphans(BTreeMap<i32, Instant>);

impl Orphans {
    /// When one is to be killed next.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        self.0.values().copied().filter(|&kill| kill > now).min()
    }

    /// Ends those that are `left`. Each has its own time between being told and being killed.
    pub fn end(&mut self, left: &[i32], now: Instant) {
        self.0.retain(|pid, _| left.contains(pid));
        for &pid in left {
            let kill = *self.0.entry(pid).or_insert_with(|| {
                process::send(pid, Signal::SIGTERM);
                process::send(pid, Signal::SIGCONT);
                now + GRACE
            });
            if kill <= now {
                process::send(pid, Signal::SIGKILL);
            }
        }
    }
}
