//! One log directory: performs what its [`Rotation`] decides.

// From a full `current` to an archive.
mod archiving;
// What is done when something is not in its place any more.
mod repair;

use super::PROGRAM;
use super::archive::{Archive, ArchiveOrder};
use super::current::{COMPLETE, Current, Remainder};
use super::pending::Pending;
use super::place::{CURRENT, NEW_STATE, PREVIOUS, PROCESSED, Place, STATE};
use super::rotation::Rotation;
use super::script;
use super::step::{Closing, Found, Leftover, Processing, Sighting, Source, Step, Track, Verdict};
use super::trouble::{Trouble, warn};
use crate::exit::Exit;
use crate::report::Failure;
use crate::signal::Signal;
use crate::sys::files;
use crate::sys::memory;
use crate::sys::process::{self, Ended};
use crate::sys::signals::Inbox;
use crate::sys::{Errno, Result as SysResult};
use std::ffi::CStr;
use std::fs::File;
use std::time::Instant;

/// The most bytes that wait to be written: more than what comes of one read, unless lines are very short.
const MOST_PENDING: usize = 512 * 1024;

/// The failure of a start for which there is not enough memory.
pub fn out_of_memory() -> Failure {
    Failure::fatal(PROGRAM, &[b"out of memory"])
}

/// A log directory that is open and locked.
#[derive(Debug)]
pub struct LogDirectory<'a> {
    rules: &'a script::Directory,
    place: Place<'a>,
    current: Option<Current>,
    /// What was written to files that were removed; it is copied to `current`.
    remainders: Vec<Remainder>,
    rotation: Rotation,
    order: ArchiveOrder,
    processor: Option<i32>,
    /// Whether the processor ran again because what it had made was removed.
    has_rerun: bool,
    /// What is to be written to `current`.
    pending: Pending,
    /// The last step of writer or processor that failed, if its track has not gone on since.
    trouble: Option<(Track, Trouble)>,
    /// Why archives that are too many could not be removed.
    unremovable: Option<Trouble>,
    /// Whether a step has failed and only an inspection was done since.
    is_suspicious: bool,
    /// Why what is in the wrong place goes on being used.
    staying: Option<Trouble>,
    /// Whether the directory has been used: trouble is not fatal any more.
    has_begun: bool,
}

/// What came of a step.
enum Outcome {
    Done,
    Wrote(usize),
    Made(Option<Archive>),
    Inspected(Sighting),
    Restored(u64),
    Reopened(Found),
    /// What is in the wrong place goes on being used.
    Stayed,
    /// What the processor needs or has made is not there.
    Vanished,
}

impl<'a> LogDirectory<'a> {
    /// Makes the directory if need be, locks it, and looks how it was left.
    pub fn open(rules: &'a script::Directory) -> Result<Self, Failure> {
        let memory = memory::buffer(MOST_PENDING).ok_or_else(out_of_memory)?;
        let (place, found) = Place::open(&rules.path).map_err(|trouble| trouble.fatal())?;
        let processing = if rules.processor.is_some() { Processing::Yes } else { Processing::No };
        Ok(Self {
            rules,
            place,
            current: None,
            remainders: Vec::new(),
            rotation: Rotation::new(rules.size, processing, found),
            order: ArchiveOrder::default(),
            processor: None,
            has_rerun: false,
            pending: Pending::new(memory),
            trouble: None,
            unremovable: None,
            is_suspicious: false,
            staying: None,
            has_begun: false,
        })
    }

    /// Takes bytes to be written to `current`, for which there must be [`Self::room`]; [`Self::work`] writes them.
    pub fn take(&mut self, bytes: &[u8]) {
        self.pending.add(bytes);
    }

    /// How many bytes can be taken.
    pub fn room(&self) -> usize {
        self.pending.room()
    }

    /// Whether everything taken is written.
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Gives back the memory that a burst has taken.
    pub fn release(&mut self) {
        memory::give_back(self.pending.unused());
    }

