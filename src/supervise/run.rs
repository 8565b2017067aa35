//! supervise's edge: the lock, the fifos, the child, and the loop that performs what the machine decides.

use super::machine::{Action, Actions, Event, Machine, Now};
use crate::report::{Failure, SYSTEM, warning};
use crate::service::control::{Command, Signal as Sent};
use crate::service::directory::{CONTROL, DOWN, LOCK, OK, STATUS, STATUS_NEW, SUPERVISE};
use crate::service::sentence::HasDown;
use crate::service::status::Status;
use crate::sys::exec::Prepared;
use crate::sys::files::{self, Contention, HERE};
use crate::sys::signals::{Inbox, Signal};
use crate::sys::startup::{self, say};
use crate::sys::{Errno, clock, poll, process};
use crate::tai::Stamp;
use std::ffi::CStr;
use std::fs::File;
use std::num::NonZeroU32;
use std::os::fd::AsFd;

const PROGRAM: &str = "supervise";

/// The longest symbolic link in place of `supervise/` that is followed.
const LONGEST_LINK: usize = 255;

/// Supervises the service directory `name` until told to exit. Fails if the directory cannot be used, or is
/// supervised already.
pub fn run(name: &CStr) -> Result<u8, Failure> {
    startup::occupy_standard_descriptors();
    let signals = Inbox::open(&[Signal::SIGCHLD])
        .map_err(|error| unable(&[b"create pipe for ", name.to_bytes()], error))?;
    files::change_directory(name).map_err(|error| unable(&[b"chdir to ", name.to_bytes()], error))?;
    let has_down = match files::look(HERE, DOWN) {
        Ok(Some(_)) => HasDown::Yes,
        Ok(None) => HasDown::No,
        Err(error) => return Err(unable(&[b"stat ", name.to_bytes(), b"/down"], error)),
    };
    make_directory()?;
    let _lock =
        take_lock().map_err(|error| unable(&[b"acquire ", name.to_bytes(), b"/supervise/lock"], error))?;
    // That it is there already is fine; anything else shows when it is opened.
    let _ = files::make_fifo(CONTROL);
    let control = files::open_read(HERE, CONTROL)
        .map_err(|error| unable(&[b"read ", name.to_bytes(), b"/supervise/control"], error))?;
    // With a writer of our own, the fifo never comes to its end.
    let _writer = files::open_write(HERE, CONTROL)
        .map_err(|error| unable(&[b"write ", name.to_bytes(), b"/supervise/control"], error))?;
    let environment = startup::environment();
    let program = Prepared::file(c"./run", &[c"./run"], &environment);
    let (machine, first) = Machine::new(has_down, now());
    let supervise = Supervise { name, machine, signals, program };
    let mut first = first.into_iter();
    // The status is there before anybody can find us running.
    if let Some(Action::Publish(status)) = first.next() {
        supervise.publish(&status);
    }
    let _ = files::make_fifo(OK);
    let _ok = files::open_read(HERE, OK)
        .map_err(|error| unable(&[b"read ", name.to_bytes(), b"/supervise/ok"], error))?;
    supervise.main(first, &control)
}

fn now() -> Now {
    Now { instant: clock::monotonic(), stamp: Stamp::from_unix(clock::wall()) }
}

fn unable(what: &[&[u8]], error: Errno) -> Failure {
    Failure::fatal(PROGRAM, &[b"unable to ", &what.concat(), b": ", error.bytes()])
}

/// Makes `supervise/`; where it is a symbolic link to nothing, makes what it points to, so that the service
/// directory itself can be read-only. Any other trouble shows when the lock is taken.
fn make_directory() -> Result<(), Failure> {
    if files::make_directory(HERE, SUPERVISE, 0o700).is_ok() {
        return Ok(());
    }
    if let Ok(target) = files::read_link(SUPERVISE) {
        if target.to_bytes().len() > LONGEST_LINK {
            let message = b"unable to readlink ./supervise: unknown error\n".to_vec();
            return Err(Failure::new(SYSTEM, message));
        }
        let _ = files::make_directory(HERE, &target, 0o700);
    }
    Ok(())
}

fn take_lock() -> crate::sys::Result<File> {
    let lock = files::open_append(HERE, LOCK)?;
    files::lock(&lock, Contention::Fail)?;
    Ok(lock)
}

struct Supervise<'a> {
    /// The service directory, as it was given; we are in it.
    name: &'a CStr,
    machine: Machine,
    signals: Inbox,
    program: Prepared<'a>,
}

