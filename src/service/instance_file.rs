//! Locates the record of [`super::instance`], and decides whether to trust it.
//!
//! The record decides which processes get signals and which pipes are joined, so it is trusted only if no other account can
//! have written it. As long as only our account can write to `supervise/`, the record is `supervise/instance`. If another
//! account owns `supervise/` or may write to it, for example to control the service without being root, the record is a
//! file in `/run/servicedir`, where only root can write; its name is device and inode of the service directory. It stays
//! there until the next boot, also if root takes `supervise/` back. A supervise that cannot use `/run/servicedir` writes
//! `supervise/instance` all the same, for svstat; the next supervise does not trust that, and adopts nothing, as the original
//! never does.

use super::instance::Instance;
use super::names::{INSTANCE, LONGEST_RECORD, inside};
use crate::file_id::FileId;
use crate::sys::confined::Confined;
use crate::sys::files::{self, HERE};
use crate::sys::{Result, peek};
use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::AsFd;

/// The directory for the records of services whose `supervise/` other accounts may write to.
pub const STORE: &CStr = c"/run/servicedir";

/// Where the record of a service is.
#[derive(Debug)]
pub enum Location {
    /// In `supervise/`.
    Own,
    /// In the store, under this name.
    Store(Confined, CString),
}

impl Location {
    /// Where the record of the service directory `service` is, which has this `supervise/`. Makes the store if it is needed
    /// and missing.
    pub fn prepare(supervise: &Confined, service: Option<FileId>) -> Self {
        if !supervise.is_private() {
            // An error shows when the store is opened.
            let _ = files::make_directory(HERE, STORE, 0o755);
        }
        Self::find(supervise, service)
    }

    fn find(supervise: &Confined, service: Option<FileId>) -> Self {
        let store = Confined::open(HERE, STORE).ok().filter(Confined::is_private);
        let Some((store, name)) = store.zip(service.map(name)) else { return Self::Own };
        // Another account may still have what is in a directory open that it has owned before.
        let was_shared = || matches!(store.look(&name), Ok(Some(_)));
        if supervise.is_private() && !was_shared() { Self::Own } else { Self::Store(store, name) }
    }

    /// Whether the record stays where it is, because no other account may write to `supervise/`. This takes no look at the
    /// store.
    pub fn is_settled(&self, supervise: &Confined) -> bool {
        matches!(self, Self::Own) && supervise.is_private()
    }

    /// Whether both are in `supervise/`, or both in the store.
    pub const fn is_like(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Own, Self::Own) | (Self::Store(..), Self::Store(..)))
    }

    /// The path of the record of the service `name`, for messages.
    pub fn path(&self, name: &CStr) -> Vec<u8> {
        match self {
            Self::Own => [name.to_bytes(), b"/", INSTANCE.to_bytes()].concat(),
            Self::Store(_, file) => [STORE.to_bytes(), b"/", file.to_bytes()].concat(),
        }
    }

    /// Opens the record for writing, and creates it if it is missing. A file that another account can have put there is
    /// removed first, and so is a file with a second name, because supervise writes the record over in place.
    ///
    /// # Errors
    /// Those of openat(2); those of unlinkat(2) if such a file cannot be removed.
    pub fn open(&self, supervise: &Confined) -> Result<File> {
        let (directory, name) = self.resolve(supervise);
        match directory.update(name) {
            // What is longer than a record, a record written over it would not replace.
            Ok(file) if is_plain_and_ours(&file) && decode(&file).is_some() => Ok(file),
            Ok(_) | Err(_) => directory.remove(name).and_then(|()| directory.update(name)),
        }
    }

    /// Whether the record in this `file` is trusted. A forgery that root has taken over together with `supervise/` has got a
    /// new owner after it was written.
    pub fn is_trusted(&self, supervise: &Confined, file: &File) -> bool {
        let is_as_written = || files::look_open(file).is_ok_and(|facts| facts.is_as_written);
        matches!(self, Self::Store(..)) || (supervise.is_private() && is_as_written())
    }

    /// Reads the record, if it is there and trusted.
    pub fn read_trusted(&self, supervise: &Confined) -> Option<Instance> {
        let (directory, name) = self.resolve(supervise);
        let file = directory.read(name).ok().filter(is_plain_and_ours)?;
        decode(&file).filter(|_| self.is_trusted(supervise, &file))
    }

    /// Removes the record, because its supervise exits. In the store an empty one remains: it says until the next boot that
    /// the content of `supervise/` is not trusted, even if its owner changes.
    pub fn remove(&self, supervise: &Confined) {
        let (directory, name) = self.resolve(supervise);
        let _ = match self {
            Self::Own => directory.remove(name),
            Self::Store(..) => directory.create(name).map(drop),
        };
    }

    fn resolve<'a>(&'a self, supervise: &'a Confined) -> (&'a Confined, &'a CStr) {
        match self {
            Self::Own => (supervise, inside(INSTANCE)),
            Self::Store(store, name) => (store, name),
        }
    }
}

/// Reads the record of the service directory `service`, which has this `supervise/`, if it is there and trusted.
pub fn read_trusted(supervise: &Confined, service: FileId) -> Option<Instance> {
    Location::find(supervise, Some(service)).read_trusted(supervise)
}

/// Whether the record in `supervise/` is to be moved to the store, because another account owns `supervise/` by now or may
/// write to it.
pub fn is_misplaced(supervise: &Confined) -> bool {
    !supervise.is_private() && matches!(supervise.look(inside(INSTANCE)), Ok(Some(_)))
}

/// Reads the record of the service directory `service` from the store, for programs of any account that only report.
pub fn read_stored(service: impl AsFd) -> Option<Instance> {
    let store = Confined::open(HERE, STORE).ok()?;
    let file = store.read(&name(files::look_open(service).ok()?.identity)).ok()?;
    files::look_open(&file).ok().filter(|facts| facts.is_regular)?;
    decode(&file)
}

/// Reads a record.
pub fn decode(file: &File) -> Option<Instance> {
    Instance::decode(&peek::head(file, LONGEST_RECORD).ok()?)
}

fn is_plain_and_ours(file: &File) -> bool {
    files::look_open(file).is_ok_and(|facts| facts.is_regular && facts.names == 1 && facts.is_ours())
}

fn name(service: FileId) -> CString {
    // Digits have no NUL byte.
    CString::new(service.to_string()).unwrap_or_default()
}
