//! `supervise dir`: keeps the service in `dir` running.
#![no_main]

use servicedir::report::Failure;
use servicedir::supervise;
use servicedir::sys::startup::Word;

servicedir::program!(run);

fn run(words: &[Word]) -> Result<u8, Failure> {
    let &[_, directory] = words else { return Err(Failure::usage("supervise", "supervise dir")) };
    supervise::run::run(directory)
}
