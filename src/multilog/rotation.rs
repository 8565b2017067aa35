//! What a log directory does next: how much to write to `current`, when to begin a new one, what happens to the
//! old one, and when to try again what failed.
//!
//! Three tracks run beside each other. The *writer* appends to `current` and moves it out of the way when it is
//! full. The *processor* turns `previous` into an archive; while it is busy, the writer archives a full
//! `current` unprocessed, and it waits its turn. The *pruner* removes what is too much. A track whose step fails tries again after a pause; it never
//! skips a step, so nothing is lost.
//!
//! Other programs may remove, rename or replace `current` or the directory. The writer looks whether both are in their
//! places before it begins a new file, before it closes the directory, when a step fails because something is not there,
//! and every 5 seconds as long as something is written. What is not in its place is made again at once.
#![forbid(unsafe_code)]

use super::archive::{Archive, Code};
use super::cut::{Cut, cut};
use super::lane::Lane;
pub use super::step::{
    Closing, Found, Leftover, Naming, Processed, Processing, Sighting, Source, Step, Track, Verdict,
};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// From a failure to the next attempt.
const PAUSE: Duration = Duration::from_secs(5);

/// From one inspection to the next, as long as something is written.
const INSPECTION: Duration = Duration::from_secs(5);

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
    pruner: Lane,
    /// Whether `current` is open.
    open: bool,
    /// Whether the processor runs right now.
    running: bool,
    /// Archives that wait for the processor, oldest first.
    waiting: VecDeque<Archive>,
    /// The archive that `previous` will be, or was before it was reclaimed. Its stamp is that of the moment when
    /// the file was finished, so that archives sort as they were written, however long the processor takes.
    previous: Option<Archive>,
    /// When an inspection was done last.
    inspected: Option<Instant>,
    /// Whether something was written since.
    unconfirmed: bool,
    closing: Option<Closing>,
    /// Whether something is left as a crash would leave it.
    abandoned: bool,
    closed: bool,
}

impl Rotation {
    /// A directory that was found so; its first steps make it usable.
    pub fn new(size: u64, processing: Processing, found: Found) -> Self {
        let (written, steps) = match found {
            Found::Clean(written) => (written, first_steps(found, Step::Resume)),
            Found::Unclean(_) => (0, first_steps(found, Step::Begin)),
        };
        Self {
            size,
            processing,
            written,
            cut: Cut::default(),
            writer: Lane { steps, resume: None },
            processor: Lane::default(),
            pruner: Lane::default(),
            open: false,
            running: false,
            waiting: VecDeque::new(),
            previous: None,
            inspected: None,
            unconfirmed: false,
            closing: None,
            abandoned: false,
            closed: false,
        }
    }

    /// The next thing to do, given the bytes that wait to be written. It is answered by [`Self::wrote`],
    /// [`Self::done`] or [`Self::failed`]. `None` until something happens or the deadline comes.
    pub fn next(&mut self, pending: &[u8], now: Instant) -> Option<(Track, Step)> {
        if self.writer.steps.is_empty() && !self.writer.is_paused(now) {
            let inspection = *self.inspected.get_or_insert(now) + INSPECTION;
            if now >= inspection && (self.unconfirmed || !pending.is_empty()) {
                self.writer.steps.push_back(Step::Inspect);
            } else if !pending.is_empty() {
                self.cut = cut(self.written, self.size, pending);
                if self.cut.length > 0 {
                    return Some((Track::Writer, Step::Write(self.cut.length)));
                }
                self.begin_rotation();
            } else if self.closing.is_some() && !self.closed && !self.is_processing() {
                let end = if self.abandoned { Step::Leave } else { Step::Close };
                let last = if self.unconfirmed { [Step::Inspect].as_slice() } else { &[Step::Sync, end] };
                self.writer.steps.extend(last);
            }
        }
        [Track::Pruner, Track::Writer, Track::Processor]
            .into_iter()
            .find_map(|track| self.lane(track).next(now).map(|step| (track, step)))
    }

    /// So many of the pending bytes were written.
    pub fn wrote(&mut self, length: usize) {
        self.writer.resume = None;
        self.unconfirmed = true;
        self.written = self.written.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        if self.cut.full && length == self.cut.length {
            self.begin_rotation();
        }
    }

