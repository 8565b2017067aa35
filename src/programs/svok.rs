//! `svok dir`: exits 0 if supervise runs in `dir`, 100 if not.

use crate::report::{Failure, USAGE};
use crate::service::directory::Directory;
use crate::sys::files::HERE;
use crate::sys::startup::{Program, Word};

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

fn run(words: &[Word]) -> Result<u8, Failure> {
    let Some(path) = words.get(1) else { return Err(Failure::usage("svok", "svok dir")) };
    let directory = Directory::open(HERE, path).map_err(|error| {
        Failure::fatal("svok", &[b"unable to chdir to ", path.to_bytes(), b": ", error.bytes()])
    })?;
    match directory.knock() {
        Ok(()) => Ok(0),
        Err(error) if error.is(libc::ENOENT) || error.is(libc::ENXIO) => Err(Failure::silent(USAGE)),
        Err(error) => Err(Failure::fatal(
            "svok",
            &[b"unable to open ", path.to_bytes(), b"/supervise/ok: ", error.bytes()],
        )),
    }
}
