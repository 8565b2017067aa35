//! Files of one directory that another account may own: they are reached by their names in the open directory alone and
//! never through a symbolic link, so that no link and no swap of the directory leads a write elsewhere.

use super::files::{self, Facts};
use super::{Errno, Result};
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::mkfifoat;
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// An open directory. Each `name` is that of a file in it.
#[derive(Debug)]
pub struct Confined(OwnedFd);

impl Confined {
    /// Opens the directory `path`, which may be a symbolic link to one: that link is its owner's decision.
    ///
    /// # Errors
    /// Those of openat(2).
    pub fn open(at: impl AsFd, path: &CStr) -> Result<Self> {
        files::open_place(at, path).map(Self)
    }

    /// Opens a file for appending; makes it with mode 0600 if it is missing.
    ///
    /// # Errors
    /// Those of openat(2); `ELOOP` for a symbolic link, as in all functions here.
    pub fn append(&self, name: &CStr) -> Result<File> {
        self.open_file(name, OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT, 0o600)
    }

    /// Opens a file for reading and writing; makes it with mode 0644 if it is missing.
    ///
    /// # Errors
    /// Those of openat(2).
    pub fn update(&self, name: &CStr) -> Result<File> {
        self.open_file(name, OFlag::O_RDWR | OFlag::O_CREAT, 0o644)
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// Those of openat(2).
    pub fn read(&self, name: &CStr) -> Result<File> {
        self.open_file(name, OFlag::O_RDONLY, 0)
    }

    /// Opens an existing file or fifo for writing.
    ///
    /// # Errors
    /// Those of openat(2).
    pub fn write(&self, name: &CStr) -> Result<File> {
        self.open_file(name, OFlag::O_WRONLY, 0)
    }

    /// Makes a file with mode 0644 and opens it for writing. A file of that name that is there already is removed first, so
    /// that the content goes into no other file that it may be a name of.
    ///
    /// # Errors
    /// Those of openat(2); of unlinkat(2) if what is there cannot be removed.
    pub fn create(&self, name: &CStr) -> Result<File> {
        let create = || self.open_file(name, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL, 0o644);
        match create() {
            Err(error) if error.is(libc::EEXIST) => {
                self.remove(name)?;
                create()
            }
            other => other,
        }
    }

    /// Makes a fifo with mode 0600.
    ///
    /// # Errors
    /// Those of mkfifoat(3): `EEXIST` if anything has that name.
    pub fn make_fifo(&self, name: &CStr) -> Result<()> {
        mkfifoat(&self.0, name, Mode::from_bits_truncate(0o600)).map_err(Errno::from)
    }

    /// What a file is; `None` if there is none.
    ///
    /// # Errors
    /// Those of fstatat(2).
    pub fn look(&self, name: &CStr) -> Result<Option<Facts>> {
        files::look_at_link(&self.0, name)
    }

    /// Puts the file `from` in the place of `to`, for readers in one step.
    ///
    /// # Errors
    /// Those of renameat(2).
    pub fn replace(&self, from: &CStr, to: &CStr) -> Result<()> {
        files::replace(&self.0, from, to)
    }

    /// Removes a file; that there is none is no error.
    ///
    /// # Errors
    /// Those of unlinkat(2).
    pub fn remove(&self, name: &CStr) -> Result<()> {
        files::remove(&self.0, name)
    }

    fn open_file(&self, name: &CStr, how: OFlag, mode: libc::mode_t) -> Result<File> {
        let how = how | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        Ok(openat(&self.0, name, how, Mode::from_bits_truncate(mode))?.into())
    }
}

impl AsFd for Confined {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
