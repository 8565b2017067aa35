//! svscan's edge: watches the scan directory, starts supervises, buries children, and ends in good order.

use super::inspect;
use super::look::Look;
use super::orphans::Orphans;
use super::table::{Action, Ending, Event, Identity, PATIENCE, Role, Table};
use crate::report::{Failure, SYSTEM, warning};
use crate::service::control::Letters;
use crate::service::directory::{CONTROL, Directory, INSTANCE};
use crate::service::instance::Instance;
use crate::supervise::settings::{Setting, Settings};
use crate::sys::exec::Prepared;
use crate::sys::files::{self, HERE};
use crate::sys::poll::Many;
use crate::sys::process::Handle;
use crate::sys::signals::{Inbox, Signal};
use crate::sys::startup::{self, say};
use crate::sys::{Errno, clock, limits, pipes, process};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

const PROGRAM: &str = "svscan";

/// What the descriptors that are waited for are numbered; processes have their own numbers.
const SIGNALS: u64 = u64::MAX;
const CHANGES: u64 = u64::MAX - 1;

/// How soon to try again to tell a supervise something.
const RETRY: Duration = Duration::from_millis(20);

/// A pipe from a service to its logger: the end to read from, the end to write to.
type Pipe = (OwnedFd, OwnedFd);

/// What svscan was told.
#[derive(Debug, Default)]
pub struct Order<'a> {
    /// The scan directory; the current one if there is none.
    pub directory: Option<&'a CStr>,
    /// How far apart the first starts at boot are.
    pub stagger: Duration,
    /// The program that takes the place of svscan in the end.
    pub then: Option<&'a CStr>,
}

/// Looks after the services until told to end.
pub fn run(order: &Order<'_>) -> Result<u8, Failure> {
    startup::occupy_standard_descriptors();
    if let Some(directory) = order.directory {
        files::change_directory(directory).map_err(|error| {
            Failure::fatal(PROGRAM, &[b"unable to chdir to ", directory.to_bytes(), b": ", error.bytes()])
        })?;
    }
    let unable = |what: &'static [u8]| {
        move |error: Errno| Failure::fatal(PROGRAM, &[b"unable to ", what, b": ", error.bytes()])
    };
    let ordered = [Signal::SIGALRM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM];
    let needed = [Signal::SIGCHLD, Signal::SIGIO];
    let signals = Inbox::open_fresh(&[&ordered[..], &needed].concat()).map_err(unable(b"receive signals"))?;
    let ready = Many::new().map_err(unable(b"wait for anything"))?;
    ready.add(&signals, SIGNALS).map_err(unable(b"wait for signals"))?;
    process::gather_orphans();
    let mut svscan = Svscan::new(signals, ready, order.stagger, startup::environment());
    svscan.main();
    let Some(then) = order.then else { return Ok(0) };
    svscan.become_child();
    let error = Prepared::command(&[then], &svscan.environment).exec();
    Err(Failure::fatal(PROGRAM, &[b"unable to run ", then.to_bytes(), b": ", error.bytes()]))
}

struct Svscan<'a> {
    table: Table<Pipe>,
    /// What supervises are given.
    environment: Vec<&'a CStr>,
    signals: Inbox,
    ready: Many,
    look: Look,
    /// Supervises that are not children.
    adopted: BTreeMap<i32, Handle>,
    /// The limit of open files that this process was given, and gives to its children.
    open_files: Option<u64>,
    orphans: Orphans,
    /// Supervises that could not be told something yet, and until when that is tried.
    untold: Vec<(i32, &'static [u8], Instant)>,
}

impl<'a> Svscan<'a> {
    fn new(signals: Inbox, ready: Many, stagger: Duration, environment: Vec<&'a CStr>) -> Self {
        let resource = limits::Resource::RLIMIT_NOFILE;
        let raise = || {
            let (soft, hard) = (limits::soft(resource).ok()?, limits::hard(resource).ok()?);
            if soft == hard {
                return None;
            }
            limits::set_soft(resource, hard).ok()?;
            Some(soft)
        };
        Self {
            table: Table::new(clock::monotonic(), stagger),
            environment,
            look: Look::new(&ready, CHANGES),
            signals,
            ready,
            adopted: BTreeMap::new(),
            open_files: raise(),
            orphans: Orphans::default(),
            untold: Vec::new(),
        }
    }

