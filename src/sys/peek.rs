//! Looking into files that others have written: only regular files are opened, and little of them is read.

use super::files::{self, HERE};
use super::{Errno, Result};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::Duration;

/// Opens the regular file `path` for reading.
///
/// # Errors
/// Those of openat(2); `EINVAL` for anything but a regular file, which is not opened.
pub fn open(at: impl AsFd, path: &CStr) -> Result<File> {
    let is_regular = |facts: files::Facts| facts.is_regular;
    let odd = Errno::from_raw(libc::EINVAL);
    if !files::look(&at, path)?.is_none_or(is_regular) {
        return Err(odd);
    }
    let file = files::open_read(at, path)?;
    // It may have been replaced meanwhile.
    if is_regular(files::look_open(&file)?) { Ok(file) } else { Err(odd) }
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
    let mut content = vec![0; limit];
    let mut length = 0;
    while let Some(rest) = content.get_mut(length..).filter(|rest| !rest.is_empty()) {
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
/// process, so nobody can put another in its place.
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
