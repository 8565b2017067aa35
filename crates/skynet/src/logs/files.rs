//! The files of a log directory, in the order of time: archives, whose names tell when they ended, then `previous` while it
//! is becoming one, then `current`.
//!
//! Files move while they are looked at. Without a processor a file keeps its inode: `current`, `previous`, `@...s`. With
//! one, what was in it gets a new inode on the way: `current`, then `@...u` if the processor is busy, `previous`,
//! then in a file of its own `processed` and `@...s`. Whatever will have another name is opened when it is found: then it
//! can be read wherever it goes, and its inode means no other file meanwhile.

use super::label;
use servicedir::file_id::FileId;
use servicedir::multilog::archive::{Archive, Code};
use servicedir::sys::files::HERE;
use servicedir::sys::peek;
use servicedir::tai::Stamp;
use std::collections::BTreeMap;
use std::ffi::{CString, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The file that is written to.
const CURRENT: &str = "current";

/// A file that is becoming an archive.
const PREVIOUS: &str = "previous";

/// The same when it has gone through a processor; complete if its owner may execute it.
const PROCESSED: &str = "processed";

/// How often to look again at a directory that changes while it is looked at.
const LOOKS: usize = 100;

/// How far into a file to look for a label.
const NEAR: usize = 64 * 1024;

/// What a file of a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is complete and has its place.
    Archive(Archive),
    /// It is becoming an archive.
    Previous,
    /// A processor has made it, and it is becoming an archive.
    Processed,
    /// It is written to.
    Current,
}

impl Kind {
    /// What it ended with, if it is an archive.
    pub const fn ended(self) -> Option<Stamp> {
        match self {
            Self::Archive(archive) => Some(archive.stamp),
            Self::Previous | Self::Processed | Self::Current => None,
        }
    }

    /// Whether a processor may have made it from another file.
    pub const fn is_made(self) -> bool {
        matches!(self, Self::Processed | Self::Archive(Archive { code: Code::Safe, .. }))
    }

    /// Whether it will have another name, or be replaced by what a processor makes of it.
    const fn will_move(self) -> bool {
        !matches!(self, Self::Archive(Archive { code: Code::Safe, .. }))
    }
}

/// A file of a log.
#[derive(Debug)]
pub struct Piece {
    /// Where it was found.
    pub path: PathBuf,
    /// What it was then.
    pub kind: Kind,
    /// Which file it is, whatever its name.
    pub identity: FileId,
    /// How long it was then.
    pub size: u64,
    /// It is open if it will have another name soon.
    file: Option<File>,
}

