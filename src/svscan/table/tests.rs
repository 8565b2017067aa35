//! The table against a scan directory that is a line of text, processes that are numbers, and a clock that stands
//! still unless it is told to go on.

mod adopting;
mod completing;
mod ending;
mod invariants;
mod looking;
mod starting;

use super::super::ending::GRACE;
use super::super::event::Completeness;
use super::super::pauses::{ABSENCE, AT_ONCE, PATIENCE};
use super::super::supervisor::SOON;
use super::*;
use crate::supervise::event::Task;

const SECOND: Duration = Duration::from_secs(1);

/// The directory with this number.
const fn id(number: u64) -> FileId {
    FileId::new(0, number)
}

/// A scan directory, the supervises that run, and a table that is told of both as svscan's edge tells it.
struct World {
    table: Table<u32>,
    base: Instant,
    now: Duration,
    /// What is in the directory; see [`World::found`].
    directory: String,
    is_readable: bool,
    outlook: Outlook,
    stability: Stability,
    refuse_starts: bool,
    refuse_pipes: bool,
    next_pid: i32,
    next_pipe: u32,
    running: BTreeMap<i32, (FileId, Role)>,
    /// Those that were given the pipe between a service and its logger.
    piped: Vec<i32>,
    /// Those that have been told to end, in one way or another.
    told: Vec<i32>,
    /// Those that end in the moment in which they are to be adopted.
    elusive: Vec<i32>,
    looks: usize,
    log: Vec<String>,
    /// What was said to be waited for.
    reports: Vec<String>,
}

impl World {
    fn new() -> Self {
        let base = Instant::now();
        Self {
            table: Table::new(base, Duration::ZERO),
            base,
            now: Duration::ZERO,
            directory: String::new(),
            is_readable: true,
            outlook: Outlook::Told,
            stability: Stability::Stable,
            refuse_starts: false,
            refuse_pipes: false,
            next_pid: 1,
            next_pipe: 7,
            running: BTreeMap::new(),
            piped: Vec::new(),
            told: Vec::new(),
            elusive: Vec::new(),
            looks: 0,
            log: Vec::new(),
            reports: Vec::new(),
        }
    }

    /// A world in which these directories were looked at, and in which all of them have run for a minute.
    fn running(names: &str) -> Self {
        let mut world = Self::new();
        world.look(names);
        world.pass(60 * SECOND);
        world.log.clear();
        world
    }

    fn now(&self) -> Instant {
        self.base + self.now
    }

    /// A look that finds `names`, and what came of it. `a1` is the name `a` for directory 1, `a1+` has a logger,
    /// `a1?` and `a1+?` are incomplete, `a1-` has a file `down`; `a!` cannot be examined.
    fn look(&mut self, names: &str) -> String {
        self.directory = names.to_string();
        self.tell(Event::Changed)
    }

    /// A supervise ends, and what came of that.
    fn dies(&mut self, pid: i32) -> String {
        self.tell(Event::Ended(pid, Ending::Failed))
    }

    fn exits(&mut self, pid: i32) -> String {
        self.tell(Event::Ended(pid, Ending::AsTold))
    }

    /// Tells the table what happened, performs what it decides, and says what that was.
    fn tell(&mut self, event: Event<u32>) -> String {
        self.feed(event);
        std::mem::take(&mut self.log).join(" ")
    }

    /// Another svscan takes the place of this one.
    fn crash(&mut self) {
        self.table = Table::new(self.now(), Duration::ZERO);
        self.told.clear();
    }

    /// Lets time pass, with every deadline on the way, and says what came of that.
    fn pass(&mut self, span: Duration) -> String {
        let end = self.now + span;
        while let Some(deadline) =
            self.table.deadline().filter(|&deadline| deadline <= self.base + end && !self.table.has_ended())
        {
            self.now = self.now.max(deadline.saturating_duration_since(self.base));
            self.feed(Event::Deadline);
            assert!(
                self.table.deadline().is_none_or(|next| next > self.now()),
                "a deadline that changes nothing, at {:?} in {:?}",
                self.now,
                self.directory
            );
        }
        self.now = end;
        std::mem::take(&mut self.log).join(" ")
    }

    /// The order is that of svscan's edge: what comes of an action is dealt with before the next.
    fn feed(&mut self, event: Event<u32>) {
        if let Event::Ended(pid, _) = event {
            self.running.remove(&pid);
            self.told.retain(|&told| told != pid);
        }
        for action in self.table.handle(event, self.now()) {
            if let Some(event) = self.perform(action) {
                self.feed(event);
            }
        }
    }

