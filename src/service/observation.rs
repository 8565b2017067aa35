//! Looking at the run of a service: what its records say, checked against its process, which knows better.

use super::directory::Directory;
use super::goal::Run;
use super::instance::{Instance, Process};
use super::status::Status;
use crate::sys::{clock, process};
use crate::tai::Stamp;
use std::num::NonZeroU32;
use std::time::Duration;

/// Looks at services on this machine.
#[derive(Debug, Clone)]
pub struct Observer {
    /// The boot of the machine, or of the container, in which we know processes by their numbers.
    boot: Option<String>,
}

impl Observer {
    /// Finds out which processes can be known.
    pub fn new() -> Self {
        Self { boot: process::boot().ok() }
    }

    /// The present run of a service that is supervised, of which this is the status record. What a record says counts
    /// if the process cannot be asked; a record that could not be written does not count against the process.
    pub fn run(&self, directory: &Directory, status: &Status) -> Option<Run> {
        // It may be half written at the first attempt.
        let Some(instance) = self.instance(directory).or_else(|| self.instance(directory)) else {
            return recorded(status);
        };
        instance.service.and_then(run_of).or_else(|| {
            let pid = i32::try_from(status.pid?.get()).ok()?;
            match process::look(pid) {
                Some(facts) => run_of(Process { pid, started: facts.started }),
                None if process::has_ended(pid) => None,
                None => recorded(status),
            }
        })
    }

    /// The process of a service whose supervise was killed, if that runs on.
    pub fn left_behind(&self, directory: &Directory) -> Option<NonZeroU32> {
        self.instance(directory)?.service.and_then(run_of).map(|run| run.pid)
    }

    fn instance(&self, directory: &Directory) -> Option<Instance> {
        directory.instance(self.boot.as_ref()?)
    }
}

impl Default for Observer {
    fn default() -> Self {
        Self::new()
    }
}

/// The run that is this process, unless that has ended.
fn run_of(known: Process) -> Option<Run> {
    let facts = process::look(known.pid).filter(|facts| facts.started == known.started)?;
    let pid = u32::try_from(known.pid).ok().and_then(NonZeroU32::new)?;
    Some(Run { pid, age: process::age(facts.started), has_begun: facts.has_executed })
}

/// The run that the status record tells of.
fn recorded(status: &Status) -> Option<Run> {
    let now = Stamp::from_unix(clock::wall());
    // A second that has only begun is none.
    let seconds = now.seconds_since(status.since).saturating_sub(1);
    Some(Run { pid: status.pid?, age: Duration::from_secs(seconds), has_begun: true })
}
