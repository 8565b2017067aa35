//! What is in a directory. A listing takes no memory but a buffer of fixed size, so it works where memory is refused.

use super::{Errno, Result, files, memory};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};

/// What a name stands for, as far as a listing tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// Anything else, or the file system does not say.
    Other,
}

/// How much is listed with one system call: some sixty names of the usual length.
const BUFFER: usize = 4096;

/// Where the kernel puts entries, which begin at multiples of 8.
#[repr(align(8))]
struct Buffer([u8; BUFFER]);

/// The fixed parts of an entry: 8 bytes of inode, 8 of position, 2 of length, 1 of kind, then the name.
const LENGTH: usize = 16;
const KIND: usize = 18;
const NAME: usize = 19;

/// Shows the names in `directory`, which must be open for reading, in the system's order, without `.` and `..`.
pub fn each(directory: &File, mut see: impl FnMut(&CStr, Kind)) -> Result<()> {
    files::rewind(directory)?;
    let mut buffer = Buffer([0; BUFFER]);
    loop {
        // SAFETY: the descriptor is open, and the kernel writes at most `BUFFER` bytes to the buffer of that size.
        let length = unsafe {
            libc::syscall(libc::SYS_getdents64, directory.as_raw_fd(), buffer.0.as_mut_ptr(), BUFFER)
        };
        let Ok(length) = usize::try_from(length) else { return Err(Errno::last()) };
        let mut entries = buffer.0.get(..length).unwrap_or_default();
        if entries.is_empty() {
            return Ok(());
        }
        while let Some((name, kind, rest)) = first(entries) {
            if name != c"." && name != c".." {
                see(name, kind);
            }
            entries = rest;
        }
    }
}

/// The names in the open directory, in the system's order, without `.` and `..`; `ENOMEM` if there is no memory for them.
pub fn names(directory: impl AsFd) -> Result<Vec<CString>> {
    let directory = files::open_read(directory, c".")?;
    let mut names = Vec::new();
    let mut room = Ok(());
    each(&directory, |name, _| {
        if room.is_ok() {
            room = memory::copy(name).and_then(|name| memory::push(&mut names, name));
        }
    })?;
    room.map(|()| names)
}

/// The first of these entries, and those after it.
fn first(entries: &[u8]) -> Option<(&CStr, Kind, &[u8])> {
    let length = entries.get(LENGTH..KIND)?.try_into().map(u16::from_ne_bytes).ok()?;
    let (entry, rest) = entries.split_at_checked(usize::from(length))?;
    let kind = if *entry.get(KIND)? == libc::DT_DIR { Kind::Directory } else { Kind::Other };
    Some((CStr::from_bytes_until_nul(entry.get(NAME..)?).ok()?, kind, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_are_shown_once_with_their_kinds() {
        let path = std::env::temp_dir().join(format!("listing-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let mut expected = Vec::new();
        for number in 0..500 {
            let name = format!("{number:0width$}", width = 3 + number % 200);
            std::fs::write(path.join(&name), "").unwrap();
            expected.push((name, Kind::Other));
        }
        std::fs::create_dir(path.join("a directory")).unwrap();
        expected.push(("a directory".to_owned(), Kind::Directory));
        expected.sort_by(|(a, _), (b, _)| a.cmp(b));
        let directory = File::open(&path).unwrap();
        for _ in 0..2 {
            let mut seen = Vec::new();
            each(&directory, |name, kind| seen.push((name.to_str().unwrap().to_owned(), kind))).unwrap();
            seen.sort_by(|(a, _), (b, _): &(String, Kind)| a.cmp(b));
            assert_eq!(seen, expected);
        }
        std::fs::remove_dir_all(&path).unwrap();
    }
}