    fn perform(&mut self, action: Action) -> Option<Event<u32>> {
        let name = |world: &Self, identity: FileId| {
            world.table.service(identity).unwrap().name().to_str().unwrap().to_string()
        };
        match action {
            Action::Scan => {
                self.looks += 1;
                let snapshot = self.snapshot();
                return Some(if self.is_readable { Event::Scanned(snapshot) } else { Event::Unreadable });
            }
            Action::MakePipe(identity, supervises) => {
                let number = |pid: Option<i32>| pid.map_or("-".to_string(), |pid| pid.to_string());
                let of = match supervises {
                    [None, None] => String::new(),
                    [main, logger] => format!("@{},{}", number(main), number(logger)),
                };
                let refused = if self.refuse_pipes { "!" } else { "" };
                self.log.push(format!("pipe:{}{of}{refused}", name(self, identity)));
                if self.refuse_pipes {
                    return None;
                }
                self.next_pipe += 1;
                let have = supervises.map(|pid| pid.is_some_and(|pid| self.piped.contains(&pid)));
                let pipe = (self.next_pipe - 1, self.next_pipe - 1);
                return Some(Event::Piped(identity, pipe, have));
            }
            Action::Start(identity, role, task) => {
                let suffix = if role == Role::Log { "/log" } else { "" };
                let label = format!("{}{suffix}", name(self, identity));
                let only_ends = task == Task::Stop || role == Role::Log;
                assert!(only_ends || !self.table.is_ending(), "{label} is started although all is to end");
                if self.refuse_starts {
                    self.log.push(format!("{label}!"));
                    return Some(Event::Refused(identity, role));
                }
                let twin = self.running.iter().find(|(_, of)| **of == (identity, role));
                assert_eq!(twin, None, "a second supervise for {label}");
                let pid = self.next_pid;
                self.next_pid += 1;
                self.running.insert(pid, (identity, role));
                if self.table.service(identity).unwrap().end_of_pipe(role).is_some() {
                    self.piped.push(pid);
                }
                let task = match task {
                    Task::Run(Duration::ZERO) => String::new(),
                    Task::Run(delay) => format!("+{}", delay.as_secs()),
                    Task::Stop => {
                        self.told.push(pid);
                        " to end".to_string()
                    }
                };
                self.log.push(format!("{label}={pid}{task}"));
                return Some(Event::Started(identity, role, pid));
            }
            Action::Adopt(pid) => {
                self.log.push(format!("adopt:{pid}"));
                if self.elusive.contains(&pid) {
                    self.feed(Event::Ended(pid, Ending::Failed));
                }
            }
            Action::Stop(pid) => self.end("stop", pid),
            Action::Drain(pid) => self.end("drain", pid),
            Action::Kill(pid) => self.end("kill", pid),
            Action::Replace(pid) => self.end("replace", pid),
            Action::Report(waiting) => self.reports.push(String::from_utf8(waiting.text()).unwrap()),
        }
        None
    }

    fn end(&mut self, how: &str, pid: i32) {
        assert!(self.running.contains_key(&pid), "{how} to a stranger");
        self.log.push(format!("{how}:{pid}"));
        self.told.push(pid);
    }

    /// The services that run although the table does not know them. All of them were called `z`.
    fn find_strays(&mut self) -> String {
        let mut strays: BTreeMap<FileId, [Option<i32>; 2]> = BTreeMap::new();
        for (&pid, (identity, role)) in self.running.iter().filter(|(pid, _)| !self.table.knows(**pid)) {
            let [main, log] = strays.entry(*identity).or_default();
            *(if *role == Role::Main { main } else { log }) = Some(pid);
        }
        let found = |(identity, running)| {
            let (logging, completeness) = (Logging::Unlogged, Completeness::Complete);
            let (name, first_start) = (c"z".to_owned(), FirstStart::NotDue);
            Found { name, identity, logging, completeness, running, first_start }
        };
        self.tell(Event::Strays(strays.into_iter().map(found).collect()))
    }

    fn snapshot(&self) -> Snapshot {
        let odd = self.directory.split_whitespace().filter_map(|word| word.strip_suffix('!'));
        let unexamined = odd.map(|name| CString::new(name).unwrap()).collect();
        Snapshot { found: self.found(), unexamined, stability: self.stability, outlook: self.outlook }
    }

    /// What is in the directory; for a directory that the table does not know, with what still runs there.
    fn found(&self) -> Vec<Found> {
        let words = self.directory.split_whitespace().filter(|word| !word.ends_with('!'));
        let found = words.map(|word| {
            let completeness =
                if word.ends_with('?') { Completeness::Incomplete } else { Completeness::Complete };
            let word = word.trim_end_matches('?');
            let logging = if word.ends_with('+') { Logging::Logged } else { Logging::Unlogged };
            let first_start = if word.contains('-') { FirstStart::NotDue } else { FirstStart::Due };
            let (name, number) = word.trim_end_matches('+').trim_end_matches('-').split_at(1);
            let identity = id(number.parse().unwrap());
            let left = |role| {
                let mut running = self.running.iter();
                running.find(|(_, of)| **of == (identity, role)).map(|(&pid, _)| pid)
            };
            let is_new = self.table.service(identity).is_none();
            let running = if is_new { [left(Role::Main), left(Role::Log)] } else { [None; 2] };
            let name = CString::new(name).unwrap();
            Found { name, identity, logging, completeness, running, first_start }
        });
        found.collect()
    }

    /// The end of the pipe that is written to.
    fn pipe(&self, number: u64) -> Option<u32> {
        self.table.service(id(number))?.end_of_pipe(Role::Main).copied()
    }
}
