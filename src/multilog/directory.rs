//! One log directory: performs what its [`Rotation`] decides.

use super::archive::{Archive, Code, Made};
use super::rotation::{Closing, Found, Leftover, Processed, Processing, Rotation, Source, Step, Verdict};
use super::{PROGRAM, processor, script};
use crate::report::{Failure, warning};
use crate::sys::files::{self, Contention, HERE};
use crate::sys::process::{self, Ended, Ending};
use crate::sys::signals::{Inbox, Signal};
use crate::sys::startup::say;
use crate::sys::{Errno, Result as SysResult, clock};
use crate::tai::Stamp;
use std::ffi::CStr;
use std::fs::File;
use std::time::Instant;

const LOCK: &CStr = c"lock";
const CURRENT: &CStr = c"current";
pub(super) const PREVIOUS: &CStr = c"previous";
pub(super) const PROCESSED: &CStr = c"processed";
pub(super) const STATE: &CStr = c"state";
pub(super) const NEW_STATE: &CStr = c"newstate";

/// The mode of a file that is being written, and of one that is complete: its owner may execute it.
const IN_USE: libc::mode_t = 0o644;
const COMPLETE: libc::mode_t = 0o744;

/// A log directory that is open and locked.
#[derive(Debug)]
pub struct LogDirectory<'a> {
    rules: &'a script::Directory,
    directory: File,
    current: Option<File>,
    rotation: Rotation,
    made: Made,
    /// An archive that was made while what is too much could not be removed.
    unpruned: Option<Archive>,
    processor: Option<i32>,
    /// What is to be written to `current`; the first `written` bytes have been.
    buffer: Vec<u8>,
    written: usize,
    /// The last step that failed, if it has not succeeded since.
    trouble: Option<Trouble>,
    _lock: File,
}

/// What was not possible, and why.
#[derive(Debug, Clone)]
struct Trouble {
    what: Vec<u8>,
    error: Errno,
}

/// What came of a step.
enum Outcome {
    Done,
    Wrote(usize),
    Made(Option<Archive>),
}

impl<'a> LogDirectory<'a> {
    /// Makes the directory if need be, locks it, and looks how it was left.
    pub fn open(rules: &'a script::Directory) -> Result<Self, Failure> {
        let path = rules.path.to_bytes();
        let fatal = |what: &[u8], rest: &[u8]| {
            let what = [b"unable to ", what, b" ", path, rest].concat();
            move |error: Errno| Failure::fatal(PROGRAM, &[&what, b": ", error.bytes()])
        };
        // That it is there already is fine; anything else shows when it is opened.
        let _ = files::make_directory(HERE, &rules.path, 0o700);
        let directory = files::open_directory(HERE, &rules.path).map_err(fatal(b"open directory", b""))?;
        let lock = files::open_append(&directory, LOCK)
            .and_then(|lock| files::lock(&lock, Contention::Fail).map(|()| lock))
            .map_err(fatal(b"lock directory", b""))?;
        let found = match files::look(&directory, CURRENT).map_err(fatal(b"stat", b"/current"))? {
            Some(current) if current.owner_executes => Found::Clean(current.size),
            _ => match files::look(&directory, PROCESSED).map_err(fatal(b"stat", b"/processed"))? {
                Some(processed) if processed.owner_executes => Found::Unclean(Processed::Complete),
                _ => Found::Unclean(Processed::Incomplete),
            },
        };
        let processing = if rules.processor.is_some() { Processing::Yes } else { Processing::No };
        Ok(Self {
            rules,
            directory,
            current: None,
            rotation: Rotation::new(rules.size, processing, found),
            made: Made::default(),
            unpruned: None,
            processor: None,
            buffer: Vec::new(),
            written: 0,
            trouble: None,
            _lock: lock,
        })
    }

