//! Where a log directory is: the directory that was opened and locked, and whether its name still stands for it.

use super::archive::Archive;
use super::current::Current;
use super::step::{Found, Processed, Sighting};
use super::trouble::{Trouble, warn};
use crate::file_id::FileId;
use crate::sys::confined::Confined;
use crate::sys::files::{self, Contention, Facts, HERE};
use crate::sys::listing::{self, Kind};
use crate::sys::{Errno, Result as SysResult, clock, trusted};
use crate::tai::Stamp;
use std::ffi::{CStr, CString};
use std::fs::File;

pub(super) const LOCK: &CStr = c"lock";
pub(super) const CURRENT: &CStr = c"current";
pub(super) const PREVIOUS: &CStr = c"previous";
pub(super) const PROCESSED: &CStr = c"processed";
pub(super) const STATE: &CStr = c"state";
pub(super) const NEW_STATE: &CStr = c"newstate";

/// A directory that is open and locked.
#[derive(Debug)]
pub struct Place<'a> {
    path: &'a CStr,
    /// The directory.
    pub directory: Confined,
    identity: FileId,
    lock: File,
    lock_identity: FileId,
}

impl<'a> Place<'a> {
    /// Makes the directory if need be, locks it, and looks how it was left.
    pub fn open(path: &'a CStr) -> Result<(Self, Found), Trouble> {
        let unable = |verb: &'static [u8]| move |error| Trouble { what: object(verb, path, &[]), error };
        // That it is there already is fine; anything else shows when it is opened.
        let _ = files::make_directory(HERE, path, 0o700);
        let directory = trusted::open_directory(HERE, path).map_err(unable(b"open directory "))?;
        let directory = Confined::as_owned(directory);
        let identity = files::look_open(&directory).map_err(unable(b"open directory "))?.identity;
        let (lock, lock_identity) = lock(&directory).map_err(unable(b"lock directory "))?;
        let place = Self { path, directory, identity, lock, lock_identity };
        let found = place.how_it_was_left()?;
        Ok((place, found))
    }

    fn how_it_was_left(&self) -> Result<Found, Trouble> {
        let look = |name| files::look(&self.directory, name).map_err(self.file(b"stat ", name));
        Ok(match look(CURRENT)? {
            Some(current) if current.owner_executes => Found::Clean(current.size),
            _ => match look(PROCESSED)? {
                Some(processed) if processed.owner_executes => Found::Unclean(Processed::Complete),
                _ => Found::Unclean(Processed::Incomplete),
            },
        })
    }

    /// Trouble with a file of the directory: "unable to VERB DIR/NAME".
    pub fn file(&self, verb: &'static [u8], name: &CStr) -> impl FnOnce(Errno) -> Trouble {
        move |error| Trouble { what: object(verb, self.path, &[b"/", name.to_bytes()]), error }
    }

    /// Trouble with getting a file of the directory on disk.
    pub fn disk(&self, name: &CStr) -> impl FnOnce(Errno) -> Trouble {
        move |error| Trouble {
            what: object(b"write ", self.path, &[b"/", name.to_bytes(), b" to disk"]),
            error,
        }
    }

    /// Trouble with the directory: "unable to VERB DIR".
    pub fn whole(&self, verb: &[u8]) -> impl FnOnce(Errno) -> Trouble {
        move |error| Trouble { what: object(verb, self.path, &[]), error }
    }

    /// Whether `name` is there, as far as can be seen.
    pub fn has(&self, name: &CStr) -> bool {
        !matches!(files::look(&self.directory, name), Ok(None))
    }

    /// Warns about a file of the directory.
    pub fn warn(&self, name: &CStr, parts: &[&[u8]]) {
        warn(&[self.path.to_bytes(), b"/", name.to_bytes(), &parts.concat()]);
    }

    /// Looks whether the names of the directory and of `current` still stand for what is open. What cannot be examined
    /// counts as unchanged. A lock that was removed is taken again; it is an error if another process has it.
    pub fn inspect(&mut self, current: Option<&mut Current>) -> Result<Sighting, Trouble> {
        let path =
            CString::new([self.path.to_bytes(), b"/", CURRENT.to_bytes()].concat()).unwrap_or_default();
        let size = match current.map(|current| (files::look(HERE, &path), current)) {
            Some((Ok(Some(facts)), current)) if facts.identity == current.identity => {
                current.confirmed = facts.size;
                Some(facts.size)
            }
            Some((Ok(_), _)) => {
                return Ok(if self.is_moved() { Sighting::OtherDirectory } else { Sighting::OtherCurrent });
            }
            None if self.is_moved() => return Ok(Sighting::OtherDirectory),
            None | Some((Err(_), _)) => None,
        };
        self.renew_lock()?;
        Ok(Sighting::Intact(size))
    }

