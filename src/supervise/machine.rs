//! What supervise decides: events in, actions out (docs/compatibility.md 1.3).
//!
//! Unlike the original, it never sleeps: a start that comes too early becomes a deadline (docs/decisions.md 5).
#![forbid(unsafe_code)]

use super::event::{Action, Actions, Event};
use super::now::Now;
use super::pacing;
use super::settings::Settings;
use super::streak::Streak;
use crate::exit::Exit;
use crate::service::control::{Command, Scope};
use crate::service::sentence::HasDown;
use crate::service::status::{Status, Want};
use crate::signal::Signal;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// `finish` exits so if the service is not to be started again.
const STAY_DOWN: i32 = 125;

/// One service, from supervise's start to its end.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    status: Status,
    settings: Settings,
    start: Start,
    /// Somebody has asked for that start, so it is not given up for an exit.
    ordered: bool,
    /// Before this moment there is no first start, unless somebody asks for it.
    first: Option<Instant>,
    /// The last start, for the pace.
    started: Option<Instant>,
    /// How many times in a row the service has ended quickly, as far as somebody wants to know.
    failures: u32,
    /// How many times in a row it has failed to stay up.
    streak: Streak,
    /// How many starts the system has refused in a row, and when.
    refused: Option<(u32, Instant)>,
    /// When a service that was told to end is killed.
    kill: Option<Instant>,
    /// Which processes get the signals that are asked for.
    scope: Scope,
    after: After,
    exiting: bool,
}

/// Whether a start is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// No.
    Idle,
    /// As soon as the pace allows it.
    Owed,
    /// It has been asked for; the answer is the next event.
    Asked,
}

/// What still goes on after a run; before it is over there is no start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    /// Nothing.
    Nothing,
    /// What the service has left behind is being ended; when it is killed.
    Clearing(Exit, Option<Instant>),
    /// `finish` is about to run.
    Finish,
    /// `finish` runs; when it is killed.
    Finishing(NonZeroU32, Option<Instant>),
}

impl Machine {
    /// The machine of a supervise that has just started, and what it does first. Of its own accord it starts the
    /// service no earlier than after `delay`.
    pub fn new(has_down: HasDown, delay: Duration, now: Now) -> (Self, Actions) {
        let (want, start) = match has_down {
            HasDown::Yes => (Want::Down, Start::Idle),
            HasDown::No => (Want::Up, Start::Owed),
        };
        let mut machine = Self::with(Status { since: now.stamp, pid: None, paused: false, want }, start);
        machine.put_off(delay, now);
        let mut actions = Actions::default();
        machine.publish(&mut actions);
        machine.act_in_time(now.instant, &mut actions);
        (machine, actions)
    }

    /// The machine of a supervise that takes over a service from one that died, as that left it. One that was told to
    /// end has its whole time again.
    pub fn adopt(status: Status, settings: Settings, now: Now) -> (Self, Actions) {
        let timeout = settings.kill_timeout.filter(|_| status.want == Want::Down);
        let kill = timeout.map(|timeout| now.instant + timeout);
        let machine = Self { settings, kill, ..Self::with(status, Start::Idle) };
        let actions = vec![Action::Publish(machine.status)];
        (machine, actions)
    }

    /// Goes on with what comes after the end of the service's process `pid`, which an earlier supervise has written down.
    pub fn resume_end(&mut self, (pid, how): (NonZeroU32, Exit), now: Now) -> Actions {
        let mut actions = Actions::default();
        if self.settings.end_leftovers {
            self.after = After::Clearing(how, Some(now.instant + self.settings.grace()));
            actions.push(Action::EndLeftovers(pid));
        } else {
            self.finish(how, &mut actions);
        }
        self.act_in_time(now.instant, &mut actions);
        actions
    }

    fn with(status: Status, start: Start) -> Self {
        Self {
            status,
            settings: Settings::default(),
            start,
            ordered: false,
            first: None,
            started: None,
            failures: 0,
            streak: Streak::default(),
            refused: None,
            kill: None,
            scope: Scope::Process,
            after: After::Nothing,
            exiting: false,
        }
    }

    /// Of its own accord it starts the service no earlier than after `delay`.
    pub fn put_off(&mut self, delay: Duration, now: Now) {
        self.first = (!delay.is_zero()).then(|| now.instant + delay);
    }

    /// The process of the service, if it is up.
    pub const fn pid(&self) -> Option<NonZeroU32> {
        self.status.pid
    }

    /// Whether the service is to be down, so that one that is up was told to end.
    pub fn is_wanted_down(&self) -> bool {
        self.status.want == Want::Down
    }