impl Supervise<'_> {
    fn main(mut self, first: impl Iterator<Item = Action>, control: &File) -> Result<u8, Failure> {
        let mut exiting = self.perform(first);
        while !exiting {
            let waiting = [Some(self.signals.as_fd()), Some(control.as_fd())];
            let ready = poll::wait(waiting, clock::monotonic(), self.machine.deadline());
            // A failing poll would be trouble with our own arguments; the next turn tries again.
            let [signalled, told] = ready.unwrap_or_default();
            exiting =
                (signalled && self.bury()) || (told && self.obey(control)) || self.feed(Event::Deadline);
        }
        Ok(0)
    }

    /// Takes note of the end of the service. It comes before the next command, so that a command never meets a
    /// service that is dead and not yet buried.
    fn bury(&mut self) -> bool {
        // Draining comes first: a child that ends after this makes the descriptor readable again.
        while self.signals.next().is_some() {}
        while let Some(ended) = process::reap() {
            let ours = self.machine.pid().and_then(|pid| i32::try_from(pid.get()).ok());
            if ours == Some(ended.pid) && self.feed(Event::Ended) {
                return true;
            }
        }
        false
    }

    /// Obeys one command, if there is one.
    fn obey(&mut self, control: &File) -> bool {
        let mut byte = [0];
        match files::read(control, &mut byte) {
            Ok(1) => {
                let [byte] = byte;
                Command::from_byte(byte).is_some_and(|command| self.feed(Event::Command(command)))
            }
            Ok(_) | Err(_) => false,
        }
    }

    fn feed(&mut self, event: Event) -> bool {
        let actions: Actions = self.machine.handle(event, now());
        self.perform(actions.into_iter())
    }

    /// Performs actions, and what follows from them; says whether supervise is to end.
    fn perform(&mut self, actions: impl Iterator<Item = Action>) -> bool {
        for action in actions {
            match action {
                Action::Publish(status) => self.publish(&status),
                Action::Send(pid, signal) => {
                    if let Ok(pid) = i32::try_from(pid.get()) {
                        process::send(pid, number(signal));
                    }
                }
                Action::Start => {
                    if self.start() {
                        return true;
                    }
                }
                Action::WarnRefused(error, pause) => {
                    let pause = format!(", sleeping {} seconds: ", pause.as_secs());
                    let error = Errno::from_raw(error).bytes();
                    self.warn(&[b"unable to fork for ", self.name.to_bytes(), pause.as_bytes(), error]);
                }
                Action::Exit => return true,
            }
        }
        false
    }

    fn start(&mut self) -> bool {
        let started = process::spawn(|| {
            self.signals.release(&[Signal::SIGCHLD]);
            unable(&[b"start ", self.name.to_bytes(), b"/run"], self.program.exec())
        });
        match started {
            Ok(pid) => match u32::try_from(pid).ok().and_then(NonZeroU32::new) {
                Some(pid) => self.feed(Event::Started(pid)),
                // A parent is never given such a number.
                None => false,
            },
            Err(error) => self.feed(Event::Refused(error.number())),
        }
    }

    /// Replaces the status record. That this fails (a full disk, say) is no reason to stop supervising; the
    /// next change tries again.
    fn publish(&self, status: &Status) {
        if let Err((verb, rest)) = write_status(status) {
            let file = [self.name.to_bytes(), b"/supervise/status.new"].concat();
            self.warn(&[b"unable to ", verb.as_bytes(), b" ", &file, rest.as_bytes()]);
        }
    }

    fn warn(&self, parts: &[&[u8]]) {
        say(&warning(PROGRAM, parts));
    }
}

/// Writes the record beside the old one, then puts it in its place. An error says what was not possible, and
/// how the sentence ends after the name of the new file.
fn write_status(status: &Status) -> Result<(), (&'static str, String)> {
    let unable = |verb, rest: &'static str| move |error: Errno| (verb, format!("{rest}: {}", error.text()));
    let file = files::open_truncate(HERE, STATUS_NEW).map_err(unable("open", ""))?;
    let record = status.encode();
    let written = files::write(&file, &record).map_err(unable("write", ""))?;
    if written < record.len() {
        return Err(("write", ": partial write".to_string()));
    }
    drop(file);
    files::rename(HERE, STATUS_NEW, STATUS).map_err(unable("rename", " to status"))
}

/// The system's signal for ours.
const fn number(signal: Sent) -> Signal {
    match signal {
        Sent::Alarm => Signal::SIGALRM,
        Sent::Continue => Signal::SIGCONT,
        Sent::Hangup => Signal::SIGHUP,
        Sent::Interrupt => Signal::SIGINT,
        Sent::Kill => Signal::SIGKILL,
        Sent::Stop => Signal::SIGSTOP,
        Sent::Terminate => Signal::SIGTERM,
    }
}