    /// Takes bytes to be written to `current`; [`Self::work`] writes them.
    pub fn take(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Gives back the memory that a burst has taken.
    pub fn release(&mut self) {
        self.buffer.shrink_to(0);
    }

    /// Does all that can be done now. Trouble is reported and tried again later, unless it is met while the
    /// directory is being opened: then it is fatal.
    pub fn work(&mut self, now: Instant, signals: &Inbox) -> Result<(), Failure> {
        loop {
            let pending = self.buffer.get(self.written..).unwrap_or_default();
            let Some((track, step)) = self.rotation.next(pending, now) else { return Ok(()) };
            match self.perform(step, signals) {
                Ok(Outcome::Done) => self.rotation.done(track, None),
                Ok(Outcome::Made(archive)) => self.rotation.done(track, archive),
                Ok(Outcome::Wrote(length)) => {
                    self.rotation.wrote(length);
                    self.written += length;
                    if self.written >= self.buffer.len() {
                        self.buffer.clear();
                        self.written = 0;
                    }
                }
                Err(Trouble { what, error })
                    if matches!(step, Step::MakeState | Step::Resume | Step::Begin) =>
                {
                    return Err(Failure::fatal(PROGRAM, &[&what, b": ", error.bytes()]));
                }
                Err(trouble) => {
                    self.warn(&[&trouble.what, b", pausing: ", trouble.error.bytes()]);
                    self.rotation.failed(track, now);
                    self.trouble = Some(trouble);
                    continue;
                }
            }
            self.trouble = None;
        }
    }

    /// Whether everything taken is in `current` and more can be taken.
    pub fn is_settled(&self) -> bool {
        self.buffer.is_empty() && self.rotation.is_settled()
    }

    /// When to work again if nothing happens before.
    pub fn deadline(&self) -> Option<Instant> {
        self.rotation.deadline()
    }

    /// Begins a new file unless the present one is empty. If something waits to be tried again, it is tried at
    /// once instead: the file must not end in the middle of what could not be written.
    pub fn rotate(&mut self) {
        if self.buffer.is_empty() { self.rotation.rotate() } else { self.rotation.hurry() }
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
            Ending::Exited(0) => Verdict::Done,
            Ending::Exited(_) => Verdict::Failed,
            Ending::Killed(_) => {
                // The error that the original names after this is whatever happened last, often this one.
                let error = Errno::from_raw(libc::EINTR);
                self.warn(&[
                    b"processor crashed in ",
                    self.rules.path.to_bytes(),
                    b", pausing: ",
                    error.bytes(),
                ]);
                Verdict::Failed
            }
        };
        if verdict == Verdict::Failed {
            self.warn(&[b"processor failed in ", self.rules.path.to_bytes(), b", pausing"]);
        }
        self.rotation.processor_ended(verdict, now);
    }

    fn warn(&self, parts: &[&[u8]]) {
        say(&warning(PROGRAM, parts));
    }

    /// Why this directory cannot be closed, and what is lost if nobody waits any longer.
    pub fn give_up(&self) -> Option<Failure> {
        let trouble = self.trouble.as_ref()?;
        let lost = format!(", {} bytes lost: ", self.buffer.len().saturating_sub(self.written));
        Some(Failure::fatal(PROGRAM, &[&trouble.what, lost.as_bytes(), trouble.error.bytes()]))
    }

    fn perform(&mut self, step: Step, signals: &Inbox) -> Result<Outcome, Trouble> {
        let at = &self.directory;
        match step {
            Step::Remove(leftover) => {
                let name = leftover_name(leftover);
                let removed = files::remove(at, name).map_err(self.file(b"remove ", name, b""));
                // Whether a new state can be made shows when it is made.
                if !matches!(leftover, Leftover::State | Leftover::NewState) {
                    removed?;
                }
            }
            Step::MakeState => {
                files::open_truncate(at, STATE).map_err(self.file(b"write to ", STATE, b""))?;
            }
            Step::Resume => self.open_current(b"append to ")?,
            Step::Begin => self.open_current(b"write to ")?,
            Step::Renew => self.open_current(b"create ")?,
            Step::Write(length) => return self.write(length).map(Outcome::Wrote),
            Step::Sync => {
                self.on_current(files::sync).map_err(self.file(b"write ", CURRENT, b" to disk"))?;
            }
            Step::MoveAway => {
                self.current = None;
                files::rename(&self.directory, CURRENT, PREVIOUS)
                    .map_err(self.whole(b"rename current to previous in directory "))?;
                let stamp = Stamp::from_unix(clock::wall());
                if self.rules.processor.is_some() {
                    self.made.reserve(stamp);
                }
                return Ok(Outcome::Made(Some(Archive { stamp, code: Code::Safe })));
            }
            Step::FinishPrevious => files::set_mode_of(at, PREVIOUS, COMPLETE).map_err(self.file(
                b"set mode of ",
                PREVIOUS,
                b"",
            ))?,
            Step::Archive(source, code, again) => {
                return self.archive(source, code, again).map(Outcome::Made);
            }
            Step::Process => self.process(signals)?,
            Step::FinishProcessed => {
                let processed =
                    files::open_append(at, PROCESSED).map_err(self.file(b"create ", PROCESSED, b""))?;
                files::sync(&processed).map_err(self.file(b"write ", PROCESSED, b" to disk"))?;
                files::set_mode(&processed, COMPLETE).map_err(self.file(b"set mode of ", PROCESSED, b""))?;
            }
            Step::SyncState => {
                let state =
                    files::open_append(at, NEW_STATE).map_err(self.file(b"create ", NEW_STATE, b""))?;
                files::sync(&state).map_err(self.file(b"write ", NEW_STATE, b" to disk"))?;
            }
            Step::KeepState => files::rename(at, NEW_STATE, STATE)
                .map_err(self.whole(b"rename newstate to state in directory "))?,
            Step::Reclaim(archive) => return self.reclaim(archive).map(Outcome::Made),
            Step::Abandon => {
                if let Some(pid) = self.processor.take() {
                    process::send(pid, Signal::SIGTERM);
                }
            }
            Step::Close => self
                .on_current(|current| files::set_mode(current, COMPLETE))
                .map_err(self.file(b"set mode of ", CURRENT, b""))?,
            Step::Leave => {}
        }
        Ok(Outcome::Done)
    }