    fn main(&mut self) {
        loop {
            let now = clock::monotonic();
            let recheck = self.look.recheck;
            let retry = (!self.untold.is_empty()).then(|| now + RETRY);
            let orphans = self.orphans.deadline(now);
            let deadline = [self.table.deadline(), recheck, retry, orphans].into_iter().flatten().min();
            for number in self.ready.wait(now, deadline) {
                match number {
                    SIGNALS => self.handle_signals(),
                    CHANGES if self.look.is_news() => self.feed(Event::Changed),
                    CHANGES => {}
                    number => self.lose(number),
                }
            }
            if recheck.is_some_and(|moment| moment <= clock::monotonic()) {
                self.feed(Event::Changed);
            }
            for (pid, commands, until) in std::mem::take(&mut self.untold) {
                self.tell_until(pid, commands, until);
            }
            self.feed(Event::Deadline);
            if self.table.is_ending() && self.end_orphans() && self.table.has_ended() {
                return;
            }
        }
    }

    fn handle_signals(&mut self) {
        while let Some(signal) = self.signals.next() {
            match signal {
                Signal::SIGCHLD => self.bury(),
                Signal::SIGALRM => self.feed(Event::Changed),
                Signal::SIGHUP => {
                    self.feed(Event::Changed);
                    self.feed(Event::Sweep);
                }
                Signal::SIGTERM | Signal::SIGINT => self.feed(Event::Shutdown),
                _ => {}
            }
        }
    }

    fn bury(&mut self) {
        while let Some(ended) = process::reap() {
            let how = match ended.how {
                process::Ending::Exited(0) => Ending::AsTold,
                process::Ending::Exited(_) | process::Ending::Killed(_) => Ending::Failed,
            };
            self.feed(Event::Ended(ended.pid, how));
        }
    }

    /// A supervise that is not a child has ended. Nobody tells how, but one that was told to leaves no instance.
    fn lose(&mut self, number: u64) {
        let Ok(pid) = i32::try_from(number) else { return };
        if self.adopted.remove(&pid).is_some() {
            let how = if self.has_left_instance(pid) { Ending::Failed } else { Ending::AsTold };
            self.feed(Event::Ended(pid, how));
        }
    }

    fn has_left_instance(&self, pid: i32) -> bool {
        let Some((name, role, _)) = self.table.whereabouts(pid) else { return false };
        let path = inspect::below(&inspect::directory(name, role), INSTANCE);
        matches!(files::look(HERE, &path), Ok(Some(_)))
    }

    /// Tells the table what happened, performs what it decides, and tells it what came of that.
    fn feed(&mut self, event: Event<Pipe>) {
        for action in self.table.handle(event, clock::monotonic()) {
            // What comes of one action is dealt with before the next, so that services start in order.
            if let Some(event) = self.perform(&action) {
                self.feed(event);
            }
        }
    }

    fn perform(&mut self, action: &Action) -> Option<Event<Pipe>> {
        match *action {
            Action::Scan => return Some(self.scan()),
            Action::MakePipe(identity, supervises) => return self.make_pipe(identity, supervises),
            Action::Start(identity, role, delay) => return Some(self.start(identity, role, delay)),
            Action::Adopt(pid) if self.adopt(pid) => {}
            Action::Adopt(pid) => return Some(Event::Ended(pid, Ending::Failed)),
            Action::Stop(pid) => {
                self.tell(pid, b"dx");
                return self.grace(pid);
            }
            Action::Drain(pid) => self.tell(pid, b"ox"),
            Action::Kill(pid) => self.tell(pid, b"dxk"),
            Action::Replace(pid) => process::send(pid, Signal::SIGKILL),
        }
        None
    }

    fn scan(&mut self) -> Event<Pipe> {
        match self.look.look(&self.table) {
            Ok((found, outlook)) => Event::Scanned(found, outlook),
            Err(error) => {
                warn(&[b"unable to read directory"], error);
                Event::Unreadable
            }
        }
    }

