//! Who holds the lock on a file, as the kernel tells.

use super::files::{self, HERE};
use super::memory;
use std::ffi::CString;

/// The locks on whole files that processes hold, as `/proc/locks` tells: inode and process. It tells the device, too, but
/// on some file systems another than `stat` does.
#[derive(Debug)]
pub struct Locks(Vec<(u64, i32)>);

impl Locks {
    /// Those that are held now; none if the system does not tell, or if there is no memory for what it tells.
    pub fn read() -> Self {
        let list = std::fs::read("/proc/locks").unwrap_or_default();
        let list = std::str::from_utf8(&list).unwrap_or_default();
        let mut locks = Vec::new();
        for lock in list.lines().filter_map(held) {
            if memory::push(&mut locks, lock).is_err() {
                break;
            }
        }
        locks.sort_unstable();
        Self(locks)
    }

    /// The processes that may hold the lock on a file with this inode: files on other devices may have the same.
    pub fn candidates(&self, inode: u64) -> impl Iterator<Item = i32> {
        let first = self.0.partition_point(|&(other, _)| other < inode);
        let rest = self.0.get(first..).unwrap_or_default().iter();
        rest.take_while(move |&&(other, _)| other == inode).map(|&(_, pid)| pid)
    }
}

/// The inode and the process of a line such as `1: FLOCK  ADVISORY  WRITE 4711 fe:00:815 0 EOF`. One that waits for a lock
/// has an arrow as its second word.
fn held(line: &str) -> Option<(u64, i32)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    if (words.next()?, words.next()?, words.next()?) != ("FLOCK", "ADVISORY", "WRITE") {
        return None;
    }
    let pid = words.next()?.parse().ok()?;
    let inode = words.next()?.rsplit(':').next()?.parse().ok()?;
    Some((inode, pid))
}

/// Whether process `pid` has the file with this device and inode open, and has locked it.
pub fn holds(pid: i32, identity: (u64, u64)) -> bool {
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
    about.lines().filter_map(|line| line.strip_prefix("lock:")).any(|lock| held(lock).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_lock_on_a_whole_file_is_told_with_its_holder() {
        for (line, expected) in [
            ("1: FLOCK  ADVISORY  WRITE 4711 fe:00:815 0 EOF", Some((815, 4711))),
            ("12: FLOCK  ADVISORY  WRITE -1 00:2a:815 0 EOF", Some((815, -1))),
            ("1: -> FLOCK  ADVISORY  WRITE 4712 fe:00:815 0 EOF", None),
            ("1: FLOCK  ADVISORY  READ 4711 fe:00:815 0 EOF", None),
            ("1: POSIX  ADVISORY  WRITE 4711 fe:00:815 0 EOF", None),
            ("1: FLOCK  ADVISORY  WRITE", None),
            ("", None),
        ] {
            assert_eq!(held(line), expected, "{line:?}");
        }
    }

    #[test]
    fn this_process_is_found_by_its_lock() {
        let path = std::env::temp_dir().join(format!("locks-{}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        let (found, own) = (file.metadata().unwrap(), i32::try_from(std::process::id()).unwrap());
        let identity = (found.dev(), found.ino());
        assert!(!holds(own, identity), "it is open, and not locked");
        assert!(!holds(0, identity) && !holds_any(0));
        files::lock(&file, files::Contention::Fail).unwrap();
        assert!(holds(own, identity) && holds_any(own));
        assert!(!holds(own, (identity.0, identity.1 + 1)));
        assert!(Locks::read().candidates(identity.1).any(|pid| pid == own));
        std::fs::remove_file(path).unwrap();
    }
}
