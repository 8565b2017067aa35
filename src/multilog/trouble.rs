//! What multilog could not do, and why: a warning when it goes on, a fatal error when it ends.

use super::PROGRAM;
use crate::report::{Failure, warning};
use crate::sys::Errno;
use crate::sys::startup::say;

/// What was not possible, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// `unable to VERB OBJECT`.
    pub what: Vec<u8>,
    /// The system's reason.
    pub error: Errno,
}

impl Trouble {
    /// Whether something was not there, or something else was in its place.
    pub const fn is_about_names(&self) -> bool {
        matches!(
            self.error.number(),
            libc::ENOENT
                | libc::ENOTDIR
                | libc::EISDIR
                | libc::ESTALE
                | libc::ENOTEMPTY
                | libc::EEXIST
                | libc::ELOOP
                | libc::EPERM
                | libc::ENXIO
        )
    }

    /// The last words of multilog if this ends it.
    pub fn fatal(&self) -> Failure {
        Failure::fatal(PROGRAM, &[&self.what, b": ", self.error.bytes()])
    }

    /// The same if so many bytes that were read are not on disk.
    pub fn fatal_loss(&self, bytes: u64) -> Failure {
        let lost = format!(", {bytes} bytes lost: ");
        Failure::fatal(PROGRAM, &[&self.what, lost.as_bytes(), self.error.bytes()])
    }

    /// Says that multilog will try again after a pause.
    pub fn report_pause(&self) {
        warn(&[&self.what, b", pausing: ", self.error.bytes()]);
    }
}

/// Prints a warning.
pub fn warn(parts: &[&[u8]]) {
    say(&warning(PROGRAM, parts));
}