    /// How the service is once it is up as process `pid`, from now on.
    pub const fn once_up(&self, pid: NonZeroU32, now: Now) -> Status {
        Status { since: now.stamp, pid: Some(pid), paused: false, want: self.status.want }
    }

    /// The process of `finish`, if it runs.
    pub const fn finish_pid(&self) -> Option<NonZeroU32> {
        match self.after {
            After::Finishing(pid, _) => Some(pid),
            After::Nothing | After::Clearing(..) | After::Finish => None,
        }
    }

    /// Whether it makes a difference what the service leaves behind when it ends.
    pub fn minds_leftovers(&self) -> bool {
        self.settings.end_leftovers || self.is_wanted_down()
    }

    /// When [`Event::Deadline`] is due; `None` if nothing but an outside event can change anything.
    pub fn deadline(&self) -> Option<Instant> {
        let is_free = self.start == Start::Owed && self.after == After::Nothing;
        let start = self.earliest_start().filter(|_| is_free);
        let after = match self.after {
            After::Clearing(_, kill) | After::Finishing(_, kill) => kill,
            After::Nothing | After::Finish => None,
        };
        [start, self.kill, after].into_iter().flatten().min()
    }

    /// Takes note of what happened and decides what to do.
    pub fn handle(&mut self, event: Event, now: Now) -> Actions {
        let mut actions = Actions::default();
        match event {
            Event::Command(command) => self.obey(command, now.instant, &mut actions),
            Event::Settings(settings) => self.settings = settings,
            Event::Started(pid) => {
                self.start = Start::Idle;
                self.ordered = false;
                self.started = Some(now.instant);
                self.streak.start(now);
                self.first = None;
                self.refused = None;
                self.turn(Some(pid), now, &mut actions);
                self.notify(pid, None, &mut actions);
            }
            Event::Unexecuted(error) => self.streak.unexecuted(error),
            Event::Refused(error) => {
                let times = self.refused.map_or(0, |(times, _)| times);
                self.refused = Some((times.saturating_add(1), now.instant));
                self.start = Start::Owed;
                actions.push(Action::WarnRefused(error, pacing::after_refusals(times.saturating_add(1))));
            }
            Event::Ready => actions.push(Action::RecordReady),
            Event::Ended(how) => self.end(how, now, &mut actions),
            Event::Cleared => {
                if let After::Clearing(how, _) = self.after {
                    self.finish(how, &mut actions);
                }
            }
            Event::Finishing(pid) => {
                let kill = self.settings.finish_timeout.map(|timeout| now.instant + timeout);
                self.after = After::Finishing(pid, kill);
            }
            Event::Finished(how) => {
                self.after = After::Nothing;
                actions.push(Action::RecordFinished);
                if how == Exit::Exited(STAY_DOWN) {
                    self.status.want = Want::Down;
                    self.give_up_start();
                    self.publish(&mut actions);
                }
                self.go_on(&mut actions);
            }
            Event::Deadline => {}
        }
        self.act_in_time(now.instant, &mut actions);
        actions
    }

    fn obey(&mut self, command: Command, now: Instant, actions: &mut Actions) {
        match command {
            Command::Up => self.want(Want::Up, actions),
            Command::Once => self.want(Want::Once, actions),
            Command::Down => {
                self.status.want = Want::Down;
                self.streak.clear();
                self.give_up_start();
                self.status.paused = false;
                self.send(self.settings.down_signal, actions);
                self.send(Signal::CONT, actions);
                self.publish(actions);
                let timeout = self.settings.kill_timeout.filter(|_| self.status.pid.is_some());
                self.kill = self.kill.or(timeout.map(|timeout| now + timeout));
                self.exit_when_down(actions);
            }
            Command::Exit => {
                self.exiting = true;
                self.publish(actions);
                self.exit_when_down(actions);
            }
            Command::Pause => {
                self.status.paused = self.status.pid.is_some();
                self.publish(actions);
                self.send(Signal::STOP, actions);
            }
            Command::Continue => {
                self.status.paused = false;
                self.publish(actions);
                self.send(Signal::CONT, actions);
            }
            Command::Send(signal) => {
                self.streak.send(signal);
                self.send(signal, actions);
            }
            Command::Address(scope) => self.scope = scope,
        }
    }

    /// Wants the service up, be it for once; if it is down, that is a reason to try at once what the system
    /// refused before, or what failed too often.
    fn want(&mut self, want: Want, actions: &mut Actions) {
        self.status.want = want;
        self.streak.clear();
        self.kill = None;
        self.publish(actions);
        if self.status.pid.is_none() {
            self.start = Start::Owed;
            self.ordered = true;
            self.first = None;
            self.refused = None;
            self.failures = 0;
        }
    }

