//! What svscan decides: which directories are services, and which supervise is to be started (CONTRACT.md 1.2).
//!
//! A service is a directory, not a name: two names for one directory are one service, and a service that is
//! renamed is the same. The pipe from a service to its logger lives as long as its entry here, through every
//! restart of either, so that nothing in it is lost.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, btree_map};
use std::ffi::CString;
use std::time::{Duration, Instant};

/// From the end of one look at the scan directory to the next.
const RESCAN: Duration = Duration::from_secs(5);

/// What makes a directory the one it is: device and inode.
pub type Identity = (u64, u64);

/// Which of the two supervises of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The service itself.
    Main,
    /// Its logger, in the directory `log`.
    Log,
}

/// Whether a service has a logger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logging {
    /// There is something called `log` in its directory.
    Logged,
    /// There is not.
    Unlogged,
}

/// A directory in the scan directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: CString,
    /// Which directory it is.
    pub identity: Identity,
    /// Whether it has a logger. Counts only when the service is new.
    pub logging: Logging,
}

/// What can happen. `P` is a pipe.
#[derive(Debug)]
pub enum Event<P> {
    /// The time for the next look has come.
    Deadline,
    /// The scan directory was read: its directories, in order. What is not among them is gone.
    Scanned(Vec<Found>),
    /// The scan directory could not be read.
    Unreadable,
    /// A pipe was made, as [`Action::MakePipe`] asked.
    PipeMade(Identity, P),
    /// A supervise was started, as [`Action::Start`] asked.
    Started(Identity, Role, i32),
    /// A child has ended.
    Ended(i32),
}

/// What is to be done, in order. An action that fails is asked for again after the next look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Read the scan directory.
    Scan,
    /// Make the pipe between a service and its logger.
    MakePipe(Identity),
    /// Start a supervise.
    Start(Identity, Role),
}

/// A service that svscan knows.
#[derive(Debug)]
pub struct Service<P> {
    name: CString,
    log: Log<P>,
    main: Option<i32>,
    logger: Option<i32>,
    listed: bool,
}

#[derive(Debug)]
enum Log<P> {
    None,
    /// With a logger, but the pipe to it is still to be made.
    Wanted,
    Piped(P),
}

impl<P> Service<P> {
    /// Its name at the last look.
    pub const fn name(&self) -> &CString {
        &self.name
    }

    /// The pipe to its logger, if it has one.
    pub const fn pipe(&self) -> Option<&P> {
        match &self.log {
            Log::Piped(pipe) => Some(pipe),
            Log::None | Log::Wanted => None,
        }
    }

    /// What it lacks.
    fn missing(&self, identity: Identity) -> impl Iterator<Item = Action> {
        let start = |role| Action::Start(identity, role);
        let (pipe, main, logger) = match &self.log {
            Log::None => (None, Some(Role::Main), None),
            Log::Wanted => (Some(Action::MakePipe(identity)), None, None),
            Log::Piped(_) => (None, Some(Role::Main), Some(Role::Log)),
        };
        let main = main.filter(|_| self.main.is_none()).map(start);
        let logger = logger.filter(|_| self.logger.is_none()).map(start);
        pipe.into_iter().chain(main).chain(logger)
    }
}

/// All services that svscan knows.
#[derive(Debug)]
pub struct Table<P> {
    services: BTreeMap<Identity, Service<P>>,
    next_look: Instant,
}

impl<P> Table<P> {
    /// Knows nothing yet; the first look is due at once.
    pub const fn new(now: Instant) -> Self {
        Self { services: BTreeMap::new(), next_look: now }
    }

    /// When [`Event::Deadline`] is due.
    pub const fn deadline(&self) -> Instant {
        self.next_look
    }

    /// A service by its identity.
    pub fn service(&self, identity: Identity) -> Option<&Service<P>> {
        self.services.get(&identity)
    }

