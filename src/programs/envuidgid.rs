//! `envuidgid account child`: runs a program with the numbers of an account in `UID` and `GID`.

use crate::chain::Chain;
use crate::environment::{Change, Environment};
use crate::report::Failure;
use crate::sys::identity;
use crate::sys::startup::{self, Program, Word};

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

fn run(words: &[Word]) -> Result<u8, Failure> {
    let usage = || Failure::usage("envuidgid", "envuidgid account child");
    let &[_, name, ref command @ ..] = words else { return Err(usage()) };
    if command.is_empty() {
        return Err(usage());
    }
    let account = identity::account(name)
        .ok_or_else(|| Failure::fatal("envuidgid", &[b"unknown account ", name.to_bytes()]))?;
    let inherited = startup::environment();
    let mut environment = Environment::new(&inherited);
    for (variable, number) in [(b"GID", account.gid()), (b"UID", account.uid())] {
        if let Some(change) = Change::set(variable, number.to_string().as_bytes()) {
            environment.change(&change);
        }
    }
    Err(Chain::new("envuidgid", command, &environment.entries()).run())
}
