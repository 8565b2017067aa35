//! What supervise decides: events in, actions out (CONTRACT.md 1.3).
//!
//! The one liberty over the original: it never sleeps. A start that comes too early becomes a deadline, and
//! whatever happens until then is acted on at once (DESIGN.md 3.5).
#![forbid(unsafe_code)]

use crate::service::control::{Command, Signal};
use crate::service::sentence::HasDown;
use crate::service::status::{Status, Want};
use crate::tai::Stamp;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// The least time from one start to the next.
const PACE: Duration = Duration::from_secs(1);

/// The longest pause after a start that the system refused.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The present, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines.
    pub instant: Instant,
    /// For the status record.
    pub stamp: Stamp,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The administrator wants something.
    Command(Command),
    /// The service was started, as [`Action::Start`] asked.
    Started(NonZeroU32),
    /// The system refused to start it, with this error number.
    Refused(i32),
    /// The service has ended.
    Ended,
    /// The deadline has come.
    Deadline,
}

/// What is to be done, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Write the status record.
    Publish(Status),
    /// Send a signal to the service.
    Send(NonZeroU32, Signal),
    /// Start the service, and report [`Event::Started`] or [`Event::Refused`].
    Start,
    /// Warn that the start was refused, with this error number, and will be tried again after this pause.
    WarnRefused(i32, Duration),
    /// End supervise, with success.
    Exit,
}

/// The actions that one event causes: a few, held without allocating.
#[derive(Debug, Clone, Copy, Default)]
pub struct Actions {
    list: [Option<Action>; 4],
}

impl Actions {
    fn push(&mut self, action: Action) {
        if let Some(place) = self.list.iter_mut().find(|place| place.is_none()) {
            *place = Some(action);
        }
    }
}

impl IntoIterator for Actions {
    type Item = Action;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Action>, 4>>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter().flatten()
    }
}

/// One service, from supervise's start to its end.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    status: Status,
    start: Start,
    /// The last start, for the pace.
    started: Option<Instant>,
    /// How many starts the system has refused in a row, and when.
    refused: Option<(u32, Instant)>,
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

impl Machine {
    /// The machine of a supervise that has just started, and what it does first.
    pub fn new(has_down: HasDown, now: Now) -> (Self, Actions) {
        let (want, start) = match has_down {
            HasDown::Yes => (Want::Down, Start::Idle),
            HasDown::No => (Want::Up, Start::Owed),
        };
        let status = Status { since: now.stamp, pid: None, paused: false, want };
        let mut machine = Self { status, start, started: None, refused: None, exiting: false };
        let mut actions = Actions::default();
        actions.push(Action::Publish(status));
        machine.start_if_due(now.instant, &mut actions);
        (machine, actions)
    }

    /// The process of the service, if it is up.
    pub const fn pid(&self) -> Option<NonZeroU32> {
        self.status.pid
    }

    /// When [`Event::Deadline`] is due; `None` if nothing but an outside event can change anything.
    pub fn deadline(&self) -> Option<Instant> {
        (self.start == Start::Owed).then(|| self.earliest_start()).flatten()
    }

    /// Takes note of what happened and decides what to do.
    pub fn handle(&mut self, event: Event, now: Now) -> Actions {
        let mut actions = Actions::default();
        match event {
            Event::Command(command) => self.obey(command, &mut actions),
            Event::Started(pid) => {
                self.start = Start::Idle;
                self.started = Some(now.instant);
                self.refused = None;
                self.status.paused = false;
                self.turn(Some(pid), now, &mut actions);
            }
            Event::Refused(error) => {
                let times = self.refused.map_or(0, |(times, _)| times);
                self.refused = Some((times.saturating_add(1), now.instant));
                self.start = Start::Owed;
                actions.push(Action::WarnRefused(error, pause_after(times)));
            }
            Event::Ended => {
                self.turn(None, now, &mut actions);
                if self.exiting {
                    actions.push(Action::Exit);
                } else if self.status.want == Want::Up {
                    self.start = Start::Owed;
                }
            }
            Event::Deadline => {}
        }
        self.start_if_due(now.instant, &mut actions);
        actions
    }

    fn obey(&mut self, command: Command, actions: &mut Actions) {
        match command {
            Command::Up => self.want(Want::Up, actions),
            Command::Once => self.want(Want::Once, actions),
            Command::Down => {
                self.status.want = Want::Down;
                self.start = Start::Idle;
                self.status.paused = false;
                self.send(Signal::Terminate, actions);
                self.send(Signal::Continue, actions);
                self.publish(actions);
            }
            Command::Exit => {
                self.exiting = true;
                self.publish(actions);
                if self.status.pid.is_none() {
                    self.start = Start::Idle;
                    actions.push(Action::Exit);
                }
            }
            Command::Pause => {
                self.status.paused = self.status.pid.is_some();
                self.publish(actions);
                self.send(Signal::Stop, actions);
            }
            Command::Continue => {
                self.status.paused = false;
                self.publish(actions);
                self.send(Signal::Continue, actions);
            }
            Command::Send(signal) => self.send(signal, actions),
        }
    }

    /// Wants the service up, be it for once; if it is down, that is a reason to try at once what the system
    /// refused before.
    fn want(&mut self, want: Want, actions: &mut Actions) {
        self.status.want = want;
        self.publish(actions);
        if self.status.pid.is_none() {
            self.start = Start::Owed;
            self.refused = None;
        }
    }

    fn turn(&mut self, pid: Option<NonZeroU32>, now: Now, actions: &mut Actions) {
        self.status.pid = pid;
        self.status.since = now.stamp;
        self.status.paused = false;
        self.publish(actions);
    }

    fn publish(&self, actions: &mut Actions) {
        actions.push(Action::Publish(self.status));
    }

    fn send(&self, signal: Signal, actions: &mut Actions) {
        if let Some(pid) = self.status.pid {
            actions.push(Action::Send(pid, signal));
        }
    }

    fn start_if_due(&mut self, now: Instant, actions: &mut Actions) {
        if self.start == Start::Owed && self.earliest_start().is_none_or(|earliest| earliest <= now) {
            self.start = Start::Asked;
            actions.push(Action::Start);
        }
    }

    /// When the next start may be; `None` if nothing stands against it.
    fn earliest_start(&self) -> Option<Instant> {
        let paced = self.started.map(|started| started + PACE);
        let paused = self.refused.map(|(times, refused)| refused + pause_after(times.saturating_sub(1)));
        paced.max(paused)
    }
}

/// The pause after a refused start that comes after `times` others: 1, 2, 4, ... 60 seconds.
fn pause_after(times: u32) -> Duration {
    PACE.saturating_mul(2_u32.saturating_pow(times)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests;
