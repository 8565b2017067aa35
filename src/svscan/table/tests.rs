//! The table against a scan directory that is a line of text, processes that are numbers, and a clock that stands
//! still unless it is told to go on.

use super::super::ending::GRACE;
use super::super::service::SOON;
use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// A scan directory, the supervises that run, and a table that is told of both as svscan's edge tells it.
struct World {
    table: Table<u32>,
    base: Instant,
    now: Duration,
    /// What is in the directory; see [`World::found`].
    directory: String,
    is_readable: bool,
    outlook: Outlook,
    refuse_starts: bool,
    refuse_pipes: bool,
    next_pid: i32,
    next_pipe: u32,
    running: BTreeMap<i32, (Identity, Role)>,
    /// Those that have been told to end, in one way or another.
    told: Vec<i32>,
    /// Those that end in the moment in which they are to be adopted.
    elusive: Vec<i32>,
    looks: usize,
    log: Vec<String>,
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
            refuse_starts: false,
            refuse_pipes: false,
            next_pid: 1,
            next_pipe: 7,
            running: BTreeMap::new(),
            told: Vec::new(),
            elusive: Vec::new(),
            looks: 0,
            log: Vec::new(),
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
    /// `a1?` and `a1+?` are incomplete, `a1-` has a file `down`.
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
        let name = |world: &Self, identity: Identity| {
            world.table.service(identity).unwrap().name().to_str().unwrap().to_string()
        };
        match action {
            Action::Scan => {
                self.looks += 1;
                let found = self.found();
                return Some(if self.is_readable {
                    Event::Scanned(found, self.outlook)
                } else {
                    Event::Unreadable
                });
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
                return Some(Event::Piped(identity, self.next_pipe - 1));
            }
            Action::Start(identity, role, delay) => {
                let suffix = if role == Role::Log { "/log" } else { "" };
                let label = format!("{}{suffix}", name(self, identity));
                assert!(!self.table.is_ending(), "{label} is started although all is to end");
                if self.refuse_starts {
                    self.log.push(format!("{label}!"));
                    return Some(Event::Refused(identity, role));
                }
                let twin = self.running.iter().find(|(_, of)| **of == (identity, role));
                assert_eq!(twin, None, "a second supervise for {label}");
                let pid = self.next_pid;
                self.next_pid += 1;
                self.running.insert(pid, (identity, role));
                let delay = if delay.is_zero() { String::new() } else { format!("+{}", delay.as_secs()) };
                self.log.push(format!("{label}={pid}{delay}"));
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
        }
        None
    }

    fn end(&mut self, how: &str, pid: i32) {
        assert!(self.running.contains_key(&pid), "{how} to a stranger");
        self.log.push(format!("{how}:{pid}"));
        self.told.push(pid);
    }

