//! Files, directories, fifos and locks. Everything opened here is closed on exec.
//!
//! The ways to open a file are those of docs/compatibility.md 1.0; all are non-blocking, so that a fifo in place of
//! a file cannot hold us up. Paths are relative to an open directory, or to the current one ([`HERE`]).

use super::{Errno, Result};
use crate::file_id::FileId;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{FchmodatFlags, Mode, fchmod, fchmodat, fstat, fstatat, mkdirat};
use nix::unistd::{LinkatFlags, UnlinkatFlags, linkat, unlinkat};
use std::ffi::{CStr, CString, OsStr};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

/// The kernel takes paths of fewer bytes than this, with their end.
const LONGEST_PATH: usize = libc::PATH_MAX.unsigned_abs() as usize;

/// The current directory.
pub const HERE: BorrowedFd<'static> = AT_FDCWD;

/// Opens for appending; creates it with mode 0600.
pub fn open_append(at: impl AsFd, path: &CStr) -> Result<File> {
    open(at, path, OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT, 0o600)
}

/// Opens for reading; a directory, too.
pub fn open_read(at: impl AsFd, path: &CStr) -> Result<File> {
    open(at, path, OFlag::O_RDONLY, 0)
}

/// Opens for writing what exists.
pub fn open_write(at: impl AsFd, path: &CStr) -> Result<File> {
    open(at, path, OFlag::O_WRONLY, 0)
}

/// Opens the directory `path` as a place to look from. Fails where changing to it would.
pub fn open_place(at: impl AsFd, path: &CStr) -> Result<OwnedFd> {
    let how = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    // To find `.` in it takes the permission to search it, which to open it does not.
    let inside = CString::new([path.to_bytes(), b"/."].concat()).unwrap_or_default();
    let is_possible = !path.is_empty() && inside.as_bytes_with_nul().len() <= LONGEST_PATH;
    if is_possible {
        return openat(at, inside.as_c_str(), how, Mode::empty()).map_err(Errno::from);
    }
    let directory = openat(at, path, how, Mode::empty())?;
    openat(directory, c".", how, Mode::empty()).map_err(Errno::from)
}

fn open(at: impl AsFd, path: &CStr, how: OFlag, mode: libc::mode_t) -> Result<File> {
    let how = how | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    Ok(openat(at, path, how, Mode::from_bits_truncate(mode))?.into())
}

/// What `stat` tells, as far as we ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Device and inode: what a name stands for.
    pub identity: FileId,
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Whether it is a regular file.
    pub is_regular: bool,
    /// Whether it is a pipe with a name.
    pub is_fifo: bool,
    /// Whether it is a symbolic link.
    pub is_link: bool,
    /// Whether its owner may execute it.
    pub owner_executes: bool,
    /// The number of the account that owns it.
    pub owner: u32,
    /// Who may read, write and execute it, as in `chmod`.
    pub mode: libc::mode_t,
    /// The number of its names.
    pub names: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Neither its owner nor its mode nor its names have changed since it was written to last.
    pub is_as_written: bool,
}

impl Facts {
    fn new(stat: &libc::stat) -> Self {
        let kind = stat.st_mode & libc::S_IFMT;
        Self {
            identity: FileId { device: stat.st_dev, inode: stat.st_ino },
            is_directory: kind == libc::S_IFDIR,
            is_regular: kind == libc::S_IFREG,
            is_fifo: kind == libc::S_IFIFO,
            is_link: kind == libc::S_IFLNK,
            owner_executes: stat.st_mode & libc::S_IXUSR != 0,
            owner: stat.st_uid,
            mode: stat.st_mode & 0o7777,
            names: stat.st_nlink,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            is_as_written: (stat.st_mtime, stat.st_mtime_nsec) == (stat.st_ctime, stat.st_ctime_nsec),
        }
    }

    /// Whether its owner is root or the account of this process.
    pub fn is_owned_by_root_or_us(&self) -> bool {
        self.owner == 0 || self.owner == nix::unistd::geteuid().as_raw()
    }

    /// Whether accounts other than its owner may write to it.
    pub const fn is_writable_by_others(&self) -> bool {
        self.mode & (libc::S_IWGRP | libc::S_IWOTH) != 0
    }

    /// Whether only the account of this process can have written to it.
    pub fn is_ours(&self) -> bool {
        self.owner == nix::unistd::geteuid().as_raw() && !self.is_writable_by_others()
    }
}

/// What `path` leads to, through symbolic links; `None` if there is nothing.
pub fn look(at: impl AsFd, path: &CStr) -> Result<Option<Facts>> {
    look_how(at, path, AtFlags::empty())
}

/// What `path` itself is, be it a symbolic link; `None` if there is nothing.
pub fn look_at_link(at: impl AsFd, path: &CStr) -> Result<Option<Facts>> {
    look_how(at, path, AtFlags::AT_SYMLINK_NOFOLLOW)
}

