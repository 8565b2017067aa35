//! What can happen in a scan directory, and what can be done about it.
#![forbid(unsafe_code)]

use super::role::Role;
use super::waiting::Waiting;
use crate::file_id::FileId;
use crate::supervise::event::Task;
use std::ffi::CString;
use std::time::Duration;

/// Whether a service has a logger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logging {
    /// There is something called `log` in its directory.
    Logged,
    /// There is not.
    Unlogged,
}

/// Whether a directory has what it takes to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Its `run` is there, executable, and not being written; and so is that of its logger.
    Complete,
    /// Something is missing; perhaps it is being copied.
    Incomplete,
}

/// Whether the next change will be told, so that there is no need to look for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// It will.
    Told,
    /// Perhaps it will not: something is not watched, or was not there.
    Untold,
}

/// Whether a service is going to be started as soon as it has a supervise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstStart {
    /// It is.
    Due,
    /// It is not: there is a file `down`, or it runs already.
    NotDue,
}

/// A directory in the scan directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: CString,
    /// Which directory it is.
    pub identity: FileId,
    /// Whether it has a logger.
    pub logging: Logging,
    /// Whether it can be started.
    pub completeness: Completeness,
    /// Supervises that an earlier svscan has left running: of the service and of its logger.
    pub running: [Option<i32>; 2],
    /// Whether it will be started at once.
    pub first_start: FirstStart,
}

/// Whether the scan directory stayed as it was while it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// It did: a service that was not found has gone.
    Stable,
    /// Names came or went, so a service that was renamed meanwhile may have been missed.
    Changing,
}

/// What a look at the scan directory has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its directories, in the order of their names.
    pub found: Vec<Found>,
    /// The names, in order, that are there and cannot be examined. Any of them may stand for a service.
    pub unexamined: Vec<CString>,
    /// Whether anything may have been missed.
    pub stability: Stability,
    /// Whether a change will be told.
    pub outlook: Outlook,
}

/// How a supervise has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was told to exit, and did.
    AsTold,
    /// The same, but its logger has left so many bytes in its pipe.
    Unread(usize),
    /// It could not go on, or was killed.
    Failed,
}

/// What can happen. `P` is an end of a pipe.
#[derive(Debug)]
pub enum Event<P> {
    /// The time for something has come.
    Deadline,
    /// Something has changed in the scan directory, or somebody wants it to be looked at.
    Changed,
    /// The scan directory was read.
    Scanned(Snapshot),
    /// The scan directory could not be read.
    Unreadable,
    /// Services run that an earlier svscan has left, and no name led to them when the directory was read for the first time.
    Strays(Vec<Found>),
    /// A pipe was made or found, as [`Action::MakePipe`] asked: its end to read from and its end to write to, and whether
    /// each of the two supervises has it.
    Piped(FileId, (P, P), [bool; 2]),
    /// A supervise was started, as [`Action::Start`] asked.
    Started(FileId, Role, i32),
    /// None was started, because one runs already, which an earlier svscan has left; it is watched now.
    Met(FileId, Role, i32),
    /// A supervise could not be started.
    Refused(FileId, Role),
    /// A supervise has ended.
    Ended(i32, Ending),
    /// A supervise could not be told for a while what the table wanted: it does not read its commands.
    Untold(i32),
    /// Services whose directories have vanished are to be stopped.
    Sweep,
    /// All services are to be stopped.
    Shutdown,
    /// The service of a supervise that was told to stop may take so long.
    Grace(i32, Duration),
}

/// What is to be done, in order. An action that fails is asked for again after the next look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Read the scan directory.
    Scan,
    /// Make the pipe between a service and its logger, or find the one that these supervises have.
    MakePipe(FileId, [Option<i32>; 2]),
    /// Start a supervise for this.
    Start(FileId, Role, Task),
    /// Watch over a supervise that is not a child.
    Adopt(i32),
    /// Tell a supervise to stop its service and to exit.
    Stop(i32),
    /// Tell the supervise of a logger to exit when the logger has come to the end of its input.
    Drain(i32),
    /// Tell a supervise to kill its service.
    Kill(i32),
    /// End a supervise and leave its service running: the next one takes it over.
    Replace(i32),
    /// Say what the end still waits for.
    Report(Waiting),
}
