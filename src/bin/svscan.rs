//! `svscan [dir]`: keeps a supervise running for every directory in `dir`.
#![no_main]

use servicedir::report::Failure;
use servicedir::svscan;
use servicedir::sys::startup::Word;

servicedir::program!(run);

fn run(words: &[Word]) -> Result<u8, Failure> {
    svscan::run::run(words.get(1).copied())
}
