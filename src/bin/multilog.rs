//! `multilog script...`: logs standard input in directories that never grow too large.
#![no_main]

use servicedir::multilog;
use servicedir::report::Failure;
use servicedir::sys::startup::Word;

servicedir::program!(run);

fn run(words: &[Word]) -> Result<u8, Failure> {
    multilog::run::run(words.get(1..).unwrap_or_default())
}
