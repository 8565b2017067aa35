//! The note in `supervise/told`: which run of a participant was told to end. It finishes its work in hand then, and would
//! drop it if it were told again. skynet writes the note; svscan heeds it.
#![forbid(unsafe_code)]

use super::status::Status;

/// The note about the run that has this status: its process, and since when it runs, because another process may get its
/// number. None if it is down.
pub fn note(status: &Status) -> Option<Vec<u8>> {
    let mut note = format!("{} ", status.pid?).into_bytes();
    note.extend_from_slice(&status.since.to_label());
    note.push(b'\n');
    Some(note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::status::Want;
    use crate::tai::Stamp;
    use std::num::NonZeroU32;
    use std::time::Duration;

    #[test]
    fn a_run_is_a_process_and_the_moment_of_its_start() {
        let of = |pid, seconds, want| {
            let since = Stamp::from_unix(Duration::from_secs(seconds));
            note(&Status { since, pid: NonZeroU32::new(pid), paused: false, want })
        };
        let told = of(7, 100, Want::Up).unwrap();
        assert!(told.starts_with(b"7 @4000") && told.ends_with(b"\n"));
        assert_eq!(of(7, 100, Want::Down).as_ref(), Some(&told));
        assert!(of(8, 100, Want::Up) != Some(told.clone()) && of(7, 101, Want::Up) != Some(told));
        assert_eq!(of(0, 100, Want::Up), None);
    }
}
