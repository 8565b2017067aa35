//! supervise's edge: the lock, the fifos, the child, and the loop that performs what the machine decides.

use super::beginning::Beginning;
use super::event::{Action, Actions, Event, Now, Task};
use super::facts;
use super::leftovers::{self, Leftovers, Origin};
use super::machine::Machine;
use super::messages::warn_verbatim;
pub(super) use super::messages::{unable, warn};
use super::reaper::Reaper;
use super::records::Records;
use super::scripts::{Scripts, Start};
use super::sending::{self, as_number, as_pid};
use super::settings::Settings;
use super::settings_files::SettingsFiles;
use super::state_directory::StateDirectory;
use crate::exit::Exit;
use crate::report::Failure;
use crate::service::control::Command;
use crate::service::directory::DOWN;
use crate::service::instance::Instance;
use crate::service::sentence::HasDown;
use crate::signal::Signal;
use crate::sys::files::{self, HERE};
use crate::sys::process::Handle;
use crate::sys::signals::Inbox;
use crate::sys::startup;
use crate::sys::{Errno, clock, pipes, poll, process};
use crate::tai::Stamp;
use std::ffi::CStr;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};

/// Has supervise check that its directory and fifos are in their places. The original's supervise ignores it by default.
pub const LOOK_AGAIN: Signal = Signal::URG;

/// Supervises the service directory `name` until told to exit. Fails if the directory cannot be used, or is
/// supervised already.
pub fn run(name: &CStr, task: Task) -> Result<u8, Failure> {
    startup::occupy_standard_descriptors();
    let signals = Inbox::open_fresh(&[Signal::CHLD, LOOK_AGAIN])
        .map_err(|error| unable(&[b"create pipe for ", name.to_bytes()], error.bytes()))?;
    // As long as this process runs, it can be seen which scan directory it is for; svscan looks for that.
    let _scan_directory = files::open_place(HERE, if name == c"log" { c".." } else { c"." });
    files::change_directory(name).map_err(|error| unable(&[b"chdir to ", name.to_bytes()], error.bytes()))?;
    // Were svscan, the logger and its supervise killed together, nothing else would be left to read from.
    let _reader = files::is_there(HERE, c"log").then(pipes::reader_of_output);
    let has_down = match files::look(HERE, DOWN) {
        Ok(Some(_)) => HasDown::Yes,
        Ok(None) => HasDown::No,
        Err(error) => return Err(unable(&[b"stat ", name.to_bytes(), b"/down"], error.bytes())),
    };
    let directory = StateDirectory::open(name)?;
    let environment = startup::environment();
    let Beginning { machine, first, instance, records, settings, adopted, readiness, ended } =
        Beginning::find(name, directory, (has_down, task));
    let mut supervise = Supervise {
        name,
        machine,
        signals,
        scripts: Scripts::new(name, &environment),
        instance,
        records,
        settings,
        adopted,
        readiness,
        led_session: true,
        ended,
        leftovers: None,
    };
    // How it is comes first, and is written before anybody can find us running, and before `run` can ask.
    let (notes, rest): (Vec<_>, Vec<_>) = first.into_iter().partition(Action::is_note);
    supervise.perform(notes.into_iter());
    supervise.records.identify(&supervise.instance);
    supervise.records.flush();
    supervise.records.directory_mut().announce(name)?;
    supervise.perform(rest.into_iter());
    supervise.records.flush();
    supervise.main(task)
}

pub(super) fn now() -> Now {
    Now { instant: clock::monotonic(), stamp: Stamp::from_unix(clock::wall()) }
}

struct Supervise<'a> {
    /// The service directory, as it was given; we are in it.
    name: &'a CStr,
    machine: Machine,
    signals: Inbox,
    scripts: Scripts<'a>,
    instance: Instance,
    records: Records<'a>,
    settings: SettingsFiles,
    /// The service, or `finish`, if it is not a child of ours.
    adopted: Option<Handle>,
    /// Where the service is going to tell that it is ready.
    readiness: Option<OwnedFd>,
    /// The service led a session when it ended, as far as that matters.
    led_session: bool,
    /// When it ended, in ticks since the start of the machine.
    ended: u64,
    /// What it has left behind, while that is being ended.
    leftovers: Option<Leftovers>,
}

