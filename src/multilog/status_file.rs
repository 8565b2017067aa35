//! A status file (`=FILE`): always holds the start of the last line that reached it.

use super::PROGRAM;
use super::script::status_record;
use crate::report::{Failure, warning};
use crate::sys::files::{self, HERE};
use crate::sys::startup::say;
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// From a failure to the next attempt.
const PAUSE: Duration = Duration::from_secs(5);

/// An open status file.
#[derive(Debug)]
pub struct StatusFile<'a> {
    path: &'a CStr,
    file: File,
    /// What the file is to contain, if it does not yet.
    record: Option<Vec<u8>>,
    resume: Option<Instant>,
}

impl<'a> StatusFile<'a> {
    /// Opens the file, and makes it if need be; what it contains stays until there is a line.
    pub fn open(path: &'a CStr) -> Result<Self, Failure> {
        let unable = |what: &'static [u8]| {
            move |error: crate::sys::Errno| {
                Failure::fatal(PROGRAM, &[b"unable to ", what, path.to_bytes(), b": ", error.bytes()])
            }
        };
        files::open_append(HERE, path).map_err(unable(b"create "))?;
        let file = files::open_write(HERE, path).map_err(unable(b"write "))?;
        Ok(Self { path, file, record: None, resume: None })
    }

    /// Takes the head of a line; [`Self::work`] writes it. Of several lines in between only the last counts.
    pub fn take(&mut self, head: &[u8]) {
        self.record = Some(status_record(head));
    }

    /// Writes what is to be written; trouble is reported, and tried again later.
    pub fn work(&mut self, now: Instant) {
        let Some(record) = self.record.as_ref().filter(|_| self.resume.is_none_or(|resume| resume <= now))
        else {
            return;
        };
        let written =
            files::rewind(&self.file).map_err(|error| (&b"move to beginning of "[..], error)).and_then(
                |()| files::write_all(self.file.as_fd(), record).map_err(|error| (&b"write "[..], error)),
            );
        match written {
            Ok(()) => (self.record, self.resume) = (None, None),
            Err((what, error)) => {
                say(&warning(
                    PROGRAM,
                    &[b"unable to ", what, self.path.to_bytes(), b", pausing: ", error.bytes()],
                ));
                self.resume = Some(now + PAUSE);
            }
        }
    }

    /// Whether the file contains what it should.
    pub const fn is_settled(&self) -> bool {
        self.record.is_none()
    }

    /// When to work again if nothing happens before.
    pub const fn deadline(&self) -> Option<Instant> {
        self.resume
    }

    /// Tries at once what is waiting to be tried again.
    pub fn hurry(&mut self) {
        self.resume = None;
    }
}
