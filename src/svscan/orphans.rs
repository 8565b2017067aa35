//! What services have left behind, and how it is ended.

use crate::signal::Signal;
use crate::sys::process;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long each may take to end. Those that come later than this after the first are killed at once: they may be made
/// faster than they end.
const GRACE: Duration = Duration::from_secs(1);

/// After this time since the first, what is left is left alone.
const LIMIT: Duration = Duration::from_secs(10);

/// Processes that have been told to end, and when each is killed.
#[derive(Debug, Default)]
pub struct Orphans {
    told: BTreeMap<i32, Instant>,
    /// When the first was told.
    since: Option<Instant>,
    is_given_up: bool,
}

/// Whether svscan goes on waiting for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// It does.
    Lasts,
    /// It does not, from now on.
    Ends,
    /// It has given them up before.
    Over,
}

impl Orphans {
    /// When one is to be killed next.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        self.told.values().copied().filter(|&kill| kill > now).min()
    }

    /// Ends those that are `left`. Each has its own time between being told and being killed. Says whether to wait for them.
    pub fn end(&mut self, left: &[i32], now: Instant) -> Patience {
        self.told.retain(|pid, _| left.contains(pid));
        let since = if left.is_empty() { now } else { *self.since.get_or_insert(now) };
        for &pid in left {
            let kill = *self.told.entry(pid).or_insert_with(|| {
                process::send(pid, Signal::TERM);
                process::send(pid, Signal::CONT);
                if now > since + GRACE { now } else { now + GRACE }
            });
            if kill <= now {
                process::send(pid, Signal::KILL);
            }
        }
        match (now > since + LIMIT, std::mem::replace(&mut self.is_given_up, now > since + LIMIT)) {
            (false, _) => Patience::Lasts,
            (true, false) => Patience::Ends,
            (true, true) => Patience::Over,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_on_making_others_is_given_up_after_a_while() {
        let (begin, nobody) = (Instant::now(), i32::MAX);
        let mut orphans = Orphans::default();
        let mut after = |seconds, left: &[i32]| orphans.end(left, begin + Duration::from_secs(seconds));
        assert_eq!(after(0, &[]), Patience::Lasts);
        assert_eq!(after(1, &[nobody]), Patience::Lasts);
        assert_eq!(after(11, &[nobody - 1]), Patience::Lasts);
        assert_eq!(after(12, &[nobody - 2]), Patience::Ends);
        assert_eq!(after(13, &[nobody - 2]), Patience::Over);
        assert_eq!(after(14, &[]), Patience::Lasts);
    }
}
