//! The files in `supervise/` in which a supervise says what it knows, each replaced by rename, or written over in one
//! step, so that a reader finds the old one or the new one.

use crate::exit::Exit;
use crate::service::instance::{Instance, Process};
use crate::service::last_exit::LastExit;
use crate::service::names::{
    FINISHING, LAST_EXIT, LAST_EXIT_NEW, READY, READY_NEW, STATUS, STATUS_NEW, inside,
};
use crate::service::status::{LENGTH, Status};
use crate::sys::confined::Confined;
use crate::sys::files::{self, Facts};
use crate::sys::{Errno, process};
use crate::tai::{LABEL, Stamp};
use std::ffi::CStr;
use std::fs::File;

/// What stood in the way: the verb, how the sentence ends after the name of the new file, and the error, unless a write was
/// cut short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    verb: &'static str,
    rest: String,
    error: Option<Errno>,
    /// The file has its content all the same.
    is_written: bool,
}

impl Trouble {
    /// What `error` has kept us from doing; without one, a write was cut short.
    pub fn new(verb: &'static str, error: Option<Errno>) -> Self {
        let rest = format!(": {}", error.map_or("partial write", Errno::text));
        Self { verb, rest, error, is_written: false }
    }

    fn to(self, target: &str) -> Self {
        let rest = if self.verb == "rename" { format!(" to {target}{}", self.rest) } else { self.rest };
        Self { rest, ..self }
    }

    /// `unable to VERB FILE: REASON`, with the path of the file that was to be written.
    pub fn sentence(&self, path: &[u8]) -> Vec<u8> {
        [b"unable to ", self.verb.as_bytes(), b" ", path, self.rest.as_bytes()].concat()
    }

    /// Whether the file has its content all the same.
    pub const fn is_written(&self) -> bool {
        self.is_written
    }

    /// Whether the directory is gone in which the file was to be.
    pub fn is_directory_lost(&self) -> bool {
        self.error.is_some_and(|error| error.is(libc::ENOENT))
    }
}

/// Replaces the status record. Where there is no room for a new file, writes over the present one, which takes none: in that
/// case alone a reader may meet a mixture of the two, for as long as it takes to copy 18 bytes.
pub fn write_status(directory: &Confined, status: &Status) -> Result<(), Trouble> {
    let record = status.encode();
    replace(directory, (STATUS_NEW, STATUS), &record).map_err(|trouble| {
        let is_written = write_status_over(directory, &record).is_some();
        Trouble { is_written, ..trouble.to("status") }
    })
}

fn write_status_over(directory: &Confined, record: &[u8]) -> Option<()> {
    let file = directory.write(inside(STATUS)).ok()?;
    let facts = files::look_open(&file).ok().filter(|facts| facts.is_regular && facts.names == 1)?;
    let is_whole = facts.size == u64::try_from(record.len()).ok()?;
    (is_whole && files::write_over(&file, record) == Ok(record.len())).then_some(())
}

/// Reads the status record that an earlier supervise has left.
pub fn read_status(directory: &Confined) -> Option<Status> {
    let file = directory.read(inside(STATUS)).ok()?;
    let mut record = [0; LENGTH];
    let length = files::read(&file, &mut record).ok()?;
    Status::decode(record.get(..length)?)
}

/// The same, if only an account of ours can have written it.
pub fn read_own_status(directory: &Confined) -> Option<Status> {
    let is_ours = |facts: &Facts| facts.is_ours();
    let file = directory.read(inside(STATUS)).ok()?;
    files::look_open(directory).ok().filter(is_ours)?;
    files::look_open(&file).ok().filter(is_ours).filter(|facts| facts.is_regular && facts.names == 1)?;
    read_status(directory)
}

/// Writes down how and when the service has ended, and how often it has failed.
pub fn write_last_exit(directory: &Confined, last: &LastExit) -> Result<(), Trouble> {
    let content = last.encode();
    replace(directory, (LAST_EXIT_NEW, LAST_EXIT), &content).map_err(|trouble| trouble.to("last-exit"))
}

/// Reads how and when the service has ended.
pub fn read_last_exit(directory: &Confined) -> Option<(Exit, Stamp)> {
    let mut line = [0; 256];
    let length = files::read(&directory.read(inside(LAST_EXIT)).ok()?, &mut line).ok()?;
    let LastExit { at, how, .. } = LastExit::decode(line.get(..length)?)?;
    Some((how, at))
}

/// Writes down since when the service is ready, or that it is not.
pub fn write_ready(directory: &Confined, since: Option<Stamp>) -> Result<(), Trouble> {
    let Some(since) = since else {
        return directory.remove(inside(READY)).map_err(|error| Trouble::new("remove", Some(error)));
    };
    let line = [&since.to_label(), &b"\n"[..]].concat();
    replace(directory, (READY_NEW, READY), &line).map_err(|trouble| trouble.to("ready"))
}

/// Reads since when the service is ready.
pub fn read_ready(directory: &Confined) -> Option<Stamp> {
    let mut line = [0; LABEL];
    let length = files::read(&directory.read(inside(READY)).ok()?, &mut line).ok()?;
    Stamp::from_digits(line.get(..length)?.strip_prefix(b"@")?)
}

/// Writes down whether something still goes on about the last run.
pub fn write_finishing(directory: &Confined, is_finishing: bool) -> Result<(), Trouble> {
    if is_finishing {
        let opened = directory.create(inside(FINISHING)).map(drop);
        return opened.map_err(|error| Trouble::new("open", Some(error)));
    }
    directory.remove(inside(FINISHING)).map_err(|error| Trouble::new("remove", Some(error)))
}

/// Writes down which processes these are, for the supervise or svscan that finds them after a crash.
pub fn write_instance(file: &File, instance: &Instance) -> Result<(), Trouble> {
    let content = instance.encode();
    match files::write_over(file, &content) {
        Ok(length) if length == content.len() => Ok(()),
        Ok(_) => Err(Trouble::new("write", None)),
        Err(error) => Err(Trouble::new("write", Some(error))),
    }
}

/// The name of the service directory `name`, which is the current one, for people: a logger's is no name without that of
/// its service.
pub fn full_name(name: &CStr) -> Vec<u8> {
    let here = files::read_link(c"/proc/self/cwd").ok().filter(|_| name == c"log");
    let last_two = here.and_then(|here| {
        let mut slashes = here.to_bytes().iter().rev().enumerate().filter(|(_, byte)| **byte == b'/');
        let (length, _) = slashes.nth(1)?;
        here.to_bytes().get(here.to_bytes().len() - length..).map(<[u8]>::to_vec)
    });
    last_two.unwrap_or_else(|| name.to_bytes().to_vec())
}

/// This process, as others can recognise it.
pub fn myself() -> Option<Process> {
    let pid = process::own_number();
    Some(Process { pid, started: process::started(pid)? })
}

fn replace(
    directory: &Confined,
    (new, old): (&'static CStr, &'static CStr),
    content: &[u8],
) -> Result<(), Trouble> {
    let unable = |verb| move |error| Trouble::new(verb, Some(error));
    let file = directory.create(inside(new)).map_err(unable("open"))?;
    let written = files::write(&file, content).map_err(unable("write"))?;
    if written < content.len() {
        return Err(Trouble::new("write", None));
    }
    drop(file);
    directory.replace(inside(new), inside(old)).map_err(unable("rename"))
}
