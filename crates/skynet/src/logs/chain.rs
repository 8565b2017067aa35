//! The bytes of a log directory, from a place in it to its end, or on and on across rotations.

use super::backward::{Blocks, Place};
use super::files::{self, Found, Kind, Piece};
use super::label::{self, Label};
use super::lines::{Bytes, Got};
use super::progress::Progress;
use crate::failure::complain;
use memchr::memmem;
use servicedir::file_id::FileId;
use servicedir::tai::Stamp;
use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::rc::Rc;

/// How far to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// What is there now.
    End,
    /// And whatever comes.
    Follow,
}

/// A log that is read from its start to its end.
#[derive(Debug)]
pub struct Chain {
    directory: PathBuf,
    until: Until,
    progress: Rc<Progress>,
    /// The files that were not begun yet.
    queue: VecDeque<Piece>,
    open: Option<Open>,
    /// The archives that were there at the last look.
    known: BTreeSet<Stamp>,
    is_clean: bool,
    has_begun: bool,
}

/// The file that is being read.
#[derive(Debug)]
struct Open {
    file: File,
    identity: FileId,
    position: u64,
    /// How long it was when it was found.
    size: u64,
}

impl Chain {
    /// Reads these files of the log in `directory`, the first one from `start` on.
    pub fn new(
        directory: PathBuf,
        (pieces, start): (Vec<Piece>, Place),
        until: Until,
        progress: Rc<Progress>,
    ) -> Self {
        let known = pieces.iter().filter_map(|piece| piece.kind.ended()).collect();
        let queue: VecDeque<Piece> = pieces.into_iter().skip(start.file).collect();
        let mut chain =
            Self { directory, until, progress, queue, open: None, known, is_clean: true, has_begun: false };
        let first = chain.queue.front().map(|piece| piece.identity);
        if start.offset > 0 && chain.begin_next() {
            if let Some(open) = chain.open.as_mut().filter(|open| Some(open.identity) == first) {
                open.position = start.offset;
            }
            chain.has_begun = true;
        }
        chain
    }

    /// Whether everything could be read.
    pub const fn is_clean(&self) -> bool {
        self.is_clean
    }

    /// Opens the next file that can be read. One that was removed meanwhile is left out, as it would have been a moment
    /// later, and so is one that was moved on: what follows is looked for anew. One that may not be read is complained about.
    fn begin_next(&mut self) -> bool {
        while let Some(piece) = self.queue.pop_front() {
            match piece.open().and_then(identified) {
                Ok((file, identity)) if identity == piece.identity => {
                    self.open = Some(Open { file, identity, position: 0, size: piece.size });
                    return true;
                }
                // It could not be opened when it was found, and another one has its name by now.
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => self.trouble(&piece.path.display().to_string(), &error),
            }
        }
        false
    }

    fn trouble(&mut self, what: &str, error: &io::Error) {
        self.progress.erase();
        complain(format_args!("unable to read {what}: {error}"));
        self.is_clean = false;
    }

    /// Reads on in the open file.
    fn read_open(&mut self, buffer: &mut [u8]) -> usize {
        let Some(open) = &mut self.open else { return 0 };
        let left = match self.until {
            Until::End => open.size.saturating_sub(open.position),
            Until::Follow => u64::MAX,
        };
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let free = buffer.get_mut(..length).unwrap_or_default();
        match open.file.read_at(free, open.position) {
            Ok(count) => {
                open.position += u64::try_from(count).unwrap_or(0);
                self.progress.add(count);
                count
            }
            Err(error) => {
                let what = self.directory.display().to_string();
                self.trouble(&what, &error);
                self.open = None;
                0
            }
        }
    }

    /// Whether the open file is still `current`. One that somebody has emptied is read from its start.
    fn is_current(&mut self) -> bool {
        let Some(open) = &mut self.open else { return false };
        let is_current = files::current(&self.directory) == Some(open.identity);
        if is_current && open.file.metadata().is_ok_and(|facts| facts.len() < open.position) {
            open.position = 0;
        }
        is_current
    }

    /// Finds what follows the open file, which is not `current` any more. That may not be there yet, be about to get the
    /// mode that lets us read it, or move just now; then this is tried again when something happens.
    fn find_next(&mut self) {
        let Ok(Found { pieces, is_still: true }) = files::pieces(&self.directory) else { return };
        if pieces.last().is_none_or(|piece| piece.kind != Kind::Current || !piece.is_pinned()) {
            return;
        }
        let ours = self.open.as_ref().map(|open| open.identity);
        let place = pieces.iter().position(|piece| Some(piece.identity) == ours);
        let archives: BTreeSet<Stamp> = pieces.iter().filter_map(|piece| piece.kind.ended()).collect();
        let mut next: Vec<Piece> = pieces.into_iter().skip(place.map_or(0, |place| place + 1)).collect();
        next.retain(|piece| piece.kind.ended().is_none_or(|stamp| !self.known.contains(&stamp)));
        if place.is_none() {
            let end = self.open.as_ref().map_or(Vec::new(), |open| files::end(&open.file));
            let starts: Vec<Start> = next.iter().map(|piece| (piece.kind, piece.first_line())).collect();
            let later = later(&starts, &end);
            next = next
                .into_iter()
                .zip(later)
                .filter_map(|(piece, is_later)| is_later.then_some(piece))
                .collect();
        }
        next.iter_mut().for_each(Piece::pin);
        self.known = archives;
        self.queue.extend(next);
    }
}

/// What a file is, and its first line with a label.
type Start = (Kind, Option<Vec<u8>>);

