//! What a log directory does next: how much to write to `current`, when to begin a new one, what happens to the
//! old one, and when to try again what failed.
//!
//! Two tracks run beside each other. The *writer* appends to `current` and moves it out of the way when it is
//! full. The *processor* turns `previous` into an archive; while it is busy, the writer archives a full
//! `current` unprocessed, and it waits its turn. A track whose step fails tries again after a pause; it never
//! skips a step, so nothing is lost.
#![forbid(unsafe_code)]

use super::archive::{Archive, Code};
use super::cut::{Cut, cut};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// From a failure to the next attempt.
const PAUSE: Duration = Duration::from_secs(5);

/// One of the two tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// Appends to `current`, and moves it away.
    Writer,
    /// Deals with `previous`.
    Processor,
}

/// A file of the directory that can become an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the files")]
pub enum Source {
    Current,
    Previous,
    Processed,
}

/// One thing to do. Every step can be done again after it has failed half-way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// At the start: remove a file that a crash has left.
    Remove(Leftover),
    /// At the start: make an empty `state`. Failing is fatal.
    MakeState,
    /// At the start: open the `current` that was closed cleanly, to go on with it. Failing is fatal.
    Resume,
    /// At the start: make a new `current`. Failing is fatal.
    Begin,
    /// Write so many of the pending bytes to `current`.
    Write(usize),
    /// Make sure that `current` is on disk.
    Sync,
    /// Rename `current` to `previous`, and name the archive that it will be.
    MoveAway,
    /// Make a new `current`.
    Renew,
    /// Mark `previous` as complete.
    FinishPrevious,
    /// Make a file an archive, under the stamp of this moment or the given one, and remove what is too much.
    Archive(Source, Code, Option<Archive>),
    /// Run the processor on `previous`.
    Process,
    /// Make sure that `processed` is on disk, and mark it as complete.
    FinishProcessed,
    /// Make sure that `newstate` is on disk.
    SyncState,
    /// Rename `newstate` to `state`.
    KeepState,
    /// Make an archive that waits for the processor `previous` again; it may have been removed meanwhile.
    Reclaim(Archive),
    /// Tell the processor to end; nobody waits for it.
    Abandon,
    /// Mark `current` as closed cleanly; nothing comes after that.
    Close,
    /// Leave everything as it is, as after a crash; nothing comes after that.
    Leave,
}

/// What a crash can leave behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the files")]
pub enum Leftover {
    State,
    NewState,
    Previous,
    Processed,
}

/// How a log directory was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Cleanly: `current` is marked, and so many bytes long.
    Clean(u64),
    /// Not cleanly, or never used.
    Unclean(Processed),
}

/// Whether `processed` was complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processed {
    /// It is there and marked: `previous` is done with.
    Complete,
    /// It is not marked, or not there: `previous` is what counts.
    Incomplete,
}

/// Whether old files go through a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processing {
    /// They do.
    Yes,
    /// They do not.
    No,
}

/// How multilog ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// After all that is to be done is done.
    Patient,
    /// As soon as everything is on disk; what is unprocessed stays so.
    Prompt,
}

/// How a processor ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// With success.
    Done,
    /// Without.
    Failed,
}

/// The next steps of a track, and when it may go on after a failure.
#[derive(Debug, Default)]
struct Lane {
    steps: VecDeque<Step>,
    resume: Option<Instant>,
}

impl Lane {
    fn is_paused(&self, now: Instant) -> bool {
        self.resume.is_some_and(|resume| now < resume)
    }

    fn next(&self, now: Instant) -> Option<Step> {
        self.steps.front().copied().filter(|_| !self.is_paused(now))
    }
}