    /// Makes a pipe, or finds the one that supervises of an earlier svscan, or their services, still have.
    fn make_pipe(&self, identity: Identity, supervises: [Option<i32>; 2]) -> Option<Event<Pipe>> {
        let name = self.table.service(identity)?.name();
        let [main, log] = [Role::Main, Role::Log].map(|role| self.left_behind(name, role));
        // What a service without a logger writes to may be a pipe, too: our own output, say.
        let is_log = |&pipe: &u64| inspect::had_logger(name) && pipes::inode(files::output()) != Some(pipe);
        let pipe = log.input.or(main.output.filter(is_log));
        let services = [&main, &log].map(|left| left.service.map(|service| service.pid));
        let holders = [supervises, services].into_iter().flat_map(|pids| pids.into_iter().zip([1, 0]));
        let mut holders = holders.filter_map(|(pid, number)| Some((pid?, number)));
        let left =
            pipe.and_then(|inode| holders.find_map(|(pid, number)| pipes::both_ends_of(pid, number, inode)));
        match left.map_or_else(pipes::new, Ok) {
            Ok(pipe) => {
                let inode = pipes::inode(&pipe.0);
                Some(Event::Piped(identity, pipe, [main.output == inode, log.input == inode]))
            }
            Err(error) => {
                warn(&[b"unable to create pipe for ", name.to_bytes()], error);
                None
            }
        }
    }

    fn left_behind(&self, name: &CStr, role: Role) -> Instance {
        inspect::left_behind(&inspect::directory(name, role), self.look.boot())
    }

    /// The supervise of an earlier svscan that keeps ours from starting, and was not to be seen at first.
    fn find_rival(&mut self, identity: Identity, role: Role) -> Option<i32> {
        let service = self.table.service(identity).filter(|service| service.has_failed(role))?;
        let pid = self.left_behind(service.name(), role).supervise?.pid;
        self.adopt(pid).then_some(pid)
    }

    fn start(&mut self, identity: Identity, role: Role, delay: Duration) -> Event<Pipe> {
        if let Some(pid) = self.find_rival(identity, role) {
            return Event::Started(identity, role, pid);
        }
        let Some(service) = self.table.service(identity) else { return Event::Refused(identity, role) };
        let (name, pipe) = (service.name(), service.pipe());
        let label = inspect::directory(name, role);
        let option = CString::new(format!("--delay={}", delay.as_secs_f64())).unwrap_or_default();
        let directory = match role {
            Role::Main => name,
            Role::Log => c"log",
        };
        let words: &[&CStr] =
            if delay.is_zero() { &[c"supervise", directory] } else { &[c"supervise", &option, directory] };
        let supervise = Prepared::command(words, &self.environment);
        match process::launch(|| self.become_supervise(&supervise, name, pipe, role)) {
            Ok(pid) => Event::Started(identity, role, pid),
            Err(error) => {
                warn(&[b"unable to fork for ", label.to_bytes()], error);
                Event::Refused(identity, role)
            }
        }
    }

