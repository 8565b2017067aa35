//! What a service leaves running when it ends: the processes of its group and session, and the orphans that have
//! come to this process.

use super::messages::warn;
use crate::signal::Signal;
use crate::sys::poll::Many;
use crate::sys::process::{self, Facts, Handle};
use crate::sys::processes;
use crate::sys::{Errno, Result};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

/// A process of a service that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// The process that supervise had started.
    pub pid: i32,
    /// Whether it led, or may have led, a session.
    pub may_lead_session: bool,
    /// When it had ended, in ticks since the start of the machine.
    pub ended: u64,
}

/// The processes that the service has left. `spared` is a child that has nothing to do with it.
pub fn find(origin: Origin, spared: Option<i32>) -> Vec<Facts> {
    let children = process::children();
    let mut found: Vec<Facts> =
        children.into_iter().filter(|&pid| Some(pid) != spared).filter_map(process::look).collect();
    // Looking at every process there is takes time, so first the cheap question.
    if origin.may_lead_session || process::has_group(origin.pid) {
        let others = processes::find(|facts| {
            (facts.group == origin.pid || facts.session == origin.pid)
                && found.iter().all(|known| known.pid != facts.pid)
        });
        // As long as one of them is left, no other process is given the number of the service. When all have gone, a
        // stranger may have it, and lead a group of its own.
        if others.iter().any(|facts| facts.started <= origin.ended) {
            found.extend(others);
        }
    }
    found
}

/// Warns of the processes that the service `name` has left, if there are any.
pub fn report(name: &CStr, origin: Origin, spared: Option<i32>) {
    let found = find(origin, spared);
    if !found.is_empty() {
        warn(&[name.to_bytes(), b" has ended, but these of its processes run on: ", list(&found).as_bytes()]);
    }
}

/// Those of them that this process may end. Warns of the others: nobody waits for these.
pub fn find_mortal(name: &CStr, origin: Origin, spared: Option<i32>) -> Vec<Facts> {
    let (mortal, others): (Vec<_>, Vec<_>) =
        find(origin, spared).into_iter().partition(|facts| process::may_signal(facts.pid));
    disregard(name, &others);
    mortal
}

fn disregard(name: &CStr, others: &[Facts]) {
    if !others.is_empty() {
        let reason = Errno::from_raw(libc::EPERM).bytes();
        let list = list(others);
        warn(&[
            b"unable to end what ",
            name.to_bytes(),
            b" has left running: ",
            list.as_bytes(),
            b": ",
            reason,
        ]);
    }
}

/// `4711 (worker), 4712 (worker)`.
pub fn list(found: &[Facts]) -> String {
    let words: Vec<String> = found.iter().map(|facts| format!("{} ({})", facts.pid, facts.name)).collect();
    words.join(", ")
}

/// Leftovers that were told to end, and are waited for.
#[derive(Debug)]
pub struct Leftovers {
    origin: Origin,
    spared: Option<i32>,
    awaited: Vec<(i32, Handle)>,
    ready: Many,
    is_late: bool,
}

impl Leftovers {
    /// Tells those that were `found` to end.
    pub fn end(origin: Origin, spared: Option<i32>, found: &[Facts]) -> Result<Self> {
        let mut leftovers = Self { origin, spared, awaited: Vec::new(), ready: Many::new()?, is_late: false };
        leftovers.add(found);
        Ok(leftovers)
    }

    fn add(&mut self, found: &[Facts]) {
        for facts in found {
            let added = Handle::open(facts.pid).and_then(|handle| {
                // Only from here on can the number not be given to another process unnoticed.
                process::runs(facts.pid, facts.started)
                    .then_some(())
                    .ok_or_else(|| Errno::from_raw(libc::ESRCH))?;
                let number = u64::try_from(facts.pid).map_err(|_| Errno::from_raw(libc::EINVAL))?;
                self.ready.add(&handle, number)?;
                Ok(handle)
            });
            let send = |signal| match &added {
                Ok(handle) => handle.send(signal),
                Err(error) if error.is(libc::ESRCH) => {}
                // The system is too old to wait for strangers, but not to send them signals.
                Err(_) => process::send(facts.pid, signal),
            };
            if self.is_late {
                send(Signal::KILL);
            } else {
                send(Signal::TERM);
                send(Signal::CONT);
            }
            self.awaited.extend(added.map(|handle| (facts.pid, handle)));
        }
    }

    /// Kills those that are still there. One may have become another account's meanwhile; warns of it, by the name of
    /// the service, and waits for it no longer.
    pub fn kill(&mut self, name: &CStr) {
        self.is_late = true;
        self.awaited.iter().for_each(|(_, handle)| handle.send(Signal::KILL));
        let others = self.awaited.iter().filter(|(pid, _)| !process::may_signal(*pid));
        let others: Vec<Facts> = others.filter_map(|(pid, _)| process::look(*pid)).collect();
        disregard(name, &others);
        self.awaited.retain(|(pid, _)| others.iter().all(|facts| facts.pid != *pid));
    }

    /// Takes note of those that have ended; says whether nothing is left. They may have left something in turn.
    pub fn are_gone(&mut self) -> bool {
        self.awaited.retain(|(pid, _)| process::look(*pid).is_some());
        if self.awaited.is_empty() {
            let mut found = find(self.origin, self.spared);
            found.retain(|facts| process::may_signal(facts.pid));
            self.add(&found);
        }
        self.awaited.is_empty()
    }
}

/// Can be "read" when one of them has ended.
impl AsFd for Leftovers {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}
