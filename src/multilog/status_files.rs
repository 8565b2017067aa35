//! Status files (`=FILE`): each always holds the start of the last line that reached it.

use super::PROGRAM;
use super::script::status_record;
use crate::report::{Failure, warning};
use crate::sys::Errno;
use crate::sys::files::{self, HERE};
use crate::sys::startup::say;
use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// From a failure to the next attempt.
const PAUSE: Duration = Duration::from_secs(5);

/// The status files of a script, and what they are to contain.
#[derive(Debug)]
pub struct StatusFiles<'a> {
    files: Vec<(&'a CStr, File)>,
    /// Records that are not written yet, at most one for each file, in the order of their lines: two of the
    /// files can be one.
    records: VecDeque<(usize, Vec<u8>)>,
    resume: Option<Instant>,
}

impl<'a> StatusFiles<'a> {
    /// Opens the files, and makes them if need be; what they contain stays until there is a line.
    pub fn open(paths: &'a [CString]) -> Result<Self, Failure> {
        let open = |path: &'a CString| {
            let unable = |what: &'static [u8]| {
                move |error: Errno| {
                    Failure::fatal(PROGRAM, &[b"unable to ", what, path.to_bytes(), b": ", error.bytes()])
                }
            };
            files::open_append(HERE, path).map_err(unable(b"create "))?;
            Ok((path.as_c_str(), files::open_write(HERE, path).map_err(unable(b"write "))?))
        };
        let files = paths.iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { files, records: VecDeque::new(), resume: None })
    }

    /// Takes the head of a line for one of the files; [`Self::work`] writes it. Of several lines in between only
    /// the last counts.
    pub fn take(&mut self, index: usize, head: &[u8]) {
        self.records.retain(|(other, _)| *other != index);
        self.records.push_back((index, status_record(head)));
    }

    /// Writes what is to be written; trouble is reported, and tried again later.
    pub fn work(&mut self, now: Instant) {
        while let Some((index, record)) = self.records.front() {
            if self.resume.is_some_and(|resume| now < resume) {
                return;
            }
            if let Some((path, file)) = self.files.get(*index) {
                if let Err((what, error)) = write(file, record) {
                    let what = [b"unable to ", what, path.to_bytes()].concat();
                    say(&warning(PROGRAM, &[&what, b", pausing: ", error.bytes()]));
                    self.resume = Some(now + PAUSE);
                    return;
                }
            }
            self.resume = None;
            self.records.pop_front();
        }
    }

    /// Whether the files contain what they should.
    pub fn is_settled(&self) -> bool {
        self.records.is_empty()
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

fn write(file: &File, record: &[u8]) -> Result<(), (&'static [u8], Errno)> {
    let unable = |what: &'static [u8]| move |error| (what, error);
    files::rewind(file).map_err(unable(b"move to beginning of "))?;
    files::write_all(file.as_fd(), record).map_err(unable(b"write "))
}