    /// What is in the directory; for a directory that the table does not know, with what still runs there.
    fn found(&self) -> Vec<Found> {
        let found = self.directory.split_whitespace().map(|word| {
            let completeness =
                if word.ends_with('?') { Completeness::Incomplete } else { Completeness::Complete };
            let word = word.trim_end_matches('?');
            let logging = if word.ends_with('+') { Logging::Logged } else { Logging::Unlogged };
            let first_start = if word.contains('-') { FirstStart::NotDue } else { FirstStart::Due };
            let (name, number) = word.trim_end_matches('+').trim_end_matches('-').split_at(1);
            let identity = (0, number.parse().unwrap());
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

    fn pipe(&self, number: u64) -> Option<u32> {
        self.table.service((0, number)).and_then(Service::pipe).copied()
    }
}

#[test]
fn services_start_in_the_order_of_the_directory_and_once() {
    let mut world = World::new();
    assert_eq!(world.look("b2 a1+"), "b=1 pipe:a a=2 a/log=3");
    assert_eq!(world.look("b2 a1+"), "");
    assert_eq!(world.pass(60 * SECOND), "");
}

#[test]
fn the_first_look_is_due_at_once() {
    let mut world = World::new();
    world.directory = "a1".to_string();
    assert_eq!(world.pass(Duration::ZERO), "a=1");
}

#[test]
fn a_supervise_that_dies_is_back_at_once_on_the_same_pipe() {
    let mut world = World::running("a1+");
    let pipe = world.pipe(1);
    assert!(pipe.is_some());
    assert_eq!(world.dies(1), "a=3");
    assert_eq!(world.dies(2), "a/log=4");
    world.pass(SECOND);
    assert_eq!((world.dies(3), world.dies(4)), ("a=5".to_string(), "a/log=6".to_string()));
    assert_eq!(world.pipe(1), pipe);
}

#[test]
fn a_supervise_that_fails_at_once_is_back_later_and_later() {
    let mut world = World::new();
    world.look("a1");
    for (pid, pause) in [(1, 100), (2, 1000), (3, 5000), (4, 5000), (5, 5000)] {
        let pause = Duration::from_millis(pause);
        assert_eq!(world.dies(pid), "");
        assert_eq!(world.pass(pause - Duration::from_millis(1)), "", "after failure {pid}");
        assert_eq!(world.pass(Duration::from_millis(1)), format!("a={}", pid + 1));
    }
    // One that has not failed at once is the end of the series.
    world.pass(SECOND);
    assert_eq!(world.dies(6), "a=7");
    assert_eq!(world.dies(7), "");
    assert_eq!(world.pass(SOON), "a=8");
}

#[test]
fn the_failures_of_one_supervise_do_not_delay_the_other() {
    let mut world = World::new();
    world.look("a1+");
    for (pid, pause) in [(1, SOON), (3, AT_ONCE), (4, ABSENCE)] {
        world.dies(pid);
        world.pass(pause);
    }
    assert_eq!(world.dies(2), "a/log=6");
}

#[test]
fn a_supervise_that_was_told_to_exit_stays_away_for_five_seconds() {
    let mut world = World::running("a1+");
    assert_eq!(world.exits(1), "");
    assert_eq!(world.pass(SECOND * 4), "");
    // Nor does a look bring it back before.
    assert_eq!(world.look("a1+"), "");
    assert_eq!(world.pass(SECOND), "a=3");
    assert_eq!(world.exits(2), "");
    assert_eq!(world.exits(3), "");
    assert_eq!(world.pass(SECOND * 5), "a=4 a/log=5");
}

#[test]
fn a_supervise_that_was_told_to_exit_never_comes_back_when_its_directory_is_gone() {
    let mut world = World::running("a1");
    world.exits(1);
    world.look("");
    assert_eq!(world.pass(60 * SECOND), "");
    assert_eq!(world.look("a1"), "a=2", "and if it comes back it is a new one");
}

#[test]
fn two_names_for_a_directory_are_one_service() {
    let mut world = World::running("");
    assert_eq!(world.look("a1 b1"), "a=1");
    assert_eq!(world.look("b1 a1"), "");
    world.pass(SECOND);
    assert_eq!(world.dies(1), "b=2");
}

#[test]
fn a_renamed_service_goes_on() {
    let mut world = World::running("a1");
    assert_eq!(world.look("b1"), "");
    assert_eq!(world.dies(1), "b=2");
}

#[test]
fn a_vanished_service_is_forgotten_when_both_supervises_have_ended() {
    let mut world = World::running("a1+");
    assert_eq!(world.look(""), "", "its supervises are not told");
    assert_eq!(world.dies(1), "");
    assert!(world.table.service((0, 1)).is_some());
    assert_eq!(world.dies(2), "");
    assert!(world.table.service((0, 1)).is_none());
    assert_eq!(world.look("a1+"), "pipe:a a=3 a/log=4");
}

#[test]
fn a_service_that_vanished_for_a_moment_goes_on() {
    let mut world = World::running("a1+");
    let pipe = world.pipe(1);
    world.look("");
    world.dies(1);
    assert_eq!(world.look("a1+"), "a=3");
    assert_eq!(world.pipe(1), pipe);
}

#[test]
fn an_unreadable_directory_forgets_nothing() {
    let mut world = World::running("a1+");
    world.is_readable = false;
    assert_eq!(world.look(""), "");
    assert_eq!(world.dies(1), "a=3", "and what was known goes on");
    assert_eq!(world.pass(60 * SECOND), "");
    world.is_readable = true;
    assert_eq!(world.look("a1+"), "");
}

#[test]
fn there_is_a_look_every_five_seconds_if_nobody_tells_of_changes() {
    let mut world = World::new();
    world.outlook = Outlook::Untold;
    world.pass(Duration::ZERO);
    assert_eq!(world.looks, 1);
    world.pass(SECOND * 4);
    assert_eq!(world.looks, 1);
    world.pass(SECOND);
    assert_eq!(world.looks, 2);
    world.is_readable = false;
    world.pass(SECOND * 10);
    assert_eq!(world.looks, 4);
}

#[test]
fn there_is_a_look_every_five_minutes_if_changes_are_told() {
    let mut world = World::new();
    world.pass(SECOND * 299);
    assert_eq!(world.looks, 1);
    world.pass(SECOND);
    assert_eq!(world.looks, 2);
}

#[test]
fn a_look_that_something_asked_for_delays_the_next() {
    let mut world = World::new();
    world.outlook = Outlook::Untold;
    world.pass(SECOND * 4);
    world.look("");
    let looks = world.looks;
    world.pass(SECOND * 4);
    assert_eq!(world.looks, looks);
    world.pass(SECOND);
    assert_eq!(world.looks, looks + 1);
}

#[test]
fn first_starts_at_boot_keep_their_distance_in_the_order_of_the_directory() {
    let mut world = World::new();
    world.table = Table::new(world.base, SECOND * 3);
    assert_eq!(world.look("a1 b2-+ c3+ d4?"), "a=1 pipe:b b=2 b/log=3 pipe:c c=4+3 c/log=5");
    world.pass(SECOND);
    assert_eq!(world.look("a1 b2-+ c3+ d4"), "d=6+5", "what is late keeps its place");
    assert_eq!(world.dies(4), "c=7+2");
    world.pass(SECOND * 2);
    assert_eq!(world.dies(7), "c=8");
    assert_eq!(world.look("a1 b2-+ c3+ d4 e5 f6"), "e=9 f=10", "and what is new has none");
}

#[test]
fn an_incomplete_service_waits_until_it_is_complete() {
    let mut world = World::new();
    assert_eq!(world.look("a1? b2"), "b=1");
    assert!(world.table.service((0, 1)).unwrap().is_awaited());
    assert_eq!(world.pass(SECOND), "");
    assert_eq!(world.look("a1 b2"), "a=2");
    assert!(!world.table.service((0, 1)).unwrap().is_awaited());
}

#[test]
fn an_incomplete_service_with_a_logger_waits_for_both() {
    let mut world = World::new();
    assert_eq!(world.look("a1?"), "");
    world.pass(SECOND);
    assert_eq!(world.look("a1+?"), "");
    world.pass(SECOND);
    assert_eq!(world.look("a1+"), "pipe:a a=1 a/log=2");
}

#[test]
fn a_service_that_remains_incomplete_is_started_after_five_seconds_as_it_is() {
    let mut world = World::new();
    world.look("a1? b2+?");
    assert_eq!(world.pass(SECOND * 5 - Duration::from_millis(1)), "");
    assert_eq!(world.pass(Duration::from_millis(1)), "a=1 pipe:b b=2 b/log=3");
}

/// Another look may have come in between: what counts is when it was first seen.
#[test]
fn the_patience_with_an_incomplete_service_is_not_prolonged() {
    let mut world = World::new();
    world.look("a1+?");
    world.pass(SECOND * 3);
    assert_eq!(world.look("a1+?"), "");
    assert_eq!(world.pass(SECOND * 2), "pipe:a a=1 a/log=2");
}

#[test]
fn a_service_that_is_broken_later_is_not_waited_for() {
    let mut world = World::running("a1");
    assert_eq!(world.look("a1?"), "");
    assert_eq!(world.dies(1), "a=2");
}

#[test]
fn an_incomplete_service_that_vanishes_is_forgotten() {
    let mut world = World::new();
    world.look("a1?");
    world.look("");
    assert!(world.table.service((0, 1)).is_none());
    assert_eq!(world.pass(60 * SECOND), "");
}

#[test]
fn a_late_logger_is_taken_up_by_a_new_supervise_of_the_same_service() {
    let mut world = World::running("a1");
    assert_eq!(world.look("a1+"), "pipe:a a/log=2 replace:1");
    let pipe = world.pipe(1);
    assert!(pipe.is_some());
    assert_eq!(world.look("a1+"), "", "once");
    assert_eq!(world.dies(1), "a=3");
    assert_eq!(world.pipe(1), pipe);
}

#[test]
fn a_late_logger_waits_until_it_is_complete() {
    let mut world = World::running("a1");
    assert_eq!(world.look("a1+?"), "");
    assert_eq!(world.dies(1), "a=2", "that does not delay the service");
    world.pass(SECOND);
    assert_eq!(world.look("a1+"), "pipe:a a/log=3 replace:2");
}

#[test]
fn a_late_logger_that_remains_incomplete_is_started_as_it_is() {
    let mut world = World::running("a1");
    world.look("a1+?");
    // The look that may be due just before finds it incomplete, too.
    let done = format!("{} {}", world.pass(SECOND * 5), world.pass(SECOND * 5));
    assert_eq!(done.trim(), "pipe:a a/log=2 replace:1");
}

#[test]
fn a_late_logger_of_a_service_whose_supervise_is_away_needs_no_replacement() {
    let mut world = World::running("a1");
    world.exits(1);
    assert_eq!(world.look("a1+"), "pipe:a a/log=2");
    assert_eq!(world.pass(ABSENCE), "a=3");
}

#[test]
fn supervises_that_an_earlier_svscan_left_running_are_adopted() {
    let mut world = World::running("b1 a2+");
    world.crash();
    assert_eq!(world.look("b1 a2+"), "adopt:1 adopt:2 adopt:3 pipe:a@2,3");
    assert_eq!(world.pass(60 * SECOND), "");
    assert_eq!(world.dies(1), "b=4");
    assert_eq!(world.dies(2), "a=5");
}

#[test]
fn the_supervise_that_is_missing_is_started_on_the_pipe_of_the_other() {
    let mut world = World::running("a1+");
    world.crash();
    world.running.remove(&1);
    assert_eq!(world.look("a1+"), "adopt:2 pipe:a@-,2 a=3");
    world.pass(SECOND);
    world.crash();
    world.running.remove(&2);
    assert_eq!(world.look("a1+"), "adopt:3 pipe:a@3,- a/log=4");
}

#[test]
fn what_runs_already_is_not_waited_for() {
    let mut world = World::running("a1+");
    world.crash();
    assert_eq!(world.look("a1+?"), "adopt:1 adopt:2 pipe:a@1,2");
}

#[test]
fn a_supervise_that_ends_in_the_moment_of_its_adoption_is_started_again_on_the_one_pipe() {
    let mut world = World::running("a1+");
    world.crash();
    world.elusive = vec![1];
    let first = world.next_pipe;
    world.look("a1+");
    assert_eq!(world.pipe(1), Some(first), "it may be asked for twice, but there is only one");
    assert_eq!(world.pass(SOON), "a=3");
}

#[test]
fn a_vanished_service_whose_logger_was_adopted_while_it_was_incomplete_waits_for_nothing() {
    let mut world = World::running("a1+");
    world.crash();
    world.running.remove(&1);
    world.look("a1+?");
    world.look("");
    assert_eq!(world.pass(60 * SECOND), "");
}

#[test]
fn a_refused_pipe_is_asked_for_again() {
    let mut world = World::new();
    world.refuse_pipes = true;
    assert_eq!(world.look("b2 a1+"), "b=1 pipe:a!");
    assert_eq!(world.look("b2 a1+"), "", "but not at every opportunity");
    world.refuse_pipes = false;
    assert_eq!(world.pass(ABSENCE), "pipe:a a=2 a/log=3");
}

#[test]
fn a_refused_pipe_for_a_late_logger_leaves_the_service_alone() {
    let mut world = World::running("a1");
    world.refuse_pipes = true;
    assert_eq!(world.look("a1+"), "pipe:a!");
    world.refuse_pipes = false;
    assert_eq!(world.pass(ABSENCE), "pipe:a a/log=2 replace:1");
}

#[test]
fn a_refused_start_is_asked_for_again() {
    let mut world = World::new();
    world.refuse_starts = true;
    assert_eq!(world.look("a1+"), "pipe:a a! a/log!");
    assert_eq!(world.pass(SECOND * 4), "");
    world.refuse_starts = false;
    assert_eq!(world.pass(SECOND), "a=1 a/log=2");
}

#[test]
fn a_sweep_stops_the_vanished_only() {
    let mut world = World::running("a1 b2 c3");
    world.look("a1");
    assert_eq!(world.tell(Event::Sweep), "stop:2 stop:3");
    world.exits(2);
    world.exits(3);
    assert_eq!(world.pass(60 * SECOND), "");
    assert!(world.table.service((0, 2)).is_none());
}

#[test]
fn a_sweep_ends_a_logger_after_its_service() {
    let mut world = World::running("a1+ b2+");
    world.look("b2+");
    assert_eq!(world.tell(Event::Sweep), "stop:1");
    assert_eq!(world.exits(1), "drain:2");
    assert_eq!(world.pipe(1), None, "or the logger would never come to the end of its input");
    world.exits(2);
    assert!(world.table.service((0, 1)).is_none());
}

#[test]
fn a_sweep_ends_a_logger_whose_service_has_ended_before() {
    let mut world = World::running("a1+");
    world.look("");
    world.exits(1);
    assert_eq!(world.tell(Event::Sweep), "drain:2");
}

#[test]
fn in_the_end_the_services_stop_first_and_then_their_loggers() {
    let mut world = World::running("a1 b2+ c3+");
    assert_eq!(world.tell(Event::Shutdown), "stop:1 stop:2 stop:4");
    assert!(world.table.is_ending() && !world.table.has_ended());
    assert_eq!(world.exits(1), "");
    assert_eq!(world.exits(2), "drain:3");
    assert_eq!(world.pipe(2), None, "or the logger would never come to the end of its input");
    assert_eq!(world.exits(4), "drain:5");
    assert_eq!(world.exits(3), "");
    assert!(!world.table.has_ended());
    assert_eq!(world.exits(5), "");
    assert!(world.table.has_ended());
}

#[test]
fn in_the_end_a_logger_without_its_service_is_drained_at_once() {
    let mut world = World::running("a1+");
    world.exits(1);
    assert_eq!(world.tell(Event::Shutdown), "drain:2");
    assert_eq!(world.pipe(1), None);
}

#[test]
fn in_the_end_nothing_is_started() {
    let mut world = World::running("a1+ b2?");
    world.look("a1+ b2? c3?");
    world.tell(Event::Shutdown);
    assert_eq!(world.look("a1+ b2 c3 d4"), "");
    assert_eq!(world.dies(1), "drain:2");
    assert_eq!(world.dies(2), "");
    assert_eq!(world.pass(SECOND * 9), "");
}

#[test]
fn in_the_end_vanished_services_stop_too() {
    let mut world = World::running("a1+");
    world.look("");
    assert_eq!(world.tell(Event::Shutdown), "stop:1");
    assert_eq!(world.exits(1), "drain:2");
}

#[test]
fn what_does_not_end_within_ten_seconds_is_killed_again_and_again() {
    let mut world = World::running("a1 b2+");
    world.tell(Event::Shutdown);
    assert_eq!(world.pass(GRACE - Duration::from_millis(1)), "");
    assert_eq!(world.pass(Duration::from_millis(1)), "kill:1 kill:2");
    assert_eq!(world.pass(SECOND - Duration::from_millis(1)), "");
    world.exits(1);
    assert_eq!(world.pass(Duration::from_millis(1)), "kill:2");
}

/// What a service has written until it was killed is still in the pipe.
#[test]
fn a_logger_has_another_second_when_its_service_was_killed() {
    let mut world = World::running("a1+");
    world.tell(Event::Shutdown);
    assert_eq!(world.pass(GRACE), "kill:1");
    assert_eq!(world.exits(1), "drain:2");
    assert_eq!(world.pass(SECOND), "");
    assert_eq!(world.pass(SECOND), "kill:2");
}

#[test]
fn a_supervise_that_goes_on_without_its_service_is_ended_itself() {
    let mut world = World::running("a1+");
    world.tell(Event::Shutdown);
    assert_eq!(world.pass(GRACE + SECOND * 5), ["kill:1"; 6].join(" "));
    assert_eq!(world.pass(SECOND), "replace:1");
    assert_eq!(world.dies(1), "drain:2");
    assert_eq!(world.pass(SECOND * 7), ["kill:2"; 6].join(" "));
    assert_eq!(world.pass(SECOND), "replace:2");
    world.dies(2);
    assert!(world.table.has_ended());
}

#[test]
fn a_service_that_needs_longer_has_longer() {
    let mut world = World::running("a1 b2");
    world.tell(Event::Shutdown);
    world.tell(Event::Grace(2, SECOND * 14));
    assert_eq!(world.pass(GRACE), "kill:1");
    world.dies(1);
    assert_eq!(world.pass(SECOND * 3), "");
    assert!(!world.table.is_late());
    assert_eq!(world.pass(SECOND), "kill:2");
    assert!(world.table.is_late());
}

#[test]
fn a_second_shutdown_changes_nothing() {
    let mut world = World::running("a1");
    world.tell(Event::Shutdown);
    world.pass(SECOND * 6);
    assert_eq!(world.tell(Event::Shutdown), "");
    assert_eq!(world.pass(SECOND * 4), "kill:1", "ten seconds after the first");
}

#[test]
fn without_services_the_end_comes_at_once() {
    let mut world = World::running("a1?");
    assert!(!world.table.has_ended());
    world.look("");
    world.dies(1);
    world.tell(Event::Shutdown);
    assert!(world.table.has_ended());
}

#[test]
fn strangers_that_end_change_nothing() {
    let mut world = World::running("a1");
    assert_eq!(world.dies(999), "");
    assert_eq!(world.look("a1"), "");
}

#[derive(Debug, Clone)]
enum Step {
    /// A look that finds these.
    Look(String),
    /// One of the supervises that run ends.
    Ends(proptest::sample::Index, bool),
    /// All that were told to end do.
    Obey,
    Refuse(bool, bool),
    Readable(bool),
    Pass(u64),
    Crash,
    Sweep,
    Shutdown,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let service = |number: usize| {
        proptest::sample::select(vec!["", "", "?", "+", "+?"]).prop_flat_map(move |flags| {
            let name = ["a", "b", "c"][number - 1];
            prop_oneof![
                3 => Just(format!("{name}{number}{flags}")),
                1 => Just(format!("{name}{number}{flags} z{number}{flags}")),
                2 => Just(String::new()),
            ]
        })
    };
    let look = (service(1), service(2), service(3)).prop_map(|(a, b, c)| Step::Look(format!("{a} {b} {c}")));
    let step = prop_oneof![
        50 => look,
        50 => (any::<proptest::sample::Index>(), any::<bool>()).prop_map(|(which, told)| Step::Ends(which, told)),
        20 => Just(Step::Obey),
        10 => (any::<bool>(), any::<bool>()).prop_map(|(starts, pipes)| Step::Refuse(starts, pipes)),
        10 => any::<bool>().prop_map(Step::Readable),
        50 => (0_u64..8_000).prop_map(Step::Pass),
        8 => Just(Step::Crash),
        8 => Just(Step::Sweep),
        1 => Just(Step::Shutdown),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    /// Never two supervises for one role of one service, never a start in the end, no word to a stranger, no
    /// deadline that changes nothing (all asserted by the world). Whatever happened: when the trouble is over,
    /// everything that is in the directory runs soon; or, in the end, nothing does.
    #[test]
    fn invariants_hold_whatever_happens(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Look(names) => drop(world.look(&names)),
                Step::Ends(which, told) => {
                    let running: Vec<i32> = world.running.keys().copied().collect();
                    if !running.is_empty() {
                        let pid = *which.get(&running);
                        if told { world.exits(pid) } else { world.dies(pid) };
                    }
                }
                Step::Obey => while let Some(&pid) = world.told.first() {
                    world.exits(pid);
                },
                Step::Refuse(starts, pipes) => {
                    (world.refuse_starts, world.refuse_pipes) = (starts, pipes);
                }
                Step::Readable(readable) => world.is_readable = readable,
                Step::Pass(milliseconds) => drop(world.pass(Duration::from_millis(milliseconds))),
                Step::Crash => world.crash(),
                Step::Sweep => drop(world.tell(Event::Sweep)),
                Step::Shutdown => drop(world.tell(Event::Shutdown)),
            }
            let latest = world.now() + if world.table.is_ending() { GRACE } else { SAFETY_NET };
            prop_assert!(world.table.deadline().is_some_and(|deadline| deadline <= latest));
        }

        (world.refuse_starts, world.refuse_pipes, world.is_readable) = (false, false, true);
        world.tell(Event::Changed);
        if world.table.is_ending() {
            world.pass(GRACE);
            while let Some(&pid) = world.told.first() {
                world.exits(pid);
            }
            prop_assert!(world.table.has_ended(), "{:?} run on", world.running);
            return Ok(());
        }
        // What was told to exit by now does so; then it may be away for five seconds, twice if it is looked for
        // while something else is awaited.
        for _ in 0..3 {
            while let Some(&pid) = world.told.first() {
                world.exits(pid);
            }
            world.pass(ABSENCE + PATIENCE);
        }
        for found in world.found() {
            let mut roles = vec![Role::Main];
            roles.extend((found.logging == Logging::Logged).then_some(Role::Log));
            for role in roles {
                let count = world.running.values().filter(|of| **of == (found.identity, role)).count();
                prop_assert_eq!(count, 1, "{:?} {:?}", found, role);
            }
        }
        prop_assert!(world.told.is_empty(), "{:?} are told to end again and again", world.told);
    }
}
