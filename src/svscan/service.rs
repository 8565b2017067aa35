//! One service as svscan knows it: its two supervises, the pipe between them, and what it lacks.
#![forbid(unsafe_code)]

use super::event::{Action, Completeness, Ending, Logging};
use super::pauses::{ABSENCE, PATIENCE};
use super::role::Role;
use super::supervisor::{Prospect, Supervisor};
use crate::file_id::FileId;
use crate::supervise::event::Task;
use std::ffi::CString;
use std::time::{Duration, Instant};

/// A service that svscan knows. `P` is an end of a pipe.
#[derive(Debug)]
pub struct Service<P> {
    /// Its name at the last look.
    pub(super) name: CString,
    /// What the last look has shown of that name.
    pub(super) presence: Presence,
    log: Log<P>,
    main: Supervisor,
    logger: Supervisor,
    /// Supervises that an earlier svscan has left; until when they are not replaced.
    adopted: ([Option<i32>; 2], Instant),
    /// Supervises that lack the pipe, and when each is replaced by one that has it.
    without_pipe: Vec<(i32, Instant)>,
    /// It is being stopped, because its directory has vanished or because everything ends.
    stopping: bool,
    /// Until when an incomplete directory is waited for.
    incomplete_until: Option<Instant>,
    /// When its first start is due.
    first_start: Instant,
}

/// What a look has shown of the name of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// It stands for the directory of the service.
    Listed,
    /// It is there, and cannot be examined. Until that is possible, the service keeps what it has.
    Unexamined,
    /// It is not there, or stands for something else.
    Gone,
}

#[derive(Debug)]
enum Log<P> {
    None,
    /// It comes late, and is incomplete: perhaps it is being copied. Until when it is waited for.
    Awaited(Instant),
    /// With a logger, but the pipe to it is still to be made, not before this moment.
    Wanted(Instant),
    /// The end to read from, and the end to write to.
    Piped(P, P),
    /// Nothing more is written on our side, so that the logger comes to the end of its input. The end to read from is
    /// for the next one, should this one end before that.
    Draining(P),
    /// The pipe has been closed on our side.
    Closed,
}

impl<P> Service<P> {
    /// A service that was just found, with the supervises that an earlier svscan has left.
    pub(super) fn new(
        name: CString,
        completeness: Completeness,
        running: [Option<i32>; 2],
        now: Instant,
    ) -> Self {
        let [main, logger] = running.map(|pid| Supervisor::new(pid, now));
        let is_awaited = main.pid().is_none() && completeness == Completeness::Incomplete;
        Self {
            name,
            presence: Presence::Listed,
            log: Log::None,
            main,
            logger,
            // One may have been told to exit just now, as svscanboot does, and is left alone to do so.
            adopted: (running, now + PATIENCE),
            without_pipe: Vec::new(),
            stopping: false,
            incomplete_until: is_awaited.then(|| now + PATIENCE),
            first_start: now,
        }
    }

    /// Its name at the last look.
    pub const fn name(&self) -> &CString {
        &self.name
    }

    /// The end of its pipe that one of its two supervises gets.
    pub const fn end_of_pipe(&self, role: Role) -> Option<&P> {
        match (&self.log, role) {
            (Log::Piped(_, to_logger), Role::Main) => Some(to_logger),
            (Log::Piped(from_service, _) | Log::Draining(from_service), Role::Log) => Some(from_service),
            (Log::Draining(_), Role::Main)
            | (Log::None | Log::Awaited(_) | Log::Wanted(_) | Log::Closed, _) => None,
        }
    }

    /// The end to read from of a pipe that nobody writes to any more.
    pub(super) const fn draining(&self) -> Option<&P> {
        match &self.log {
            Log::Draining(reader) => Some(reader),
            Log::None | Log::Awaited(_) | Log::Wanted(_) | Log::Piped(..) | Log::Closed => None,
        }
    }

    /// Whether it is waited for, because something is missing.
    pub const fn is_awaited(&self) -> bool {
        self.incomplete_until.is_some() || matches!(self.log, Log::Awaited(_))
    }

    /// Whether it has a logger.
    pub const fn is_logged(&self) -> bool {
        !matches!(self.log, Log::None)
    }

    /// Whether nothing is left of it.
    pub(super) fn is_gone(&self) -> bool {
        self.presence == Presence::Gone && self.main.pid().is_none() && self.logger.pid().is_none()
    }

    /// Takes note that it was not found by its directory; `unexamined` are the names, in order, that may still be its own.
    pub(super) fn miss(&mut self, unexamined: &[CString]) {
        let has_name = unexamined.binary_search(&self.name).is_ok();
        // A name that was gone once is not its own any more.
        self.presence = match self.presence {
            Presence::Listed | Presence::Unexamined if has_name => Presence::Unexamined,
            _ => Presence::Gone,
        };
    }