fn look_how(at: impl AsFd, path: &CStr, how: AtFlags) -> Result<Option<Facts>> {
    match fstatat(at, path, how) {
        Ok(stat) => Ok(Some(Facts::new(&stat))),
        Err(nix::Error::ENOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What is open as `file`.
pub fn look_open(file: impl AsFd) -> Result<Facts> {
    Ok(Facts::new(&fstat(file)?))
}

/// Whether there is anything called `path`, be it a symbolic link to nothing.
pub fn is_there(at: impl AsFd, path: &CStr) -> bool {
    !matches!(fstatat(at, path, AtFlags::AT_SYMLINK_NOFOLLOW), Err(nix::Error::ENOENT))
}

/// Whether some process has `file` open for writing. Answers no where the system does not say.
pub fn is_being_written(file: &File) -> bool {
    use std::os::fd::AsRawFd;
    // SAFETY: a call on an open descriptor, without pointers. A lease to read is refused to a file with writers.
    let refused = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_RDLCK) } == -1;
    if refused {
        return Errno::last().is(libc::EAGAIN);
    }
    // SAFETY: a call on an open descriptor, without pointers.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, libc::F_UNLCK) };
    false
}

/// When what `path` leads to was changed last, since 1970.
pub fn modified(at: impl AsFd, path: &CStr) -> Result<Duration> {
    let stat = fstatat(at, path, AtFlags::empty())?;
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    Ok(Duration::new(seconds, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)))
}

/// Sets when `file` was changed last, since 1970.
pub fn set_modified(file: impl AsFd, time: Duration) -> Result<()> {
    use nix::sys::time::TimeSpec;
    Ok(nix::sys::stat::futimens(file, &TimeSpec::UTIME_OMIT, &TimeSpec::from_duration(time))?)
}

/// When it, its mode, its owner or its times were changed last: nobody can set that back.
pub fn changed(at: impl AsFd, path: &CStr) -> Result<Duration> {
    let stat = fstatat(at, path, AtFlags::empty())?;
    let seconds = u64::try_from(stat.st_ctime).unwrap_or(0);
    Ok(Duration::new(seconds, u32::try_from(stat.st_ctime_nsec).unwrap_or(0)))
}

/// Makes the directory `path`.
pub fn make_directory(at: impl AsFd, path: &CStr, mode: libc::mode_t) -> Result<()> {
    mkdirat(at, path, Mode::from_bits_truncate(mode)).map_err(Errno::from)
}

/// Where the symbolic link `path` in the current directory points to.
pub fn read_link(path: &CStr) -> Result<CString> {
    let target = std::fs::read_link(OsStr::from_bytes(path.to_bytes()))?;
    CString::new(target.into_os_string().into_vec()).map_err(|_| Errno::from_raw(libc::EINVAL))
}

/// Changes the current directory.
pub fn change_directory(path: &CStr) -> Result<()> {
    nix::unistd::chdir(path).map_err(Errno::from)
}

/// Sets the mode of an open file.
pub fn set_mode(file: impl AsFd, mode: libc::mode_t) -> Result<()> {
    fchmod(file, Mode::from_bits_truncate(mode)).map_err(Errno::from)
}

/// Sets the mode of the file `path`.
pub fn set_mode_of(at: impl AsFd, path: &CStr, mode: libc::mode_t) -> Result<()> {
    fchmodat(at, path, Mode::from_bits_truncate(mode), FchmodatFlags::FollowSymlink).map_err(Errno::from)
}

/// Renames `from` to `to` within one directory, replacing what is there.
pub fn rename(at: impl AsFd, from: &CStr, to: &CStr) -> Result<()> {
    nix::fcntl::renameat(&at, from, &at, to).map_err(Errno::from)
}

/// Puts the file `from` in the place of `to` in the same directory, for readers in one step. Where the two can be
/// exchanged, that is done, and what was there is removed afterwards: ext4 writes a file to the disk that is renamed over
/// another, which takes ten times as long, and which what is only of interest until the next boot does not need.
pub fn replace(at: impl AsFd, from: &CStr, to: &CStr) -> Result<()> {
    use std::os::fd::AsRawFd;
    let directory = at.as_fd().as_raw_fd();
    let exchange = || {
        let (from, to) = (from.as_ptr(), to.as_ptr());
        let how = libc::RENAME_EXCHANGE;
        // SAFETY: the descriptor is open, and both names are strings that end in NUL and outlive the call.
        let result = unsafe { libc::syscall(libc::SYS_renameat2, directory, from, directory, to, how) };
        if result == 0 { Ok(()) } else { Err(Errno::last()) }
    };
    if exchange().is_err() {
        return rename(at, from, to);
    }
    if unlinkat(&at, from, UnlinkatFlags::NoRemoveDir).is_ok() {
        return Ok(());
    }
    match exchange() {
        // One of the two was removed in between; a removal just after this call would look the same.
        Err(error) if error.is(libc::ENOENT) => Ok(()),
        // It was a directory, say: then renaming knows what is wrong.
        Ok(()) | Err(_) => rename(at, from, to),
    }
}