/// One log directory.
#[derive(Debug)]
pub struct Rotation {
    size: u64,
    processing: Processing,
    /// Bytes in `current`.
    written: u64,
    /// The write that was asked for last.
    cut: Cut,
    writer: Lane,
    processor: Lane,
    /// Whether `current` is open.
    open: bool,
    /// Whether the processor runs right now.
    running: bool,
    /// Archives that wait for the processor, oldest first.
    waiting: VecDeque<Archive>,
    /// The archive that `previous` will be, or was before it was reclaimed. Its stamp is that of the moment when
    /// the file was finished, so that archives sort as they were written, however long the processor takes.
    previous: Option<Archive>,
    closing: Option<Closing>,
    /// Whether something is left as a crash would leave it.
    abandoned: bool,
    closed: bool,
}

impl Rotation {
    /// A directory that was found so; its first steps make it usable.
    pub fn new(size: u64, processing: Processing, found: Found) -> Self {
        let (written, steps) = match found {
            Found::Clean(written) => (written, VecDeque::from([Step::Resume])),
            Found::Unclean(processed) => (0, recovery(processed)),
        };
        Self {
            size,
            processing,
            written,
            cut: Cut::default(),
            writer: Lane { steps, resume: None },
            processor: Lane::default(),
            open: false,
            running: false,
            waiting: VecDeque::new(),
            previous: None,
            closing: None,
            abandoned: false,
            closed: false,
        }
    }

    /// The next thing to do, given the bytes that wait to be written. It is answered by [`Self::wrote`],
    /// [`Self::done`] or [`Self::failed`]. `None` until something happens or the deadline comes.
    pub fn next(&mut self, pending: &[u8], now: Instant) -> Option<(Track, Step)> {
        if self.writer.steps.is_empty() && !self.writer.is_paused(now) {
            if !pending.is_empty() {
                self.cut = cut(self.written, self.size, pending);
                if self.cut.length > 0 {
                    return Some((Track::Writer, Step::Write(self.cut.length)));
                }
                self.begin_rotation();
            } else if self.closing.is_some() && !self.closed && !self.is_processing() {
                let end = if self.abandoned { Step::Leave } else { Step::Close };
                self.writer.steps.extend([Step::Sync, end]);
            }
        }
        let writer = self.writer.next(now).map(|step| (Track::Writer, step));
        writer.or_else(|| self.processor.next(now).map(|step| (Track::Processor, step)))
    }

    /// So many of the pending bytes were written.
    pub fn wrote(&mut self, length: usize) {
        self.writer.resume = None;
        self.written = self.written.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if self.cut.full && length == self.cut.length {
            self.begin_rotation();
        }
    }

    /// The present step of a track was done; if it made, reclaimed or named an archive, this one.
    pub fn done(&mut self, track: Track, archive: Option<Archive>) {
        let lane = self.lane(track);
        lane.resume = None;
        match lane.steps.pop_front() {
            Some(Step::Resume | Step::Begin) => self.open = true,
            Some(Step::MoveAway) => {
                self.written = 0;
                self.previous = archive;
            }
            Some(Step::FinishPrevious) if self.processing == Processing::Yes => {
                self.processor.steps.push_back(Step::Process);
            }
            Some(Step::Archive(Source::Current, ..)) if self.open => {
                self.written = 0;
                self.waiting.extend(archive);
                if self.processor.steps.is_empty() && !self.running {
                    self.process_waiting();
                }
            }
            Some(Step::Archive(Source::Processed, ..)) if self.open => {
                self.previous = None;
                self.process_waiting();
            }
            Some(Step::Reclaim(_)) => match archive {
                Some(archive) => {
                    self.previous = Some(archive);
                    self.processor.steps.push_back(Step::Process);
                }
                None => self.process_waiting(),
            },
            Some(Step::Process) => self.running = true,
            Some(Step::Abandon) => self.running = false,
            Some(Step::Close | Step::Leave) => self.closed = true,
            _ => {}
        }
    }

    /// The present step of a track has failed: it is tried again after a pause.
    pub fn failed(&mut self, track: Track, now: Instant) {
        if track == Track::Processor && self.closing == Some(Closing::Prompt) {
            self.abandon_processing();
        } else {
            self.lane(track).resume = Some(now + PAUSE);
        }
    }