    /// The service has ended: all that was about this run is over.
    fn end(&mut self, how: Exit, now: Now, actions: &mut Actions) {
        let pid = self.status.pid;
        let ran = self.started.map(|started| now.instant.saturating_duration_since(started));
        let quickly = ran.zip(self.settings.backoff).is_some_and(|(ran, longest)| ran < longest);
        self.failures = if quickly { self.failures.saturating_add(1) } else { 0 };
        self.kill = None;
        let warning = self.streak.end((how, self.status.want), now);
        actions.push(Action::RecordEnd(how, self.streak.failures()));
        warning.into_iter().for_each(|warning| actions.push(Action::WarnFailing(warning)));
        if self.settings.finish || self.settings.end_leftovers {
            actions.push(Action::RecordFinishing);
        }
        self.turn(None, now, actions);
        let Some(pid) = pid else { return };
        self.notify(pid, Some(how), actions);
        if self.settings.end_leftovers {
            self.after = After::Clearing(how, Some(now.instant + self.settings.grace()));
            actions.push(Action::EndLeftovers(pid));
            return;
        }
        if self.status.want == Want::Down {
            actions.push(Action::ReportLeftovers(pid));
        }
        self.finish(how, actions);
    }

    /// Runs `finish`, if there is one.
    fn finish(&mut self, how: Exit, actions: &mut Actions) {
        if self.settings.finish {
            self.after = After::Finish;
            actions.push(Action::Finish(how));
        } else {
            if self.after != After::Nothing {
                self.after = After::Nothing;
                actions.push(Action::RecordFinished);
            }
            self.go_on(actions);
        }
    }

    /// What comes after a run, `finish` included.
    fn go_on(&mut self, actions: &mut Actions) {
        if self.exiting {
            self.exit_when_down(actions);
        } else if self.status.want == Want::Up {
            self.start = Start::Owed;
        }
    }

    /// Exits if that was asked for and nothing stands against it.
    fn exit_when_down(&mut self, actions: &mut Actions) {
        let is_down = self.status.pid.is_none() && self.after == After::Nothing;
        if self.exiting && is_down && !self.ordered {
            self.start = Start::Idle;
            actions.push(Action::Exit);
        }
    }

    const fn give_up_start(&mut self) {
        self.start = Start::Idle;
        self.ordered = false;
    }

    fn turn(&mut self, pid: Option<NonZeroU32>, now: Now, actions: &mut Actions) {
        self.status = Status { since: now.stamp, pid, paused: false, want: self.status.want };
        self.publish(actions);
    }

    fn publish(&self, actions: &mut Actions) {
        actions.push(Action::Publish(self.status));
    }

    fn notify(&self, pid: NonZeroU32, how: Option<Exit>, actions: &mut Actions) {
        if self.settings.notify {
            actions.push(Action::Notify(pid, how));
        }
    }

    fn send(&self, signal: Signal, actions: &mut Actions) {
        if let Some(pid) = self.status.pid {
            actions.push(Action::Send(pid, signal, self.scope));
        }
    }

    /// Does what is due by now.
    fn act_in_time(&mut self, now: Instant, actions: &mut Actions) {
        let is_due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        if is_due(self.kill) {
            self.kill = None;
            if let Some(pid) = self.status.pid {
                actions.push(Action::Send(pid, Signal::KILL, Scope::Process));
            }
        }
        match self.after {
            After::Clearing(how, kill) if is_due(kill) => {
                self.after = After::Clearing(how, None);
                actions.push(Action::KillLeftovers);
            }
            After::Finishing(pid, kill) if is_due(kill) => {
                self.after = After::Finishing(pid, None);
                actions.push(Action::Send(pid, Signal::KILL, Scope::Process));
            }
            After::Nothing | After::Clearing(..) | After::Finish | After::Finishing(..) => {}
        }
        let is_free = self.after == After::Nothing && self.earliest_start() <= Some(now);
        if self.start == Start::Owed && is_free {
            self.start = Start::Asked;
            actions.push(Action::Start);
        }
    }

    /// When the next start may be; `None` if nothing stands against it.
    fn earliest_start(&self) -> Option<Instant> {
        let paced =
            self.started.map(|started| started + pacing::after_start(self.failures, self.settings.backoff));
        let paused = self.refused.map(|(times, refused)| refused + pacing::after_refusals(times));
        paced.max(paused).max(self.first)
    }
}

#[cfg(test)]
mod tests;