    /// Does all that can be done now. Trouble is reported and tried again later, unless it is met while the
    /// directory is being opened: then it is fatal.
    pub fn work(&mut self, now: Instant, signals: &Inbox) -> Result<(), Failure> {
        loop {
            let Some((track, step)) = self.rotation.next(self.pending.rest(), now) else { return Ok(()) };
            let is_fatal = matches!(step, Step::MakeState | Step::Resume | Step::Begin) && !self.has_begun;
            match self.perform(step, signals) {
                Ok(outcome) => {
                    if !matches!(outcome, Outcome::Inspected(_) | Outcome::Stayed) {
                        self.is_suspicious = false;
                        self.trouble.take_if(|(other, _)| *other == track);
                        self.unremovable.take_if(|_| track == Track::Pruner);
                    }
                    self.conclude((track, outcome), now);
                }
                Err(trouble) if is_fatal => return Err(trouble.fatal()),
                Err(trouble) if self.has_begun && !self.is_suspicious && trouble.is_about_names() => {
                    self.is_suspicious = true;
                    self.rotation.inspect();
                }
                Err(trouble) => {
                    self.is_suspicious = false;
                    self.rotation.failed(track, now);
                    self.report((track, trouble));
                }
            }
            self.has_begun |= self.rotation.is_settled();
        }
    }

    /// Tells of what is tried again after a pause: each time, unless that holds up nothing.
    fn report(&mut self, (track, trouble): (Track, Trouble)) {
        if track != Track::Pruner {
            trouble.report_pause();
            self.trouble = Some((track, trouble));
        } else if self.unremovable.as_ref() != Some(&trouble) {
            trouble.report_pause();
            self.unremovable = Some(trouble);
        }
    }

    fn conclude(&mut self, (track, outcome): (Track, Outcome), now: Instant) {
        match outcome {
            Outcome::Done => self.rotation.done(track, None),
            Outcome::Made(archive) => self.rotation.done(track, archive),
            Outcome::Inspected(sighting) => self.rotation.inspected(sighting, now),
            Outcome::Restored(size) => self.rotation.restored(size, now),
            Outcome::Reopened(found) => self.rotation.reopened(found),
            Outcome::Stayed => self.rotation.stayed(now),
            Outcome::Vanished => self.rotation.vanished(),
            Outcome::Wrote(length) => {
                self.rotation.wrote(length);
                self.pending.wrote(length);
            }
        }
    }

