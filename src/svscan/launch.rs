//! Starting a supervise, and what it is given.

use super::inspect;
use super::messages::{PROGRAM, warn};
use super::role::Role;
use crate::file_id::FileId;
use crate::report::{Failure, SYSTEM, warning};
use crate::supervise::event::Task;
use crate::sys::exec::Prepared;
use crate::sys::launch::{Launched, launch};
use crate::sys::signals::{self, Inbox};
use crate::sys::{Errno, files, limits};
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::time::Duration;

/// What svscan was given and gives to its children.
#[derive(Debug)]
pub struct Launcher<'a> {
    environment: Vec<&'a CStr>,
    /// The limit of open files, if svscan has raised its own.
    open_files: Option<u64>,
}

/// Where a supervise is to be started.
#[derive(Debug)]
pub struct Place<'a> {
    /// The name of the service.
    pub name: &'a CStr,
    /// Which directory that must be, if it may have become another by now.
    pub identity: Option<FileId>,
    /// Which of its two supervises it is.
    pub role: Role,
    /// Its end of the pipe between the service and its logger.
    pub pipe: Option<&'a OwnedFd>,
}

impl<'a> Launcher<'a> {
    /// Raises the limit of open files of this process.
    pub fn new(environment: Vec<&'a CStr>) -> Self {
        let resource = limits::Resource::RLIMIT_NOFILE;
        let raise = || {
            let (soft, hard) = (limits::soft(resource).ok()?, limits::hard(resource).ok()?);
            if soft == hard {
                return None;
            }
            limits::set_soft(resource, hard).ok()?;
            Some(soft)
        };
        Self { environment, open_files: raise() }
    }

    /// Starts a supervise for `task`. Says why not, if that is not possible.
    pub fn start(&self, place: &Place<'_>, task: Task, signals: &Inbox) -> Option<i32> {
        if place.identity.is_some_and(|identity| inspect::identify(place.name) != Some(identity)) {
            return None;
        }
        let delay = match task {
            Task::Run(Duration::ZERO) => None,
            Task::Run(delay) => CString::new(format!("--delay={}", delay.as_secs_f64())).ok(),
            Task::Stop => Some(c"--down".to_owned()),
        };
        let directory = match place.role {
            // supervise would take it for an option.
            Role::Main if place.name.to_bytes().starts_with(b"--") => inspect::below(c".", place.name),
            Role::Main => place.name.to_owned(),
            Role::Log => c"log".to_owned(),
        };
        let words = [Some(c"supervise"), delay.as_deref(), Some(&*directory)];
        let words: Vec<&CStr> = words.into_iter().flatten().collect();
        let supervise = Prepared::command(&words, &self.environment);
        match launch(|_, _: &Cell<()>| self.become_supervise(&supervise, place, signals)) {
            Ok(Launched { pid, .. }) => Some(pid),
            Err(error) => {
                warn(&[b"unable to fork for ", inspect::directory(place.name, place.role).to_bytes()], error);
                None
            }
        }
    }

    /// In a child: becomes supervise, or says why not.
    fn become_supervise(&self, supervise: &Prepared<'_>, place: &Place<'_>, signals: &Inbox) -> Failure {
        self.become_child(signals);
        let &Place { name, role, pipe, .. } = place;
        let unable = |what: &[u8], whom: &[u8], error: Errno| {
            Failure::new(SYSTEM, warning(PROGRAM, &[b"unable to ", what, whom, b": ", error.bytes()]))
        };
        let label = || inspect::directory(name, role);
        let number = if role == Role::Main { 1 } else { 0 };
        if let Some(Err(error)) = pipe.map(|end| files::become_descriptor(end, number)) {
            return unable(b"set up descriptors for ", label().to_bytes(), error);
        }
        if role == Role::Log {
            if let Err(error) = files::change_directory(name) {
                return unable(b"switch to ", name.to_bytes(), error);
            }
        }
        let error = supervise.exec();
        unable(b"start supervise ", label().to_bytes(), error)
    }

    /// Becomes the program `then`, as a child of svscan would. Returns only if that is not possible.
    pub fn become_program(&self, then: &CStr, inbox: &Inbox) -> Errno {
        signals::forget_broken_pipes();
        self.become_child(inbox);
        Prepared::command(&[then], &self.environment).exec()
    }

    /// Gives a child what this process was given.
    fn become_child(&self, signals: &Inbox) {
        signals.release(&[]);
        if let Some(soft) = self.open_files {
            let _ = limits::set_soft(limits::Resource::RLIMIT_NOFILE, soft);
        }
    }
}