    /// Trouble with a file of the directory: "unable to VERB DIR/NAME REST".
    fn file(&self, verb: &[u8], name: &CStr, rest: &[u8]) -> impl FnOnce(Errno) -> Trouble + use<> {
        let path = self.rules.path.to_bytes();
        let what = [b"unable to ", verb, path, b"/", name.to_bytes(), rest].concat();
        move |error| Trouble { what, error }
    }

    /// Trouble with the directory: "unable to VERB DIR".
    fn whole(&self, verb: &[u8]) -> impl FnOnce(Errno) -> Trouble + use<> {
        let what = [b"unable to ", verb, self.rules.path.to_bytes()].concat();
        move |error| Trouble { what, error }
    }

    /// Does something with `current`, which is open whenever a step asks for that.
    fn on_current<T>(&self, action: impl FnOnce(&File) -> SysResult<T>) -> SysResult<T> {
        self.current.as_ref().map_or(Err(Errno::from_raw(libc::EBADF)), action)
    }

    fn open_current(&mut self, verb: &[u8]) -> Result<(), Trouble> {
        let current = files::open_append(&self.directory, CURRENT).map_err(self.file(verb, CURRENT, b""))?;
        files::set_mode(&current, IN_USE).map_err(self.file(b"set mode of ", CURRENT, b""))?;
        self.current = Some(current);
        Ok(())
    }

    fn write(&self, length: usize) -> Result<usize, Trouble> {
        let end = self.written.saturating_add(length);
        let bytes = self.buffer.get(self.written..end).unwrap_or_default();
        self.on_current(|current| files::write(current, bytes))
            .map_err(|error| self.file(b"write to ", CURRENT, b"")(error))
    }

    /// Makes a file an archive. A file with two names was made one already, before a crash.
    fn archive(
        &mut self,
        source: Source,
        code: Code,
        again: Option<Archive>,
    ) -> Result<Option<Archive>, Trouble> {
        if self.unpruned.is_none() {
            let name = match source {
                Source::Current => CURRENT,
                Source::Previous => PREVIOUS,
                Source::Processed => PROCESSED,
            };
            let at = &self.directory;
            let facts = files::look(at, name).map_err(self.file(b"stat ", name, b""))?;
            let Some(facts) = facts else { return Ok(None) };
            let stamp = match (again, code) {
                (Some(archive), _) => archive.stamp,
                (None, Code::Unfinished) if source == Source::Previous => self.late_stamp(),
                (None, _) => Stamp::from_unix(clock::wall()),
            };
            let archive = Archive { stamp, code };
            if facts.names == 1 {
                let target = archive.name();
                files::link(at, name, &target).map_err(self.file(b"link to ", &target, b""))?;
                self.made.add(stamp);
            }
            files::remove(at, name).map_err(self.file(b"remove ", name, b""))?;
            self.unpruned = Some(archive);
        }
        self.prune().map_err(self.whole(b"read "))?;
        Ok(self.unpruned.take())
    }

    /// The stamp for a `previous` that a crash has left. Archives that waited for the processor then can be
    /// newer than it; where there are some, its last change counts instead of this moment.
    fn late_stamp(&self) -> Stamp {
        let now = Stamp::from_unix(clock::wall());
        let changed = files::modified(&self.directory, PREVIOUS).map(Stamp::from_unix).unwrap_or(now);
        let names = files::names(&self.directory).unwrap_or_default();
        let mut archives = names.iter().filter_map(|name| Archive::from_name(name.to_bytes()));
        if archives.any(|archive| archive.stamp > changed) { changed } else { now }
    }

    fn prune(&mut self) -> SysResult<()> {
        let names = files::names(&self.directory)?;
        let archives = names.iter().filter_map(|name| Archive::from_name(name.to_bytes())).collect();
        for archive in self.made.surplus(archives, self.rules.number) {
            files::remove(&self.directory, &archive.name())?;
        }
        Ok(())
    }

    fn reclaim(&mut self, archive: Archive) -> Result<Option<Archive>, Trouble> {
        let name = archive.name();
        match files::rename(&self.directory, &name, PREVIOUS) {
            Ok(()) => {
                self.made.reserve(archive.stamp);
                Ok(Some(archive))
            }
            Err(error) if error.is(libc::ENOENT) => Ok(None),
            Err(error) => {
                let what = [b"rename ", name.to_bytes(), b" to previous in directory "].concat();
                Err(self.whole(&what)(error))
            }
        }
    }

    fn process(&mut self, signals: &Inbox) -> Result<(), Trouble> {
        let command = self.rules.processor.as_deref().unwrap_or_default();
        let child = processor::start(&self.directory, command, signals);
        self.processor = Some(child.map_err(self.whole(b"fork for processor in "))?);
        Ok(())
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
