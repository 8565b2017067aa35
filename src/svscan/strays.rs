//! Supervises of services whose directories have vanished from the scan directory while no svscan ran. No name leads to
//! them; the kernel tells of them. What is written in their directories is not asked.

use super::event::{Completeness, FirstStart, Found, Logging};
use super::holder::Holders;
use super::inspect;
use super::table::Table;
use crate::file_id::FileId;
use crate::sys::files;
use crate::sys::locks;
use crate::sys::process::{self, Facts, Handle};
use crate::sys::processes;
use std::ffi::{CStr, CString};

/// What the kernel adds to the path of a directory that was removed.
const REMOVED: &[u8] = b" (deleted)";

/// A supervise that no service is known for.
struct Stray {
    pid: i32,
    handle: Handle,
    /// Its service directory.
    directory: FileId,
    /// The directory that this is in.
    parent: Option<FileId>,
    /// Where it is, or was before it was removed.
    path: Vec<u8>,
    was_removed: bool,
    /// What it was started for, if that was in the scan directory.
    origin: Option<Origin>,
}

/// What a supervise was started for.
#[derive(PartialEq, Eq)]
enum Origin {
    /// The service with this name.
    Service(CString),
    /// The logger of a service.
    Logger,
}

/// The services of such supervises, which `holders` is to remember; those in `table` have names.
pub fn find<P>(table: &Table<P>, holders: &mut Holders) -> Vec<Found> {
    let (Some(here), Ok(path)) = (inspect::identify(c"."), files::read_link(c"/proc/self/cwd")) else {
        return Vec::new();
    };
    let strays = all(table, here);
    let below = |stray: &Stray, depth: usize| {
        let rest = stray.path.strip_prefix(path.to_bytes()).and_then(|rest| rest.strip_prefix(b"/"));
        rest.is_some_and(|rest| rest.split(|&byte| byte == b'/').count() == depth)
    };
    let is_main = |stray: &&Stray| {
        matches!(stray.origin, Some(Origin::Service(_))) || (stray.was_removed && below(stray, 1))
    };
    let mut services: Vec<Found> = strays.iter().filter(is_main).map(service).collect();
    for logger in strays.iter().filter(|stray| !is_main(stray)) {
        let Some(parent) = logger.parent else { continue };
        match services.iter_mut().find(|service| service.identity == parent) {
            Some(Found { running: [_, log], .. }) => *log = Some(logger.pid),
            None if logger.origin == Some(Origin::Logger) || (logger.was_removed && below(logger, 2)) => {
                let (name, running) = (part(&logger.path, 1), [None, Some(logger.pid)]);
                services.push(Found { name, identity: parent, running, ..service(logger) });
            }
            None => {}
        }
    }
    let running: Vec<i32> = services.iter().flat_map(|service| service.running).flatten().collect();
    for stray in strays.into_iter().filter(|stray| running.contains(&stray.pid)) {
        holders.keep(stray.pid, stray.handle);
    }
    services
}

fn service(stray: &Stray) -> Found {
    let name = match &stray.origin {
        Some(Origin::Service(name)) => name.clone(),
        Some(Origin::Logger) | None => part(&stray.path, 0),
    };
    Found {
        name,
        identity: stray.directory,
        logging: Logging::Unlogged,
        completeness: Completeness::Complete,
        running: [Some(stray.pid), None],
        first_start: FirstStart::NotDue,
    }
}

/// A part of a path, counted from its end.
fn part(path: &[u8], index: usize) -> CString {
    CString::new(path.rsplit(|&byte| byte == b'/').nth(index).unwrap_or_default()).unwrap_or_default()
}

/// The supervises that hold a lock, have our account, and have lost the svscan that started them.
fn all<P>(table: &Table<P>, here: FileId) -> Vec<Stray> {
    let parents: Vec<i32> = process::ancestors().chain([1, process::own_number()]).collect();
    let is_lost = |facts: &Facts| facts.name == "supervise" && parents.contains(&facts.parent);
    let stray = |pid: i32| {
        // From here on the number cannot be given to another process unnoticed.
        let handle = Handle::open(pid).ok()?;
        let is_ours = process::look(pid).filter(is_lost).is_some() && process::is_of_our_account(pid);
        (is_ours && locks::holds_any(pid)).then(|| examine(pid, handle, here)).flatten()
    };
    let lost = processes::find(|facts| is_lost(facts) && !table.knows(facts.pid));
    lost.into_iter().filter_map(|facts| stray(facts.pid)).collect()
}

fn examine(pid: i32, handle: Handle, here: FileId) -> Option<Stray> {
    let way = process::way_to_directory(pid);
    let mut path = files::read_link(&way).ok()?.into_bytes();
    let was_removed = path.ends_with(REMOVED);
    if was_removed {
        path.truncate(path.len() - REMOVED.len());
    }
    let parent = inspect::identify(&inspect::below(&way, c".."));
    let origin = if process::has_open(pid, here) { origin(&process::last_word(pid)?) } else { None };
    let directory = process::directory(pid)?;
    Some(Stray { pid, handle, directory, parent, path, was_removed, origin })
}

/// What a supervise is for that was given this operand, unless that leads out of the directory in which it was started.
fn origin(operand: &CStr) -> Option<Origin> {
    if operand == c"log" {
        return Some(Origin::Logger);
    }
    let name = operand.to_bytes();
    let name = name.strip_prefix(b"./").unwrap_or(name);
    (!name.contains(&b'/')).then(|| Origin::Service(CString::new(name).unwrap_or_default()))
}
