//! Finding out about a service: all its files, and what stands in the way.

use super::account::{Account, More};
use super::diagnosis::{diagnose, diagnose_logger};
use super::directory::{Directory, NoStatus};
use crate::sys::Errno;
use std::ffi::CStr;
use std::os::fd::AsFd;

/// How much is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What the original tells.
    Record,
    /// Everything.
    All,
}

/// Finds out about the service in the directory `path`; or says, as the original does, what stands in the way.
pub fn survey(here: impl AsFd, path: &CStr, depth: Depth) -> Result<Account, String> {
    let unable = |what: &str, error: Errno| format!("unable to {what}: {}", error.text());
    let directory = Directory::open(here, path).map_err(|error| unable("chdir", error))?;
    let has_down = directory.has_down().map_err(|error| unable("stat down", error))?;
    directory.knock().map_err(|error| match error.is(libc::ENXIO) {
        true => "supervise not running".to_string(),
        false => unable("open supervise/ok", error),
    })?;
    let status = directory.status().map_err(|trouble| match trouble {
        NoStatus::Unopened(error) => unable("open supervise/status", error),
        NoStatus::Unread(error) => unable("read supervise/status", error),
        NoStatus::BadFormat => "unable to read supervise/status: bad format".to_string(),
    })?;
    let more = match depth {
        Depth::Record => More::default(),
        Depth::All => {
            let more = directory.more();
            let failing = diagnose(&directory, &status, more.last_exit.as_ref());
            More { failing, logger: diagnose_logger(&directory), ..more }
        }
    };
    Ok(Account { status, has_down, more })
}
