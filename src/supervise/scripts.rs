//! The programs of a service directory: `run`, `finish`, which supervise waits for, and `notify`, which it does not.

use super::event::Ending;
use super::run::{unable, warn};
use super::sending::as_pid;
use crate::service::directory::{FINISH, NOTIFY};
use crate::sys::exec::Prepared;
use crate::sys::signals::Inbox;
use crate::sys::{Errno, Result as SysResult, files, process};
use crate::text::clean;
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;

/// Something to tell `notify`: a process of the service, and how it ended unless it was started.
type News = (NonZeroU32, Option<Ending>);

/// Runs the scripts of one service.
#[derive(Debug)]
pub struct Scripts<'a> {
    /// The service directory, as it was given; we are in it.
    name: &'a CStr,
    environment: &'a [&'a CStr],
    run: Prepared<'a>,
    /// Why the process that was started last could not become `run`, if it could not.
    error: Cell<Option<Errno>>,
    /// The present run of `notify`.
    notify: Option<i32>,
    /// What it is to be told next.
    news: Option<News>,
}

impl<'a> Scripts<'a> {
    /// None runs yet.
    pub fn new(name: &'a CStr, environment: &'a [&'a CStr]) -> Self {
        let run = Prepared::file(c"./run", &[c"./run"], environment);
        Self { name, environment, run, error: Cell::new(None), notify: None, news: None }
    }

    /// Runs `./run` when `introduce` has written down what its process is. It says that it is ready by `readiness`: a
    /// pipe, and its number there. Returns its process, and why that could not become `./run` if it could not: that
    /// process has the memory of this one until then.
    pub fn run(
        &self,
        readiness: Option<(&OwnedFd, i32)>,
        signals: &Inbox,
        introduce: impl FnOnce(),
    ) -> SysResult<(i32, Option<Errno>)> {
        self.error.set(None);
        let pid = process::launch(|| {
            signals.release(&[]);
            introduce();
            if let Some((pipe, number)) = readiness {
                if let Err(error) = files::become_descriptor(pipe, number) {
                    self.error.set(Some(error));
                    return unable(&[b"set up descriptors for ", self.name.to_bytes()], error.bytes());
                }
            }
            let error = self.run.exec();
            self.error.set(Some(error));
            unable(&[b"start ", self.name.to_bytes(), b"/run"], error.bytes())
        })?;
        Ok((pid, self.error.get()))
    }

    /// The present run of `notify`.
    pub const fn notify(&self) -> Option<i32> {
        self.notify
    }

    /// Runs `./finish CODE SIGNAL NAME` when `introduce` has written down what its process is; the code is 256 if it is
    /// not known, or if a signal has ended the service.
    pub fn finish(&self, how: Ending, signals: &Inbox, introduce: impl FnOnce()) -> Option<NonZeroU32> {
        let (code, signal) = match how {
            Ending::Exited(code) => (code, 0),
            Ending::Killed(signal) => (256, signal),
            Ending::Unknown => (256, 0),
        };
        let pid = self.start(&[FINISH, &word(code), &word(signal), self.name], signals, introduce)?;
        as_pid(pid)
    }

    /// Runs `./notify NAME start|exit|killed PID CODE`. While it runs, the news wait, and the last are kept.
    pub fn notify_of(&mut self, pid: NonZeroU32, how: Option<Ending>, signals: &Inbox) {
        if self.notify.is_some() {
            self.news = Some((pid, how));
            return;
        }
        let (what, code) = match how {
            None => (c"start", 0),
            Some(Ending::Exited(code)) => (c"exit", code),
            Some(Ending::Killed(signal)) => (c"killed", signal),
            Some(Ending::Unknown) => (c"exit", 256),
        };
        let pid = i32::try_from(pid.get()).unwrap_or(0);
        self.notify = self.start(&[NOTIFY, self.name, what, &word(pid), &word(code)], signals, || {});
    }

    /// Takes note that a child has ended. If that was `notify`, it may be told the next news.
    pub fn bury(&mut self, pid: i32, signals: &Inbox) {
        if self.notify == Some(pid) {
            self.notify = None;
            if let Some((pid, how)) = self.news.take() {
                self.notify_of(pid, how, signals);
            }
        }
    }

    fn start(&self, command: &[&CStr], signals: &Inbox, introduce: impl FnOnce()) -> Option<i32> {
        let script = *command.first()?;
        let program = Prepared::file(script, command, self.environment);
        let file = script.to_bytes().strip_prefix(b".").unwrap_or_default();
        let started = process::launch(|| {
            signals.release(&[]);
            introduce();
            // The original has no such script.
            let script = [self.name.to_bytes(), file].concat();
            unable(&[b"start ", clean(&script).as_bytes()], program.exec().bytes())
        });
        let refused = |error: crate::sys::Errno| {
            warn(&[b"unable to fork for ", self.name.to_bytes(), file, b": ", error.bytes()]);
        };
        started.map_err(refused).ok()
    }
}

fn word(number: i32) -> CString {
    // Digits have no NUL byte.
    CString::new(number.to_string()).unwrap_or_default()
}
