//! Who holds the lock on a file, as the kernel tells.

use super::files::{self, Contention, HERE};
use super::{Result, clock, poll};
use crate::file_id::FileId;
use std::ffi::CString;
use std::fs::File;
use std::time::Duration;

/// How soon to try again.
const RETRY: Duration = Duration::from_millis(20);

/// Locks a file, and waits at most so long for another process to let go of it: an account that may only read the file can
/// hold the lock for ever.
///
/// # Errors
/// Those of flock(2); `EWOULDBLOCK` if the time is over.
pub fn take_within(file: &File, limit: Duration) -> Result<()> {
    let end = clock::monotonic() + limit;
    loop {
        match files::lock(file, Contention::Fail) {
            Err(error) if error.is(libc::EWOULDBLOCK) && clock::monotonic() < end => {
                let _ = poll::wait([None], clock::monotonic(), Some(clock::monotonic() + RETRY));
            }
            other => return other,
        }
    }
}

/// The process that has taken the lock on a whole file, of a line such as `1: FLOCK  ADVISORY  WRITE 4711 fe:00:815 0 EOF`.
fn taker(line: &str) -> Option<i32> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let is_whole = (words.next()?, words.next()?, words.next()?) == ("FLOCK", "ADVISORY", "WRITE");
    words.next()?.parse().ok().filter(|_| is_whole)
}

/// Whether process `pid` has the file with this device and inode open, and has locked it itself: its children have the lock,
/// too, until they are other programs. `/proc/locks` is not asked, because every account can make that endless.
pub fn holds(pid: i32, identity: FileId) -> bool {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut numbers = descriptors.filter_map(|entry| entry.file_name().into_string().ok());
    numbers.any(|number| {
        let file = CString::new(format!("/proc/{pid}/fd/{number}")).unwrap_or_default();
        let is_it = files::look(HERE, &file).ok().flatten().is_some_and(|facts| facts.identity == identity);
        is_it && is_locked(pid, &number)
    })
}

/// Whether process `pid` has locked any file.
pub fn holds_any(pid: i32) -> bool {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut numbers = descriptors.filter_map(|entry| entry.file_name().into_string().ok());
    numbers.any(|number| is_locked(pid, &number))
}

fn is_locked(pid: i32, number: &str) -> bool {
    let about = std::fs::read_to_string(format!("/proc/{pid}/fdinfo/{number}")).unwrap_or_default();
    about.lines().filter_map(|line| line.strip_prefix("lock:")).any(|lock| taker(lock) == Some(pid))
}
#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_lock_on_a_whole_file_is_told_with_its_taker() {
        for (line, expected) in [
            ("1: FLOCK  ADVISORY  WRITE 4711 fe:00:815 0 EOF", Some(4711)),
            ("12: FLOCK  ADVISORY  WRITE -1 00:2a:815 0 EOF", Some(-1)),
            ("1: -> FLOCK  ADVISORY  WRITE 4712 fe:00:815 0 EOF", None),
            ("1: FLOCK  ADVISORY  READ 4711 fe:00:815 0 EOF", None),
            ("1: POSIX  ADVISORY  WRITE 4711 fe:00:815 0 EOF", None),
            ("1: FLOCK  ADVISORY  WRITE", None),
            ("", None),
        ] {
            assert_eq!(taker(line), expected, "{line:?}");
        }
    }

    #[test]
    fn this_process_is_found_by_its_lock() {
        let path = std::env::temp_dir().join(format!("locks-{}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        let (found, own) = (file.metadata().unwrap(), i32::try_from(std::process::id()).unwrap());
        let identity = FileId::new(found.dev(), found.ino());
        assert!(!holds(own, identity), "it is open, and not locked");
        assert!(!holds(0, identity) && !holds_any(0));
        files::lock(&file, files::Contention::Fail).unwrap();
        assert!(holds(own, identity) && holds_any(own));
        assert!(!holds(own, FileId { inode: identity.inode + 1, ..identity }));
        std::fs::remove_file(path).unwrap();
    }
}