    /// In a child: becomes supervise, or says why not.
    fn become_supervise(
        &self,
        supervise: &Prepared<'_>,
        name: &CStr,
        pipe: Option<&Pipe>,
        role: Role,
    ) -> Failure {
        self.become_child();
        let unable = |what: &[u8], whom: &[u8], error: Errno| {
            Failure::new(SYSTEM, warning(PROGRAM, &[b"unable to ", what, whom, b": ", error.bytes()]))
        };
        let label = || inspect::directory(name, role);
        let connected = match (pipe, role) {
            (None, _) => Ok(()),
            (Some((_, to_logger)), Role::Main) => files::become_descriptor(to_logger, 1),
            (Some((from_service, _)), Role::Log) => files::become_descriptor(from_service, 0),
        };
        if let Err(error) = connected {
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

    /// Gives a child what this process was given.
    fn become_child(&self) {
        self.signals.release(&[]);
        if let Some(soft) = self.open_files {
            let _ = limits::set_soft(limits::Resource::RLIMIT_NOFILE, soft);
        }
    }

    /// Watches over a supervise that is not a child, unless it has ended meanwhile.
    fn adopt(&mut self, pid: i32) -> bool {
        let number = u64::try_from(pid).unwrap_or(0);
        let adopted = Handle::open(pid).and_then(|handle| self.ready.add(&handle, number).map(|()| handle));
        adopted.map(|handle| self.adopted.insert(pid, handle)).is_ok()
    }

    /// How long a service may take to end, if it says so.
    fn grace(&self, pid: i32) -> Option<Event<Pipe>> {
        let (name, ..) = self.table.whereabouts(pid)?;
        let file = files::open_read(HERE, &inspect::below(name, Setting::TimeoutKill.file())).ok()?;
        let mut settings = Settings::default();
        settings.read(Setting::TimeoutKill, &files::read_all(&file).ok()?).ok()?;
        Some(Event::Grace(pid, settings.kill_timeout?))
    }

    /// Ends what services have left behind when the services themselves have ended, or have had their time; says whether
    /// nothing is left.
    fn end_orphans(&mut self) -> bool {
        if !self.table.is_draining() && !self.table.is_late() {
            return false;
        }
        let loggers = self.loggers();
        let mut left = process::children();
        left.retain(|pid| !self.table.knows(*pid) && !loggers.contains(pid));
        self.orphans.end(&left, clock::monotonic());
        left.is_empty()
    }

    /// The loggers that run. One has become our child if its supervise has died; the present one looks after it.
    fn loggers(&self) -> Vec<i32> {
        let names = self.table.supervises().filter(|(_, role)| *role == Role::Log).map(|(name, _)| name);
        let left = names.map(|name| self.left_behind(name, Role::Log));
        left.flat_map(|log| [log.service, log.finish]).flatten().map(|process| process.pid).collect()
    }

    /// Sends commands to a supervise. One that was just started may not hear them yet.
    fn tell(&mut self, pid: i32, commands: &'static [u8]) {
        self.tell_until(pid, commands, clock::monotonic() + PATIENCE);
    }

    fn tell_until(&mut self, pid: i32, commands: &'static [u8], until: Instant) {
        let Some((name, role, identity)) = self.table.whereabouts(pid) else { return };
        let identify = |path: &CStr| files::look(HERE, path).ok().flatten().map(|facts| facts.identity);
        let directory = inspect::directory(name, role);
        // Where it comes from: as long as it is there, it has not begun.
        let origin = match role {
            Role::Main => identify(c"."),
            Role::Log => Some(identity),
        };
        // The name may stand for another directory by now, or for none.
        let is_there = identify(name) == Some(identity);
        let cwd = CString::new(format!("/proc/{pid}/cwd")).unwrap_or_default();
        let told = (is_there && send_commands(&directory, commands))
            || (identify(&cwd) != origin && reach(pid, &cwd, commands));
        if !told && clock::monotonic() < until {
            self.untold.push((pid, commands, until));
        }
    }
}

/// Sends commands to the supervise of a service directory; says whether there is one that takes them.
fn send_commands(directory: &CStr, commands: &[u8]) -> bool {
    Directory::open(HERE, directory).is_ok_and(|directory| directory.control(&letters(commands)).is_ok())
}

/// Sends commands to a supervise, wherever its directory is by now; says whether it takes them.
fn reach(pid: i32, directory: &CStr, commands: &[u8]) -> bool {
    // If the directory was removed, the supervise still has the fifo.
    send_commands(directory, commands)
        || files::removed_of(pid, CONTROL)
            .is_some_and(|fifo| files::write_all(fifo.as_fd(), &letters(commands).bytes()).is_ok())
}

fn letters(commands: &[u8]) -> Letters {
    let mut letters = Letters::default();
    commands.iter().for_each(|&letter| letters.add(letter));
    letters
}

/// Warns of what the system refused.
pub(super) fn warn(what: &[&[u8]], error: Errno) {
    say(&warning(PROGRAM, &[&what.concat(), b": ", error.bytes()]));
}
