//! `tai64n`: puts a TAI64N label in front of each line of standard input.
#![no_main]

use servicedir::filter;
use servicedir::report::Failure;
use servicedir::sys::clock;
use servicedir::sys::startup::Word;
use servicedir::tai::Stamp;
use servicedir::tai::lines::Stamper;

servicedir::program!(run);

fn run(_words: &[Word]) -> Result<u8, Failure> {
    let mut stamper = Stamper::default();
    filter::run(|chunk, output| stamper.feed(chunk, || Stamp::from_unix(clock::wall()), output))
}
