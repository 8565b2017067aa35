//! The programs of a service directory: `run`, `finish`, which supervise waits for, and `notify`, which it does not.

use super::messages::{unable, warn};
use crate::exit::Exit;
use crate::report::Failure;
use crate::service::instance::Process;
use crate::service::names::{FINISH, NOTIFY};
use crate::sys::exec::Prepared;
use crate::sys::launch::{self, Launched};
use crate::sys::signals::Inbox;
use crate::sys::{Errno, Result as SysResult, files, held, pipes, process};
use crate::text::clean;
use std::ffi::{CStr, CString};
use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};

/// Something to tell `notify`: a process of the service, and how it ended unless it was started.
type News = (NonZeroU32, Option<Exit>);

/// What the process of a script is made with.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// The signals of supervise, which the script is not to find blocked.
    pub signals: &'a Inbox,
    /// The descriptor that is locked. The process lets go of it before it becomes the script, however long that takes: so
    /// the next supervise can take it over if this one is killed meanwhile.
    pub lock: i32,
    /// Whose memory it has until it is the script.
    pub memory: Memory,
}

/// The memory of a process that is about to become a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// That of supervise, which waits until it is the script.
    Shared,
    /// Its own copy, which takes longer to make. supervise goes on meanwhile.
    Copied,
}

/// A process that was started to become a script.
#[derive(Debug, Clone, Copy, Default)]
pub struct StartedScript<W> {
    /// The process, if it can be looked at.
    pub process: Option<Process>,
    /// What was written down of it, as told by what wrote that.
    pub written: W,
    /// Why it could not become the script, if that is known already.
    pub error: Option<Errno>,
}

/// Runs the scripts of one service.
#[derive(Debug)]
pub struct Scripts<'a> {
    /// The service directory, as it was given; we are in it.
    name: &'a CStr,
    environment: &'a [&'a CStr],
    run: Prepared<'a>,
    /// Where a process with a memory of its own tells why it could not become `run`.
    verdict: Option<OwnedFd>,
    /// The present run of `notify`.
    notify: Option<i32>,
    /// What it is to be told next.
    news: Option<News>,
}

