//! One service as svscan knows it: its two supervises, the pipe between them, and what it lacks.
#![forbid(unsafe_code)]

use super::table::{ABSENCE, AT_ONCE, Action, Completeness, Ending, Identity, Logging, PATIENCE, Role};
use std::ffi::CString;
use std::time::{Duration, Instant};

/// Pauses after supervises that have failed at once: the first failure may be a lock that is about to be free.
pub(super) const SOON: Duration = Duration::from_millis(100);

/// A service that svscan knows. `P` is a pipe.
#[derive(Debug)]
pub struct Service<P> {
    /// Its name at the last look.
    pub(super) name: CString,
    /// Whether it was there at the last look.
    pub(super) listed: bool,
    log: Log<P>,
    main: Supervise,
    logger: Supervise,
    /// Supervises that an earlier svscan has left; until when they are not replaced.
    adopted: ([Option<i32>; 2], Instant),
    /// Supervises that lack the pipe, and when each is replaced by one that has it.
    without_pipe: Vec<(i32, Instant)>,
    /// How often each of the two has failed at once.
    failures: [u32; 2],
    /// It is being stopped because its directory has vanished.
    swept: bool,
    /// Until when an incomplete directory is waited for.
    incomplete_until: Option<Instant>,
    /// When its first start is due.
    first_start: Instant,
}

/// A supervise of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Supervise {
    /// It is to be started, but not before this moment.
    Wanted(Instant),
    /// It was asked for; the answer is still out.
    Asked,
    /// It runs, since then.
    Running(i32, Instant),
}

#[derive(Debug)]
enum Log<P> {
    None,
    /// It comes late, and is incomplete: perhaps it is being copied. Until when it is waited for.
    Awaited(Instant),
    /// With a logger, but the pipe to it is still to be made, not before this moment.
    Wanted(Instant),
    Piped(P),
    /// The pipe has been closed on our side, so that the logger comes to the end of its input.
    Closed,
}

impl Supervise {
    const fn pid(self) -> Option<i32> {
        match self {
            Self::Running(pid, _) => Some(pid),
            Self::Wanted(_) | Self::Asked => None,
        }
    }
}

impl<P> Service<P> {
    /// A service that was just found, with the supervises that an earlier svscan has left.
    pub(super) fn new(
        name: CString,
        completeness: Completeness,
        running: [Option<i32>; 2],
        now: Instant,
    ) -> Self {
        let [main, logger] = running.map(|pid| match pid {
            Some(pid) => Supervise::Running(pid, now),
            None => Supervise::Wanted(now),
        });
        let is_awaited = main.pid().is_none() && completeness == Completeness::Incomplete;
        Self {
            name,
            listed: true,
            log: Log::None,
            main,
            logger,
            // One may have been told to exit just now, as svscanboot does, and is left alone to do so.
            adopted: (running, now + PATIENCE),
            without_pipe: Vec::new(),
            failures: [0; 2],
            swept: false,
            incomplete_until: is_awaited.then(|| now + PATIENCE),
            first_start: now,
        }
    }

    /// Its name at the last look.
    pub const fn name(&self) -> &CString {
        &self.name
    }

