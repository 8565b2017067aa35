//! Which run of a participant was told to end. It finishes what it has in hand then, and would drop it if it were told
//! again: whoever is about to send the signal looks here first, and keeps the others away until it was written down.

use nix::fcntl::OFlag;
use servicedir::service::names::TOLD;
use servicedir::service::status::Status;
use servicedir::service::told::note;
use servicedir::sys::locks;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for others who are about to tell it.
const PATIENCE: Duration = Duration::from_millis(500);

/// More than a note has.
const LENGTH: u64 = 100;

/// What is written down about a participant. Where nothing can be, nobody is known to have been told.
#[derive(Debug)]
pub(crate) struct Told {
    path: PathBuf,
    note: Vec<u8>,
    /// Locked, if it is to be written.
    file: Option<File>,
}

impl Told {
    /// What is written down about the participant in this directory.
    pub(crate) fn read(directory: &Path) -> Self {
        let path = directory.join(OsStr::from_bytes(TOLD.to_bytes()));
        let note = open(&path).and_then(|file| read(&file)).unwrap_or_default();
        Self { path, note, file: None }
    }

    /// The same for whoever may be about to tell it; others wait for the end of that.
    pub(crate) fn lock(directory: &Path) -> Self {
        let path = directory.join(OsStr::from_bytes(TOLD.to_bytes()));
        // Only who makes it opens it to write: closing it then is news to those who wait for the participant.
        let how = || options(&path, OpenOptions::new().write(true).create_new(true));
        let opened = open(&path).or_else(|_| how().and_then(|_| open(&path)));
        let file = opened.ok().filter(|file| locks::take_within(file, PATIENCE).is_ok());
        let note = file.as_ref().and_then(|file| read(file).ok()).unwrap_or_default();
        Self { path, note, file }
    }

    /// Whether the run that this is the status of was told.
    pub(crate) fn is_about(&self, status: &Status) -> bool {
        note(status).is_some_and(|note| note == self.note)
    }

    /// Writes down that the run was told that this is the status of.
    pub(crate) fn write(&mut self, status: &Status) {
        let (Some(note), true) = (note(status), self.file.is_some()) else { return };
        // Whoever may not write it down has told it nevertheless.
        let written = options(&self.path, OpenOptions::new().write(true))
            .and_then(|mut file| file.set_len(0).and_then(|()| file.write_all(&note)));
        if written.is_ok() {
            self.note = note;
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    options(path, OpenOptions::new().read(true))
}

/// Opens a file; a link in its place may lead anywhere, and so may a second name, and something else hold us up.
fn options(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let file = options.custom_flags((OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK).bits()).mode(0o644).open(path)?;
    let facts = file.metadata()?;
    if facts.is_file() && facts.nlink() == 1 { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

fn read(file: &File) -> io::Result<Vec<u8>> {
    let mut note = Vec::new();
    file.take(LENGTH).read_to_end(&mut note)?;
    Ok(note)
}

#[cfg(test)]
mod tests {
    use super::*;
    use servicedir::service::status::Want;
    use servicedir::tai::Stamp;
    use std::num::NonZeroU32;
    use std::time::Duration;

    #[test]
    fn a_run_is_a_process_and_the_moment_of_its_start() {
        let status = |pid, seconds, want| {
            let since = Stamp::from_unix(Duration::from_secs(seconds));
            Status { since, pid: NonZeroU32::new(pid), paused: false, want }
        };
        let note = note(&status(7, 100, Want::Up)).unwrap();
        assert!(note.starts_with(b"7 @4000") && note.ends_with(b"\n"));
        let told = Told { path: PathBuf::new(), note, file: None };
        assert!(told.is_about(&status(7, 100, Want::Down)));
        for other in [status(8, 100, Want::Up), status(7, 101, Want::Up), status(0, 100, Want::Up)] {
            assert!(!told.is_about(&other));
        }
        let nobody = Told { note: Vec::new(), ..told };
        assert!(!nobody.is_about(&status(0, 100, Want::Up)));
    }
}
