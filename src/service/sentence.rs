//! The line that svstat prints about a service (docs/compatibility.md 1.6).
#![forbid(unsafe_code)]

use super::status::{Status, Want};
use crate::tai::Stamp;

/// `up (pid 17) 4 seconds, normally down` and the like. `has_down` says whether the file `down` is there now.
pub fn sentence(status: &Status, has_down: HasDown, now: Stamp) -> String {
    let seconds = now.seconds_since(status.since);
    let (state, notes) = match status.pid {
        Some(pid) => (
            format!("up (pid {pid}) {seconds} seconds"),
            [
                (has_down == HasDown::Yes, ", normally down"),
                (status.paused, ", paused"),
                (status.want == Want::Down, ", want down"),
            ],
        ),
        None => (
            format!("down {seconds} seconds"),
            [(has_down == HasDown::No, ", normally up"), (status.want == Want::Up, ", want up"), (false, "")],
        ),
    };
    notes.iter().filter(|(holds, _)| *holds).fold(state, |sentence, (_, note)| sentence + note)
}

/// Whether the file `down` is in the service directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HasDown {
    /// It is: the service is normally down.
    Yes,
    /// It is not: the service is normally up.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;
    use std::time::Duration;

    #[track_caller]
    fn check(pid: u32, paused: bool, want: Want, has_down: HasDown, expected: &str) {
        let at = |seconds| Stamp::from_unix(Duration::from_secs(seconds));
        let status = Status { since: at(100), pid: NonZeroU32::new(pid), paused, want };
        assert_eq!(sentence(&status, has_down, at(142)), expected);
    }

    #[test]
    fn the_sentence_names_what_is_out_of_the_ordinary() {
        use HasDown::{No, Yes};
        check(7, false, Want::Up, No, "up (pid 7) 42 seconds");
        check(7, false, Want::Once, No, "up (pid 7) 42 seconds");
        check(7, true, Want::Down, Yes, "up (pid 7) 42 seconds, normally down, paused, want down");
        check(7, true, Want::Up, No, "up (pid 7) 42 seconds, paused");
        check(0, false, Want::Down, No, "down 42 seconds, normally up");
        check(0, false, Want::Down, Yes, "down 42 seconds");
        check(0, true, Want::Up, Yes, "down 42 seconds, want up");
        check(0, false, Want::Up, No, "down 42 seconds, normally up, want up");
        check(0, false, Want::Once, No, "down 42 seconds, normally up");
    }
}
