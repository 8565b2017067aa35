//! supervise's edge: the lock, the fifos, the child, and the loop that performs what the machine decides.

use super::event::{Action, Actions, Ending, Event, Now};
use super::facts::{self, Trouble};
use super::leftovers::{self, Leftovers, Origin};
use super::machine::Machine;
use super::scripts::Scripts;
use super::sending::{self, as_number};
use super::settings::Settings;
use super::settings_files::SettingsFiles;
use super::takeover::{self, Takeover};
use crate::report::{Failure, warning};
use crate::service::control::Command;
use crate::service::directory::{CONTROL, DOWN, OK, READY};
use crate::service::instance::Instance;
use crate::service::sentence::HasDown;
use crate::service::status::Want;
use crate::sys::exec::Prepared;
use crate::sys::files::{self, HERE};
use crate::sys::process::Handle;
use crate::sys::signals::{Inbox, Signal};
use crate::sys::startup::{self, say};
use crate::sys::{Errno, clock, poll, process};
use crate::tai::Stamp;
use std::ffi::CStr;
use std::fs::File;
use std::num::NonZeroU32;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

pub(super) const PROGRAM: &str = "supervise";

/// Supervises the service directory `name` until told to exit. Fails if the directory cannot be used, or is
/// supervised already. The first start comes no earlier than after `delay`.
pub fn run(name: &CStr, delay: Duration) -> Result<u8, Failure> {
    startup::occupy_standard_descriptors();
    let signals = Inbox::open(&[Signal::SIGCHLD])
        .map_err(|error| unable(&[b"create pipe for ", name.to_bytes()], error))?;
    files::change_directory(name).map_err(|error| unable(&[b"chdir to ", name.to_bytes()], error))?;
    let has_down = match files::look(HERE, DOWN) {
        Ok(Some(_)) => HasDown::Yes,
        Ok(None) => HasDown::No,
        Err(error) => return Err(unable(&[b"stat ", name.to_bytes(), b"/down"], error)),
    };
    facts::make_directory()?;
    let _lock = facts::take_lock()
        .map_err(|error| unable(&[b"acquire ", name.to_bytes(), b"/supervise/lock"], error))?;
    // That it is there already is fine; anything else shows when it is opened.
    let _ = files::make_fifo(CONTROL);
    let control = files::open_read(HERE, CONTROL)
        .map_err(|error| unable(&[b"read ", name.to_bytes(), b"/supervise/control"], error))?;
    // With a writer of our own, the fifo never comes to its end.
    let _writer = files::open_write(HERE, CONTROL)
        .map_err(|error| unable(&[b"write ", name.to_bytes(), b"/supervise/control"], error))?;
    let environment = startup::environment();
    let mut supervise = Supervise::new(name, signals, &environment);
    let first = supervise.begin(has_down, delay);
    let mut first = first.into_iter();
    // The status is there before anybody can find us running.
    if let Some(Action::Publish(status)) = first.next() {
        supervise.record(facts::write_status(&status), "status.new");
    }
    let _ = files::make_fifo(OK);
    let _ok = files::open_read(HERE, OK)
        .map_err(|error| unable(&[b"read ", name.to_bytes(), b"/supervise/ok"], error))?;
    supervise.main(first, &control)
}

fn now() -> Now {
    Now { instant: clock::monotonic(), stamp: Stamp::from_unix(clock::wall()) }
}

pub(super) fn unable(what: &[&[u8]], error: Errno) -> Failure {
    Failure::fatal(PROGRAM, &[b"unable to ", &what.concat(), b": ", error.bytes()])
}

pub(super) fn warn(parts: &[&[u8]]) {
    say(&warning(PROGRAM, parts));
}

struct Supervise<'a> {
    /// The service directory, as it was given; we are in it.
    name: &'a CStr,
    machine: Machine,
    signals: Inbox,
    program: Prepared<'a>,
    scripts: Scripts<'a>,
    instance: Instance,
    settings: SettingsFiles,
    /// The service, if it is not a child of ours.
    adopted: Option<Handle>,
    /// Where the service is going to tell that it is ready.
    readiness: Option<OwnedFd>,
    is_ready: bool,
    /// The service led a session when it ended, as far as that matters.
    led_session: bool,
    /// What it has left behind, while that is being ended.
    leftovers: Option<Leftovers>,
}