impl<'a> Scripts<'a> {
    /// None runs yet.
    pub fn new(name: &'a CStr, environment: &'a [&'a CStr]) -> Self {
        let run = Prepared::file(c"./run", &[c"./run"], environment);
        Self { name, environment, run, verdict: None, notify: None, news: None }
    }

    /// Runs `./run` when `introduce` has written down what its process is. It says that it is ready by `readiness`: a
    /// pipe, and its number there.
    pub fn run<W: Copy + Default>(
        &mut self,
        readiness: Option<(&OwnedFd, i32)>,
        start: Start<'_>,
        introduce: impl Fn(Option<Process>) -> W,
    ) -> SysResult<Launched<StartedScript<W>>> {
        let (verdict, judge) = match start.memory {
            Memory::Shared => (None, None),
            Memory::Copied => pipes::new().ok().unzip(),
        };
        let started = start_script(start, introduce, || {
            let (what, error) = self.become_run(readiness);
            if let Some(judge) = &judge {
                let _ = files::write_all(judge.as_fd(), &error.number().to_ne_bytes());
            }
            (unable(&[&what], error.bytes()), error)
        });
        self.verdict = verdict;
        started
    }

    /// In a child: becomes `./run`, or returns what was not possible, and why.
    fn become_run(&self, readiness: Option<(&OwnedFd, i32)>) -> (Vec<u8>, Errno) {
        let name = self.name.to_bytes();
        if let Some((pipe, number)) = readiness {
            if let Err(error) = files::become_descriptor(pipe, number) {
                return ([b"set up descriptors for ", name].concat(), error);
            }
        }
        ([b"start ", name, b"/run"].concat(), self.run.exec())
    }

    /// Why the process that has just ended could not become `run`, if that was not known when it was started.
    pub fn late_error(&mut self) -> Option<i32> {
        let mut number = [0; size_of::<i32>()];
        let length = files::read_from(self.verdict.take()?.as_fd(), &mut number).ok()?;
        (length == number.len()).then_some(i32::from_ne_bytes(number))
    }

    /// The present run of `notify`.
    pub const fn notify(&self) -> Option<i32> {
        self.notify
    }

    /// Runs `./finish CODE SIGNAL NAME` when `introduce` has written down what its process is; the code is 256 if it is
    /// not known, or if a signal has ended the service.
    pub fn finish<W: Copy + Default>(
        &self,
        how: Exit,
        start: Start<'_>,
        introduce: impl Fn(Option<Process>) -> W,
    ) -> Option<Launched<StartedScript<W>>> {
        let (code, signal) = match how {
            Exit::Exited(code) => (code, 0),
            Exit::Killed(signal) => (256, signal.number()),
            Exit::Unknown => (256, 0),
        };
        self.start(&[FINISH, &word(code), &word(signal), self.name], start, introduce)
    }

    /// Runs `./notify NAME start|exit|killed PID CODE`. While it runs, the news wait, and the last are kept.
    pub fn notify_of(&mut self, pid: NonZeroU32, how: Option<Exit>, start: Start<'_>) {
        if self.notify.is_some() {
            self.news = Some((pid, how));
            return;
        }
        let (what, code) = match how {
            None => (c"start", 0),
            Some(Exit::Exited(code)) => (c"exit", code),
            Some(Exit::Killed(signal)) => (c"killed", signal.number()),
            Some(Exit::Unknown) => (c"exit", 256),
        };
        let pid = i32::try_from(pid.get()).unwrap_or(0);
        let started = self.start(&[NOTIFY, self.name, what, &word(pid), &word(code)], start, |_| {});
        self.notify = started.map(|started| started.pid);
    }

    /// Takes note that a child has ended. If that was `notify`, it may be told the next news.
    pub fn bury(&mut self, pid: i32, start: Start<'_>) {
        if self.notify == Some(pid) {
            self.notify = None;
            if let Some((pid, how)) = self.news.take() {
                self.notify_of(pid, how, start);
            }
        }
    }

    fn start<W: Copy + Default>(
        &self,
        command: &[&CStr],
        start: Start<'_>,
        introduce: impl Fn(Option<Process>) -> W,
    ) -> Option<Launched<StartedScript<W>>> {
        let script = *command.first()?;
        let program = Prepared::file(script, command, self.environment);
        let file = script.to_bytes().strip_prefix(b".").unwrap_or_default();
        let started = start_script(start, introduce, || {
            // The original has no such script.
            let script = [self.name.to_bytes(), file].concat();
            let error = program.exec();
            (unable(&[b"start ", clean(&script).as_bytes()], error.bytes()), error)
        });
        let refused = |error: Errno| {
            warn(&[b"unable to fork for ", self.name.to_bytes(), file, b": ", error.bytes()]);
        };
        started.map_err(refused).ok()
    }
}

/// Makes a process that becomes a script by `body`, after `introduce` was told who it is. Until then it has the lock, so that
/// no other supervise can miss it.
fn start_script<W: Copy + Default>(
    start: Start<'_>,
    introduce: impl Fn(Option<Process>) -> W,
    body: impl Fn() -> (Failure, Errno),
) -> SysResult<Launched<StartedScript<W>>> {
    let Start { signals, lock, memory } = start;
    let identify = |pid| {
        let process = process::started(pid).map(|started| Process { pid, started });
        StartedScript { process, written: introduce(process), error: None }
    };
    let become_script = || {
        files::close_copy(lock);
        signals.release(&[]);
        body()
    };
    match memory {
        Memory::Shared => launch::launch(|pid, told| {
            let new = identify(pid);
            told.set(new);
            let (failure, error) = become_script();
            told.set(StartedScript { error: Some(error), ..new });
            failure
        }),
        Memory::Copied => held::start(identify, || become_script().0),
    }
}

fn word(number: i32) -> CString {
    // Digits have no NUL byte.
    CString::new(number.to_string()).unwrap_or_default()
}
