//! `envdir dir child`: runs a program with the environment changed as the files in `dir` say.

use crate::chain::Chain;
use crate::environment::{Change, Environment};
use crate::report::{Failure, SYSTEM};
use crate::sys::startup::{self, Program, Word};
use crate::sys::{Errno, Result as SysResult, files, listing};
use std::ffi::CStr;
use std::os::fd::AsFd;

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

fn run(words: &[Word]) -> Result<u8, Failure> {
    let &[_, path, ref command @ ..] = words else { return Err(usage()) };
    if command.is_empty() {
        return Err(usage());
    }
    let here = files::open_read(files::HERE, c".").map_err(unable(b"switch to current directory", c""))?;
    let directory = files::open_place(&here, path).map_err(unable(b"switch to directory ", path))?;
    let names = listing::names(&directory).map_err(unable(b"read directory ", path))?;
    let inherited = startup::environment();
    let mut environment = Environment::new(&inherited);
    for name in names.iter().filter(|name| !name.to_bytes().starts_with(b".")) {
        let content = read(&directory, name).map_err(|error| {
            let file = [path.to_bytes(), b"/", name.to_bytes()].concat();
            Failure::fatal("envdir", &[b"unable to read ", &file, b": ", error.bytes()])
        })?;
        if let Some(change) = Change::from_file(name, &content) {
            environment.change(&change);
        }
    }
    Err(Chain::new("envdir", command, &environment.entries()).run())
}

/// What the file contains. A name that leads nowhere counts as empty: the variable is removed.
fn read(directory: impl AsFd, name: &CStr) -> SysResult<Vec<u8>> {
    match files::open_read(directory, name) {
        Ok(file) => files::read_all(&file),
        Err(error) if error.is(libc::ENOENT) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn unable<'a>(what: &'a [u8], path: &'a CStr) -> impl FnOnce(Errno) -> Failure + 'a {
    move |error| Failure::fatal("envdir", &[b"unable to ", what, path.to_bytes(), b": ", error.bytes()])
}

/// Of all programs, this one has 111 for wrong usage.
fn usage() -> Failure {
    Failure::new(SYSTEM, Failure::usage("envdir", "envdir dir child").message().to_vec())
}
