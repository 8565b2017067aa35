//! The pipe between a service and its logger, if an earlier svscan has made it: its supervises still have it.

use super::inspect;
use crate::service::instance::Instance;
use crate::sys::{files, pipes, process};
use std::ffi::CStr;
use std::os::fd::OwnedFd;

/// What runs of a service and of its logger.
#[derive(Debug)]
pub struct Holding<'a> {
    /// The name of the service.
    pub name: &'a CStr,
    /// Their supervises.
    pub supervises: [Option<i32>; 2],
    /// What these, or those before them, have written down.
    pub left: [Instance; 2],
}

impl Holding<'_> {
    /// Both ends of the pipe, the one to read from first, if it is there.
    pub fn find(&self) -> Option<(OwnedFd, OwnedFd)> {
        let ([main, log], services) = (&self.left, self.services());
        let of_logger = self.has(1, log.input);
        // What a service without a logger writes to may be a pipe, too: our own output, say, or that of an earlier svscan.
        let is_log = |&pipe: &u64| {
            pipes::inode(files::output()) != Some(pipe)
                && (inspect::had_logger(self.name) || self.is_private(pipe))
        };
        let pipe = of_logger.or(self.has(0, main.output).filter(is_log))?;
        let holders = self.supervises.into_iter().zip([1, 0]).chain(services.into_iter().zip([1, 0]));
        let mut holders = holders.filter_map(|(pid, number)| Some((pid?, number)));
        holders.find_map(|(pid, number)| pipes::both_ends_of(pid, number, pipe))
    }

    /// Whether each of the two supervises has the pipe with this inode.
    pub fn have(&self, pipe: Option<u64>) -> [bool; 2] {
        let [main, log] = &self.left;
        [self.has(0, main.output) == pipe, self.has(1, log.input) == pipe]
    }

    /// The pipe that one of the two has on the side of the other: its supervise knows best, `recorded` is what one has
    /// written down that is gone.
    fn has(&self, index: usize, recorded: Option<u64>) -> Option<u64> {
        match self.supervises.get(index).copied().flatten() {
            Some(pid) => pipes::inode_of(pid, if index == 0 { 1 } else { 0 }),
            None => recorded,
        }
    }

    /// Whether no process has this pipe but supervises, services and their descendants: an earlier svscan has made it, and was
    /// killed before it had started the logger for the first time.
    fn is_private(&self, pipe: u64) -> bool {
        let own = [self.supervises, self.services()].concat();
        let is_own = |pid: i32| own.contains(&Some(pid));
        pipes::holders(pipe).all(|pid| is_own(pid) || process::ancestors_of(pid).any(is_own))
    }

    fn services(&self) -> [Option<i32>; 2] {
        self.left.each_ref().map(|left| left.service.map(|service| service.pid))
    }
}