impl<'a> Supervise<'a> {
    fn new(name: &'a CStr, signals: Inbox, environment: &'a [&'a CStr]) -> Self {
        let own = process::own_number();
        let instance = Instance {
            boot: process::boot().unwrap_or_default(),
            directory: files::look(HERE, c".").ok().flatten().map(|facts| facts.identity),
            input: files::pipe_number(own, 0),
            output: files::pipe_number(own, 1),
            readiness: None,
            starts: 0,
            supervise: facts::myself(),
            service: None,
        };
        let (machine, _) = Machine::new(HasDown::Yes, Duration::ZERO, now());
        Self {
            name,
            machine,
            signals,
            program: Prepared::file(c"./run", &[c"./run"], environment),
            scripts: Scripts::new(name, environment),
            instance,
            settings: SettingsFiles::default(),
            adopted: None,
            readiness: None,
            is_ready: false,
            led_session: false,
            leftovers: None,
        }
    }

    /// Begins where an earlier supervise has left off, if one has ended without being told to; else anew.
    fn begin(&mut self, has_down: HasDown, delay: Duration) -> Actions {
        let left = facts::read_instance().filter(|left| takeover::is_about(left, &self.instance));
        self.instance.starts = left.as_ref().map_or(0, |left| left.starts);
        let taken = left.as_ref().and_then(|left| takeover::find(self.name, left, now().stamp));
        let (machine, actions) = if let Some(Takeover { handle, service, status }) = taken {
            self.is_ready = matches!(files::look(HERE, READY), Ok(Some(_)));
            self.instance.service = Some(service);
            self.adopted = Some(handle);
            let settings = self.load_settings();
            if let Some(number) = settings.notification.filter(|_| !self.is_ready) {
                self.instance.readiness = left.as_ref().and_then(|left| left.readiness);
                self.readiness = self.instance.readiness.and_then(|inode| files::find_pipe(number, inode));
            }
            Machine::adopt(status, settings, now())
        } else {
            facts::remove_ready();
            facts::remove_finishing();
            // What the administrator wanted of the earlier one holds.
            let has_down = match left.and_then(|_| facts::read_status()) {
                Some(status) if status.want == Want::Up => HasDown::No,
                Some(_) => HasDown::Yes,
                None => has_down,
            };
            Machine::new(has_down, delay, now())
        };
        self.machine = machine;
        self.record(facts::write_instance(&self.instance), "instance.new");
        actions
    }

    fn main(mut self, first: impl Iterator<Item = Action>, control: &File) -> Result<u8, Failure> {
        let mut exiting = self.perform(first);
        while !exiting {
            let waiting = [
                Some(self.signals.as_fd()),
                Some(control.as_fd()),
                self.adopted.as_ref().map(AsFd::as_fd),
                self.readiness.as_ref().map(AsFd::as_fd),
                self.leftovers.as_ref().map(AsFd::as_fd),
            ];
            let ready = poll::wait(waiting, clock::monotonic(), self.machine.deadline());
            // A failing poll would be trouble with our own arguments; the next turn tries again.
            let [signalled, told, lost, readable, left] = ready.unwrap_or_default();
            if readable {
                self.hear();
            }
            exiting = (lost && self.lose())
                || (signalled && self.bury())
                || (left && self.clear())
                || (told && self.obey(control))
                || self.feed(Event::Deadline);
        }
        facts::remove_instance();
        Ok(0)
    }

    /// Takes note of the end of children. That of the service comes before the next command, so that a command
    /// never meets a service that is dead and not yet buried.
    fn bury(&mut self) -> bool {
        // Draining comes first: a child that ends after this makes the descriptor readable again.
        self.signals.clear();
        let service = self.machine.pid().filter(|_| self.machine.minds_leftovers()).map(as_number);
        self.led_session = service.is_some_and(process::has_ended_as_leader);
        while let Some(ended) = process::reap() {
            let is = |pid: Option<NonZeroU32>| pid.map(as_number) == Some(ended.pid);
            let how = match ended.how {
                process::Ending::Exited(code) => Ending::Exited(code),
                process::Ending::Killed(signal) => Ending::Killed(signal as i32),
            };
            if is(self.machine.pid()) && self.end(how) {
                return true;
            }
            if is(self.machine.finish_pid()) && self.feed(Event::Finished(how)) {
                return true;
            }
            self.scripts.bury(ended.pid, &self.signals);
        }
        false
    }

    /// The service that was taken over has ended.
    fn lose(&mut self) -> bool {
        self.adopted = None;
        self.led_session = true;
        self.end(Ending::Unknown)
    }

    /// The service has ended; what comes now is as its files say now.
    fn end(&mut self, how: Ending) -> bool {
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

    /// Obeys one command, if there is one.
    fn obey(&mut self, control: &File) -> bool {
        let mut byte = [0];
        match files::read(control, &mut byte) {
            Ok(1) => {
                let [byte] = byte;
                let Some(command) = Command::from_byte(byte) else { return false };
                if command == Command::Down {
                    let settings = self.load_settings();
                    self.feed(Event::Settings(settings));
                }
                self.feed(Event::Command(command))
            }
            Ok(_) | Err(_) => false,
        }
    }

    fn feed(&mut self, event: Event) -> bool {
        let actions: Actions = self.machine.handle(event, now());
        self.perform(actions.into_iter())
    }

    /// Performs actions, and what follows from them; says whether supervise is to end.
    fn perform(&mut self, mut actions: impl Iterator<Item = Action>) -> bool {
        actions.any(|action| self.act(action))
    }

    fn act(&mut self, action: Action) -> bool {
        match action {
            Action::Start => return self.start(),
            Action::Finish(how) => match self.scripts.finish(how, &self.signals) {
                Some(pid) => return self.feed(Event::Finishing(pid)),
                None => return self.feed(Event::Finished(Ending::Unknown)),
            },
            Action::EndLeftovers(pid) => return self.end_leftovers(pid),
            Action::Exit => return true,
            Action::Publish(status) => self.record(facts::write_status(&status), "status.new"),
            Action::RecordEnd(how) => self.record_end(how),
            Action::RecordFinishing => self.record(facts::write_finishing(), "finishing"),
            Action::RecordFinished => facts::remove_finishing(),
            Action::RecordReady => {
                self.is_ready = true;
                self.record(facts::write_ready(now().stamp), "ready.new");
            }
            Action::Send(pid, signal, scope) => {
                let adopted = self.adopted.as_ref().filter(|_| self.machine.pid() == Some(pid));
                sending::send(pid, signal, scope, adopted);
            }
            Action::ReportLeftovers(pid) => {
                leftovers::report(self.name, self.origin(pid), self.scripts.notify());
            }
            Action::KillLeftovers => self.leftovers.iter_mut().for_each(Leftovers::kill),
            Action::Notify(pid, how) => self.scripts.notify_of(pid, how, &self.signals),
            Action::WarnRefused(error, pause) => {
                let pause = format!(", sleeping {} seconds: ", pause.as_secs());
                let error = Errno::from_raw(error).bytes();
                warn(&[b"unable to fork for ", self.name.to_bytes(), pause.as_bytes(), error]);
            }
        }
        false
    }

    fn origin(&self, pid: NonZeroU32) -> Origin {
        Origin { pid: as_number(pid), may_lead_session: self.led_session }
    }

    fn end_leftovers(&mut self, pid: NonZeroU32) -> bool {
        let (origin, spared) = (self.origin(pid), self.scripts.notify());
        let found = leftovers::find(origin, spared);
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

    fn record_end(&mut self, how: Ending) {
        if self.is_ready {
            self.is_ready = false;
            facts::remove_ready();
        }
        self.readiness = None;
        self.instance.service = None;
        self.record(facts::write_last_exit(how, now().stamp), "last-exit.new");
    }

    fn start(&mut self) -> bool {
        let settings = self.load_settings();
        if settings.end_leftovers {
            process::gather_orphans();
        }
        let readiness = settings.notification.and_then(|number| {
            let pipe = files::lasting_pipe().map_err(|error| {
                warn(&[b"unable to create pipe for ", self.name.to_bytes(), b": ", error.bytes()]);
            });
            pipe.ok().map(|(from_service, to_us)| (from_service, to_us, number))
        });
        self.instance.starts = self.instance.starts.saturating_add(1);
        self.instance.readiness = readiness.as_ref().and_then(|(pipe, ..)| files::inode(pipe));
        let started = process::spawn(|| {
            self.signals.release(&[Signal::SIGCHLD]);
            // Until the program runs, this process has the lock, so that no other supervise can miss it.
            let instance = Instance { service: facts::myself(), ..self.instance.clone() };
            self.record(facts::write_instance(&instance), "instance.new");
            if let Some((_, to_us, number)) = &readiness {
                if let Err(error) = files::become_descriptor(to_us, *number) {
                    return unable(&[b"set up descriptors for ", self.name.to_bytes()], error);
                }
            }
            unable(&[b"start ", self.name.to_bytes(), b"/run"], self.program.exec())
        });
        match started {
            Ok(pid) => {
                self.readiness = readiness.map(|(from_service, ..)| from_service);
                match u32::try_from(pid).ok().and_then(NonZeroU32::new) {
                    Some(pid) => self.feed(Event::Settings(settings)) || self.feed(Event::Started(pid)),
                    // A parent is never given such a number.
                    None => false,
                }
            }
            Err(error) => self.feed(Event::Refused(error.number())),
        }
    }

    fn load_settings(&mut self) -> Settings {
        self.settings.load(self.name)
    }

    /// Warns if something could not be written down. That (a full disk, say) is no reason to stop supervising;
    /// the next change tries again.
    fn record(&self, written: Result<(), Trouble>, file: &str) {
        if let Err((verb, rest)) = written {
            let path = [self.name.to_bytes(), b"/supervise/", file.as_bytes()].concat();
            warn(&[b"unable to ", verb.as_bytes(), b" ", &path, rest.as_bytes()]);
        }
    }
}