    /// The present step of a track was done; if it made, reclaimed or named an archive, this one.
    pub fn done(&mut self, track: Track, archive: Option<Archive>) {
        let lane = self.lane(track);
        lane.resume = None;
        let mut step = lane.steps.pop_front();
        if matches!(step, Some(Step::Archive(..))) {
            if archive.is_some() {
                self.pruner = Lane { steps: VecDeque::from([Step::Prune]), resume: None };
            } else {
                // What was not found is not removed either, should it be there after all.
                step = lane.steps.pop_front();
            }
        }
        match step {
            Some(Step::Resume | Step::Begin) => self.open = true,
            Some(Step::Renew) => self.written = 0,
            Some(Step::MoveAway) => {
                self.previous = archive;
                if self.processing == Processing::No {
                    let naming = archive.map_or(Naming::Now, Naming::Chosen);
                    let keep = Step::Archive(Source::Previous, Code::Safe, naming);
                    self.writer.steps.extend([keep, Step::Unlink(Source::Previous)]);
                }
            }
            Some(Step::FinishPrevious) if self.processing == Processing::Yes => {
                self.processor.steps.push_back(Step::Process);
            }
            Some(Step::Archive(Source::Current, ..)) if self.open => {
                self.waiting.extend(archive);
                if self.processor.steps.is_empty() && !self.running {
                    self.process_waiting();
                }
            }
            Some(Step::Unlink(Source::Processed)) if self.open => {
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

    /// The present step of a track has failed: it is tried again after a pause. At the end, a file that cannot be moved
    /// away takes what is left, however large it becomes.
    pub fn failed(&mut self, track: Track, now: Instant) {
        let is_moving = matches!(
            self.writer.steps.front(),
            Some(Step::MoveAway | Step::Archive(Source::Current, ..)) if self.open
        );
        if track == Track::Writer && self.closing.is_some() && is_moving {
            self.writer.steps.clear();
            self.size = u64::MAX;
        } else if track == Track::Processor && self.closing == Some(Closing::Prompt) {
            self.abandon_processing();
        } else {
            self.lane(track).resume = Some(now + PAUSE);
        }
    }

    /// A step has failed because something is not there, or something else is there: an inspection comes first.
    pub fn inspect(&mut self) {
        self.writer.steps.push_front(Step::Inspect);
    }

    /// The inspection was done.
    pub fn inspected(&mut self, sighting: Sighting, now: Instant) {
        self.writer.steps.pop_front();
        self.confirm(now);
        let repair = match sighting {
            Sighting::Intact(size) => {
                // Others may have emptied it or written to it.
                self.written = size.unwrap_or(self.written);
                return;
            }
            Sighting::OtherCurrent => Step::Restore,
            Sighting::OtherDirectory => Step::Reopen,
        };
        self.writer.steps.push_front(repair);
    }

    /// `current` is open again, and has so many bytes.
    pub fn restored(&mut self, size: u64, now: Instant) {
        self.writer.steps.pop_front();
        // What was planned for the one before does not concern this one.
        let for_current = |step: &Step| matches!(step, Step::Renew | Step::Close | Step::Leave);
        if self.writer.steps.iter().any(for_current) {
            self.writer.steps.clear();
        }
        self.confirm(now);
        self.open = true;
        self.written = size;
    }

    /// Another directory has been opened, which was found so; what was to be done in the one before is not done.
    pub fn reopened(&mut self, found: Found) {
        self.writer = Lane { steps: first_steps(found, Step::Restore), resume: None };
        self.processor = Lane::default();
        self.waiting.clear();
        (self.open, self.running, self.abandoned, self.previous) = (false, false, false, None);
    }

    /// The repair is not possible now: what is open goes on being used until the next inspection.
    pub fn stayed(&mut self, now: Instant) {
        self.writer.steps.pop_front();
        self.confirm(now);
    }

    fn confirm(&mut self, now: Instant) {
        self.writer.resume = None;
        self.inspected = Some(now);
        self.unconfirmed = false;
    }

    /// What the processor was to work on, or has made, is not there any more: the processor runs again, or takes what
    /// waits next.
    pub fn vanished(&mut self) {
        self.processor.resume = None;
        if self.processor.steps.pop_front() == Some(Step::Process) {
            self.previous = None;
            self.process_waiting();
        } else {
            self.processor.steps.clear();
            self.processor.steps.push_back(Step::Process);
        }
    }

    /// The processor has ended.
    pub fn processor_ended(&mut self, verdict: Verdict, now: Instant) {
        self.running = false;
        match verdict {
            Verdict::Done => self.processor.steps.extend([
                Step::FinishProcessed(self.previous),
                Step::SyncState,
                Step::Remove(Leftover::Previous),
                Step::KeepState,
                Step::Archive(
                    Source::Processed,
                    Code::Safe,
                    self.previous.map_or(Naming::Now, Naming::Chosen),
                ),
                Step::Unlink(Source::Processed),
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
        let inspected = self.inspected.filter(|_| self.unconfirmed && !self.closed);
        let inspection = inspected.map(|inspected| inspected + INSPECTION);
        [self.writer.resume, self.processor.resume, self.pruner.resume, inspection]
            .into_iter()
            .flatten()
            .min()
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
            Track::Pruner => &mut self.pruner,
        }
    }

    /// Ends all pauses.
    pub fn hurry(&mut self) {
        self.writer.resume = None;
        self.processor.resume = None;
        self.pruner.resume = None;
    }

    /// Whether there is no more input.
    pub const fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// Whether there is a `previous` to be processed, or an archive that waits for that.
    pub fn is_processing(&self) -> bool {
        self.running || !self.processor.steps.is_empty() || !self.waiting.is_empty()
    }

    fn begin_rotation(&mut self) {
        self.writer.steps.extend([Step::Inspect, Step::Sync]);
        if self.is_processing() {
            let unprocessed = Step::Archive(Source::Current, Code::Unfinished, Naming::Now);
            self.writer.steps.extend([unprocessed, Step::Unlink(Source::Current), Step::Renew]);
        } else {
            self.writer.steps.extend([Step::MoveAway, Step::Renew, Step::FinishPrevious]);
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

/// What makes a directory usable, of which the last step opens `current`.
fn first_steps(found: Found, last: Step) -> VecDeque<Step> {
    let archive =
        |source, code| [Step::Archive(source, code, Naming::Recovered), Step::Unlink(source)].into_iter();
    let (remove, keep) = match found {
        Found::Clean(_) => return VecDeque::from([last]),
        Found::Unclean(Processed::Complete) => (Leftover::Previous, archive(Source::Processed, Code::Safe)),
        Found::Unclean(Processed::Incomplete) => {
            (Leftover::Processed, archive(Source::Previous, Code::Unfinished))
        }
    };
    let leftovers = [Leftover::State, Leftover::NewState, remove].map(Step::Remove);
    let current = archive(Source::Current, Code::Unfinished);
    leftovers.into_iter().chain(keep).chain(current).chain([Step::MakeState, last]).collect()
}

#[cfg(test)]
mod tests;
