//! Performs the actions of the machine, and queues the events that result.

use super::event::{Action, Event};
use super::facts;
use super::leftovers::{self, Leftovers, Origin};
use super::machine::Machine;
use super::messages::{warn, warn_verbatim};
use super::now::Now;
use super::records::Records;
use super::scripts::{Scripts, Start, StartedScript};
use super::sending::{self, as_number, as_pid};
use super::settings::Settings;
use super::settings_files::SettingsFiles;
use crate::exit::Exit;
use crate::service::instance::{Instance, Process};
use crate::sys::launch::Launched;
use crate::sys::process::Handle;
use crate::sys::signals::Inbox;
use crate::sys::{Errno, clock, pipes, process};
use crate::tai::Stamp;
use std::collections::VecDeque;
use std::ffi::CStr;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;

/// Whether supervise goes on; it breaks when it is to end, with success.
pub(super) type Flow = ControlFlow<()>;

/// Events that have come, each with the time at which it did.
type Events = VecDeque<(Event, Now)>;

/// One supervise and all that it holds.
pub(super) struct Supervise<'a> {
    /// The service directory, as it was given; we are in it.
    pub(super) name: &'a CStr,
    pub(super) machine: Machine,
    pub(super) signals: Inbox,
    pub(super) scripts: Scripts<'a>,
    pub(super) instance: Instance,
    pub(super) records: Records<'a>,
    pub(super) settings: SettingsFiles,
    /// The service, or `finish`, if it is not a child of ours.
    pub(super) adopted: Option<Handle>,
    /// Where the service is going to tell that it is ready.
    pub(super) readiness: Option<OwnedFd>,
    /// The service led a session when it ended, as far as that matters.
    pub(super) led_session: bool,
    /// When it ended, in ticks since the start of the machine.
    pub(super) ended: u64,
    /// What it has left behind, while that is being ended.
    pub(super) leftovers: Option<Leftovers>,
}

