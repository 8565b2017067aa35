//! What can happen to a service, and what can be done about it.
#![forbid(unsafe_code)]

use super::settings::Settings;
use super::streak::Warning;
use crate::exit::Exit;
use crate::service::control::{Command, Scope};
use crate::service::last_exit::Failures;
use crate::service::status::Status;
use crate::signal::Signal;
use std::num::NonZeroU32;
use std::time::Duration;

/// What a supervise is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// It keeps the service running, and starts it no earlier than after this time.
    Run(Duration),
    /// It ends what an earlier supervise has left, and exits. It starts nothing but `finish`.
    Stop,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The administrator wants something.
    Command(Command),
    /// The service is to be supervised like this.
    Settings(Settings),
    /// The service was started, as [`Action::Start`] asked.
    Started(NonZeroU32),
    /// The process that was started could not become `run`, with this error number, and is about to end.
    Unexecuted(i32),
    /// The system refused to start it, with this error number.
    Refused(i32),
    /// The service says that it is ready.
    Ready,
    /// The service has ended.
    Ended(Exit),
    /// Nothing is left of the service, as [`Action::EndLeftovers`] asked.
    Cleared,
    /// `finish` was started, as [`Action::Finish`] asked.
    Finishing(NonZeroU32),
    /// `finish` has ended, or could not be started.
    Finished(Exit),
    /// The deadline has come.
    Deadline,
}

/// What is to be done, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Write down how the service ended, how often in a row it has failed, and that it is not ready any more.
    RecordEnd(Exit, Option<Failures>),
    /// Warn that the service keeps failing.
    WarnFailing(Warning),
    /// Write down that something still goes on about the last run.
    RecordFinishing,
    /// Write down that this is over.
    RecordFinished,
    /// Write down that the service is ready.
    RecordReady,
    /// Write the status record.
    Publish(Status),
    /// Send a signal to the service, or to `finish`.
    Send(NonZeroU32, Signal, Scope),
    /// Start the service, and report [`Event::Started`] or [`Event::Refused`].
    Start,
    /// Warn of the processes that this process of the service has left running.
    ReportLeftovers(NonZeroU32),
    /// Tell them to end, and report [`Event::Cleared`] when they have.
    EndLeftovers(NonZeroU32),
    /// Kill what is left of them.
    KillLeftovers,
    /// Run `finish`, and report [`Event::Finishing`], later [`Event::Finished`].
    Finish(Exit),
    /// Run `notify`: this process of the service was started, or has ended so.
    Notify(NonZeroU32, Option<Exit>),
    /// Warn that the start was refused, with this error number, and will be tried again after this pause.
    WarnRefused(i32, Duration),
    /// End supervise, with success.
    Exit,
}

impl Action {
    /// Whether it only takes note of how the service is, or was.
    pub const fn is_note(&self) -> bool {
        matches!(self, Self::RecordEnd(..) | Self::RecordFinishing | Self::Publish(_))
    }
}

/// The actions that one event causes, in order. Those of which the machine is told the outcome come last.
pub type Actions = Vec<Action>;
