//! Taking over the service that an earlier supervise has left running (docs/decisions.md 7).

use super::facts;
use super::messages::warn;
use super::sending::{as_number, as_pid};
use crate::exit::Exit;
use crate::service::instance::{Instance, Process};
use crate::service::names::{FINISHING, inside};
use crate::service::status::{Status, Want};
use crate::sys::clock;
use crate::sys::confined::Confined;
use crate::sys::files::{self, HERE};
use crate::sys::process::{self, Facts, Handle};
use crate::tai::Stamp;
use std::ffi::CStr;
use std::num::NonZeroU32;

/// By how many seconds the stamp of a status record and the start of its process may differ: the record is written a moment later,
/// and the kernel counts in hundredths of a second from a boot that is known as exactly as the wall clock goes.
const TOLERANCE: u64 = 2;

/// What an earlier supervise has left, and what is known about the service.
#[derive(Debug)]
pub enum Left {
    /// The service runs: what tells when it ends, and its process.
    Service(Handle, Process, Status),
    /// The service has ended while no supervise ran.
    Ended(Status),
    /// The service has ended so, and what comes after that had begun, or was about to.
    Ending(End, Status),
    /// It has ended, and `finish` runs: what tells when that ends, and its process.
    Finishing(Handle, Process, Status),
    /// Nothing that still goes on.
    Nothing,
}

/// The end of a service that an earlier supervise has written down.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// Its process.
    pub pid: NonZeroU32,
    /// How it ended.
    pub how: Exit,
    /// When.
    pub at: Stamp,
}

/// A search for what an earlier supervise has left.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a> {
    /// The service directory, as it was given; we are in it.
    pub name: &'a CStr,
    /// Its directory `supervise/`.
    pub directory: &'a Confined,
    /// The present.
    pub now: Stamp,
}

impl Search<'_> {
    /// What has become of the processes that an earlier supervise has written down.
    pub fn by_instance(self, instance: &Instance) -> Left {
        let status = facts::read_status(self.directory);
        let service = instance.service.and_then(|service| Some((service, as_pid(service.pid)?)));
        let Some((service, pid)) = service else { return self.find_finish(instance, status) };
        let known = status.filter(|status| status.pid == Some(pid));
        match open(self.name, service) {
            Fate::Runs(handle) => {
                let want = status.map_or(Want::Up, |status| status.want);
                let unknown = Status { since: self.now, pid: Some(pid), paused: false, want };
                Left::Service(handle, service, known.unwrap_or(unknown))
            }
            Fate::Ended => {
                let unseen = || known.map_or(Left::Nothing, Left::Ended);
                self.find_end(pid, status).unwrap_or_else(unseen)
            }
            Fate::Unknown => Left::Nothing,
        }
    }

    /// What the earlier supervise was busy with when the service had ended. Once `finish` runs, that is in the instance. Of
    /// another account such records are not trusted: the time of the end decides which processes are leftovers.
    fn find_end(self, pid: NonZeroU32, status: Option<Status>) -> Option<Left> {
        self.directory.is_private().then_some(())?;
        self.directory.look(inside(FINISHING)).ok()??;
        let (status, (how, at)) = (status?, facts::read_last_exit(self.directory)?);
        // The status is written last: supervise may have been killed before that.
        let is_of_this_run = status.pid.is_none_or(|last| last == pid && status.since <= at);
        let status = Status { pid: None, paused: false, ..status };
        is_of_this_run.then_some(Left::Ending(End { pid, how, at }, status))
    }

    /// The service of a supervise that has written no instance, as the original does not: the process of the status record,
    /// if only an account of ours can have written that, if it is the process that was started then, and if its parent has
    /// ended, so that it was handed to an ancestor of ours.
    pub fn by_status(self) -> Left {
        let find = || {
            let status = facts::read_own_status(self.directory)?;
            let pid = as_number(status.pid?);
            // With the handle open, the number cannot be given to another process unnoticed.
            let handle = Handle::open(pid).ok()?;
            let Facts { parent, started, .. } = process::look(pid)?;
            let is_orphan = process::ancestors().any(|ancestor| ancestor == parent);
            let began = clock::wall().checked_sub(process::age(started))?;
            let (began, since) = (Stamp::from_unix(began), status.since);
            let is_same = began.seconds_since(since).max(since.seconds_since(began)) <= TOLERANCE
                || process::directory(pid) == files::look(HERE, c".").ok()?.map(|facts| facts.identity);
            (is_same && is_orphan).then_some(Left::Service(handle, Process { pid, started }, status))
        };
        find().unwrap_or(Left::Nothing)
    }

    fn find_finish(self, instance: &Instance, status: Option<Status>) -> Left {
        let (Some(finish), Some(status)) = (instance.finish, status) else { return Left::Nothing };
        match open(self.name, finish) {
            Fate::Runs(handle) => Left::Finishing(handle, finish, status),
            Fate::Ended | Fate::Unknown => Left::Nothing,
        }
    }
}

/// What has become of a process.
enum Fate {
    Runs(Handle),
    Ended,
    Unknown,
}

fn open(name: &CStr, process: Process) -> Fate {
    match Handle::open(process.pid) {
        // With the handle open, the number cannot be given to another process unnoticed.
        Ok(handle) if process::runs(process.pid, process.started) => Fate::Runs(handle),
        Ok(_) => Fate::Ended,
        Err(error) if error.is(libc::ESRCH) => Fate::Ended,
        Err(error) => {
            warn(&[b"unable to take over the service in ", name.to_bytes(), b": ", error.bytes()]);
            Fate::Unknown
        }
    }
}
