//! Pipes, also those that other processes have.

use super::files::{self, HERE, open_read, open_write, wait_for_io};
use super::{Errno, Result, poll};
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::Instant;

/// The first descriptor after standard input, output and error.
const FIRST_OF_OURS: i32 = 3;

/// A pipe: the end to read from, the end to write to.
pub fn new() -> Result<(OwnedFd, OwnedFd)> {
    nix::unistd::pipe2(OFlag::O_CLOEXEC).map_err(Errno::from)
}

/// A pipe whose writers are not killed when its reader is gone: the end to write to counts as a reader, too. Where the
/// system does not allow that, an ordinary pipe.
pub fn lasting() -> Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = new()?;
    let link = format!("/proc/self/fd/{}", writer.as_raw_fd());
    let both = openat(HERE, link.as_str(), OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty());
    Ok((reader, both.unwrap_or(writer)))
}

/// An end to read from of the pipe that is standard output, if it is one: as long as this is open, writing to the pipe
/// waits when it is full, even if its other readers end.
pub fn reader_of_output() -> Option<OwnedFd> {
    inode(files::output())?;
    open_read(HERE, c"/proc/self/fd/1").ok().map(OwnedFd::from)
}

/// Takes over the descriptor `number`, which this process was started with, so that its children do not inherit it. The file
/// is not opened again: it may belong to another account. `None` if this process was started without it: the descriptors
/// that it has opened itself are closed on exec, and have other owners.
pub fn take_over(number: i32) -> Option<OwnedFd> {
    // SAFETY: fcntl gets numbers alone, and touches no memory of ours.
    let flags = unsafe { libc::fcntl(number, libc::F_GETFD) };
    if flags < 0 || flags & libc::FD_CLOEXEC != 0 {
        return None;
    }
    // SAFETY: as before.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, FIRST_OF_OURS) };
    if copy < 0 {
        return None;
    }
    // SAFETY: fcntl has just made this descriptor, so it has no other owner.
    let copy = unsafe { OwnedFd::from_raw_fd(copy) };
    nix::unistd::close(number).ok()?;
    Some(copy)
}

/// The inode of the pipe that process `pid` has as descriptor `number`, if it is a pipe.
pub fn inode_of(pid: i32, number: i32) -> Option<u64> {
    let link = std::fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()?;
    inode_in(link.to_str()?)
}

/// The inode in the text of such a link.
fn inode_in(link: &str) -> Option<u64> {
    link.strip_prefix("pipe:[")?.strip_suffix(']')?.parse().ok()
}

/// The inode of `file` if it is a pipe, or a fifo.
pub fn inode(file: impl AsFd) -> Option<u64> {
    let is_pipe = |stat: &libc::stat| stat.st_mode & libc::S_IFMT == libc::S_IFIFO;
    nix::sys::stat::fstat(file).ok().filter(is_pipe).map(|stat| stat.st_ino)
}

/// The processes that have the pipe with this inode open, as far as we may know.
pub fn holders(inode: u64) -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(move |pid| {
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let mut links = descriptors.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        links.any(|link| link.to_str().and_then(inode_in) == Some(inode))
    })
}

/// The end to read from of the pipe with this inode, which some process has as descriptor `number`.
pub fn find(number: i32, inode: u64) -> Option<OwnedFd> {
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let pid: i32 = pids.find(|&pid| inode_of(pid, number) == Some(inode))?;
    let link = CString::new(format!("/proc/{pid}/fd/{number}")).ok()?;
    open_read(HERE, &link).ok().map(OwnedFd::from)
}

/// Both ends of the pipe that process `pid` has as descriptor `number`, if it is the pipe with this inode and we may
/// have it.
pub fn both_ends_of(pid: i32, number: i32, inode: u64) -> Option<(OwnedFd, OwnedFd)> {
    if inode_of(pid, number) != Some(inode) {
        return None;
    }
    let link = CString::new(format!("/proc/{pid}/fd/{number}")).ok()?;
    // Opened without waiting, or to read would wait for a writer; then made to wait as pipes do.
    let ends = (open_read(HERE, &link).ok()?, open_write(HERE, &link).ok()?);
    wait_for_io(&ends.0).and_then(|()| wait_for_io(&ends.1)).ok()?;
    Some((ends.0.into(), ends.1.into()))
}

/// Whether something is left to read in the pipe that process `pid` has as descriptor `number`, as far as we may know.
pub fn has_unread(pid: i32, number: i32, now: Instant) -> bool {
    let link = CString::new(format!("/proc/{pid}/fd/{number}")).ok();
    let reader = inode_of(pid, number).and(link).and_then(|link| open_read(HERE, &link).ok());
    let ready = reader.map(|reader| poll::wait([Some(reader.as_fd())], now, Some(now)));
    matches!(ready, Some(Ok([true])))
}

/// How many bytes are left to read in the pipe that process `pid` has as descriptor `number`, if we may know.
pub fn unread_of(pid: i32, number: i32) -> Option<usize> {
    inode_of(pid, number)?;
    let link = CString::new(format!("/proc/{pid}/fd/{number}")).ok()?;
    open_read(HERE, &link).ok().map(unread)
}

/// How many bytes are left to read in the pipe that has this end.
pub fn unread(end: impl AsFd) -> usize {
    let mut count: libc::c_int = 0;
    // SAFETY: a call on an open descriptor; the pointer is valid for it.
    let known = unsafe { libc::ioctl(end.as_fd().as_raw_fd(), libc::FIONREAD, &raw mut count) } == 0;
    if known { usize::try_from(count).unwrap_or(0) } else { 0 }
}

/// Lets the pipe that is standard input hold so many bytes, if it is one and the system allows it: those who write to it
/// wait less, and more comes with one read.
pub fn widen_input(size: i32) {
    // SAFETY: a call on a descriptor, without pointers.
    unsafe { libc::fcntl(0, libc::F_SETPIPE_SZ, size) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_descriptor_of_ours_is_not_taken_over() {
        let (reader, writer) = new().unwrap();
        assert!(take_over(writer.as_raw_fd()).is_none() && take_over(reader.as_raw_fd()).is_none());
        assert!(take_over(9999).is_none() && take_over(-1).is_none());
        // One that would be inherited is as if it had been.
        let inherited = nix::unistd::dup(&writer).unwrap();
        let number = std::os::fd::IntoRawFd::into_raw_fd(inherited);
        assert!(take_over(number).is_some());
        assert!(take_over(number).is_none(), "it is closed, or a descriptor of ours");
    }
}