impl Piece {
    /// The file with this path, if there is one. That it may not be read shows when it is to be read.
    fn find(path: PathBuf, kind: Kind) -> io::Result<Option<Self>> {
        let is_missing = |error: &io::Error| error.kind() == ErrorKind::NotFound;
        let file = match kind.will_move().then(|| open(&path)) {
            // Another one may have this name a moment later; it would not be open.
            Some(Err(error)) if is_missing(&error) => return Ok(None),
            opened => opened.and_then(Result::ok),
        };
        match file.as_ref().map_or_else(|| fs::metadata(&path), File::metadata) {
            Ok(facts) => Ok(Some(Self { path, kind, identity: identity(&facts), size: facts.len(), file })),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Opens it now, so that it can be read even if it is removed.
    pub fn pin(&mut self) {
        self.file = self.open().ok();
    }

    /// Whether it is open.
    pub const fn is_pinned(&self) -> bool {
        self.file.is_some()
    }

    /// Opens it.
    pub fn open(&self) -> io::Result<File> {
        self.file.as_ref().map_or_else(|| open(&self.path), File::try_clone)
    }

    /// The first line with a label in it, as far as its start tells: it may begin within a line.
    pub fn first_line(&self) -> Option<Vec<u8>> {
        let mut start = vec![0; NEAR];
        let length = self.open().and_then(|file| file.read_at(&mut start, 0)).ok()?;
        let mut lines = start.get(..length)?.split_inclusive(|&byte| byte == b'\n');
        lines.find(|line| label::of(line).is_some()).map(<[u8]>::to_vec)
    }
}

/// The files of a log, oldest first.
#[derive(Debug)]
pub struct Found {
    /// The files.
    pub pieces: Vec<Piece>,
    /// Whether nothing was moved on meanwhile. If something was, a file may be missing, or be there twice.
    pub is_still: bool,
}

/// The files of the log in `directory`.
pub fn pieces(directory: &Path) -> io::Result<Found> {
    let mut found = look(directory)?;
    for _ in 0..LOOKS {
        if found.is_still {
            break;
        }
        found = look(directory)?;
    }
    Ok(found)
}

/// Looks once.
fn look(directory: &Path) -> io::Result<Found> {
    let find = |name: &str, kind| Piece::find(directory.join(name), kind);
    let current = find(CURRENT, Kind::Current)?;
    let previous = find(PREVIOUS, Kind::Previous)?;
    let names_before = archive_names(directory)?;
    let mut archives: Vec<(Archive, Piece)> = Vec::new();
    for (name, archive) in &names_before {
        let piece = Piece::find(directory.join(name), Kind::Archive(*archive))?;
        archives.extend(piece.map(|piece| (*archive, piece)));
    }
    archives.sort_by_key(|(archive, _)| *archive);
    let mut pieces: Vec<Piece> = archives.into_iter().map(|(_, piece)| piece).collect();
    let processed = find(PROCESSED, Kind::Processed)?;
    let is_complete = fs::metadata(directory.join(PROCESSED)).is_ok_and(|facts| facts.mode() & 0o100 != 0);
    let names = [(CURRENT, &current), (PREVIOUS, &previous), (PROCESSED, &processed)];
    let is_same = names.into_iter().all(|(name, piece)| {
        let now = fs::metadata(directory.join(name)).ok().map(|facts| identity(&facts));
        now == piece.as_ref().map(|piece| piece.identity)
    });
    // One that was `previous` while the archives were listed may be an archive again by now.
    let is_still = is_same && archive_names(directory)? == names_before;
    // What was processed counts once the original is gone. A file that has just become an archive can have both names.
    let is_other =
        |piece: &Piece, archives: &[Piece]| archives.iter().all(|archive| archive.identity != piece.identity);
    let becoming = previous.or(processed.filter(|_| is_complete)).filter(|piece| is_other(piece, &pieces));
    let current = current.filter(|piece| is_other(piece, &pieces));
    if let Some(piece) = becoming {
        pieces.insert(place(&pieces, &piece), piece);
    }
    pieces.extend(current);
    Ok(Found { pieces, is_still })
}

/// The names of the archives in `directory`, and what they tell.
fn archive_names(directory: &Path) -> io::Result<BTreeMap<OsString, Archive>> {
    let names = fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.file_name()));
    let archive = |name: OsString| Archive::from_name(name.as_bytes()).map(|archive| (name, archive));
    names.filter_map(|name| name.map(archive).transpose()).collect()
}

/// Where among the archives the one that `becoming` will be belongs: at their end, unless it is with a processor while
/// what was logged after it waits in archives already.
fn place(archives: &[Piece], becoming: &Piece) -> usize {
    let last = becoming.file.as_ref().and_then(|file| label::last(&end(file)));
    let waits = |archive: &&Piece| {
        let first = archive.kind.will_move().then(|| archive.first_line()).flatten();
        last.is_some() && first.and_then(|line| label::of(&line).copied()) >= last
    };
    archives.len() - archives.iter().rev().take_while(waits).count()
}

/// Which file is `current` now.
pub fn current(directory: &Path) -> Option<FileId> {
    fs::metadata(directory.join(CURRENT)).ok().map(|facts| identity(&facts))
}

/// Whose a directory is and who may read it, for those who may not.
pub fn access(directory: &Path) -> Option<String> {
    use nix::unistd::{Gid, Group, Uid, User};
    let facts = fs::metadata(directory).ok()?;
    let owner = User::from_uid(Uid::from_raw(facts.uid())).ok().flatten();
    let owner = owner.map_or(facts.uid().to_string(), |owner| owner.name);
    let group = Group::from_gid(Gid::from_raw(facts.gid())).ok().flatten();
    let group = group.map_or(facts.gid().to_string(), |group| group.name);
    let may = if facts.mode() & 0o050 == 0o050 { "may read it" } else { "may not read it either" };
    Some(format!("it belongs to {owner}; the group {group} {may}"))
}

/// Which file this is.
pub fn identity(facts: &Metadata) -> FileId {
    FileId::new(facts.dev(), facts.ino())
}

/// Opens a file to read it; what is there in place of one cannot hold us up.
pub fn open(path: &Path) -> io::Result<File> {
    let path = CString::new(path.as_os_str().to_owned().into_vec())?;
    peek::open(HERE, &path).map_err(|error| io::Error::from_raw_os_error(error.number()))
}

/// The last megabyte of a file, or all of it; nothing if it cannot be read.
pub fn end(file: &File) -> Vec<u8> {
    const FAR: u64 = 1 << 20;
    let read = || {
        let size = file.metadata()?.len();
        let offset = size.saturating_sub(FAR);
        let mut end = vec![0; usize::try_from(size - offset).unwrap_or(0)];
        file.read_exact_at(&mut end, offset).map(|()| end)
    };
    read().unwrap_or_else(|_: io::Error| Vec::new())
}