    /// Takes note of what happened and decides what to do.
    pub fn handle(&mut self, event: Event<P>, now: Instant) -> Vec<Action> {
        match event {
            Event::Deadline if self.next_look <= now => vec![Action::Scan],
            Event::Deadline => Vec::new(),
            Event::Scanned(found) => {
                self.next_look = now + RESCAN;
                self.compare(found)
            }
            Event::Unreadable => {
                self.next_look = now + RESCAN;
                Vec::new()
            }
            Event::PipeMade(identity, pipe) => match self.services.get_mut(&identity) {
                Some(service) => {
                    service.log = Log::Piped(pipe);
                    service.missing(identity).collect()
                }
                None => Vec::new(),
            },
            Event::Started(identity, role, pid) => {
                if let Some(service) = self.services.get_mut(&identity) {
                    match role {
                        Role::Main => service.main = Some(pid),
                        Role::Log => service.logger = Some(pid),
                    }
                }
                Vec::new()
            }
            Event::Ended(pid) => {
                self.bury(pid);
                Vec::new()
            }
        }
    }

    /// Enters what is new, starts what is missing, forgets what is gone.
    fn compare(&mut self, found: Vec<Found>) -> Vec<Action> {
        self.services.values_mut().for_each(|service| service.listed = false);
        let mut actions = Vec::new();
        for Found { name, identity, logging } in found {
            let service = match self.services.entry(identity) {
                // A second name for the same directory.
                btree_map::Entry::Occupied(known) if known.get().listed => continue,
                btree_map::Entry::Occupied(known) => {
                    let service = known.into_mut();
                    service.name = name;
                    service.listed = true;
                    service
                }
                btree_map::Entry::Vacant(place) => {
                    let log = match logging {
                        Logging::Logged => Log::Wanted,
                        Logging::Unlogged => Log::None,
                    };
                    place.insert(Service { name, log, main: None, logger: None, listed: true })
                }
            };
            actions.extend(service.missing(identity));
        }
        self.services
            .retain(|_, service| service.listed || service.main.is_some() || service.logger.is_some());
        actions
    }