impl<'a> Supervise<'a> {
    fn main(mut self, task: Task) -> Result<u8, Failure> {
        let mut exiting = match task {
            Task::Stop => self.stop(),
            Task::Run(_) => self.instance.exiting && self.feed(Event::Command(Command::Exit)),
        };
        self.records.flush();
        while !exiting {
            self.settings.forget();
            let waiting = [
                Some(self.signals.as_fd()),
                Some(self.records.directory().control().as_fd()),
                self.adopted.as_ref().map(AsFd::as_fd),
                self.readiness.as_ref().map(AsFd::as_fd),
                self.leftovers.as_ref().map(AsFd::as_fd),
            ];
            let deadline = [self.machine.deadline(), self.records.retry()].into_iter().flatten().min();
            let ready = poll::wait(waiting, clock::monotonic(), deadline);
            // A failing poll would be trouble with our own arguments; the next turn tries again.
            let [signalled, told, lost, readable, left] = ready.unwrap_or_default();
            if readable {
                self.hear();
            }
            // Draining comes first: a child that ends after this makes the descriptor readable again.
            let look_again = signalled && self.signals.take(LOOK_AGAIN);
            exiting = (lost && self.lose())
                || (signalled && self.bury())
                || (left && self.clear())
                || (told && self.obey().is_some_and(|exiting| exiting))
                || self.feed(Event::Deadline);
            self.records.flush();
            exiting |= (look_again || self.records.is_lost()) && self.restore_directory();
            if look_again || told {
                self.records.settle();
            }
        }
        self.records.remove_instance();
        Ok(0)
    }

    /// Begins to end what an earlier supervise has left; says whether that is done already. What that one has told to go
    /// down is not told again: the signal may mean something else the second time.
    fn stop(&mut self) -> bool {
        let is_told = self.machine.is_wanted_down();
        (!is_told && self.feed(Event::Command(Command::Down))) || self.feed(Event::Command(Command::Exit))
    }

    /// Makes `supervise/` again if it, or something in it, was removed.
    fn restore_directory(&mut self) -> bool {
        if self.records.directory().is_in_place() {
            return false;
        }
        // The commands that were given before would be lost with the fifo.
        while let Some(exiting) = self.obey() {
            if exiting {
                return true;
            }
        }
        self.records.restore();
        false
    }

    /// Takes note of the end of children. That of the service comes before the next command, so that a command
    /// never meets a service that is dead and not yet buried.
    fn bury(&mut self) -> bool {
        let service = self.machine.pid().filter(|_| self.machine.minds_leftovers()).map(as_number);
        self.led_session = service.is_some_and(process::leads_session);
        let own = |pid: Option<NonZeroU32>| pid.filter(|_| self.adopted.is_none()).map(as_number);
        let known = [own(self.machine.pid()), own(self.machine.finish_pid()), self.scripts.notify()];
        for (ended, how) in Reaper::new(known) {
            let is = |pid: Option<NonZeroU32>| pid.map(as_number) == Some(ended);
            if is(self.machine.pid()) && self.end(how) {
                return true;
            }
            if is(self.machine.finish_pid()) && self.feed(Event::Finished(how)) {
                return true;
            }
            let Self { signals, scripts, records, settings, .. } = self;
            let (lock, memory) = (records.directory().lock_number(), settings.memory());
            scripts.bury(ended, Start { signals, lock, memory });
        }
        false
    }

    /// The service that was taken over has ended, or `finish` has.
    fn lose(&mut self) -> bool {
        self.adopted = None;
        if self.machine.finish_pid().is_some() {
            return self.feed(Event::Finished(Exit::Unknown));
        }
        self.led_session = true;
        self.end(Exit::Unknown)
    }

    /// The service has ended; what comes now is as its files say now.
    fn end(&mut self, how: Exit) -> bool {
        self.ended = process::ticks();
        if let Some(error) = self.scripts.late_error() {
            self.feed(Event::Unexecuted(error));
        }
        let settings = self.load_settings();
        self.feed(Event::Settings(settings)) || self.feed(Event::Ended(how))
    }

    /// Some of what the service has left behind has ended.
    fn clear(&mut self) -> bool {
        if self.leftovers.as_mut().is_none_or(|leftovers| !leftovers.are_gone()) {
            return false;
        }
        self.leftovers = None;
        self.feed(Event::Cleared)
    }

    /// Hears whether the service is ready: a newline says so.
    fn hear(&mut self) {
        let mut buffer = [0; 64];
        let Some(readiness) = &self.readiness else { return };
        let length = files::read_from(readiness.as_fd(), &mut buffer).unwrap_or(0);
        let is_ready = buffer.get(..length).unwrap_or_default().contains(&b'\n');
        if is_ready || length == 0 {
            self.readiness = None;
        }
        if is_ready {
            self.feed(Event::Ready);
        }
    }

