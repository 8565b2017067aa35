//! svscan's edge: watches the scan directory, starts supervises, buries children, and ends in good order.

use super::event::{Action, Ending, Event};
use super::guard::Guard;
use super::inspect;
use super::launch::{Launcher, Place};
use super::look::Look;
use super::messages::{PROGRAM, warn};
use super::orphans::{Orphans, Patience};
use super::pipe::Holding;
use super::role::Role;
use super::strays;
use super::table::Table;
use super::telling::Messenger;
use crate::exit::Exit;
use crate::file_id::FileId;
use crate::report::{Failure, warning};
use crate::service::instance::Instance;
use crate::signal::Signal;
use crate::supervise::event::Task;
use crate::supervise::leftovers;
use crate::supervise::run::LOOK_AGAIN;
use crate::supervise::settings::{LONGEST, Setting, Settings};
use crate::sys::files::{self, HERE};
use crate::sys::messages::say;
use crate::sys::poll::Many;
use crate::sys::process::Handle;
use crate::sys::signals::Inbox;
use crate::sys::startup;
use crate::sys::{Errno, clock, peek, pipes, process};
use crate::text::clean;
use std::collections::{BTreeMap, VecDeque};
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// What the descriptors that are waited for are numbered; processes have their own numbers.
const SIGNALS: u64 = u64::MAX;
const CHANGES: u64 = u64::MAX - 1;
const GUARDED: u64 = u64::MAX - 2;

/// What is still to be done about something that happened.
enum Step {
    Tell(Event<End>),
    Perform(Action),
}

/// An end of a pipe from a service to its logger.
type End = OwnedFd;

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
    let ordered = [Signal::ALRM, Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM];
    let needed = [Signal::CHLD, Signal::IO];
    let signals = Inbox::open_fresh(&[&ordered[..], &needed].concat()).map_err(unable(b"receive signals"))?;
    let ready = Many::new().map_err(unable(b"wait for anything"))?;
    ready.add(&signals, SIGNALS).map_err(unable(b"wait for signals"))?;
    process::gather_orphans();
    let mut svscan = Svscan::new(signals, ready, order.stagger);
    svscan.main();
    let Some(then) = order.then else { return Ok(0) };
    let error = svscan.launcher.become_program(then, &svscan.signals);
    Err(Failure::fatal(PROGRAM, &[b"unable to run ", then.to_bytes(), b": ", error.bytes()]))
}

struct Svscan<'a> {
    table: Table<End>,
    launcher: Launcher<'a>,
    signals: Inbox,
    ready: Many,
    look: Look,
    guard: Guard,
    /// Supervises that are not children.
    adopted: BTreeMap<i32, Handle>,
    orphans: Orphans,
    messenger: Messenger,
    /// Whether services that have no name were looked for.
    has_strays: bool,
}

impl<'a> Svscan<'a> {
    fn new(signals: Inbox, ready: Many, stagger: Duration) -> Self {
        Self {
            table: Table::new(clock::monotonic(), stagger),
            launcher: Launcher::new(startup::environment()),
            look: Look::new(&ready, CHANGES),
            guard: Guard::new(&ready, GUARDED),
            signals,
            ready,
            adopted: BTreeMap::new(),
            orphans: Orphans::default(),
            messenger: Messenger::default(),
            has_strays: false,
        }
    }

    fn main(&mut self) {
        loop {
            let now = clock::monotonic();
            let retry = self.messenger.deadline(now);
            let orphans = self.orphans.deadline(now);
            let guard = self.guard.deadline();
            let deadlines = [self.table.deadline(), self.look.deadline(now), retry, orphans, guard];
            let deadline = deadlines.into_iter().flatten().min();
            for number in self.ready.wait(now, deadline) {
                match number {
                    SIGNALS => self.handle_signals(),
                    CHANGES => self.look.note_changes(),
                    GUARDED => self.guard.note_changes(clock::monotonic()),
                    number => self.lose(number),
                }
            }
            self.look.watch_again(&self.table, clock::monotonic());
            if self.look.is_due(clock::monotonic()) {
                self.feed(Event::Changed);
            }
            let to_look = self.guard.look(&self.table, clock::monotonic());
            to_look.into_iter().for_each(|pid| self.signal(pid, LOOK_AGAIN));
            let untold = self.messenger.retry(&self.table);
            untold.into_iter().for_each(|pid| self.feed(Event::Untold(pid)));
            self.feed(Event::Deadline);
            if !self.has_strays && self.table.has_looked() {
                // What has a name is started first.
                self.has_strays = true;
                let strays = strays::find(&self.table, &mut self.look.holders);
                self.feed(Event::Strays(strays));
            }
            if self.table.is_ending() && self.end_orphans() && self.table.has_ended() {
                return;
            }
        }
    }

