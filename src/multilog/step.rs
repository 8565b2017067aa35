//! What a log directory can be told to do, and what can be seen of it.
#![forbid(unsafe_code)]

use super::archive::{Archive, Code};

/// One of the three tracks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// Appends to `current`, and moves it away.
    Writer,
    /// Deals with `previous`.
    Processor,
    /// Removes archives beyond the number. A failure holds up neither of the others.
    Pruner,
}

/// A file of the directory that can become an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the files")]
pub enum Source {
    Current,
    Previous,
    Processed,
}

/// Which stamp a new archive gets. If the name is taken by another file, it gets the next one that is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// The present moment.
    Now,
    /// The one that was chosen when the file was finished.
    Chosen(Archive),
    /// After a crash: the one that was chosen, which is the time of the file's last change. If the file is an archive
    /// already, that counts.
    Recovered,
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
    /// Look whether the directory and `current` are still in their places.
    Inspect,
    /// Open what has the name `current` now, or make it, and put into it what was written to a file that has no name any
    /// more.
    Restore,
    /// Open what has the directory's name now, or make it.
    Reopen,
    /// Write so many of the pending bytes to `current`.
    Write(usize),
    /// Make sure that `current` is on disk.
    Sync,
    /// Rename `current` to `previous`, and choose the archive that it will be.
    MoveAway,
    /// Make a new `current`.
    Renew,
    /// Mark `previous` as complete.
    FinishPrevious,
    /// Give a file the name of an archive.
    Archive(Source, Code, Naming),
    /// Remove the old name of a file that is an archive now.
    Unlink(Source),
    /// Remove the oldest archives, so that fewer than the number are left.
    Prune,
    /// Run the processor on `previous`.
    Process,
    /// Make sure that `processed` is on disk, and mark it as complete and as the archive that it will be.
    FinishProcessed(Option<Archive>),
    /// Make sure that `newstate` is on disk.
    SyncState,
    /// Rename `newstate` to `state`.
    KeepState,
    /// Make an archive that waits for the processor `previous` again; it may have been removed meanwhile.
    Reclaim(Archive),
    /// Tell the processor to end; multilog does not wait for it.
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

/// What an inspection has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// Everything is in its place as far as can be seen; if `current` could be examined, it has so many bytes.
    Intact(Option<u64>),
    /// The name `current` stands for another file, or for none.
    OtherCurrent,
    /// The name of the directory stands for another one, or for none.
    OtherDirectory,
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
