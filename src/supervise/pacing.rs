//! The pauses between starts of a service.
#![forbid(unsafe_code)]

use std::time::Duration;

/// The least time from one start to the next.
pub(super) const PACE: Duration = Duration::from_secs(1);

/// The longest pause after a start that the system refused.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The time from one start to the next: a second, or after so many quick failures in a row 1, 2, 4, ... seconds, up to the
/// `longest`, if there is one.
pub fn after_start(failures: u32, longest: Option<Duration>) -> Duration {
    longest.map_or(PACE, |longest| doubled(failures).min(longest)).max(PACE)
}

/// The pause after so many starts in a row that the system has refused: 1, 2, 4, ... 60 seconds.
pub fn after_refusals(times: u32) -> Duration {
    doubled(times).min(LONGEST_PAUSE)
}

fn doubled(times: u32) -> Duration {
    PACE.saturating_mul(2_u32.saturating_pow(times.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let seconds = |times| after_refusals(times).as_secs();
        assert_eq!([0, 1, 2, 3, 6, 7, u32::MAX].map(seconds), [1, 1, 2, 4, 32, 60, 60]);
        let longest = Some(Duration::from_secs(5));
        let seconds = |failures| after_start(failures, longest).as_secs();
        assert_eq!([0, 1, 2, 3, 4, u32::MAX].map(seconds), [1, 1, 2, 4, 5, 5]);
        assert_eq!(after_start(9, None), PACE);
    }
}
