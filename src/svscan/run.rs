//! svscan's edge: reads the scan directory, starts supervises, buries children.

use super::table::{Action, Event, Found, Identity, Logging, Role, Table};
use crate::report::{Failure, SYSTEM, warning};
use crate::sys::exec::Prepared;
use crate::sys::files::{self, HERE};
use crate::sys::signals::{Inbox, Signal};
use crate::sys::startup::{self, say};
use crate::sys::{Errno, clock, poll, process};
use std::collections::VecDeque;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

const PROGRAM: &str = "svscan";

/// The longest name of a directory whose log is looked for.
const LONGEST_LOGGED: usize = 255;

/// A pipe from a service to its logger: the end to read from, the end to write to.
type Pipe = (OwnedFd, OwnedFd);

/// Looks after the services in `directory` (the current one if there is none) until it is killed.
pub fn run(directory: Option<&CStr>) -> Result<u8, Failure> {
    startup::occupy_standard_descriptors();
    if let Some(directory) = directory {
        files::change_directory(directory).map_err(|error| {
            Failure::fatal(PROGRAM, &[b"unable to chdir to ", directory.to_bytes(), b": ", error.bytes()])
        })?;
    }
    let signals = Inbox::open(&[Signal::SIGCHLD])
        .map_err(|error| Failure::fatal(PROGRAM, &[b"unable to receive signals: ", error.bytes()]))?;
    let mut svscan = Svscan { table: Table::new(clock::monotonic()), signals };
    loop {
        let deadline = Some(svscan.table.deadline());
        let ready = poll::wait([Some(svscan.signals.as_fd())], clock::monotonic(), deadline);
        // A failing poll would be trouble with our own arguments; the next turn tries again.
        if let Ok([true]) = ready {
            svscan.bury();
        }
        svscan.feed(Event::Deadline);
    }
}

struct Svscan {
    table: Table<Pipe>,
    signals: Inbox,
}

impl Svscan {
    /// Tells the table what happened, performs what it decides, and tells it what came of that.
    fn feed(&mut self, event: Event<Pipe>) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.table.handle(event, clock::monotonic()) {
                events.extend(self.perform(&action));
            }
        }
    }

    fn bury(&mut self) {
        // Draining comes first: a child that ends after this makes the descriptor readable again.
        while self.signals.next().is_some() {}
        while let Some(ended) = process::reap() {
            self.feed(Event::Ended(ended.pid));
        }
    }

    fn perform(&self, action: &Action) -> Option<Event<Pipe>> {
        match *action {
            Action::Scan => Some(self.scan()),
            Action::MakePipe(identity) => self.make_pipe(identity),
            Action::Start(identity, role) => self.start(identity, role),
        }
    }

    fn scan(&self) -> Event<Pipe> {
        match files::names(HERE) {
            Ok(names) => Event::Scanned(names.into_iter().filter_map(|name| self.inspect(name)).collect()),
            Err(error) => {
                warn::<()>(&[b"unable to read directory"], error);
                Event::Unreadable
            }
        }
    }

    /// Finds out whether `name` is a service.
    fn inspect(&self, name: CString) -> Option<Found> {
        let bytes = name.to_bytes();
        if bytes.starts_with(b".") {
            return None;
        }
        let facts = match files::look(HERE, &name) {
            Ok(Some(facts)) => facts,
            Ok(None) => return warn(&[b"unable to stat ", bytes], Errno::from_raw(libc::ENOENT)),
            Err(error) => return warn(&[b"unable to stat ", bytes], error),
        };
        if !facts.is_directory {
            return None;
        }
        let identity = facts.identity;
        let known = self.table.service(identity).is_some();
        let logging = if known || bytes.len() > LONGEST_LOGGED {
            Logging::Unlogged
        } else {
            let log = CString::new([bytes, b"/log"].concat()).ok()?;
            match files::look(HERE, &log) {
                Ok(Some(_)) => Logging::Logged,
                Ok(None) => Logging::Unlogged,
                Err(error) => return warn(&[b"unable to stat ", log.to_bytes()], error),
            }
        };
        Some(Found { name, identity, logging })
    }

    fn make_pipe(&self, identity: Identity) -> Option<Event<Pipe>> {
        match files::pipe() {
            Ok(pipe) => Some(Event::PipeMade(identity, pipe)),
            Err(error) => {
                let name = self.table.service(identity)?.name();
                warn(&[b"unable to create pipe for ", name.to_bytes()], error)
            }
        }
    }

    fn start(&self, identity: Identity, role: Role) -> Option<Event<Pipe>> {
        let service = self.table.service(identity)?;
        let (name, pipe) = (service.name(), service.pipe());
        let label = match role {
            Role::Main => name.to_bytes().to_vec(),
            Role::Log => [name.to_bytes(), b"/log"].concat(),
        };
        match process::spawn(|| self.become_supervise(name, pipe, role, &label)) {
            Ok(pid) => Some(Event::Started(identity, role, pid)),
            Err(error) => warn(&[b"unable to fork for ", &label], error),
        }
    }

    /// In a child: becomes supervise, or says why not.
    fn become_supervise(&self, name: &CStr, pipe: Option<&Pipe>, role: Role, label: &[u8]) -> Failure {
        self.signals.release(&[]);
        let unable = |what: &[u8], whom: &[u8], error: Errno| {
            Failure::new(SYSTEM, warning(PROGRAM, &[b"unable to ", what, whom, b": ", error.bytes()]))
        };
        let connected = match (pipe, role) {
            (None, _) => Ok(()),
            (Some((_, to_logger)), Role::Main) => files::become_descriptor(to_logger, 1),
            (Some((from_service, _)), Role::Log) => files::become_descriptor(from_service, 0),
        };
        if let Err(error) = connected {
            return unable(b"set up descriptors for ", label, error);
        }
        let directory = match role {
            Role::Main => name,
            Role::Log => c"log",
        };
        if role == Role::Log {
            if let Err(error) = files::change_directory(name) {
                return unable(b"switch to ", name.to_bytes(), error);
            }
        }
        let error = Prepared::command(&[c"supervise", directory], &startup::environment()).exec();
        unable(b"start supervise ", label, error)
    }
}

/// Warns, and yields nothing.
fn warn<T>(what: &[&[u8]], error: Errno) -> Option<T> {
    say(&warning(PROGRAM, &[&what.concat(), b": ", error.bytes()]));
    None
}
