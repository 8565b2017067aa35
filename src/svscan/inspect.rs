//! What svscan finds behind a name of the scan directory.

use super::event::{Completeness, Logging};
use super::role::Role;
use crate::file_id::FileId;
use crate::service::directory::Directory;
use crate::service::instance::{Instance, Process};
use crate::service::instance_file;
use crate::service::names::{CONTROL, LOCK, OK, SUPERVISE};
use crate::service::told;
use crate::sys::confined::Confined;
use crate::sys::files::{self, Facts, HERE};
use crate::sys::{Result as SysResult, process};
use std::ffi::{CStr, CString};

/// What identifies the directory, or the file, `path`, if there is one.
pub fn identify(path: &CStr) -> Option<FileId> {
    files::look(HERE, path).ok().flatten().map(|facts| facts.identity)
}

/// Whether the directory `name` has a logger.
pub fn logging(name: &CStr) -> SysResult<Logging> {
    let log = below(name, c"log");
    Ok(if files::look(HERE, &log)?.is_some() { Logging::Logged } else { Logging::Unlogged })
}

/// Whether the service `name` can be started: its `run` is there, executable, and nobody writes to it; and the
/// same holds of its logger, if that is a directory.
pub fn completeness(name: &CStr, logging: Logging) -> Completeness {
    let log_is_complete = logging == Logging::Unlogged || {
        let log = below(name, c"log");
        match files::look(HERE, &log) {
            Ok(Some(facts)) if facts.is_directory => is_runnable(&log),
            Ok(_) | Err(_) => true,
        }
    };
    if is_runnable(name) && log_is_complete { Completeness::Complete } else { Completeness::Incomplete }
}

fn is_runnable(directory: &CStr) -> bool {
    let run = below(directory, c"run");
    match files::look(HERE, &run) {
        Ok(Some(facts)) if facts.owner_executes => {
            !files::open_read(HERE, &run).is_ok_and(|file| files::is_being_written(&file))
        }
        _ => false,
    }
}

/// What the supervise of the service directory `directory`, or an earlier one, has written down of what still runs.
pub fn left_behind(directory: &CStr, boot: &str) -> Instance {
    let read = || {
        let here = identify(directory)?;
        trusted_instance(directory).filter(|instance| instance.is_about(boot, Some(here)))
    };
    let alive =
        |process: Option<Process>| process.filter(|process| process::runs(process.pid, process.started));
    let instance: Instance = read().unwrap_or_default();
    let Instance { service, finish, .. } = instance;
    Instance { service: alive(service), finish: alive(finish), ..instance }
}

/// Whether the lock of a supervise is a regular file and its two fifos are fifos, none of them a link.
pub fn has_own_files(directory: &CStr) -> bool {
    let is = |file, kind: fn(Facts) -> bool| {
        files::look_at_link(HERE, &below(directory, file)).is_ok_and(|facts| facts.is_some_and(kind))
    };
    is(LOCK, |lock| lock.is_regular) && [CONTROL, OK].into_iter().all(|file| is(file, |fifo| fifo.is_fifo))
}

/// Whether supervise must move its instance record.
pub fn has_misplaced_instance(directory: &CStr) -> bool {
    Confined::open(HERE, &below(directory, SUPERVISE))
        .is_ok_and(|supervise| instance_file::is_misplaced(&supervise))
}

/// The instance record of a service directory, if it is there and trusted.
fn trusted_instance(directory: &CStr) -> Option<Instance> {
    let supervise = Confined::open(HERE, &below(directory, SUPERVISE)).ok()?;
    instance_file::read_trusted(&supervise, identify(directory)?)
}

/// Whether the manager of participants has told the service in `directory` to end, and this run of it is still there.
pub fn was_told(directory: &CStr) -> bool {
    let Ok(directory) = Directory::open(HERE, directory) else { return false };
    let note = directory.told();
    note.is_some() && note == directory.status().ok().and_then(|status| told::note(&status))
}

/// Whether the supervise of the service directory `directory` has ended without being told to, as far as it has written
/// down: one that was told leaves no instance, and the original's a service that is down.
pub fn ended_untold(directory: &CStr) -> bool {
    let status = || Directory::open(HERE, directory).ok()?.status().ok();
    trusted_instance(directory).is_some() || status().is_some_and(|status| status.pid.is_some())
}

/// Whether the service `name` has, or had, a logger that was supervised.
pub fn had_logger(name: &CStr) -> bool {
    let supervise = below(&directory(name, Role::Log), SUPERVISE);
    matches!(files::look(HERE, &supervise), Ok(Some(_)))
}

/// The service directory of a supervise of the service `name`: that of the service, or of its logger.
pub fn directory(name: &CStr, role: Role) -> CString {
    match role {
        Role::Main => name.to_owned(),
        Role::Log => below(name, c"log"),
    }
}

/// `DIRECTORY/NAME`.
pub fn below(directory: &CStr, name: &CStr) -> CString {
    CString::new([directory.to_bytes(), b"/", name.to_bytes()].concat()).unwrap_or_default()
}
