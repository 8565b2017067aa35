//! How long tests wait.

use std::time::{Duration, Instant};

/// How long what should happen at once may take on a machine that is not busy. Only failing tests wait so long.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// How often a condition is looked at before it has failed: beside many busy processes the looks, and what they wait for,
/// take longer.
const LOOKS: u32 = 20_000;

/// How many deadlines have passed when it has failed, however often it was looked at.
const BUSY: u32 = 10;

/// Waiting for something that should happen at once.
pub struct Patience {
    start: Instant,
    looks: u32,
}

impl Patience {
    pub fn new() -> Self {
        Self { start: Instant::now(), looks: 0 }
    }

    /// Waits a moment before the next look. `false` if there have been enough.
    pub fn lasts(&mut self) -> bool {
        self.looks += 1;
        std::thread::sleep(Duration::from_millis(5));
        let elapsed = self.start.elapsed();
        elapsed < DEADLINE || (self.looks < LOOKS && elapsed < BUSY * DEADLINE)
    }
}

/// Fails unless one of the attempts takes less than `limit`: a machine that is busy with other things may miss it now
/// and then, and what is always late misses it every time. There are as many as fit into the deadline, and at least
/// five. An attempt that does not count takes for ever.
#[track_caller]
pub fn best_of_attempts(what: &str, limit: Duration, mut attempt: impl FnMut() -> Duration) {
    const ATTEMPTS: usize = 5;
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < ATTEMPTS || start.elapsed() < DEADLINE {
        times.push(attempt());
        if times.iter().any(|&time| time < limit) {
            return;
        }
    }
    panic!("{what}: {times:?}");
}
