//! The files in `supervise/` in which a supervise says what it knows, each replaced by rename, or written over in one
//! step, so that a reader finds the old one or the new one.

use super::event::Ending;
use crate::report::{Failure, SYSTEM};
use crate::service::directory::{
    FINISHING, INSTANCE, LAST_EXIT, LAST_EXIT_NEW, LOCK, READY, READY_NEW, STATUS, STATUS_NEW, SUPERVISE,
};
use crate::service::instance::{Instance, Process};
use crate::service::last_exit::{How, LastExit};
use crate::service::status::{LENGTH, Status};
use crate::sys::files::{self, Contention, HERE};
use crate::sys::signals::Signal;
use crate::sys::{Errno, process};
use crate::tai::Stamp;
use std::ffi::CStr;
use std::fs::File;

/// The longest symbolic link in place of `supervise/` that is followed.
const LONGEST_LINK: usize = 255;

/// Makes `supervise/`; where it is a symbolic link to nothing, makes what it points to, so that the service
/// directory itself can be read-only. Any other trouble shows when the lock is taken.
pub fn make_directory() -> Result<(), Failure> {
    if files::make_directory(HERE, SUPERVISE, 0o700).is_ok() {
        return Ok(());
    }
    if let Ok(target) = files::read_link(SUPERVISE) {
        if target.to_bytes().len() > LONGEST_LINK {
            let message = b"unable to readlink ./supervise: unknown error\n".to_vec();
            return Err(Failure::new(SYSTEM, message));
        }
        let _ = files::make_directory(HERE, &target, 0o700);
    }
    Ok(())
}

/// Locks the service directory for as long as the file is open.
pub fn take_lock() -> crate::sys::Result<File> {
    let lock = files::open_append(HERE, LOCK)?;
    files::lock(&lock, Contention::Fail)?;
    Ok(lock)
}

/// What stood in the way: the verb, and how the sentence ends after the name of the new file.
pub type Trouble = (&'static str, String);

/// Replaces the status record.
pub fn write_status(status: &Status) -> Result<(), Trouble> {
    replace(STATUS_NEW, STATUS, &status.encode()).map_err(|trouble| trouble.explain("status"))
}

/// Reads the status record that an earlier supervise has left.
pub fn read_status() -> Option<Status> {
    let file = files::open_read(HERE, STATUS).ok()?;
    let mut record = [0; LENGTH];
    let length = files::read(&file, &mut record).ok()?;
    Status::decode(record.get(..length)?)
}

/// Writes down how and when the service has ended.
pub fn write_last_exit(how: Ending, when: Stamp) -> Result<(), Trouble> {
    let how = match how {
        Ending::Exited(code) => How::Exited(code),
        Ending::Killed(number) => How::Killed(match Signal::try_from(number) {
            Ok(signal) => signal.as_str().trim_start_matches("SIG").to_string(),
            Err(_) => number.to_string(),
        }),
        Ending::Unknown => How::Unknown,
    };
    let line = LastExit { at: when, how }.encode();
    replace(LAST_EXIT_NEW, LAST_EXIT, &line).map_err(|trouble| trouble.explain("last-exit"))
}

/// Writes down since when the service is ready.
pub fn write_ready(since: Stamp) -> Result<(), Trouble> {
    let line = [&since.to_label(), &b"\n"[..]].concat();
    replace(READY_NEW, READY, &line).map_err(|trouble| trouble.explain("ready"))
}

/// The service is not ready, or not ready any more.
pub fn remove_ready() {
    let _ = files::remove(HERE, READY);
}

/// Something still goes on about the last run.
pub fn write_finishing() -> Result<(), Trouble> {
    let opened = files::open_truncate(HERE, FINISHING).map(drop);
    opened.map_err(|error| Step("open", Some(error)).explain("finishing"))
}

/// Nothing goes on any more.
pub fn remove_finishing() {
    let _ = files::remove(HERE, FINISHING);
}

/// Opens the file that says which processes these are.
pub fn open_instance() -> Result<File, Trouble> {
    files::open_update(HERE, INSTANCE).map_err(|error| Step("open", Some(error)).explain("instance"))
}

/// Writes down which processes these are, for the supervise or svscan that finds them after a crash.
pub fn write_instance(file: &File, instance: &Instance) -> Result<(), Trouble> {
    let content = instance.encode();
    match files::write_over(file, &content) {
        Ok(length) if length == content.len() => Ok(()),
        Ok(_) => Err(Step("write", None).explain("instance")),
        Err(error) => Err(Step("write", Some(error)).explain("instance")),
    }
}

/// Reads which processes an earlier supervise has left behind.
pub fn read_instance(file: &File) -> Option<Instance> {
    Instance::decode(&files::read_all(file).ok()?)
}

/// There is no supervise any more.
pub fn remove_instance() {
    let _ = files::remove(HERE, INSTANCE);
}

/// This process, as others can recognise it.
pub fn myself() -> Option<Process> {
    let pid = process::own_number();
    Some(Process { pid, started: process::started(pid)? })
}

struct Step(&'static str, Option<Errno>);

impl Step {
    fn explain(self, target: &str) -> Trouble {
        let Self(verb, error) = self;
        let to = if verb == "rename" { format!(" to {target}") } else { String::new() };
        let reason = error.map_or("partial write", Errno::text);
        (verb, format!("{to}: {reason}"))
    }
}

fn replace(new: &CStr, old: &CStr, content: &[u8]) -> Result<(), Step> {
    let unable = |verb| move |error| Step(verb, Some(error));
    let file = files::open_truncate(HERE, new).map_err(unable("open"))?;
    let written = files::write(&file, content).map_err(unable("write"))?;
    if written < content.len() {
        return Err(Step("write", None));
    }
    drop(file);
    files::replace(HERE, new, old).map_err(unable("rename"))
}
