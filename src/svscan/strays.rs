//! Supervises of services whose directories have vanished from the scan directory while no svscan ran. No name leads to
//! them; the kernel tells of them. What is written in their directories is not asked.

use super::event::{Completeness, FirstStart, Found, Identity, Logging};
use super::holder::Holders;
use super::inspect;
use crate::sys::files;
use crate::sys::locks::Locks;
use crate::sys::process::{self, Handle};
use std::ffi::{CStr, CString};

/// What the kernel adds to the path of a directory that was removed.
const REMOVED: &[u8] = b" (deleted)";

/// A supervise that no service is known for.
struct Stray {
    pid: i32,
    handle: Handle,
    /// Its service directory.
    directory: Identity,
    /// The directory that this is in.
    parent: Option<Identity>,
    /// Where it is, or was before it was removed.
    path: Vec<u8>,
    was_removed: bool,
    /// It was started from the scan directory, with a name in it.
    is_from_here: bool,
}

/// The services of such supervises, which `holders` is to remember; `found` are those that have names.
pub fn find(found: &[Found], holders: &mut Holders) -> Vec<Found> {
    let (Some(here), Ok(path)) = (inspect::identify(c"."), files::read_link(c"/proc/self/cwd")) else {
        return Vec::new();
    };
    let strays = all(found, here);
    let below = |stray: &Stray, depth: usize| {
        let rest = stray.path.strip_prefix(path.to_bytes()).and_then(|rest| rest.strip_prefix(b"/"));
        rest.is_some_and(|rest| rest.split(|&byte| byte == b'/').count() == depth)
    };
    let is_main = |stray: &&Stray| stray.is_from_here || (stray.was_removed && below(stray, 1));
    let mut services: Vec<Found> = strays.iter().filter(is_main).map(service).collect();
    for logger in strays.iter().filter(|stray| !is_main(stray)) {
        let Some(parent) = logger.parent else { continue };
        match services.iter_mut().find(|service| service.identity == parent) {
            Some(Found { running: [_, log], .. }) => *log = Some(logger.pid),
            None if logger.was_removed && below(logger, 2) => {
                let of_logger = service(logger);
                services.push(Found { identity: parent, running: [None, Some(logger.pid)], ..of_logger });
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
    let name = stray.path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    Found {
        name: CString::new(name).unwrap_or_default(),
        identity: stray.directory,
        logging: Logging::Unlogged,
        completeness: Completeness::Complete,
        running: [Some(stray.pid), None],
        first_start: FirstStart::NotDue,
    }
}

/// The supervises that hold a lock, have our account, and have lost the svscan that started them.
fn all(found: &[Found], here: Identity) -> Vec<Stray> {
    let parents: Vec<i32> = process::ancestors().chain([1, process::own_number()]).collect();
    let is_known = |pid: i32| found.iter().any(|found| found.running.contains(&Some(pid)));
    let mut pids: Vec<i32> = Locks::read().holders().filter(|&pid| !is_known(pid)).collect();
    pids.sort_unstable();
    pids.dedup();
    let stray = |pid: i32| {
        // From here on the number cannot be given to another process unnoticed.
        let handle = Handle::open(pid).ok()?;
        let facts = process::look(pid)?;
        let is_lost = facts.name == "supervise" && parents.contains(&facts.parent) && process::is_ours(pid);
        is_lost.then(|| examine(pid, handle, here)).flatten()
    };
    pids.into_iter().filter_map(stray).collect()
}

fn examine(pid: i32, handle: Handle, here: Identity) -> Option<Stray> {
    let way = process::way_to_directory(pid);
    let mut path = files::read_link(&way).ok()?.into_bytes();
    let was_removed = path.ends_with(REMOVED);
    if was_removed {
        path.truncate(path.len() - REMOVED.len());
    }
    let parent = inspect::identify(&inspect::below(&way, c".."));
    let is_from_here = process::has_open(pid, here) && has_plain_name(&process::last_word(pid)?);
    let directory = process::directory(pid)?;
    Some(Stray { pid, handle, directory, parent, path, was_removed, is_from_here })
}

/// Whether a supervise that was given this operand was given a name in its current directory.
fn has_plain_name(operand: &CStr) -> bool {
    let name = operand.to_bytes();
    !name.strip_prefix(b"./").unwrap_or(name).contains(&b'/')
}
