//! `svc [-udopchaitkx] dirs...`: tells supervise what to do with each service.
#![no_main]

use servicedir::options::{Found, Options};
use servicedir::report::{Failure, USAGE, warning};
use servicedir::service::control::{Letters, OPTIONS};
use servicedir::service::directory::{Directory, NoControl};
use servicedir::sys::startup::{Word, say};
use servicedir::sys::{Errno, files, signals};
use std::ffi::CStr;
use std::os::fd::AsFd;

servicedir::program!(run);

const USAGE_LINE: &[u8] = b"svc options: u up, d down, o once, x exit, p pause, c continue, \
    h hup, a alarm, i interrupt, t term, k kill\n";

fn run(words: &[Word]) -> Result<u8, Failure> {
    signals::ignore_broken_pipes();
    let (called_as, words) = words.split_first().ok_or(Failure::silent(USAGE))?;
    let mut options = Options::new(OPTIONS, b"", words);
    let mut letters = Letters::default();
    for found in options.by_ref() {
        match found {
            Found::Letter(letter, _) => letters.add(letter),
            Found::Illegal(_) | Found::MissingArgument(_) => {
                let complaint = found.complaint(called_as).unwrap_or_default();
                return Err(Failure::new(USAGE, [&complaint, USAGE_LINE].concat()));
            }
        }
    }
    let here = files::open_read(files::HERE, c".")
        .map_err(|error| Failure::fatal("svc", &[b"unable to open current directory: ", error.bytes()]))?;
    options.operands().iter().for_each(|path| control(&here, path, &letters));
    Ok(0)
}

/// Sends `letters` to the supervise of the service `path`, or warns that this was not possible.
fn control(here: impl AsFd, path: &CStr, letters: &Letters) {
    let warn = |what: &str, reason: &[u8]| {
        say(&warning("svc", &[what.as_bytes(), path.to_bytes(), b": ", reason]));
    };
    let unable = |what: &str, error: Errno| warn(what, error.bytes());
    match Directory::open(here, path) {
        Err(error) => unable("unable to chdir to ", error),
        Ok(directory) => match directory.control(letters) {
            Ok(()) => {}
            Err(NoControl::Unopened(error)) if error.is(libc::ENXIO) => {
                warn("unable to control ", b"supervise not running");
            }
            Err(NoControl::Unopened(error)) => unable("unable to control ", error),
            Err(NoControl::Unwritten(error)) => unable("error writing commands to ", error),
        },
    }
}
