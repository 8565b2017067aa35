//! The files of a log directory, in the order of time: archives, whose names tell when they ended, then `previous` while it
//! is becoming one, then `current`.

use super::label::{self, Label};
use memchr::memrchr;
use servicedir::multilog::archive::Archive;
use servicedir::sys::files::{self, HERE};
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

/// Device and inode.
pub type Identity = (u64, u64);

/// A file of a log.
#[derive(Debug)]
pub struct Piece {
    /// Where it was found.
    pub path: PathBuf,
    /// Which file it is, whatever its name.
    pub identity: Identity,
    /// How long it was then.
    pub size: u64,
    /// What it ended with, if it is an archive.
    pub ended: Option<Stamp>,
    /// Files that will have another name soon are open.
    file: Option<File>,
}

impl Piece {
    fn new(path: PathBuf, ended: Option<Stamp>) -> io::Result<Self> {
        let facts = fs::metadata(&path)?;
        Ok(Self { path, identity: identity(&facts), size: facts.len(), ended, file: None })
    }

    /// The same, open. That it may not be read shows when it is to be read.
    fn pinned(path: PathBuf) -> io::Result<Self> {
        match open(&path) {
            Ok(file) => {
                let facts = file.metadata()?;
                let (identity, size) = (identity(&facts), facts.len());
                Ok(Self { path, identity, size, ended: None, file: Some(file) })
            }
            Err(error) if error.kind() == ErrorKind::PermissionDenied => Self::new(path, None),
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
}

/// The files of the log in `directory`, oldest first.
pub fn pieces(directory: &Path) -> io::Result<Vec<Piece>> {
    let mut result = look(directory)?;
    for _ in 0..LOOKS {
        // What was moved on while we looked may be missing, or be there twice.
        if let (true, pieces) = result {
            return Ok(pieces);
        }
        result = look(directory)?;
    }
    Ok(result.1)
}

/// Looks once; says whether nothing was moved on meanwhile.
fn look(directory: &Path) -> io::Result<(bool, Vec<Piece>)> {
    let path = |name: &str| directory.join(name);
    let present = |piece: io::Result<Piece>| match piece {
        Ok(piece) => Ok(Some(piece)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    let current = present(Piece::pinned(path(CURRENT)))?;
    let previous = present(Piece::pinned(path(PREVIOUS)))?;
    let mut archives: Vec<(Stamp, Piece)> = Vec::new();
    let names_before = archive_names(directory)?;
    for (name, stamp) in &names_before {
        let piece = present(Piece::new(directory.join(name), Some(*stamp)))?;
        archives.extend(piece.map(|piece| (*stamp, piece)));
    }
    archives.sort_by_key(|(stamp, _)| *stamp);
    let mut pieces: Vec<Piece> = archives.into_iter().map(|(_, piece)| piece).collect();
    let processed = present(Piece::pinned(path(PROCESSED)))?;
    let is_complete = fs::metadata(path(PROCESSED)).is_ok_and(|facts| facts.mode() & 0o100 != 0);
    let names = [(CURRENT, &current), (PREVIOUS, &previous), (PROCESSED, &processed)];
    let is_still = names.into_iter().all(|(name, piece)| {
        let now = fs::metadata(path(name)).ok().map(|facts| identity(&facts));
        now == piece.as_ref().map(|piece| piece.identity)
    });
    // One that was `previous` while the archives were listed may be an archive again by now.
    let is_still = is_still && archive_names(directory)? == names_before;
    // What is becoming an archive can have both names; and what was processed counts once the original is gone.
    let becoming = match previous {
        None => processed.filter(|_| is_complete),
        previous => previous,
    };
    if let Some(piece) =
        becoming.filter(|piece| pieces.iter().all(|archive| archive.identity != piece.identity))
    {
        pieces.insert(place(&pieces, &piece), piece);
    }
    pieces.extend(current);
    Ok((is_still, pieces))
}

/// The names of the archives in `directory`, with their stamps.
fn archive_names(directory: &Path) -> io::Result<BTreeMap<OsString, Stamp>> {
    let names = fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.file_name()));
    let archive = |name: OsString| Archive::from_name(name.as_bytes()).map(|archive| (name, archive.stamp));
    names.filter_map(|name| name.map(archive).transpose()).collect()
}

/// Where among the archives the one that `becoming` will be belongs: at their end, unless it waits for a processor while
/// what was logged after it is in archives already.
fn place(archives: &[Piece], becoming: &Piece) -> usize {
    let last = becoming.file.as_ref().and_then(last_label);
    let begins_after = |archive: &&Piece| {
        let first = archive.open().ok().and_then(|file| first_label(&file));
        last.is_some() && first >= last
    };
    archives.len() - archives.iter().rev().take_while(begins_after).count()
}

/// Which file is `current` now.
pub fn current(directory: &Path) -> Option<Identity> {
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
pub fn identity(facts: &Metadata) -> Identity {
    (facts.dev(), facts.ino())
}

/// Opens a file to read it; what is there in place of one cannot hold us up.
fn open(path: &Path) -> io::Result<File> {
    let path = CString::new(path.as_os_str().to_owned().into_vec())?;
    files::open_read(HERE, &path).map_err(|error| io::Error::from_raw_os_error(error.number()))
}

/// The label of the first line of a file.
pub fn first_label(file: &File) -> Option<Label> {
    let mut start = [0; label::NONE.len() + 1];
    let length = file.read_at(&mut start, 0).ok()?;
    label::of(start.get(..length)?).copied()
}

/// The label of the last line of a file that has one, as far as its last megabyte tells.
pub fn last_label(file: &File) -> Option<Label> {
    const FAR: u64 = 1 << 20;
    let size = file.metadata().ok()?.len();
    let offset = size.saturating_sub(FAR);
    let mut end = vec![0; usize::try_from(size - offset).ok()?];
    file.read_exact_at(&mut end, offset).ok()?;
    let mut rest = end.as_slice();
    loop {
        let newline = memrchr(b'\n', rest);
        let line = rest.get(newline.map_or(0, |newline| newline + 1)..)?;
        if let Some(label) = label::of(line) {
            return Some(*label);
        }
        rest = rest.get(..newline?)?;
    }
}
