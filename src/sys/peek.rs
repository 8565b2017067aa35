//! Looking into files that others have written: only regular files are opened, and little of them is read.

use super::files::{self, HERE};
use super::{Errno, Result};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Duration;

/// Why a file is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The system refuses it.
    Unreadable(Errno),
    /// It is a directory, a device, a fifo or a socket.
    NotRegular,
    /// It has more bytes than are wanted.
    TooLong,
}

impl From<Errno> for Refusal {
    fn from(error: Errno) -> Self {
        Self::Unreadable(error)
    }
}

/// Opens the regular file `path`, or the one that a symbolic link of that name leads to, for reading.
///
/// # Errors
/// Those of openat(2); `EINVAL` for anything but a regular file, which is not opened.
pub fn open(at: impl AsFd, path: &CStr) -> Result<File> {
    open_regular(at, path).map_err(|refusal| match refusal {
        Refusal::Unreadable(error) => error,
        Refusal::NotRegular | Refusal::TooLong => Errno::from_raw(libc::EINVAL),
    })
}

/// All of the regular file `path`, if it has at most `limit` bytes.
///
/// # Errors
/// A file of another kind, which is not opened, and one that is longer.
pub fn whole(at: impl AsFd, path: &CStr, limit: usize) -> std::result::Result<Vec<u8>, Refusal> {
    let content = head(&open_regular(at, path)?, limit.saturating_add(1))?;
    if content.len() > limit { Err(Refusal::TooLong) } else { Ok(content) }
}

fn open_regular(at: impl AsFd, path: &CStr) -> std::result::Result<File, Refusal> {
    let found = files::look(&at, path)?.ok_or(Errno::from_raw(libc::ENOENT))?;
    if !found.is_regular {
        return Err(Refusal::NotRegular);
    }
    let file = files::open_read(at, path)?;
    // It may have been replaced meanwhile.
    if files::look_open(&file)?.is_regular { Ok(file) } else { Err(Refusal::NotRegular) }
}

/// The beginning of a file, at most `limit` bytes.
///
/// # Errors
/// Those of read(2).
pub fn head(file: &File, limit: usize) -> Result<Vec<u8>> {
    read_from(file, (0, limit))
}

/// The end of a file, at most `limit` bytes.
///
/// # Errors
/// Those of read(2).
pub fn tail(file: &File, limit: usize) -> Result<Vec<u8>> {
    let length = u64::try_from(limit).unwrap_or(u64::MAX);
    let begin = file.metadata()?.len().saturating_sub(length);
    read_from(file, (begin, limit))
}

fn read_from(file: &File, (begin, limit): (u64, usize)) -> Result<Vec<u8>> {
    const FIRST: usize = 8192;
    let mut content = Vec::new();
    let mut length = 0_usize;
    while length < limit {
        // The limit may be far above what there is.
        content.resize(limit.min(2 * length.max(FIRST / 2)), 0);
        let rest = content.get_mut(length..).unwrap_or_default();
        let offset = begin.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        match file.read_at(rest, offset) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    content.truncate(length);
    Ok(content)
}

/// The regular file called `name` that process `pid` has open, if we may have it. It is opened by the descriptor of that
/// process, so no other file can take its place.
pub fn open_of(pid: i32, name: &CStr) -> Option<File> {
    let end = [b"/", name.to_bytes()].concat();
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let mut links = descriptors.flatten().map(|entry| entry.path());
    let link = links.find(|link| {
        std::fs::read_link(link).is_ok_and(|file| file.as_os_str().as_bytes().ends_with(&end))
    })?;
    open(HERE, &CString::new(link.into_os_string().into_vec()).ok()?).ok()
}

/// When a file was written to last, since 1970.
pub fn written(file: &File) -> Option<Duration> {
    let seconds = u64::try_from(file.metadata().ok()?.mtime()).ok()?;
    Some(Duration::from_secs(seconds))
}

/// Whether the disk is full on which `file` is, for the account that owns it.
pub fn has_full_disk(file: impl AsFd) -> bool {
    let Ok(disk) = nix::sys::statvfs::fstatvfs(&file) else { return false };
    let owner = files::look_open(&file).map_or(0, |facts| facts.owner);
    let left = if owner == 0 { disk.blocks_free() } else { disk.blocks_available() };
    // Some file systems have no such number.
    disk.blocks() > 0 && left == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_that_are_short_are_read_as_a_whole() {
        let path = std::env::temp_dir().join(format!("peek-{}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        let directory = File::open(&path).unwrap();
        std::fs::write(path.join("short"), "1234").unwrap();
        std::fs::write(path.join("long"), [b'x'; 100_000]).unwrap();
        std::os::unix::fs::symlink("short", path.join("link")).unwrap();
        std::os::unix::fs::symlink("nothing", path.join("dangling")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path.join("endless")).unwrap();
        std::fs::create_dir(path.join("directory")).unwrap();
        nix::unistd::mkfifo(&path.join("fifo"), nix::sys::stat::Mode::S_IRUSR).unwrap();
        let missing = Refusal::Unreadable(Errno::from_raw(libc::ENOENT));
        for (name, limit, expected) in [
            (c"short", 4, Ok(b"1234".to_vec())),
            (c"short", 3, Err(Refusal::TooLong)),
            (c"link", 4, Ok(b"1234".to_vec())),
            (c"dangling", 4, Err(missing)),
            (c"nothing", 4, Err(missing)),
            (c"long", 100_000, Ok(vec![b'x'; 100_000])),
            (c"long", usize::MAX, Ok(vec![b'x'; 100_000])),
            (c"long", 99_999, Err(Refusal::TooLong)),
            (c"endless", 4, Err(Refusal::NotRegular)),
            (c"directory", 4, Err(Refusal::NotRegular)),
            (c"fifo", 4, Err(Refusal::NotRegular)),
        ] {
            assert_eq!(whole(&directory, name, limit), expected, "{name:?}");
        }
        std::fs::remove_dir_all(&path).unwrap();
    }
}