    /// The processor has ended.
    pub fn processor_ended(&mut self, verdict: Verdict, now: Instant) {
        self.running = false;
        match verdict {
            Verdict::Done => self.processor.steps.extend([
                Step::FinishProcessed,
                Step::SyncState,
                Step::Remove(Leftover::Previous),
                Step::KeepState,
                Step::Archive(Source::Processed, Code::Safe, self.previous),
            ]),
            Verdict::Failed => {
                self.processor.steps.push_back(Step::Process);
                self.failed(Track::Processor, now);
            }
        }
    }

    /// Somebody wants a new file, and does not want to wait for the end of a pause. An empty file stays.
    pub fn rotate(&mut self) {
        self.hurry();
        if self.open && self.written > 0 && self.writer.steps.is_empty() {
            self.begin_rotation();
        }
    }

    /// There is no more input: the directory is to be closed.
    pub fn close(&mut self, closing: Closing) {
        self.closing = Some(closing);
        self.hurry();
        if closing == Closing::Prompt && self.is_processing() {
            self.abandon_processing();
        }
    }

    /// When to ask for the next step, if nothing else happens before.
    pub fn deadline(&self) -> Option<Instant> {
        [self.writer.resume, self.processor.resume].into_iter().flatten().min()
    }

    /// Whether more input can be taken: `current` is open and nothing stands in the writer's way.
    pub fn is_settled(&self) -> bool {
        self.open && self.writer.steps.is_empty() && self.writer.resume.is_none()
    }

    /// Whether multilog can end.
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    fn lane(&mut self, track: Track) -> &mut Lane {
        match track {
            Track::Writer => &mut self.writer,
            Track::Processor => &mut self.processor,
        }
    }

    /// Ends all pauses.
    pub fn hurry(&mut self) {
        self.writer.resume = None;
        self.processor.resume = None;
    }

    /// Whether there is a `previous` to be processed, or an archive that waits for that.
    fn is_processing(&self) -> bool {
        self.running || !self.processor.steps.is_empty() || !self.waiting.is_empty()
    }

    fn begin_rotation(&mut self) {
        self.writer.steps.push_back(Step::Sync);
        if self.is_processing() {
            let unprocessed = Step::Archive(Source::Current, Code::Unfinished, None);
            self.writer.steps.extend([unprocessed, Step::Renew]);
        } else {
            self.writer.steps.extend([Step::MoveAway, Step::Renew, Step::FinishPrevious]);
            if self.processing == Processing::No {
                self.writer.steps.push_back(Step::Archive(Source::Previous, Code::Safe, None));
            }
        }
    }

    fn process_waiting(&mut self) {
        if self.closing != Some(Closing::Prompt) {
            self.processor.steps.extend(self.waiting.pop_front().map(Step::Reclaim));
        }
    }

    /// Leaves what is unprocessed to the next start, which finds it as after a crash.
    fn abandon_processing(&mut self) {
        // An archive that waits is safe under its name; `previous` is not.
        self.abandoned |= self.running || !self.processor.steps.is_empty();
        self.waiting.clear();
        self.processor.steps.clear();
        self.processor.resume = None;
        if self.running {
            self.processor.steps.push_back(Step::Abandon);
        }
    }
}

/// What makes an unclean directory usable.
fn recovery(processed: Processed) -> VecDeque<Step> {
    let archive = |source, code| Step::Archive(source, code, None);
    let (remove, keep) = match processed {
        Processed::Complete => (Step::Remove(Leftover::Previous), archive(Source::Processed, Code::Safe)),
        Processed::Incomplete => {
            (Step::Remove(Leftover::Processed), archive(Source::Previous, Code::Unfinished))
        }
    };
    let leftovers = [Step::Remove(Leftover::State), Step::Remove(Leftover::NewState), remove, keep];
    let renewal = [archive(Source::Current, Code::Unfinished), Step::MakeState, Step::Begin];
    leftovers.into_iter().chain(renewal).collect()
}

#[cfg(test)]
mod tests;
