//! `multilog script...`: logs standard input in directories that never grow too large.

use crate::multilog;
use crate::report::Failure;
use crate::sys::startup::{Program, Word};

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

fn run(words: &[Word]) -> Result<u8, Failure> {
    multilog::run::run(words.get(1..).unwrap_or_default())
}