    fn signal(&self, pid: i32, signal: Signal) {
        match self.adopted.get(&pid) {
            Some(handle) => handle.send(signal),
            // A child keeps its number until it is buried.
            None => process::send(pid, signal),
        }
    }

    fn handle_signals(&mut self) {
        while let Some(signal) = self.signals.next() {
            match signal {
                Signal::CHLD => self.bury(),
                Signal::ALRM => self.feed(Event::Changed),
                Signal::HUP => {
                    self.feed(Event::Changed);
                    self.feed(Event::Sweep);
                }
                Signal::TERM | Signal::INT | Signal::QUIT => self.feed(Event::Shutdown),
                _ => {}
            }
        }
    }

    fn bury(&mut self) {
        while let Some(ended) = process::reap() {
            let how = match ended.how {
                Exit::Exited(0) => self.as_told(ended.pid),
                Exit::Exited(_) | Exit::Killed(_) | Exit::Unknown => Ending::Failed,
            };
            self.guard.forget(ended.pid);
            self.feed(Event::Ended(ended.pid, how));
        }
    }

    /// A supervise that is not a child has ended; nobody tells how.
    fn lose(&mut self, number: u64) {
        let Ok(pid) = i32::try_from(number) else { return };
        if self.adopted.remove(&pid).is_some() {
            self.guard.forget(pid);
            let place = self.table.whereabouts(pid).map(|(name, role, _)| inspect::directory(name, role));
            let is_untold = place.is_some_and(|directory| inspect::ended_untold(&directory));
            let how = if is_untold { Ending::Failed } else { self.as_told(pid) };
            self.feed(Event::Ended(pid, how));
        }
    }

    /// A supervise has ended as it was told to. Its logger may have been killed before it had read everything.
    fn as_told(&self, pid: i32) -> Ending {
        match self.table.draining(pid).map_or(0, pipes::unread) {
            0 => Ending::AsTold,
            bytes => Ending::Unread(bytes),
        }
    }

    /// Tells the table what happened, performs what it decides, and tells it what came of that.
    fn feed(&mut self, event: Event<End>) {
        let mut steps = VecDeque::from([Step::Tell(event)]);
        // What comes of one action is dealt with before the next, so that services start in order.
        while let Some(step) = steps.pop_front() {
            match step {
                Step::Tell(event) => {
                    let actions = self.table.handle(event, clock::monotonic());
                    actions.into_iter().rev().for_each(|action| steps.push_front(Step::Perform(action)));
                }
                Step::Perform(action) => {
                    let events = self.perform(&action);
                    events.into_iter().rev().for_each(|event| steps.push_front(Step::Tell(event)));
                }
            }
        }
    }

    /// Performs an action, and returns what came of it.
    fn perform(&mut self, action: &Action) -> Vec<Event<End>> {
        match *action {
            Action::Scan => return vec![self.scan()],
            Action::MakePipe(identity, supervises) => {
                return self.make_pipe(identity, supervises).into_iter().collect();
            }
            Action::Start(identity, role, task) => return self.start(identity, role, task),
            Action::Adopt(pid) if self.adopt(pid) => {}
            Action::Adopt(pid) => return vec![Event::Ended(pid, Ending::Failed)],
            Action::Stop(pid) => {
                let place = self.table.whereabouts(pid).map(|(name, role, _)| inspect::directory(name, role));
                // One that was told to end already may take it otherwise the second time.
                let is_told = place.is_some_and(|directory| inspect::was_told(&directory));
                self.messenger.tell(pid, if is_told { b"x" } else { b"dx" }, &self.table);
                let name = self.table.whereabouts(pid).map(|(name, ..)| name);
                return name.and_then(|name| grace(name, pid)).into_iter().collect();
            }
            Action::Drain(pid) => self.messenger.tell(pid, b"ox", &self.table),
            Action::Kill(pid) => self.messenger.tell(pid, b"dxk", &self.table),
            Action::Report(ref waiting) => {
                let text = clean(&waiting.text());
                say(&[PROGRAM.as_bytes(), b": ", text.as_bytes(), b"\n"].concat());
            }
            Action::Replace(pid) => self.signal(pid, Signal::KILL),
        }
        Vec::new()
    }

