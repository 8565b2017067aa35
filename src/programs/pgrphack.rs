//! `pgrphack child`: runs a program in a session and process group of its own.

use crate::chain::Chain;
use crate::report::Failure;
use crate::sys::process;
use crate::sys::startup::{self, Program, Word};

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

fn run(words: &[Word]) -> Result<u8, Failure> {
    let [_, command @ ..] = words else { return Err(usage()) };
    if command.is_empty() {
        return Err(usage());
    }
    process::lead_session();
    Err(Chain::new("pgrphack", command, &startup::environment()).run())
}

fn usage() -> Failure {
    Failure::usage("pgrphack", "pgrphack child")
}
