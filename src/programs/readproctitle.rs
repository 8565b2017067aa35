//! `readproctitle args... dots`: shows the end of its standard input in the list of processes.

use crate::report::{Failure, SYSTEM, USAGE};
use crate::sys::files;
use crate::sys::startup::{Program, Word};

/// What it does.
pub const PROGRAM: Program = Program::Titled(run);

/// These dots stay, to show that something may be missing.
const DOTS: usize = 3;

fn run(words: &[Word], title: &mut [u8]) -> Result<u8, Failure> {
    if words.is_empty() || title.len() < DOTS + 2 {
        return Err(Failure::silent(USAGE));
    }
    title.fill(b'.');
    let Some((_, shown)) = title.split_at_mut_checked(DOTS) else { return Err(Failure::silent(USAGE)) };
    let mut chunk = [0; 1024];
    loop {
        let length = files::read_from(files::input(), &mut chunk).map_err(|_| Failure::silent(SYSTEM))?;
        if length == 0 {
            return Ok(0);
        }
        for &byte in chunk.iter().take(length).filter(|&&byte| byte != 0) {
            shown.rotate_left(1);
            if let Some(last) = shown.last_mut() {
                *last = byte;
            }
        }
    }
}