    /// The pipe to its logger, if it has one.
    pub const fn pipe(&self) -> Option<&P> {
        match &self.log {
            Log::Piped(pipe) => Some(pipe),
            Log::None | Log::Awaited(_) | Log::Wanted(_) | Log::Closed => None,
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
        !self.listed && self.main.pid().is_none() && self.logger.pid().is_none()
    }

    /// Puts off its first start.
    pub(super) const fn start_first_at(&mut self, moment: Instant) {
        self.first_start = moment;
    }

    /// Takes note that it was found again, like this.
    pub(super) fn find(&mut self, name: CString, logging: Logging, completeness: Completeness, now: Instant) {
        self.name = name;
        self.listed = true;
        self.swept = false;
        if matches!(self.log, Log::Closed) {
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

    /// Takes the pipe that was asked for, which these two of its supervises `have`; whoever has asked twice takes the
    /// first. A supervise that runs without it is going to be replaced by one that has it: the logger was added late.
    pub(super) fn connect(&mut self, pipe: P, have: [bool; 2], now: Instant) {
        if !matches!(self.log, Log::Wanted(_)) {
            return;
        }
        self.log = Log::Piped(pipe);
        let without = [self.main, self.logger].into_iter().zip(have).filter(|(_, has)| !has);
        let (adopted, until) = self.adopted;
        let when = |pid| (pid, if adopted.contains(&Some(pid)) { until } else { now });
        self.without_pipe = without.filter_map(|(supervise, _)| supervise.pid()).map(when).collect();
    }

    /// Takes note that a supervise was started.
    pub(super) const fn started(&mut self, role: Role, pid: i32, now: Instant) {
        *self.supervise(role) = Supervise::Running(pid, now);
    }

    /// Takes note that a supervise could not be started.
    pub(super) fn refused(&mut self, role: Role, now: Instant) {
        *self.supervise(role) = Supervise::Wanted(now + ABSENCE);
    }

    /// Whether one of its supervises has ended at once, so that there may be something in its way.
    pub const fn has_failed(&self, role: Role) -> bool {
        let [main, logger] = self.failures;
        match role {
            Role::Main => main > 0,
            Role::Log => logger > 0,
        }
    }

    /// Takes note that a supervise has ended, and decides when it is back.
    pub(super) fn ended(&mut self, role: Role, how: Ending, now: Instant) {
        let ran = match *self.supervise(role) {
            Supervise::Running(_, since) => now.saturating_duration_since(since),
            Supervise::Wanted(_) | Supervise::Asked => Duration::ZERO,
        };
        let [main, logger] = &mut self.failures;
        let failures = match role {
            Role::Main => main,
            Role::Log => logger,
        };
        *failures = if how == Ending::Failed && ran < AT_ONCE { failures.saturating_add(1) } else { 0 };
        let absence = match (how, *failures) {
            (Ending::AsTold, _) => ABSENCE,
            (Ending::Failed, 0) => Duration::ZERO,
            (Ending::Failed, 1) => SOON,
            (Ending::Failed, 2) => AT_ONCE,
            (Ending::Failed, _) => ABSENCE,
        };
        if let Some(ended) = self.supervise(role).pid() {
            self.without_pipe.retain(|&(pid, _)| pid != ended);
        }
        *self.supervise(role) = Supervise::Wanted(now + absence);
    }

    /// Stops the service; its logger goes on until it has ended.
    pub(super) fn sweep(&mut self) -> Option<Action> {
        self.swept = true;
        self.main.pid().map_or_else(|| self.drain(), |pid| Some(Action::Stop(pid)))
    }

    /// Whether it is being stopped because its directory has vanished.
    pub(super) const fn is_swept(&self) -> bool {
        self.swept
    }

    /// Closes our side of the pipe, and tells the logger to end when it has read what is in it.
    pub(super) fn drain(&mut self) -> Option<Action> {
        if self.is_logged() {
            self.log = Log::Closed;
        }
        self.logger.pid().map(Action::Drain)
    }

    /// What it lacks by now.
    pub(super) fn missing(&mut self, identity: Identity, now: Instant) -> Vec<Action> {
        if !self.listed || self.incomplete_until.is_some_and(|until| now < until) {
            return Vec::new();
        }
        self.incomplete_until = None;
        if matches!(self.log, Log::Awaited(until) if until <= now) {
            self.log = Log::Wanted(now);
        }
        let (main, logger) = (self.main.pid(), self.logger.pid());
        let roles: &[Role] = match &mut self.log {
            Log::None | Log::Awaited(_) => &[Role::Main],
            Log::Piped(_) => &[Role::Main, Role::Log],
            Log::Closed => &[],
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
            let supervise = self.supervise(role);
            if matches!(supervise, Supervise::Wanted(moment) if *moment <= now) {
                *supervise = Supervise::Asked;
                let delay = if role == Role::Main { delay } else { Duration::ZERO };
                actions.push(Action::Start(identity, role, delay));
            }
        }
        if matches!(self.log, Log::Piped(_)) {
            let is_due = |&&(_, moment): &&(i32, Instant)| moment <= now;
            actions.extend(self.without_pipe.iter().filter(is_due).map(|&(pid, _)| Action::Replace(pid)));
            self.without_pipe.retain(|&(_, moment)| moment > now);
        }
        actions
    }

    /// When it lacks something next.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if !self.listed {
            return None;
        }
        let wanted = |supervise: &Supervise| match supervise {
            Supervise::Wanted(moment) => Some(*moment),
            Supervise::Asked | Supervise::Running(..) => None,
        };
        let earliest = match self.log {
            Log::None => wanted(&self.main),
            Log::Awaited(until) => wanted(&self.main).into_iter().chain([until]).min(),
            Log::Wanted(moment) => Some(moment),
            Log::Piped(_) => {
                let replaced = self.without_pipe.iter().map(|&(_, moment)| moment);
                [&self.main, &self.logger].into_iter().filter_map(wanted).chain(replaced).min()
            }
            Log::Closed => None,
        };
        earliest.map(|earliest| self.incomplete_until.map_or(earliest, |until| until.max(earliest)))
    }

    const fn supervise(&mut self, role: Role) -> &mut Supervise {
        match role {
            Role::Main => &mut self.main,
            Role::Log => &mut self.logger,
        }
    }
}