/// Which of `files`, oldest first, were logged after our file, which ends with `end`.
///
/// This is asked if ours is gone: it was removed, or a processor has made another one of it. That keeps the lines that
/// are kept as they are, and so begins with one of ours. If it is not there, labels tell, as far as they can: many lines
/// may have the same.
fn later(files: &[Start], end: &[u8]) -> Vec<bool> {
    let is_ours = |line: &Vec<u8>| memmem::find(end, line).is_some();
    let copy = files.iter().position(|(kind, first)| kind.is_made() && first.as_ref().is_some_and(is_ours));
    let last = label::last(end);
    let is_later = |(number, (kind, first)): (usize, &Start)| {
        copy.is_none_or(|copy| number > copy)
            && begins_later(*kind, first.as_deref().and_then(label::of), last)
    };
    files.iter().enumerate().map(is_later).collect()
}

/// Whether a file with this first label can follow a line with the label `last`.
fn begins_later(kind: Kind, first: Option<&Label>, last: Option<Label>) -> bool {
    match (first, last) {
        _ if kind == Kind::Current => true,
        (Some(first), Some(last)) => *first >= last,
        // A log without labels. What comes from a processor may come again.
        (_, None) => true,
        // Compressed by a processor, or nothing is left of it; or it is within a long line.
        (None, Some(_)) => !kind.is_made(),
    }
}

/// An open file, and which one it is: it may have got its name after the directory was looked at.
fn identified(file: File) -> io::Result<(File, FileId)> {
    let identity = files::identity(&file.metadata()?);
    Ok((file, identity))
}

impl Bytes for Chain {
    fn read(&mut self, buffer: &mut [u8]) -> Got {
        loop {
            let count = self.read_open(buffer);
            if count > 0 {
                return Got::Bytes(count);
            }
            if self.queue.is_empty() && self.until == Until::Follow {
                let is_current = self.is_current();
                // Nothing is written to a file once it is not `current` any more; before, something may have been.
                let count = self.read_open(buffer);
                if count > 0 {
                    return Got::Bytes(count);
                }
                if is_current {
                    return Got::End;
                }
                self.find_next();
            }
            if !self.begin_next() {
                return Got::End;
            }
            if std::mem::replace(&mut self.has_begun, true) {
                return Got::Boundary;
            }
        }
    }
}

/// The files of a log that is read from its end.
#[derive(Debug)]
pub struct Ends<'a> {
    pieces: &'a [Piece],
    open: Option<(usize, File)>,
}

impl<'a> Ends<'a> {
    /// Nothing is read yet.
    pub const fn new(pieces: &'a [Piece]) -> Self {
        Self { pieces, open: None }
    }
}

impl Blocks for Ends<'_> {
    fn sizes(&self) -> Vec<u64> {
        self.pieces.iter().map(|piece| piece.size).collect()
    }

    fn read_at(&mut self, place: Place, length: usize) -> Vec<u8> {
        if self.open.as_ref().is_none_or(|(number, _)| *number != place.file) {
            let file = self.pieces.get(place.file).and_then(|piece| piece.open().ok());
            self.open = file.map(|file| (place.file, file));
        }
        let mut block = vec![0; length];
        let read =
            self.open.as_ref().is_some_and(|(_, file)| file.read_exact_at(&mut block, place.offset).is_ok());
        if read { block } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use servicedir::multilog::archive::{Archive, Code};
    use std::time::Duration;

    #[test]
    fn what_begins_after_our_last_line_is_later() {
        let archive = |code| Kind::Archive(Archive { stamp: Stamp::from_unix(Duration::from_secs(1)), code });
        let (waiting, safe) = (archive(Code::Unfinished), archive(Code::Safe));
        let line = |number: usize, text: &str| format!("@{number:024} {text}\n");
        let ours = [line(1, "a"), line(2, "b")].concat();
        let cases = [
            (vec![(waiting, line(1, "x"))], &ours, vec![false]),
            (vec![(waiting, line(2, "c"))], &ours, vec![true]),
            (vec![(waiting, line(3, "c"))], &ours, vec![true]),
            (vec![(waiting, String::new())], &ours, vec![true]),
            // What was made of ours: all of it, changed, its last line, nothing.
            (vec![(safe, line(1, "a"))], &ours, vec![false]),
            (vec![(safe, line(1, "changed"))], &ours, vec![false]),
            (vec![(safe, line(2, "b"))], &ours, vec![false]),
            (vec![(safe, String::new())], &ours, vec![false]),
            (vec![(Kind::Processed, line(2, "b"))], &ours, vec![false]),
            (vec![(safe, line(2, "c"))], &ours, vec![true]),
            (vec![(Kind::Previous, line(1, "x"))], &ours, vec![false]),
            (vec![(Kind::Current, String::new())], &ours, vec![true]),
            // The clock was set back.
            (vec![(Kind::Current, line(0, "x"))], &ours, vec![true]),
            (vec![(safe, line(1, "a"))], &"no label\n".to_string(), vec![true]),
            (vec![(safe, String::new())], &String::new(), vec![true]),
            // All with the same label: one before ours, ours, and one after it.
            (
                vec![(safe, line(2, "x")), (safe, line(2, "b")), (safe, line(2, "c"))],
                &line(2, "b"),
                vec![false, false, true],
            ),
        ];
        for (files, end, expected) in cases {
            let start = |(kind, line): (Kind, String)| {
                (kind, Some(line.into_bytes()).filter(|line| !line.is_empty()))
            };
            let files: Vec<Start> = files.into_iter().map(start).collect();
            assert_eq!(later(&files, end.as_bytes()), expected, "{files:?}");
        }
    }
}
