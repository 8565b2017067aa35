//! `supervise [--delay=SECONDS] dir`: keeps the service in `dir` running.

use super::is_mistyped;
use crate::options::{Found, Long, Options, seconds};
use crate::report::Failure;
use crate::supervise;
use crate::sys::startup::{Program, Word};
use std::time::Duration;

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

const LONG_OPTIONS: Long = Long { flags: &[], valued: &["delay"] };

fn run(words: &[Word]) -> Result<u8, Failure> {
    let usage = || Failure::usage("supervise", "supervise dir");
    let mut options = Options::only_long(LONG_OPTIONS, words.get(1..).unwrap_or_default());
    let mut delay = Duration::ZERO;
    for found in options.by_ref() {
        match found {
            Found::Long(_, Some(value)) => delay = seconds(value).ok_or_else(usage)?,
            Found::Unknown(_) if !is_mistyped(found) => {}
            _ => return Err(usage().after(found.complaint(c"supervise"))),
        }
    }
    let &[directory] = options.operands() else { return Err(usage()) };
    supervise::run::run(directory, delay)
}