    fn scan(&mut self) -> Event<End> {
        match self.look.look(&self.table) {
            Ok(snapshot) => Event::Scanned(snapshot),
            Err(error) => {
                warn(&[b"unable to read directory"], error);
                Event::Unreadable
            }
        }
    }

    /// Makes a pipe, or finds the one that supervises of an earlier svscan, or their services, still have.
    fn make_pipe(&self, identity: FileId, supervises: [Option<i32>; 2]) -> Option<Event<End>> {
        let name = self.table.service(identity)?.name();
        let left = [Role::Main, Role::Log].map(|role| self.left_behind(name, role));
        let holding = Holding { name, supervises, left };
        match holding.find().map_or_else(pipes::new, Ok) {
            Ok(pipe) => {
                let have = holding.have(pipes::inode(&pipe.0));
                Some(Event::Piped(identity, pipe, have))
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
    fn find_rival(&mut self, identity: FileId, role: Role) -> Option<i32> {
        let service = self.table.service(identity).filter(|service| service.has_failed(role))?;
        self.look.holders.forget();
        let pid = self.look.holders.find(&inspect::directory(service.name(), role)).pid()?;
        (!self.table.knows(pid) && self.adopt(pid)).then_some(pid)
    }

    fn start(&mut self, identity: FileId, role: Role, task: Task) -> Vec<Event<End>> {
        if let Some(pid) = self.find_rival(identity, role) {
            return vec![Event::Met(identity, role, pid)];
        }
        let Some(service) = self.table.service(identity) else { return vec![Event::Refused(identity, role)] };
        // In the end nobody looks any more whether the names are what they were.
        let expected = self.table.is_ending().then_some(identity);
        let place = Place { name: service.name(), identity: expected, role, pipe: service.end_of_pipe(role) };
        let Some(pid) = self.launcher.start(&place, task, &self.signals) else {
            return vec![Event::Refused(identity, role)];
        };
        self.guard.add(pid, clock::monotonic());
        let grace = (task == Task::Stop).then(|| grace(service.name(), pid)).flatten();
        [Some(Event::Started(identity, role, pid)), grace].into_iter().flatten().collect()
    }

    /// Watches over a supervise that is not a child, unless it has ended meanwhile.
    fn adopt(&mut self, pid: i32) -> bool {
        let (Some(handle), Ok(number)) = (self.look.holders.take(pid), u64::try_from(pid)) else {
            return false;
        };
        let is_watched = self.ready.add(&handle, number).is_ok();
        if is_watched {
            self.adopted.insert(pid, handle);
            self.guard.add(pid, clock::monotonic());
        }
        is_watched
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
        match self.orphans.end(&left, clock::monotonic()) {
            Patience::Lasts => left.is_empty(),
            Patience::Over => true,
            Patience::Ends => {
                let left: Vec<_> = left.into_iter().filter_map(process::look).collect();
                let list = leftovers::list(&left);
                say(&warning(PROGRAM, &[b"services have left processes that do not end: ", list.as_bytes()]));
                true
            }
        }
    }

    /// The loggers that run. One has become our child if its supervise has died; the present one looks after it.
    fn loggers(&self) -> Vec<i32> {
        let left = self.table.logged().map(|name| self.left_behind(name, Role::Log));
        left.flat_map(|log| [log.service, log.finish]).flatten().map(|process| process.pid).collect()
    }
}

/// How long the service `name`, of which `pid` is a supervise, may take to end, if it says so.
fn grace(name: &CStr, pid: i32) -> Option<Event<End>> {
    let file = inspect::below(name, Setting::TimeoutKill.file());
    let mut settings = Settings::default();
    settings.read(Setting::TimeoutKill, &peek::whole(HERE, &file, LONGEST).ok()?).ok()?;
    Some(Event::Grace(pid, settings.kill_timeout?))
}
