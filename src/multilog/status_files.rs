//! Status files (`=FILE`): each always holds the start of the last line that reached it.

use super::script::status_record;
use super::trouble::{Trouble, warn};
use crate::file_id::FileId;
use crate::report::Failure;
use crate::sys::Errno;
use crate::sys::files::{self, HERE};
use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// From a failure to the next attempt.
const PAUSE: Duration = Duration::from_secs(5);

/// From one look whether the files are in their places to the next, as long as lines come.
const INSPECTION: Duration = Duration::from_secs(5);

/// The status files of a script, and what they are to contain.
#[derive(Debug)]
pub struct StatusFiles<'a> {
    files: Vec<StatusFile<'a>>,
    /// Records that are not written yet, at most one for each file, in the order of their lines: two of the
    /// files can be one.
    records: VecDeque<(usize, Vec<u8>)>,
    resume: Option<Instant>,
    /// When it was looked whether the files are in their places.
    inspected: Option<Instant>,
}

/// One of them.
#[derive(Debug)]
struct StatusFile<'a> {
    path: &'a CStr,
    file: File,
    identity: FileId,
    /// Why the file that was removed or replaced could not be made again.
    trouble: Option<Trouble>,
}

impl<'a> StatusFile<'a> {
    /// Opens the file, and makes it if need be.
    fn open(path: &'a CStr) -> Result<Self, Trouble> {
        let unable = |verb: &'static [u8]| {
            move |error| Trouble { what: [b"unable to ", verb, path.to_bytes()].concat(), error }
        };
        files::open_append(HERE, path).map_err(unable(b"create "))?;
        let file = files::open_write(HERE, path).map_err(unable(b"write "))?;
        let identity = files::look_open(&file).map_err(unable(b"write "))?.identity;
        Ok(Self { path, file, identity, trouble: None })
    }

    /// Opens the file again if it was removed, renamed or replaced.
    fn inspect(&mut self) {
        let how: &[u8] = match files::look(HERE, self.path) {
            Ok(Some(facts)) if facts.identity != self.identity => b" was replaced, using the new one",
            Ok(None) => b" has vanished, making it again",
            // What cannot be examined counts as unchanged.
            Ok(Some(_)) | Err(_) => return,
        };
        match Self::open(self.path) {
            Ok(file) => {
                warn(&[self.path.to_bytes(), how]);
                *self = file;
            }
            Err(trouble) if self.trouble.as_ref() != Some(&trouble) => {
                warn(&[&trouble.what, b", using it where it is: ", trouble.error.bytes()]);
                self.trouble = Some(trouble);
            }
            Err(_) => {}
        }
    }
}

impl<'a> StatusFiles<'a> {
    /// Opens the files, and makes them if need be; what they contain stays until there is a line.
    pub fn open(paths: &'a [CString]) -> Result<Self, Failure> {
        let files = paths.iter().map(|path| StatusFile::open(path)).collect::<Result<_, _>>();
        let files = files.map_err(|trouble| trouble.fatal())?;
        Ok(Self { files, records: VecDeque::new(), resume: None, inspected: None })
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
            if self.inspected.is_none_or(|inspected| now >= inspected + INSPECTION) {
                self.inspected = Some(now);
                self.files.iter_mut().for_each(StatusFile::inspect);
            }
            if let Some(StatusFile { path, file, .. }) = self.files.get(*index) {
                if let Err((what, error)) = write(file, record) {
                    Trouble { what: [b"unable to ", what, path.to_bytes()].concat(), error }.report_pause();
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