    fn is_moved(&self) -> bool {
        match files::look(HERE, self.path) {
            Ok(Some(facts)) => facts.identity != self.identity,
            Ok(None) => true,
            Err(error) => error.is(libc::ENOTDIR),
        }
    }

    fn renew_lock(&mut self) -> Result<(), Trouble> {
        match files::look(&self.directory, LOCK) {
            Ok(Some(facts)) if facts.identity == self.lock_identity => return Ok(()),
            Ok(_) => {}
            Err(_) => return Ok(()),
        }
        match lock(&self.directory) {
            Ok((lock, identity)) => {
                self.warn(LOCK, &[b" has vanished, locking the directory again"]);
                (self.lock, self.lock_identity) = (lock, identity);
            }
            Err(error) if error.is(libc::EWOULDBLOCK) => return Err(self.whole(b"lock directory ")(error)),
            // The lock that is held goes on being good against those who have opened it.
            Err(_) => {}
        }
        Ok(())
    }

    /// Opens `current`, or makes it.
    pub fn open_current(&self, verb: &'static [u8]) -> Result<Current, Trouble> {
        let file = match self.directory.log(CURRENT) {
            Err(error) if error.is(libc::EMLINK) && self.put_aside(CURRENT, b"has another name").is_ok() => {
                self.directory.log(CURRENT)
            }
            other => other,
        };
        self.in_use(verb, file)
    }

    /// The same, but what has its name and cannot be opened is put aside.
    pub fn renew_current(&self, verb: &'static [u8]) -> Result<Current, Trouble> {
        let file = match self.directory.log(CURRENT) {
            Err(error) if is_in_the_way(error) && self.put_aside(CURRENT, b"cannot be opened").is_ok() => {
                self.directory.log(CURRENT)
            }
            other => other,
        };
        self.in_use(verb, file)
    }

    fn in_use(&self, verb: &'static [u8], file: SysResult<(File, Facts)>) -> Result<Current, Trouble> {
        let (current, marking) = Current::of(file.map_err(self.file(verb, CURRENT))?);
        marking.map_err(self.file(b"set mode of ", CURRENT))?;
        Ok(current)
    }

    /// Puts aside directories that have the names of our files.
    pub fn clear_the_way(&self, names: &[&CStr]) {
        for name in names {
            let facts = files::look(&self.directory, name);
            if facts.is_ok_and(|facts| facts.is_some_and(|facts| facts.is_directory)) {
                let _ = self.put_aside(name, b"is a directory");
            }
        }
    }

    /// Gives something else than our file a name that is not in the way: `NAME.@stamp`.
    fn put_aside(&self, name: &CStr, why: &[u8]) -> SysResult<()> {
        let label = Stamp::from_unix(clock::wall()).to_label();
        let aside = CString::new([name.to_bytes(), b".", &label].concat()).unwrap_or_default();
        files::rename(&self.directory, name, &aside)?;
        self.warn(name, &[b" ", why, b", renamed to ", aside.to_bytes()]);
        Ok(())
    }

    /// The archives in the directory.
    pub fn archives(&self) -> SysResult<Vec<Archive>> {
        let mut archives = Vec::new();
        let mut is_full = false;
        listing::each(self.directory.directory(), |name, kind| {
            let archive = Archive::from_name(name.to_bytes()).filter(|_| kind == Kind::Other);
            is_full |= archive.is_some() && archives.try_reserve(1).is_err();
            archives.extend(archive.filter(|_| !is_full));
        })?;
        if is_full { Err(Errno::from_raw(libc::ENOMEM)) } else { Ok(archives) }
    }

    /// Whether both names stand for the same file, as far as can be seen.
    pub fn is_same(&self, name: &CStr, other: &CStr) -> bool {
        let identity = |name| files::look(&self.directory, name).ok().flatten().map(|facts| facts.identity);
        identity(name).is_some_and(|file| identity(other) == Some(file))
    }
}

/// `unable to VERB PATH REST`.
fn object(verb: &[u8], path: &CStr, rest: &[&[u8]]) -> Vec<u8> {
    [b"unable to ", verb, path.to_bytes(), &rest.concat()].concat()
}

fn lock(directory: &Confined) -> SysResult<(File, FileId)> {
    let lock = directory.lock(LOCK)?;
    files::lock(&lock, Contention::Fail)?;
    let identity = files::look_open(&lock)?.identity;
    Ok((lock, identity))
}

/// Whether a file cannot be opened because of what it is or whose it is.
fn is_in_the_way(error: Errno) -> bool {
    [libc::EISDIR, libc::EACCES, libc::EPERM, libc::ENXIO, libc::ELOOP, libc::EMLINK, libc::ETXTBSY]
        .iter()
        .any(|&number| error.is(number))
}
