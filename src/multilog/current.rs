//! The open file `current`, and what was written to one that was removed meanwhile.

use crate::file_id::FileId;
use crate::sys::Result as SysResult;
use crate::sys::files::{self, Facts};
use std::fs::File;

/// The mode of a file that is being written.
pub const IN_USE: libc::mode_t = 0o644;

/// The mode of a file that is complete: its owner may execute it.
pub const COMPLETE: libc::mode_t = 0o744;

/// How much of a removed file is copied at a time.
const CHUNK: usize = 4096;

/// The file `current` while it is open.
#[derive(Debug)]
pub struct Current {
    /// The file.
    pub file: File,
    /// Its device and inode.
    pub identity: FileId,
    /// How many bytes it had when it was last seen in its place. What was written later may have come after the file was
    /// removed.
    pub confirmed: u64,
}

impl Current {
    /// The `file` that was opened, which is marked as being in use.
    pub fn of((file, facts): (File, Facts)) -> Opened {
        let marking = if facts.mode == IN_USE { Ok(()) } else { files::set_mode(&file, IN_USE) };
        (Self { file, identity: facts.identity, confirmed: facts.size }, marking)
    }

    /// Whether the file has a name somewhere. Where the system does not say, it has.
    pub fn has_name(&self) -> bool {
        files::look_open(&self.file).map_or(true, |facts| facts.names > 0)
    }

    /// Its size in bytes.
    pub fn size(&self) -> SysResult<u64> {
        Ok(files::look_open(&self.file)?.size)
    }

    /// What was written to it since it was last seen in its place.
    pub fn unconfirmed(self) -> Remainder {
        Remainder { file: self.file, next: self.confirmed }
    }
}

/// A file that was opened, and whether its mode could be set.
pub type Opened = (Current, SysResult<()>);

/// The end of a file that has no name any more; it is to be written again elsewhere.
#[derive(Debug)]
pub struct Remainder {
    file: File,
    next: u64,
}

/// What came of copying a [`Remainder`].
#[derive(Debug)]
pub enum Copied {
    /// Everything was written.
    All,
    /// The remainder cannot be read.
    Unreadable(crate::sys::Errno),
}

impl Remainder {
    /// Appends the rest to `target`. It can be called again after a failure, and goes on where it stopped.
    pub fn copy_to(&mut self, target: &File) -> SysResult<Copied> {
        let mut buffer = [0; CHUNK];
        loop {
            let length = match files::read_at(&self.file, &mut buffer, self.next) {
                Ok(length) => length,
                Err(error) => return Ok(Copied::Unreadable(error)),
            };
            let bytes = buffer.get(..length).unwrap_or_default();
            if bytes.is_empty() {
                return Ok(Copied::All);
            }
            let written = files::write(target, bytes)?;
            self.next = self.next.saturating_add(u64::try_from(written).unwrap_or(0));
        }
    }

    /// How many bytes are left.
    pub fn length(&self) -> u64 {
        files::look_open(&self.file).map_or(0, |facts| facts.size.saturating_sub(self.next))
    }
}
