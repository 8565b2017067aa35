//! `pgrphack child`: runs a program in a session and process group of its own.
#![no_main]

use servicedir::chain::Chain;
use servicedir::report::Failure;
use servicedir::sys::process;
use servicedir::sys::startup::{self, Word};

servicedir::program!(run);

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
