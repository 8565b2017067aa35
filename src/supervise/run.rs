//! The edge of supervise: waits for signals, commands and deadlines, and passes them to the machine.

use super::beginning::Beginning;
use super::event::{Action, Event, Task};
use super::messages::unable;
use super::perform::{Flow, Supervise};
use super::reaper::Reaper;
use super::scripts::{Scripts, Start};
use super::sending::as_number;
use super::state_directory::StateDirectory;
use crate::exit::Exit;
use crate::report::Failure;
use crate::service::control::Command;
use crate::service::names::DOWN;
use crate::service::sentence::HasDown;
use crate::signal::Signal;
use crate::sys::files::{self, HERE};
use crate::sys::signals::Inbox;
use crate::sys::startup;
use crate::sys::{clock, pipes, poll, process};
use std::ffi::CStr;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::os::fd::AsFd;

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
    let _ = supervise.perform(notes);
    supervise.records.identify(&supervise.instance);
    supervise.records.flush();
    supervise.records.directory_mut().announce(name)?;
    let flow = supervise.perform(rest);
    supervise.records.flush();
    if flow.is_continue() {
        let _ = supervise.main(task);
    }
    // What is written last is to be found.
    supervise.records.flush();
    supervise.records.remove_instance();
    Ok(0)
}

impl Supervise<'_> {
    fn main(&mut self, task: Task) -> Flow {
        match task {
            Task::Stop => self.stop()?,
            Task::Run(_) if self.instance.exiting => self.feed(Event::Command(Command::Exit))?,
            Task::Run(_) => {}
        }
        self.records.flush();
        loop {
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
            let ready @ [signalled, told, ..] = ready.unwrap_or_default();
            // Draining comes first: a child that ends after this makes the descriptor readable again.
            let look_again = signalled && self.signals.take(LOOK_AGAIN);
            let flow = self.turn(ready);
            self.records.flush();
            if look_again || self.records.is_lost() {
                self.restore_directory(flow)?;
            }
            if look_again || told {
                self.records.relocate_instance();
            }
            flow?;
        }
    }

    /// Deals with all that has happened while supervise waited.
    fn turn(&mut self, [signalled, told, lost, readable, left]: [bool; 5]) -> Flow {
        if readable {
            self.hear()?;
        }
        if lost {
            self.lose()?;
        }
        if signalled {
            self.bury()?;
        }
        if left {
            if let Some(event) = self.cleared() {
                self.feed(event)?;
            }
        }
        if told {
            self.obey()?;
        }
        self.feed(Event::Deadline)
    }

    /// Begins to end what an earlier supervise has left. What that one has told to go down is not told again: the signal may
    /// mean something else the second time.
    fn stop(&mut self) -> Flow {
        if !self.machine.is_wanted_down() {
            self.feed(Event::Command(Command::Down))?;
        }
        self.feed(Event::Command(Command::Exit))
    }

    /// Makes `supervise/` again if it, or something in it, was removed; also when supervise is about to end, so that what it
    /// has written last is to be found.
    fn restore_directory(&mut self, flow: Flow) -> Flow {
        if !self.records.directory().is_in_place() {
            if flow.is_continue() {
                // The commands that were given before would be lost with the fifo.
                while self.obey()? == Obeyed::One {}
            }
            self.records.restore();
        }
        flow
    }

    /// Takes note of the end of children. That of the service comes before the next command, so that a command
    /// never meets a service that is dead and not yet buried.
    fn bury(&mut self) -> Flow {
        let service = self.machine.pid().filter(|_| self.machine.minds_leftovers()).map(as_number);
        self.led_session = service.is_some_and(process::leads_session);
        let own = |pid: Option<NonZeroU32>| pid.filter(|_| self.adopted.is_none()).map(as_number);
        let known = [own(self.machine.pid()), own(self.machine.finish_pid()), self.scripts.notify()];
        for (ended, how) in Reaper::new(known) {
            let is = |pid: Option<NonZeroU32>| pid.map(as_number) == Some(ended);
            if is(self.machine.pid()) {
                self.end(how)?;
            }
            if is(self.machine.finish_pid()) {
                self.feed(Event::Finished(how))?;
            }
            let Self { signals, scripts, records, settings, .. } = self;
            let (lock, memory) = (records.directory().lock_number(), settings.memory());
            scripts.bury(ended, Start { signals, lock, memory });
        }
        Flow::Continue(())
    }

    /// The service that was taken over has ended, or `finish` has.
    fn lose(&mut self) -> Flow {
        self.adopted = None;
        if self.machine.finish_pid().is_some() {
            return self.feed(Event::Finished(Exit::Unknown));
        }
        self.led_session = true;
        self.end(Exit::Unknown)
    }

    /// The service has ended; what comes now is as its files say now.
    fn end(&mut self, how: Exit) -> Flow {
        self.ended = process::ticks();
        if let Some(error) = self.scripts.late_error() {
            self.feed(Event::Unexecuted(error))?;
        }
        let settings = self.load_settings();
        self.feed(Event::Settings(settings))?;
        self.feed(Event::Ended(how))
    }

    /// Hears whether the service is ready: a newline says so.
    fn hear(&mut self) -> Flow {
        let mut buffer = [0; 64];
        let Some(readiness) = &self.readiness else { return Flow::Continue(()) };
        let length = files::read_from(readiness.as_fd(), &mut buffer).unwrap_or(0);
        let is_ready = buffer.get(..length).unwrap_or_default().contains(&b'\n');
        if is_ready || length == 0 {
            self.readiness = None;
        }
        if is_ready { self.feed(Event::Ready) } else { Flow::Continue(()) }
    }

    /// Obeys one command, if there is one.
    fn obey(&mut self) -> ControlFlow<(), Obeyed> {
        let mut byte = [0];
        let length = files::read(self.records.directory().control(), &mut byte);
        if length != Ok(1) {
            return ControlFlow::Continue(Obeyed::None);
        }
        let [byte] = byte;
        let Some(command) = Command::from_byte(byte) else { return ControlFlow::Continue(Obeyed::One) };
        if command == Command::Down {
            let settings = self.load_settings();
            self.feed(Event::Settings(settings))?;
        }
        self.feed(Event::Command(command))?;
        if command == Command::Exit {
            // Should this supervise die, the next one knows that it is to exit.
            self.instance.exiting = true;
            self.records.identify(&self.instance);
        }
        ControlFlow::Continue(Obeyed::One)
    }
}

/// How many commands there were to obey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obeyed {
    None,
    One,
}
