//! Which supervise a service directory has, as the kernel tells: the holder of its lock. So those are found, too, that
//! leave no instance: the original's, and older ones. Records in the directory do not matter, and neither do locks of
//! other accounts, because the owner of `supervise/` can lock the file, too.

use super::inspect;
use crate::file_id::FileId;
use crate::service::names::{LOCK, SUPERVISE};
use crate::sys::locks;
use crate::sys::process::{self, Handle};
use crate::sys::processes::ByDirectory;
use std::collections::BTreeMap;
use std::ffi::CStr;

/// What there is to know of the supervise of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supervision {
    /// None has ever run here.
    Never,
    /// None runs, as far as the system tells.
    Ended,
    /// This process.
    Running(i32),
}

impl Supervision {
    /// The supervise, if it runs.
    pub const fn pid(self) -> Option<i32> {
        match self {
            Self::Running(pid) => Some(pid),
            Self::Never | Self::Ended => None,
        }
    }
}

/// The supervises that were found running. The processes of the system are looked at once for all directories that are
/// looked at together.
#[derive(Debug, Default)]
pub struct Holders {
    processes: Option<ByDirectory>,
    found: BTreeMap<i32, Handle>,
}

impl Holders {
    /// Forgets what was read and found: some time has passed.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// Whether the service directory `directory` has a supervise.
    pub fn find(&mut self, directory: &CStr) -> Supervision {
        if inspect::identify(&inspect::below(directory, SUPERVISE)).is_none() {
            return Supervision::Never;
        }
        let lock = inspect::identify(&inspect::below(directory, LOCK));
        self.holder(directory, lock).map_or(Supervision::Ended, Supervision::Running)
    }

    /// The supervise of a service directory that has this `lock`, or one that was removed or renamed.
    fn holder(&mut self, directory: &CStr, lock: Option<FileId>) -> Option<i32> {
        let here = inspect::identify(directory)?;
        let processes = self.processes.get_or_insert_with(ByDirectory::read);
        let (pid, handle) = processes.in_directory(here).find_map(|pid| {
            // From here on the number cannot be given to another process unnoticed.
            let handle = Handle::open(pid).ok()?;
            let is_supervise = || process::look(pid).is_some_and(|facts| facts.name == "supervise");
            let is_it = process::directory(pid) == Some(here)
                && process::is_of_our_account(pid)
                && (lock.is_some_and(|lock| locks::holds(pid, lock))
                    || (is_supervise() && locks::holds_any(pid)));
            is_it.then_some((pid, handle))
        })?;
        self.found.insert(pid, handle);
        Some(pid)
    }

    /// Remembers a supervise that was found otherwise.
    pub fn keep(&mut self, pid: i32, handle: Handle) {
        self.found.insert(pid, handle);
    }

    /// What tells when a supervise that was found ends.
    pub fn take(&mut self, pid: i32) -> Option<Handle> {
        self.found.remove(&pid)
    }
}