    fn bury(&mut self, pid: i32) {
        for service in self.services.values_mut() {
            for place in [&mut service.main, &mut service.logger] {
                if *place == Some(pid) {
                    *place = None;
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table that is told by words and answers in words.
    struct World {
        table: Table<u32>,
        now: Instant,
        next_pid: i32,
        log: Vec<String>,
    }

    impl World {
        fn new() -> Self {
            let now = Instant::now();
            Self { table: Table::new(now), now, next_pid: 1, log: Vec::new() }
        }

        /// A look that finds `names`: `a1` is the name `a` for directory 1, `a1+` has a logger.
        fn look(&mut self, names: &str) -> String {
            let found = names.split_whitespace().map(|word| {
                let logging = if word.ends_with('+') { Logging::Logged } else { Logging::Unlogged };
                let word = word.trim_end_matches('+');
                let (name, number) = word.split_at(1);
                Found { name: CString::new(name).unwrap(), identity: (0, number.parse().unwrap()), logging }
            });
            self.tell(Event::Scanned(found.collect()))
        }

        /// Tells the table, and performs what it asks for: children are numbered 1, 2, ...
        fn tell(&mut self, event: Event<u32>) -> String {
            self.perform(event);
            std::mem::take(&mut self.log).join(" ")
        }

        fn perform(&mut self, event: Event<u32>) {
            for action in self.table.handle(event, self.now) {
                match action {
                    Action::Scan => self.log.push("scan".to_string()),
                    Action::MakePipe(identity) => {
                        self.log.push(format!("pipe:{}", identity.1));
                        self.perform(Event::PipeMade(identity, 7));
                    }
                    Action::Start(identity, role) => {
                        let name = self.table.service(identity).unwrap().name().to_str().unwrap().to_string();
                        let suffix = if role == Role::Log { "/log" } else { "" };
                        self.log.push(format!("{name}{suffix}={}", self.next_pid));
                        self.perform(Event::Started(identity, role, self.next_pid));
                        self.next_pid += 1;
                    }
                }
            }
        }
    }

    #[test]
    fn services_start_in_the_order_of_the_directory_and_once() {
        let mut world = World::new();
        assert_eq!(world.look("b2 a1+"), "b=1 pipe:1 a=2 a/log=3");
        assert_eq!(world.look("b2 a1+"), "");
    }

    #[test]
    fn a_dead_supervise_is_started_again_on_the_same_pipe() {
        let mut world = World::new();
        world.look("a1+");
        assert_eq!(world.tell(Event::Ended(1)), "");
        assert_eq!(world.look("a1+"), "a=3");
        world.tell(Event::Ended(2));
        assert_eq!(world.look("a1+"), "a/log=4");
        world.tell(Event::Ended(3));
        world.tell(Event::Ended(4));
        assert_eq!(world.look("a1+"), "a=5 a/log=6");
    }

    #[test]
    fn two_names_for_a_directory_are_one_service() {
        let mut world = World::new();
        assert_eq!(world.look("a1 b1"), "a=1");
        assert_eq!(world.look("b1 a1"), "");
        world.tell(Event::Ended(1));
        assert_eq!(world.look("b1 a1"), "b=2");
    }

    #[test]
    fn a_renamed_service_goes_on() {
        let mut world = World::new();
        world.look("a1");
        assert_eq!(world.look("b1"), "");
        world.tell(Event::Ended(1));
        assert_eq!(world.look("b1"), "b=2");
    }

    #[test]
    fn a_vanished_service_is_forgotten_when_both_supervises_have_ended() {
        let mut world = World::new();
        world.look("a1+");
        world.look("");
        world.tell(Event::Ended(1));
        assert_eq!(world.look(""), "");
        assert!(world.table.service((0, 1)).is_some());
        world.tell(Event::Ended(2));
        world.look("");
        assert!(world.table.service((0, 1)).is_none());
        assert_eq!(world.look("a1"), "a=3");
    }

    #[test]
    fn an_unreadable_directory_forgets_nothing() {
        let mut world = World::new();
        world.look("a1");
        world.tell(Event::Ended(1));
        assert_eq!(world.tell(Event::Unreadable), "");
        assert!(world.table.service((0, 1)).is_some());
    }

    #[test]
    fn what_failed_is_asked_for_again_at_the_next_look() {
        let mut table: Table<u32> = Table::new(Instant::now());
        let a = |logging| Event::Scanned(vec![Found { name: c"a".into(), identity: (0, 1), logging }]);
        let pipe = vec![Action::MakePipe((0, 1))];
        assert_eq!(table.handle(a(Logging::Logged), Instant::now()), pipe);
        assert_eq!(table.handle(a(Logging::Logged), Instant::now()), pipe);
        let start = |role| Action::Start((0, 1), role);
        let both = vec![start(Role::Main), start(Role::Log)];
        assert_eq!(table.handle(Event::PipeMade((0, 1), 7), Instant::now()), both);
        table.handle(Event::Started((0, 1), Role::Log, 5), Instant::now());
        assert_eq!(table.handle(a(Logging::Logged), Instant::now()), vec![start(Role::Main)]);
    }

    #[test]
    fn there_is_a_look_every_five_seconds() {
        let mut world = World::new();
        assert_eq!(world.tell(Event::Deadline), "scan");
        world.look("");
        world.now += Duration::from_secs(4);
        assert_eq!(world.tell(Event::Deadline), "");
        world.now += Duration::from_secs(1);
        assert_eq!(world.table.deadline(), world.now);
        assert_eq!(world.tell(Event::Deadline), "scan");
    }

    #[test]
    fn strangers_that_end_change_nothing() {
        let mut world = World::new();
        world.look("a1");
        world.tell(Event::Ended(999));
        assert_eq!(world.look("a1"), "");
    }
}