impl Supervise<'_> {
    /// Tells the machine what has happened, and performs what it decides.
    pub(super) fn feed(&mut self, event: Event) -> Flow {
        // Most events cause nothing that is to be queued, and take no memory for it.
        let mut events = Events::new();
        self.handle((event, now()), &mut events)?;
        self.handle_all(events)
    }

    /// Performs actions, and what follows from them.
    pub(super) fn perform(&mut self, actions: Vec<Action>) -> Flow {
        let mut events = Events::new();
        actions.into_iter().try_for_each(|action| self.act(action, &mut events))?;
        self.handle_all(events)
    }

    fn handle_all(&mut self, mut events: Events) -> Flow {
        while let Some(event) = events.pop_front() {
            self.handle(event, &mut events)?;
        }
        Flow::Continue(())
    }

    fn handle(&mut self, (event, now): (Event, Now), events: &mut Events) -> Flow {
        let mut actions = self.machine.handle(event, now).into_iter();
        actions.try_for_each(|action| self.act(action, events))
    }

    fn act(&mut self, action: Action, events: &mut Events) -> Flow {
        match action {
            Action::Exit => return Flow::Break(()),
            Action::Start => self.start(events),
            Action::Finish(how) => events.push_back((self.finish(how), now())),
            Action::EndLeftovers(pid) => events.extend(self.end_leftovers(pid).map(|event| (event, now()))),
            Action::KillLeftovers => {
                self.leftovers.iter_mut().for_each(|leftovers| leftovers.kill(self.name));
                events.extend(self.cleared().map(|event| (event, now())));
            }
            Action::ReportLeftovers(pid) => {
                leftovers::report(self.name, self.origin(pid), self.scripts.notify());
            }
            Action::Publish(status) => self.records.publish(status),
            Action::RecordEnd(how, failures) => {
                self.readiness = None;
                self.instance.service = None;
                self.records.end(how, failures);
            }
            Action::RecordFinishing => self.records.finishing(true),
            Action::RecordFinished => {
                self.instance.finish = None;
                self.records.finishing(false);
            }
            Action::RecordReady => self.records.ready(),
            Action::Send(pid, signal, scope) => {
                let is_adopted = [self.machine.pid(), self.machine.finish_pid()].contains(&Some(pid));
                let adopted = self.adopted.as_ref().filter(|_| is_adopted);
                sending::send(pid, signal, scope, adopted);
            }
            Action::Notify(pid, how) => {
                self.records.flush();
                let Self { signals, scripts, records, settings, .. } = self;
                let (lock, memory) = (records.directory().lock_number(), settings.memory());
                scripts.notify_of(pid, how, Start { signals, lock, memory });
            }
            Action::WarnFailing(warning) => {
                let sentence = warning.sentence();
                warn(&[&facts::full_name(self.name), b": ", sentence.as_bytes()]);
            }
            Action::WarnRefused(error, pause) => {
                let pause = format!(", sleeping {} seconds: ", pause.as_secs());
                let error = Errno::from_raw(error).bytes();
                warn_verbatim(&[b"unable to fork for ", self.name.to_bytes(), pause.as_bytes(), error]);
            }
        }
        Flow::Continue(())
    }

    fn start(&mut self, events: &mut Events) {
        let settings = self.load_settings();
        if settings.end_leftovers {
            process::gather_orphans();
        }
        let readiness = settings.notification.and_then(|number| {
            let pipe = pipes::lasting().map_err(|error| {
                warn(&[b"unable to create pipe for ", self.name.to_bytes(), b": ", error.bytes()]);
            });
            pipe.ok().map(|(from_service, to_us)| (from_service, to_us, number))
        });
        self.instance.starts = self.instance.starts.saturating_add(1);
        self.instance.readiness = readiness.as_ref().and_then(|(pipe, ..)| pipes::inode(pipe));
        let now = now();
        let Self { machine, signals, scripts, instance, records, settings: files, .. } = self;
        records.prepare();
        let start = Start { signals, lock: records.directory().lock_number(), memory: files.memory() };
        let to_us = readiness.as_ref().map(|(_, to_us, number)| (to_us, *number));
        // The program finds itself up, and who is told that it runs does, too.
        let up = |service: Option<Process>| {
            service.and_then(|service| as_pid(service.pid)).map(|pid| machine.once_up(pid, now))
        };
        let started = scripts.run(to_us, start, |service| {
            records.introduce(&Instance { service, ..instance.clone() }, up(service))
        });
        match started {
            Ok(Launched { pid, told: StartedScript { process, written, error } }) => {
                instance.service = process;
                records.introduced(instance, up(process), written);
                self.readiness = readiness.map(|(from_service, ..)| from_service);
                events.push_back((Event::Settings(settings), now));
                // A parent is never given a number that is none.
                events.extend(as_pid(pid).map(|pid| (Event::Started(pid), now)));
                events.extend(error.map(|error| (Event::Unexecuted(error.number()), now)));
            }
            Err(error) => {
                instance.starts = instance.starts.saturating_sub(1);
                instance.readiness = None;
                events.push_back((Event::Refused(error.number()), now));
            }
        }
    }

    fn finish(&mut self, how: Exit) -> Event {
        // It may read how it is.
        self.records.flush();
        let Self { signals, scripts, instance, records, settings, .. } = self;
        records.prepare();
        let start = Start { signals, lock: records.directory().lock_number(), memory: settings.memory() };
        let started = scripts
            .finish(how, start, |finish| records.introduce(&Instance { finish, ..instance.clone() }, None));
        let pid = started.and_then(|Launched { pid, told }| {
            instance.finish = told.process;
            records.introduced(instance, None, told.written);
            as_pid(pid)
        });
        pid.map_or(Event::Finished(Exit::Unknown), Event::Finishing)
    }

    fn origin(&self, pid: NonZeroU32) -> Origin {
        Origin { pid: as_number(pid), may_lead_session: self.led_session, ended: self.ended }
    }

    fn end_leftovers(&mut self, pid: NonZeroU32) -> Option<Event> {
        let (origin, spared) = (self.origin(pid), self.scripts.notify());
        let found = leftovers::find_mortal(self.name, origin, spared);
        if found.is_empty() {
            return Some(Event::Cleared);
        }
        let list = leftovers::list(&found);
        warn(&[b"ending what ", self.name.to_bytes(), b" has left running: ", list.as_bytes()]);
        match Leftovers::end(origin, spared, &found) {
            Ok(leftovers) => {
                self.leftovers = Some(leftovers);
                self.cleared()
            }
            Err(error) => {
                warn(&[b"unable to wait for what ", self.name.to_bytes(), b" has left: ", error.bytes()]);
                Some(Event::Cleared)
            }
        }
    }

    /// What there is to tell when some of what the service has left behind has ended.
    pub(super) fn cleared(&mut self) -> Option<Event> {
        if self.leftovers.as_mut().is_none_or(|leftovers| !leftovers.are_gone()) {
            return None;
        }
        self.leftovers = None;
        Some(Event::Cleared)
    }

    /// The settings of the service as its files say now.
    pub(super) fn load_settings(&mut self) -> Settings {
        self.settings.load(self.name)
    }
}

/// The present.
pub(super) fn now() -> Now {
    Now { instant: clock::monotonic(), stamp: Stamp::from_unix(clock::wall()) }
}
