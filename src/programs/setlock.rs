//! `setlock [-nNxX] file program [arg ...]`: runs a program with a file locked.

use crate::chain::Chain;
use crate::options::{Found, Options};
use crate::report::{Failure, USAGE};
use crate::sys::Errno;
use crate::sys::files::{self, Contention};
use crate::sys::startup::{self, Program, Word};
use std::ffi::CStr;

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

fn run(words: &[Word]) -> Result<u8, Failure> {
    let (called_as, words) = words.split_first().ok_or(Failure::silent(USAGE))?;
    let mut options = Options::new(b"nNxX", b"", words);
    let mut contention = Contention::Wait;
    let mut silent = false;
    for found in options.by_ref() {
        match found {
            Found::Letter(b'n', _) => contention = Contention::Fail,
            Found::Letter(b'N', _) => contention = Contention::Wait,
            Found::Letter(letter, _) => silent = letter == b'x',
            Found::Long(..) | Found::Illegal(_) | Found::MissingArgument(_) | Found::Unknown(_) => {
                return Err(usage(found.complaint(called_as)));
            }
        }
    }
    let [path, command @ ..] = options.operands() else { return Err(usage(None)) };
    if command.is_empty() {
        return Err(usage(None));
    }
    let unable = |what: &'static [u8], path: &CStr| {
        let path = path.to_bytes().to_vec();
        move |error: Errno| match silent {
            true => Failure::silent(0),
            false => Failure::fatal("setlock", &[b"unable to ", what, &path, b": ", error.bytes()]),
        }
    };
    let file = files::open_append(files::HERE, path).map_err(unable(b"open ", path))?;
    files::lock(&file, contention).map_err(unable(b"lock ", path))?;
    files::keep_on_exec(&file).map_err(unable(b"lock ", path))?;
    Err(Chain::new("setlock", command, &startup::environment()).run())
}

fn usage(complaint: Option<Vec<u8>>) -> Failure {
    Failure::usage("setlock", "setlock [ -nNxX ] file program [ arg ... ]").after(complaint)
}
