//! `tai64nlocal`: turns the TAI64N labels at the start of lines into local time.

use crate::filter;
use crate::report::Failure;
use crate::sys::clock;
use crate::sys::startup::{Program, Word};
use crate::tai::Stamp;
use crate::tai::lines::Translator;
use std::io::Write;

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

fn run(_words: &[Word]) -> Result<u8, Failure> {
    clock::load_time_zone();
    let mut translator = Translator::default();
    let mut clock = Clock::default();
    filter::run(|chunk, output| translator.feed(chunk, |stamp, output| clock.show(stamp, output), output))
}

/// Remembers the last second it showed: in a log most lines share theirs with the line before.
#[derive(Default)]
struct Clock {
    second: i64,
    text: Vec<u8>,
}

impl Clock {
    /// Appends `YYYY-MM-DD HH:MM:SS.nnnnnnnnn`, unless the C library does not know the moment.
    fn show(&mut self, stamp: Stamp, output: &mut Vec<u8>) -> bool {
        let second = stamp.to_unix();
        if self.text.is_empty() || self.second != second {
            let Some(local) = clock::local(second) else { return false };
            self.second = second;
            // Years before 0 are shown as the original shows them: modulo 2^64.
            let year = u64::from_ne_bytes(local.year.to_ne_bytes());
            self.text = format!(
                "{year}-{:02}-{:02} {:02}:{:02}:{:02}.",
                local.month, local.day, local.hour, local.minute, local.second
            )
            .into_bytes();
        }
        output.extend_from_slice(&self.text);
        // Writing to a Vec cannot fail.
        let _ = write!(output, "{:09}", stamp.nanoseconds());
        true
    }
}
