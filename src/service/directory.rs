//! The files of a service directory, as the programs see them that talk to its supervise.

use super::account::More;
use super::control::Letters;
use super::instance::Instance;
use super::instance_file;
use super::last_exit::LastExit;
use super::names::{
    CONTROL, DOWN, FINISHING, INSTANCE, LAST_EXIT, LONGEST_RECORD, OK, READY, STATUS, SUPERVISE, TOLD,
};
use super::sentence::HasDown;
use super::status::{LENGTH, Status};
use crate::sys::files::Facts;
use crate::sys::{Errno, Result, files, peek, pipes, process, trusted};
use crate::tai::{LABEL, Stamp};
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// An open service directory.
#[derive(Debug)]
pub struct Directory(OwnedFd);

/// Why there is no status to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoStatus {
    /// The file cannot be opened.
    Unopened(Errno),
    /// The file cannot be read.
    Unread(Errno),
    /// The file is too short.
    BadFormat,
}

/// Why commands did not get through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoControl {
    /// The fifo cannot be opened; [`Errno::is`] `ENXIO` if supervise does not run.
    Unopened(Errno),
    /// What is in its place is not a fifo, so that no supervise reads it.
    NotAFifo,
    /// The fifo is full: no supervise reads it at present.
    Full,
    /// The fifo cannot be written to.
    Unwritten(Errno),
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl NoControl {
    /// Whether there is only no supervise yet, or none that reads: one may be about to.
    pub const fn may_pass(self) -> bool {
        match self {
            Self::Unopened(error) => error.is(libc::ENXIO) || error.is(libc::ENOENT),
            Self::Full => true,
            Self::NotAFifo | Self::Unwritten(_) => false,
        }
    }
}

impl Directory {
    /// Opens the directory `path`, seen from `at`. Fails where changing to it would.
    pub fn open(at: impl AsFd, path: &CStr) -> Result<Self> {
        files::open_place(at, path).map(Self)
    }

    /// Whether the file `down` is there.
    pub fn has_down(&self) -> Result<HasDown> {
        Ok(if files::look(&self.0, DOWN)?.is_some() { HasDown::Yes } else { HasDown::No })
    }

    /// Succeeds if supervise runs here; `ENXIO` if it does not, `ENOENT` if it never did.
    pub fn knock(&self) -> Result<()> {
        self.open_fifo(OK).map(drop)
    }

    /// Whether a supervise has the control fifo open. It has that before it can be found running.
    pub fn takes_commands(&self) -> bool {
        self.open_fifo(CONTROL).is_ok_and(|fifo| pipes::inode(fifo).is_some())
    }

    /// Whether the service has said that it is ready.
    pub fn is_ready(&self) -> bool {
        matches!(files::look(&self.0, READY), Ok(Some(_)))
    }

    /// Whether something still goes on about the last run.
    pub fn is_finishing(&self) -> bool {
        matches!(files::look(&self.0, FINISHING), Ok(Some(_)))
    }

    /// Reads the status record.
    pub fn status(&self) -> std::result::Result<Status, NoStatus> {
        let file = trusted::read(&self.0, STATUS).map_err(|error| self.miss(STATUS, error));
        let file = file.map_err(NoStatus::Unopened)?;
        let mut record = [0; LENGTH];
        let length = files::read(&file, &mut record).map_err(NoStatus::Unread)?;
        record.get(..length).and_then(Status::decode).ok_or(NoStatus::BadFormat)
    }

    /// What the files tell that the original does not have.
    pub fn more(&self) -> More {
        let read = |path: &CStr| self.read(path);
        let ready = read(READY).and_then(|line| {
            let (label, _) = line.split_at_checked(LABEL)?;
            Stamp::from_digits(label.strip_prefix(b"@")?)
        });
        let last_exit = read(LAST_EXIT).and_then(|line| LastExit::decode(&line));
        let starts =
            process::boot().ok().and_then(|boot| self.instance(&boot)).map(|instance| instance.starts);
        More { ready, last_exit, starts, ..More::default() }
    }

    /// Which processes supervise the service, and are it, as supervise has written that down last. Only for reports: the
    /// owner of `supervise/` may be able to forge it. What another boot of the machine or another directory has left says
    /// nothing.
    pub fn instance(&self, boot: &str) -> Option<Instance> {
        let here = files::look_open(&self.0).ok()?.identity;
        let is_about = |instance: &Instance| instance.is_about(boot, Some(here));
        let own = || Instance::decode(&self.read(INSTANCE)?).filter(is_about);
        instance_file::read_stored(self).filter(is_about).or_else(own)
    }

    /// Opens a fifo of supervise for writing; `ELOOP` if it is a symbolic link to anything.
    fn open_fifo(&self, path: &CStr) -> Result<File> {
        trusted::write(&self.0, path).map_err(|error| self.miss(path, error))
    }

    /// Why a file of supervise cannot be opened: a symbolic link that leads nowhere is no more than a missing file.
    fn miss(&self, path: &CStr, error: Errno) -> Errno {
        let is_dangling = error.is(libc::ELOOP) && files::look(&self.0, path) == Ok(None);
        if is_dangling { Errno::from_raw(libc::ENOENT) } else { error }
    }

    /// The note about the run that was told to end, if there is one.
    pub fn told(&self) -> Option<Vec<u8>> {
        self.read(TOLD)
    }

    /// A file of supervise; others may have put anything in its place.
    fn read(&self, path: &CStr) -> Option<Vec<u8>> {
        let file = trusted::read(&self.0, path).ok()?;
        files::look_open(&file).ok().filter(|facts| facts.is_regular)?;
        peek::head(&file, LONGEST_RECORD).ok()
    }

    /// Sends commands to supervise, with one write. It never waits for a reader of the fifo, which may be a stranger or
    /// a supervise that is stopped.
    ///
    /// # Errors
    /// [`NoControl::Full`] if there is no room for all of them; then none was written.
    pub fn control(&self, letters: &Letters) -> std::result::Result<(), NoControl> {
        let fifo = self.open_fifo(CONTROL).map_err(|error| {
            let is_link = error.is(libc::ELOOP) && matches!(files::look(&self.0, CONTROL), Ok(Some(_)));
            if is_link { NoControl::NotAFifo } else { NoControl::Unopened(error) }
        })?;
        let supervise = files::look(&self.0, SUPERVISE).ok().flatten();
        let is_ours =
            |facts: Facts| facts.is_fifo && supervise.is_some_and(|directory| is_of(facts, directory));
        if !files::look_open(&fifo).is_ok_and(is_ours) {
            return Err(NoControl::NotAFifo);
        }
        let bytes = letters.bytes();
        if bytes.is_empty() {
            return Ok(());
        }
        match files::write(&fifo, &bytes) {
            Ok(length) if length == bytes.len() => Ok(()),
            // So few bytes go into a fifo together or not at all.
            Ok(_) => Err(NoControl::Full),
            Err(error) if error.is(libc::EAGAIN) => Err(NoControl::Full),
            Err(error) => Err(NoControl::Unwritten(error)),
        }
    }
}

/// Whether a lock or a fifo can be meant for the supervise of the directory in which it has a name. The owner of the
/// directory can give a name in it to that of another service, where the system permits this; then it has two.
pub const fn is_of(file: Facts, directory: Facts) -> bool {
    file.names == 1 || (file.owner == directory.owner && !directory.is_writable_by_others())
}
