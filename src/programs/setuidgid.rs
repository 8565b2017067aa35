//! `setuidgid account child`: runs a program as another account.

use crate::chain::Chain;
use crate::report::Failure;
use crate::sys::startup::{self, Program, Word};
use crate::sys::{Errno, identity};

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

fn run(words: &[Word]) -> Result<u8, Failure> {
    let [_, name, command @ ..] = words else { return Err(usage()) };
    if command.is_empty() {
        return Err(usage());
    }
    let account = identity::account(name)
        .ok_or_else(|| Failure::fatal("setuidgid", &[b"unknown account ", name.to_bytes()]))?;
    let unable = |what: &str, error: Errno| {
        Failure::fatal("setuidgid", &[b"unable to ", what.as_bytes(), b": ", error.bytes()])
    };
    account.take_group().map_err(|error| unable("setgid", error))?;
    account.take_user().map_err(|error| unable("setuid", error))?;
    Err(Chain::new("setuidgid", command, &startup::environment()).run())
}

fn usage() -> Failure {
    Failure::usage("setuidgid", "setuidgid account child")
}
