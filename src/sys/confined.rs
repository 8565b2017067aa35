//! Files of one directory that another account may own: they are reached by their names in the open directory alone and
//! never through a symbolic link, so that no link and no swap of the directory leads a write elsewhere. A directory of our own
//! can be an exception.

use super::files::{self, Facts};
use super::{Errno, Result, trusted};
use nix::fcntl::{FcntlArg, OFlag, fcntl, openat};
use nix::sys::stat::Mode;
use nix::unistd::mkfifoat;
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd};

/// An open directory. Each `name` is that of a file in it.
#[derive(Debug)]
pub struct Confined {
    directory: File,
    links: Links,
}

/// What happens with symbolic links, and with files that have further names elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    /// They are used.
    Follow,
    /// They are errors: `ELOOP` and `EMLINK`.
    Refuse,
}

impl Confined {
    /// Opens the directory `path`, which may be a symbolic link to one, if root or the account of this process owns the link.
    ///
    /// # Errors
    /// Those of openat(2); `ELOOP` for a link of another account.
    pub fn open(at: impl AsFd, path: &CStr) -> Result<Self> {
        let place = trusted::open(at, path, OFlag::O_PATH | OFlag::O_DIRECTORY)?;
        // To find `.` in it takes the permission to search it.
        Ok(Self { directory: files::open_place(place, c".")?.into(), links: Links::Refuse })
    }

    /// The same for an open directory, but if only the account of this process can change what is in it, its links are
    /// followed.
    pub fn as_owned(directory: File) -> Self {
        let is_private = files::look_open(&directory).is_ok_and(|facts| facts.is_ours());
        let links = if is_private { Links::Follow } else { Links::Refuse };
        Self { directory, links }
    }

    /// Whether only the account of this process can change what is in it.
    pub fn is_private(&self) -> bool {
        files::look_open(self).is_ok_and(|facts| facts.is_ours())
    }

    /// The same directory, open once more, as a descriptor with this number or a higher one.
    ///
    /// # Errors
    /// Those of fcntl(2).
    pub fn duplicate(&self, least: i32) -> Result<Self> {
        let number = fcntl(&self.directory, FcntlArg::F_DUPFD_CLOEXEC(least))?;
        // SAFETY: the call has just returned this descriptor, which nothing else owns.
        let directory = unsafe { File::from_raw_fd(number) };
        Ok(Self { directory, links: self.links })
    }

    /// The directory itself.
    pub const fn directory(&self) -> &File {
        &self.directory
    }

    /// Opens a file to lock it; makes it with mode 0600 if it is missing.
    ///
    /// # Errors
    /// Those of openat(2); `ELOOP` for a symbolic link, as in all functions here, unless links are followed.
    pub fn lock(&self, name: &CStr) -> Result<File> {
        self.open_file(name, OFlag::O_WRONLY | OFlag::O_APPEND | OFlag::O_CREAT, 0o600)
    }

    /// Opens a file for appending; makes it with mode 0600 if it is missing.
    ///
    /// # Errors
    /// Those of openat(2) and [`Self::log`].
    pub fn append(&self, name: &CStr) -> Result<File> {
        Ok(self.sole(self.lock(name)?)?.0)
    }

    /// Opens a regular file for appending, and for reading where that is permitted; makes it with mode 0644 if it is missing.
    /// Returns what it is, too.
    ///
    /// # Errors
    /// Those of openat(2); `ENXIO` for a fifo; `EMLINK` for a file with another name, unless links are followed.
    pub fn log(&self, name: &CStr) -> Result<(File, Facts)> {
        let how = OFlag::O_APPEND | OFlag::O_CREAT;
        let file = match self.open_file(name, OFlag::O_RDWR | how, 0o644) {
            Err(error) if error.is(libc::EACCES) => self.open_file(name, OFlag::O_WRONLY | how, 0o644),
            other => other,
        };
        self.sole(file?)
    }

    /// Empties a file, or makes it with mode 0644, and opens it for writing.
    ///
    /// # Errors
    /// Those of openat(2); of unlinkat(2) if a link cannot be replaced, unless links are followed.
    pub fn truncate(&self, name: &CStr) -> Result<File> {
        match self.links {
            Links::Follow => self.open_file(name, OFlag::O_WRONLY | OFlag::O_TRUNC | OFlag::O_CREAT, 0o644),
            Links::Refuse => self.create(name),
        }
    }

    /// Sets the mode of a file.
    ///
    /// # Errors
    /// Those of fchmodat(2), openat(2) and [`Self::log`].
    pub fn set_mode(&self, name: &CStr, mode: libc::mode_t) -> Result<()> {
        match self.links {
            Links::Follow => files::set_mode_of(&self.directory, name, mode),
            Links::Refuse => files::set_mode(self.sole(self.open_file(name, OFlag::O_RDONLY, 0)?)?.0, mode),
        }
    }

    /// The file, and what it is, unless what is written to it may end up elsewhere.
    fn sole(&self, file: File) -> Result<(File, Facts)> {
        let facts = files::look_open(&file)?;
        if facts.is_fifo {
            return Err(Errno::from_raw(libc::ENXIO));
        }
        let is_sole = self.links == Links::Follow || facts.names <= 1;
        if is_sole { Ok((file, facts)) } else { Err(Errno::from_raw(libc::EMLINK)) }
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
        mkfifoat(&self.directory, name, Mode::from_bits_truncate(0o600)).map_err(Errno::from)
    }

    /// What a file is; `None` if there is none.
    ///
    /// # Errors
    /// Those of fstatat(2).
    pub fn look(&self, name: &CStr) -> Result<Option<Facts>> {
        files::look_at_link(&self.directory, name)
    }

    /// Puts the file `from` in the place of `to`, for readers in one step.
    ///
    /// # Errors
    /// Those of renameat(2).
    pub fn replace(&self, from: &CStr, to: &CStr) -> Result<()> {
        files::replace(&self.directory, from, to)
    }

    /// Removes a file; that there is none is no error.
    ///
    /// # Errors
    /// Those of unlinkat(2).
    pub fn remove(&self, name: &CStr) -> Result<()> {
        files::remove(&self.directory, name)
    }

    fn open_file(&self, name: &CStr, how: OFlag, mode: libc::mode_t) -> Result<File> {
        let links = if self.links == Links::Follow { OFlag::empty() } else { OFlag::O_NOFOLLOW };
        let how = how | links | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        Ok(openat(&self.directory, name, how, Mode::from_bits_truncate(mode))?.into())
    }
}

impl AsFd for Confined {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}