    /// Puts off its first start.
    pub(super) const fn start_first_at(&mut self, moment: Instant) {
        self.first_start = moment;
    }

    /// Takes note that it was found again, like this.
    pub(super) fn find(&mut self, name: CString, logging: Logging, completeness: Completeness, now: Instant) {
        self.name = name;
        self.presence = Presence::Listed;
        self.stopping = false;
        if matches!(self.log, Log::Draining(_) | Log::Closed) {
            self.log = Log::Wanted(now);
        }
        if completeness == Completeness::Complete {
            self.incomplete_until = None;
        }
        match (&self.log, logging) {
            (Log::None | Log::Awaited(_), Logging::Logged) if completeness == Completeness::Complete => {
                self.log = Log::Wanted(now);
            }
            (Log::None, Logging::Logged) if self.incomplete_until.is_some() => self.log = Log::Wanted(now),
            (Log::None, Logging::Logged) => self.log = Log::Awaited(now + PATIENCE),
            (Log::Awaited(_), Logging::Unlogged) => self.log = Log::None,
            _ => {}
        }
    }

    /// Takes note that a service found for the first time has a logger.
    pub(super) fn find_logger(&mut self, now: Instant) {
        self.log = Log::Wanted(now);
    }

    /// Takes the pipe that was asked for, its end to read from and its end to write to, which these two of its supervises `have`; whoever has asked twice takes the
    /// first. A supervise that runs without it is going to be replaced by one that has it: the logger was added late.
    pub(super) fn connect(&mut self, (reader, writer): (P, P), have: [bool; 2], now: Instant) {
        if !matches!(self.log, Log::Wanted(_)) {
            return;
        }
        self.log = Log::Piped(reader, writer);
        let without = [&self.main, &self.logger].into_iter().zip(have).filter(|(_, has)| !has);
        let (adopted, until) = self.adopted;
        let when = |pid| (pid, if adopted.contains(&Some(pid)) { until } else { now });
        self.without_pipe = without.filter_map(|(supervise, _)| supervise.pid()).map(when).collect();
    }

    /// Takes note that a supervise was started.
    pub(super) const fn started(&mut self, role: Role, pid: i32, now: Instant) {
        self.supervisor_mut(role).started(pid, now);
    }

    /// Takes note that a supervise could not be started.
    pub(super) fn refused(&mut self, role: Role, now: Instant) {
        let prospect = self.prospect();
        self.supervisor_mut(role).refused(prospect, now);
        self.close_after(role);
    }

    /// Whether one of its supervises has ended at once, so that there may be something in its way.
    pub const fn has_failed(&self, role: Role) -> bool {
        self.supervisor(role).has_failed()
    }

    /// Takes note that a supervise has ended, and decides when it is back.
    pub(super) fn ended(&mut self, role: Role, how: Ending, now: Instant) {
        if let Some(ended) = self.pid(role) {
            self.without_pipe.retain(|&(pid, _)| pid != ended);
        }
        let prospect = self.prospect();
        self.supervisor_mut(role).ended(how, prospect, now);
        self.close_after(role);
    }

    /// Closes the pipe when nobody is going to read it any more.
    fn close_after(&mut self, role: Role) {
        if role == Role::Log && !self.is_unfinished(Role::Log) && matches!(self.log, Log::Draining(_)) {
            self.log = Log::Closed;
        }
    }

    /// Takes note that a supervise is killed because it does not end.
    pub(super) const fn give_up(&mut self, role: Role) {
        self.supervisor_mut(role).give_up();
    }

    const fn prospect(&self) -> Prospect {
        match (self.stopping, self.presence) {
            (false, _) => Prospect::Stay,
            (true, Presence::Listed | Presence::Unexamined) => Prospect::Stop,
            (true, Presence::Gone) => Prospect::Vanish,
        }
    }

    /// Stops the service; its logger goes on until it has ended. A supervise that was killed may have left it running:
    /// the next one is going to stop it.
    pub(super) fn stop(&mut self, now: Instant) -> Option<Action> {
        self.stopping = true;
        let prospect = self.prospect();
        self.main.stop(prospect, now);
        self.logger.stop(prospect, now);
        match self.main.pid() {
            Some(pid) => Some(Action::Stop(pid)),
            None if self.is_unfinished(Role::Main) => None,
            None => self.drain(),
        }
    }

    /// What a supervise is told that was found running: what all others have been told by now.
    pub(super) fn catch_up(&self, role: Role) -> Option<Action> {
        let pid = match role {
            Role::Main => self.main.pid().filter(|_| self.stopping),
            Role::Log => self.logger.pid().filter(|_| matches!(self.log, Log::Draining(_) | Log::Closed)),
        };
        pid.map(if role == Role::Main { Action::Stop } else { Action::Drain })
    }

