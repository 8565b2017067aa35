//! `tai64n`: puts a TAI64N label in front of each line of standard input.

use crate::filter;
use crate::report::Failure;
use crate::sys::clock;
use crate::sys::startup::{Program, Word};
use crate::tai::Stamp;
use crate::tai::lines::Stamper;

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

fn run(_words: &[Word]) -> Result<u8, Failure> {
    let mut stamper = Stamper::default();
    filter::run(|chunk, output| stamper.feed(chunk, || Stamp::from_unix(clock::wall()), output))
}
