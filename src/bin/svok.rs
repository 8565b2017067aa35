//! `svok dir`: exits 0 if supervise runs in `dir`, 100 if not.
#![no_main]

use servicedir::report::{Failure, USAGE};
use servicedir::service::directory::Directory;
use servicedir::sys::files::HERE;
use servicedir::sys::startup::Word;

servicedir::program!(run);

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
