//! Taking over the service that an earlier supervise has left running (DESIGN.md 3.7).

use super::facts;
use super::run::warn;
use super::sending::as_pid;
use crate::service::instance::{Instance, Process};
use crate::service::status::{Status, Want};
use crate::sys::process::{self, Handle};
use crate::tai::Stamp;
use std::ffi::CStr;

/// A service that runs although its supervise has ended.
#[derive(Debug)]
pub struct Takeover {
    /// What tells when it ends.
    pub handle: Handle,
    /// Its process.
    pub service: Process,
    /// What is known about it.
    pub status: Status,
}

/// Whether what an earlier supervise has left is about this directory and this boot of the machine.
pub fn is_about(left: &Instance, present: &Instance) -> bool {
    left.boot == present.boot && left.directory == present.directory
}

/// The service that an earlier supervise of the service directory `name` has `left` running, if it still runs.
pub fn find(name: &CStr, left: &Instance, now: Stamp) -> Option<Takeover> {
    let service = left.service?;
    let handle = match Handle::open(service.pid) {
        Ok(handle) => handle,
        Err(error) if error.is(libc::ESRCH) => return None,
        Err(error) => {
            warn(&[b"unable to take over the service in ", name.to_bytes(), b": ", error.bytes()]);
            return None;
        }
    };
    // With the handle open, the number cannot be given to another process unnoticed.
    if process::started(service.pid) != Some(service.started) {
        return None;
    }
    let pid = as_pid(service.pid)?;
    let status = match facts::read_status() {
        Some(status) if status.pid == Some(pid) => status,
        other => {
            let want = other.map_or(Want::Up, |status| status.want);
            Status { since: now, pid: Some(pid), paused: false, want }
        }
    };
    Some(Takeover { handle, service, status })
}
