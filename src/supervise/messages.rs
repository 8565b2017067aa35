//! What supervise says on standard error.

use crate::report::{Failure, warning};
use crate::sys::messages::say;
use crate::text::clean;

const PROGRAM: &str = "supervise";

pub(super) fn unable(what: &[&[u8]], reason: &[u8]) -> Failure {
    Failure::fatal(PROGRAM, &[b"unable to ", &what.concat(), b": ", reason])
}

/// Prints a warning. Names of files and processes in it cannot control a terminal.
pub(super) fn warn(parts: &[&[u8]]) {
    warn_verbatim(&[clean(&parts.concat()).as_bytes()]);
}

/// Prints a warning that the original prints, too, with the bytes that the original prints.
pub(super) fn warn_verbatim(parts: &[&[u8]]) {
    say(&warning(PROGRAM, parts));
}
