//! Taking over the service that an earlier supervise has left running (DESIGN.md 3.7).

use super::facts;
use super::run::warn;
use super::sending::as_pid;
use crate::service::instance::{Instance, Process};
use crate::service::status::{Status, Want};
use crate::sys::process::{self, Handle};
use crate::tai::Stamp;
use std::ffi::CStr;

/// What an earlier supervise has left, and what is known about the service.
#[derive(Debug)]
pub enum Left {
    /// The service runs: what tells when it ends, and its process.
    Service(Handle, Process, Status),
    /// The service has ended while nobody looked.
    Ended(Status),
    /// It has ended, and `finish` runs: what tells when that ends, and its process.
    Finishing(Handle, Process, Status),
    /// Nothing that still goes on.
    Nothing,
}

/// Whether what an earlier supervise has left is about this directory and this boot of the machine.
pub fn is_about(left: &Instance, present: &Instance) -> bool {
    left.boot == present.boot && left.directory == present.directory
}

/// What has become of what an earlier supervise of the service directory `name` has written down.
pub fn find(name: &CStr, instance: &Instance, now: Stamp) -> Left {
    let status = facts::read_status();
    let Some((service, pid)) = instance.service.and_then(|service| Some((service, as_pid(service.pid)?)))
    else {
        return find_finish(name, instance, status);
    };
    let known = status.filter(|status| status.pid == Some(pid));
    match open(name, service) {
        Fate::Runs(handle) => {
            let want = status.map_or(Want::Up, |status| status.want);
            let unknown = Status { since: now, pid: Some(pid), paused: false, want };
            Left::Service(handle, service, known.unwrap_or(unknown))
        }
        Fate::Ended => known.map_or(Left::Nothing, Left::Ended),
        Fate::Unknown => Left::Nothing,
    }
}

fn find_finish(name: &CStr, instance: &Instance, status: Option<Status>) -> Left {
    let (Some(finish), Some(status)) = (instance.finish, status) else { return Left::Nothing };
    match open(name, finish) {
        Fate::Runs(handle) => Left::Finishing(handle, finish, status),
        Fate::Ended | Fate::Unknown => Left::Nothing,
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
        Ok(handle) if process::started(process.pid) == Some(process.started) => Fate::Runs(handle),
        Ok(_) => Fate::Ended,
        Err(error) if error.is(libc::ESRCH) => Fate::Ended,
        Err(error) => {
            warn(&[b"unable to take over the service in ", name.to_bytes(), b": ", error.bytes()]);
            Fate::Unknown
        }
    }
}