    /// Whether everything taken is in `current` and more can be taken.
    pub fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.rotation.is_settled()
    }

    /// When to work again if nothing happens before.
    pub fn deadline(&self) -> Option<Instant> {
        self.rotation.deadline()
    }

    /// Begins a new file unless the present one is empty. If something waits to be tried again, it is tried at
    /// once instead: the file must not end in the middle of what could not be written.
    pub fn rotate(&mut self) {
        if self.pending.is_empty() { self.rotation.rotate() } else { self.rotation.hurry() }
    }

    /// Tries at once what is waiting to be tried again.
    pub fn hurry(&mut self) {
        self.rotation.hurry();
    }

    /// There will be no more bytes.
    pub fn close(&mut self, closing: Closing) {
        self.rotation.close(closing);
    }

    /// Whether nothing is left to do after [`Self::close`].
    pub const fn is_closed(&self) -> bool {
        self.rotation.is_closed()
    }

    /// Takes note of the end of a child, if it was this directory's processor.
    pub fn child_ended(&mut self, ended: Ended, now: Instant) {
        if self.processor != Some(ended.pid) {
            return;
        }
        self.processor = None;
        let verdict = match ended.how {
            Exit::Exited(0) => Verdict::Done,
            Exit::Exited(_) | Exit::Unknown => Verdict::Failed,
            Exit::Killed(_) => {
                // The error that the original names after this is whatever happened last, often this one.
                let error = Errno::from_raw(libc::EINTR);
                warn(&[b"processor crashed in ", self.rules.path.to_bytes(), b", pausing: ", error.bytes()]);
                Verdict::Failed
            }
        };
        if verdict == Verdict::Failed {
            warn(&[b"processor failed in ", self.rules.path.to_bytes(), b", pausing"]);
        }
        self.rotation.processor_ended(verdict, now);
    }

    /// Takes note of the end of the processor if nobody has told of it.
    pub fn ask_after_processor(&mut self, now: Instant) {
        let ended = self.processor.and_then(|pid| Some(Ended { pid, how: process::ask_after(pid)? }));
        ended.into_iter().for_each(|ended| self.child_ended(ended, now));
    }

    /// Why this directory cannot be closed, and what is lost if nobody waits any longer.
    pub fn give_up(&self, unhandled: usize) -> Option<Failure> {
        let unwritten = u64::try_from(self.pending.rest().len() + unhandled).unwrap_or(0);
        let bytes = self.remainders.iter().map(Remainder::length).sum::<u64>() + unwritten;
        self.trouble.as_ref().map(|(_, trouble)| trouble.fatal_loss(bytes))
    }

    fn perform(&mut self, step: Step, signals: &Inbox) -> Result<Outcome, Trouble> {
        let place = &self.place;
        let at = &place.directory;
        match step {
            Step::Remove(leftover) => {
                let name = leftover_name(leftover);
                let removed = files::remove(at, name).map_err(place.file(b"remove ", name));
                // Whether a new state can be made shows when it is made.
                if !matches!(leftover, Leftover::State | Leftover::NewState) {
                    removed?;
                }
            }
            Step::MakeState => {
                at.truncate(STATE).map_err(place.file(b"write to ", STATE))?;
            }
            Step::Resume => self.current = Some(place.open_current(b"append to ")?),
            Step::Begin => self.current = Some(place.open_current(b"write to ")?),
            Step::Renew => self.current = Some(place.renew_current(b"create ")?),
            Step::Inspect => return self.inspect().map(Outcome::Inspected),
            Step::Restore => return self.restore(),
            Step::Reopen => return self.reopen(),
            Step::Write(length) => return self.write(length).map(Outcome::Wrote),
            Step::Sync => self.on_current(files::sync).map_err(place.disk(CURRENT))?,
            Step::MoveAway => return self.move_away().map(Outcome::Made),
            Step::FinishPrevious => match at.set_mode(PREVIOUS, COMPLETE) {
                // What comes next says so.
                Err(error) if error.is(libc::ENOENT) => {}
                other => other.map_err(place.file(b"set mode of ", PREVIOUS))?,
            },
            Step::Archive(source, code, naming) => {
                return self.archive((source, code), naming).map(Outcome::Made);
            }
            Step::Unlink(source) => {
                let name = source_name(source);
                files::remove(at, name).map_err(place.file(b"remove ", name))?;
            }
            Step::Prune => self.prune()?,
            Step::Process => return self.process(signals),
            Step::FinishProcessed(archive) => return self.finish_processed(archive),
            Step::SyncState => {
                let state = at.append(NEW_STATE).map_err(place.file(b"create ", NEW_STATE))?;
                files::sync(&state).map_err(place.disk(NEW_STATE))?;
            }
            Step::KeepState => match files::rename(at, NEW_STATE, STATE) {
                Err(error) if error.is(libc::ENOENT) && self.is_suspicious => {}
                other => other.map_err(place.whole(b"rename newstate to state in directory "))?,
            },
            Step::Reclaim(archive) => return self.reclaim(archive).map(Outcome::Made),
            Step::Abandon => {
                if let Some(pid) = self.processor.take() {
                    process::send(pid, Signal::TERM);
                }
            }
            Step::Close => self
                .on_current(|current| files::set_mode(current, COMPLETE))
                .map_err(place.file(b"set mode of ", CURRENT))?,
            Step::Leave => {}
        }
        Ok(Outcome::Done)
    }

    /// Does something with `current`, which is open whenever a step asks for that.
    fn on_current<T>(&self, action: impl FnOnce(&File) -> SysResult<T>) -> SysResult<T> {
        self.current.as_ref().map_or(Err(Errno::from_raw(libc::EBADF)), |current| action(&current.file))
    }

    fn write(&self, length: usize) -> Result<usize, Trouble> {
        let bytes = self.pending.rest().get(..length).unwrap_or_default();
        self.on_current(|current| files::write(current, bytes))
            .map_err(self.place.file(b"write to ", CURRENT))
    }
}

const fn leftover_name(leftover: Leftover) -> &'static CStr {
    match leftover {
        Leftover::State => STATE,
        Leftover::NewState => NEW_STATE,
        Leftover::Previous => PREVIOUS,
        Leftover::Processed => PROCESSED,
    }
}

const fn source_name(source: Source) -> &'static CStr {
    match source {
        Source::Current => CURRENT,
        Source::Previous => PREVIOUS,
        Source::Processed => PROCESSED,
    }
}
