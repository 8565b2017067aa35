//! The loop that tai64n and tai64nlocal share: standard input, through a function, to standard output.

use crate::report::{Failure, SYSTEM};
use crate::sys::files;

/// Gives each chunk of standard input to `transform` and writes what that has appended before reading on, so
/// nothing is held back while the input pauses. Trouble with either side ends the program, 111, without a word.
pub fn run(mut transform: impl FnMut(&[u8], &mut Vec<u8>)) -> Result<u8, Failure> {
    let silent = |_| Failure::silent(SYSTEM);
    let mut chunk = vec![0; 64 * 1024];
    let mut output = Vec::new();
    loop {
        let length = files::read_from(files::input(), &mut chunk).map_err(silent)?;
        if length == 0 {
            return Ok(0);
        }
        transform(chunk.get(..length).unwrap_or_default(), &mut output);
        files::write_all(files::output(), &output).map_err(silent)?;
        output.clear();
    }
}