/// Gives the file `from` a second name in the same directory; an error if the name is taken.
pub fn link(at: impl AsFd, from: &CStr, to: &CStr) -> Result<()> {
    linkat(&at, from, &at, to, LinkatFlags::empty()).map_err(Errno::from)
}

/// Removes the name `path`; that it does not exist is no error.
pub fn remove(at: impl AsFd, path: &CStr) -> Result<()> {
    match unlinkat(at, path, UnlinkatFlags::NoRemoveDir) {
        Err(nix::Error::ENOENT) => Ok(()),
        other => other.map_err(Errno::from),
    }
}

/// What to do about a lock that another process has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contention {
    /// Wait until it is free.
    Wait,
    /// Fail, with "temporary failure".
    Fail,
}

/// Takes the lock on `file` for as long as it stays open.
pub fn lock(file: &File, contention: Contention) -> Result<()> {
    use std::os::fd::AsRawFd;
    let how = match contention {
        Contention::Wait => libc::LOCK_EX,
        Contention::Fail => libc::LOCK_EX | libc::LOCK_NB,
    };
    // SAFETY: a call on an open descriptor, without pointers.
    let taken = unsafe { libc::flock(file.as_raw_fd(), how) };
    if taken == -1 { Err(Errno::last()) } else { Ok(()) }
}

/// In a child that is about to become another program: closes its copy of a file early, which that would close anyway. This
/// is the descriptor with this number, of a file that its parent keeps.
pub fn close_copy(number: i32) {
    // SAFETY: the child has descriptors of its own, and does nothing with this one any more.
    unsafe { libc::close(number) };
}

/// Lets the programs that this process becomes have `descriptor`.
pub fn keep_on_exec(descriptor: impl AsFd) -> Result<()> {
    nix::fcntl::fcntl(descriptor, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()))?;
    Ok(())
}

/// A second descriptor for the same thing, with the lowest free number; it stays open on exec.
pub fn duplicate(descriptor: impl AsFd) -> Result<OwnedFd> {
    nix::unistd::dup(descriptor).map_err(Errno::from)
}

/// Makes reads and writes wait again after one of the non-blocking opens above.
pub fn wait_for_io(file: impl AsFd) -> Result<()> {
    nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_SETFL(OFlag::empty()))?;
    Ok(())
}

/// Makes `descriptor` the standard input (0) of this process, or its descriptor 1, 4 or 5; it stays open on
/// exec.
pub fn become_descriptor(descriptor: impl AsFd, number: i32) -> Result<()> {
    use std::os::fd::AsRawFd;
    let source = descriptor.as_fd().as_raw_fd();
    if source == number {
        return keep_on_exec(descriptor);
    }
    // SAFETY: only called in children about to exec, where nothing owns the descriptor `number` any more.
    if unsafe { libc::dup2(source, number) } == -1 { Err(Errno::last()) } else { Ok(()) }
}

/// Reads once; 0 is the end. An interrupted read is tried again.
pub fn read(mut file: &File, buffer: &mut [u8]) -> Result<usize> {
    retry(|| file.read(buffer))
}

/// Reads to the end, however far that is: what others may write is for [`super::peek`].
pub fn read_all(mut file: &File) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(content)
}

/// Reads once at `offset`, wherever the file is read or written otherwise; 0 is the end.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> Result<usize> {
    use std::os::unix::fs::FileExt;
    retry(|| file.read_at(buffer, offset))
}

/// Writes once, and says how much was taken.
pub fn write(mut file: &File, bytes: &[u8]) -> Result<usize> {
    retry(|| file.write(bytes))
}

/// Writes once over the beginning, wherever the file is read or written otherwise, and says how much was taken.
pub fn write_over(file: &File, bytes: &[u8]) -> Result<usize> {
    use std::os::unix::fs::FileExt;
    retry(|| file.write_at(bytes, 0))
}

/// Waits until what was written to `file` is on disk.
pub fn sync(file: &File) -> Result<()> {
    retry(|| file.sync_all())
}

/// Moves to the start of `file`.
pub fn rewind(mut file: &File) -> Result<()> {
    retry(|| file.seek(SeekFrom::Start(0))).map(drop)
}

fn retry<T>(mut call: impl FnMut() -> std::io::Result<T>) -> Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            other => return other.map_err(Errno::from),
        }
    }
}

/// Standard input.
pub fn input() -> BorrowedFd<'static> {
    // SAFETY: nothing in our programs closes descriptor 0; if the caller did, reads of it fail.
    unsafe { BorrowedFd::borrow_raw(0) }
}

/// Standard output.
pub fn output() -> BorrowedFd<'static> {
    // SAFETY: nothing in our programs closes descriptor 1; if the caller did, writes to it fail.
    unsafe { BorrowedFd::borrow_raw(1) }
}

/// Reads once from a borrowed descriptor, such as [`input`]; 0 is the end.
pub fn read_from(source: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize> {
    nix::unistd::read(source, buffer).map_err(Errno::from)
}

/// Writes all of `bytes` to a borrowed descriptor, such as [`output`].
pub fn write_all(target: BorrowedFd<'_>, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        let written = nix::unistd::write(target, bytes)?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}