    /// Obeys one command, if there is one, and says whether supervise is to end.
    fn obey(&mut self) -> Option<bool> {
        let mut byte = [0];
        files::read(self.records.directory().control(), &mut byte).ok().filter(|&length| length == 1)?;
        let [byte] = byte;
        let Some(command) = Command::from_byte(byte) else { return Some(false) };
        if command == Command::Down {
            let settings = self.load_settings();
            self.feed(Event::Settings(settings));
        }
        let exits = self.feed(Event::Command(command));
        if command == Command::Exit && !exits {
            // Should this supervise die, the next one knows that it is to exit.
            self.instance.exiting = true;
            self.records.identify(&self.instance);
        }
        Some(exits)
    }

    fn feed(&mut self, event: Event) -> bool {
        self.feed_at(event, now())
    }

    fn feed_at(&mut self, event: Event, now: Now) -> bool {
        let actions: Actions = self.machine.handle(event, now);
        self.perform(actions.into_iter())
    }

    /// Performs actions, and what follows from them; says whether supervise is to end.
    fn perform(&mut self, mut actions: impl Iterator<Item = Action>) -> bool {
        actions.any(|action| self.act(action))
    }

    fn act(&mut self, action: Action) -> bool {
        match action {
            Action::Start => return self.start(),
            Action::Finish(how) => {
                // It may read how it is.
                self.records.flush();
                let Self { signals, scripts, instance, records, settings, .. } = self;
                records.prepare();
                let (lock, memory) = (records.directory().lock_number(), settings.memory());
                let started = scripts.finish(how, Start { signals, lock, memory }, |finish| {
                    instance.finish = finish;
                    records.introduce(instance, None);
                });
                return match started {
                    Some(pid) => self.feed(Event::Finishing(pid)),
                    None => self.feed(Event::Finished(Exit::Unknown)),
                };
            }
            Action::EndLeftovers(pid) => return self.end_leftovers(pid),
            Action::Exit => return true,
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
            Action::ReportLeftovers(pid) => {
                leftovers::report(self.name, self.origin(pid), self.scripts.notify());
            }
            Action::KillLeftovers => {
                self.leftovers.iter_mut().for_each(|leftovers| leftovers.kill(self.name));
                return self.clear();
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
        false
    }

    fn origin(&self, pid: NonZeroU32) -> Origin {
        Origin { pid: as_number(pid), may_lead_session: self.led_session, ended: self.ended }
    }

    fn end_leftovers(&mut self, pid: NonZeroU32) -> bool {
        let (origin, spared) = (self.origin(pid), self.scripts.notify());
        let found = leftovers::find_mortal(self.name, origin, spared);
        if found.is_empty() {
            return self.feed(Event::Cleared);
        }
        let list = leftovers::list(&found);
        warn(&[b"ending what ", self.name.to_bytes(), b" has left running: ", list.as_bytes()]);
        match Leftovers::end(origin, spared, &found) {
            Ok(leftovers) => {
                self.leftovers = Some(leftovers);
                self.clear()
            }
            Err(error) => {
                warn(&[b"unable to wait for what ", self.name.to_bytes(), b" has left: ", error.bytes()]);
                self.feed(Event::Cleared)
            }
        }
    }

    fn start(&mut self) -> bool {
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
        // With one memory, what the process writes down of itself, supervise knows then, too.
        let started = scripts.run(to_us, start, |service| {
            instance.service = service;
            // The program finds itself up, and who is told that it runs does, too.
            let pid = service.and_then(|service| as_pid(service.pid));
            records.introduce(instance, pid.map(|pid| machine.once_up(pid, now)));
        });
        match started {
            Ok((pid, error)) => {
                self.readiness = readiness.map(|(from_service, ..)| from_service);
                // A parent is never given a number that is none.
                as_pid(pid).is_some_and(|pid| {
                    self.feed(Event::Settings(settings))
                        || self.feed_at(Event::Started(pid), now)
                        || error.is_some_and(|error| self.feed(Event::Unexecuted(error.number())))
                })
            }
            Err(error) => {
                self.instance.starts = self.instance.starts.saturating_sub(1);
                self.instance.readiness = None;
                self.feed(Event::Refused(error.number()))
            }
        }
    }

    fn load_settings(&mut self) -> Settings {
        self.settings.load(self.name)
    }
}
