//! `supervise [--delay=SECONDS | --down] dir`: keeps the service in `dir` running, or ends it.

use super::is_mistyped;
use crate::options::{Found, Long, Options, seconds};
use crate::report::Failure;
use crate::supervise;
use crate::supervise::event::Task;
use crate::sys::startup::{Program, Word};
use std::time::Duration;

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

const LONG_OPTIONS: Long = Long { flags: &["down"], valued: &["delay"] };

fn run(words: &[Word]) -> Result<u8, Failure> {
    let usage = || Failure::usage("supervise", "supervise dir");
    let mut options = Options::only_long(LONG_OPTIONS, words.get(1..).unwrap_or_default());
    let mut task = Task::Run(Duration::ZERO);
    for found in options.by_ref() {
        task = match found {
            Found::Long("down", None) => Task::Stop,
            Found::Long("delay", Some(value)) => Task::Run(seconds(value).ok_or_else(usage)?),
            Found::Unknown(_) if !is_mistyped(found) => task,
            _ => return Err(usage().after(found.complaint(c"supervise"))),
        };
    }
    let &[directory] = options.operands() else { return Err(usage()) };
    supervise::run::run(directory, task)
}
