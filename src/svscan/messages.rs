//! What svscan says on standard error.

use crate::report::warning;
use crate::sys::Errno;
use crate::sys::messages::say;

pub(super) const PROGRAM: &str = "svscan";

/// Warns of what the system refused.
pub(super) fn warn(what: &[&[u8]], error: Errno) {
    say(&warning(PROGRAM, &[&what.concat(), b": ", error.bytes()]));
}