    /// Whether it is being stopped.
    pub(super) const fn is_stopping(&self) -> bool {
        self.stopping
    }

    /// Whether one of its two supervises runs, or may have left something that the next one has to end.
    pub(super) const fn is_unfinished(&self, role: Role) -> bool {
        self.supervisor(role).is_unfinished()
    }

    /// One of its two supervises, if it runs.
    pub(super) const fn pid(&self, role: Role) -> Option<i32> {
        self.supervisor(role).pid()
    }

    /// Closes our end to write to, and tells the logger to end when it has read what is in the pipe.
    pub(super) fn drain(&mut self) -> Option<Action> {
        self.log = match std::mem::replace(&mut self.log, Log::Closed) {
            Log::None => Log::None,
            Log::Piped(reader, _) | Log::Draining(reader) if self.is_unfinished(Role::Log) => {
                Log::Draining(reader)
            }
            _ => Log::Closed,
        };
        self.logger.pid().map(Action::Drain)
    }

    /// The supervises that are missing by now to end what others have left.
    fn missing_in_the_end(&mut self, identity: FileId, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        for (role, task) in [(Role::Main, Task::Stop), (Role::Log, Task::Run(Duration::ZERO))] {
            let has_pipe = self.end_of_pipe(role).is_some();
            let supervisor = self.supervisor_mut(role);
            if supervisor.wanted_to_stop().is_none_or(|moment| now < moment) {
                continue;
            }
            // There is nothing left to be read.
            if role == Role::Log && !has_pipe {
                supervisor.dispense(now);
                continue;
            }
            supervisor.ask();
            actions.push(Action::Start(identity, role, task));
        }
        actions
    }

    /// What it lacks by now.
    pub(super) fn missing(&mut self, identity: FileId, now: Instant) -> Vec<Action> {
        if self.stopping {
            return self.missing_in_the_end(identity, now);
        }
        if self.presence != Presence::Listed || self.incomplete_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        self.incomplete_until = None;
        if matches!(self.log, Log::Awaited(until) if until <= now) {
            self.log = Log::Wanted(now);
        }
        let (main, logger) = (self.main.pid(), self.logger.pid());
        let roles: &[Role] = match &mut self.log {
            Log::None | Log::Awaited(_) => &[Role::Main],
            Log::Piped(..) => &[Role::Main, Role::Log],
            Log::Draining(_) | Log::Closed => &[],
            Log::Wanted(moment) if now < *moment => return Vec::new(),
            // If there is no answer, it is asked for again.
            Log::Wanted(moment) => {
                *moment = now + ABSENCE;
                return vec![Action::MakePipe(identity, [main, logger])];
            }
        };
        let delay = self.first_start.saturating_duration_since(now);
        let mut actions = Vec::new();
        for &role in roles {
            let supervisor = self.supervisor_mut(role);
            if supervisor.wanted().is_some_and(|moment| moment <= now) {
                supervisor.ask();
                let delay = if role == Role::Main { delay } else { Duration::ZERO };
                actions.push(Action::Start(identity, role, Task::Run(delay)));
            }
        }
        if matches!(self.log, Log::Piped(..)) {
            let is_due = |&&(_, moment): &&(i32, Instant)| moment <= now;
            actions.extend(self.without_pipe.iter().filter(is_due).map(|&(pid, _)| Action::Replace(pid)));
            self.without_pipe.retain(|&(_, moment)| moment > now);
        }
        actions
    }

    /// When it lacks something next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.stopping {
            return [&self.main, &self.logger].into_iter().filter_map(Supervisor::wanted_to_stop).min();
        }
        if self.presence != Presence::Listed {
            return None;
        }
        let earliest = match self.log {
            Log::None => self.main.wanted(),
            Log::Awaited(until) => self.main.wanted().into_iter().chain([until]).min(),
            Log::Wanted(moment) => Some(moment),
            Log::Piped(..) => {
                let replaced = self.without_pipe.iter().map(|&(_, moment)| moment);
                [&self.main, &self.logger].into_iter().filter_map(Supervisor::wanted).chain(replaced).min()
            }
            Log::Draining(_) | Log::Closed => None,
        };
        earliest.map(|earliest| self.incomplete_until.map_or(earliest, |until| until.max(earliest)))
    }

    const fn supervisor(&self, role: Role) -> &Supervisor {
        match role {
            Role::Main => &self.main,
            Role::Log => &self.logger,
        }
    }

    const fn supervisor_mut(&mut self, role: Role) -> &mut Supervisor {
        match role {
            Role::Main => &mut self.main,
            Role::Log => &mut self.logger,
        }
    }
}
