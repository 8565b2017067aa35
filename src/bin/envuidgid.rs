//! `envuidgid account child`: runs a program with the numbers of an account in `UID` and `GID`.
#![no_main]

use servicedir::chain::Chain;
use servicedir::environment::{Change, Environment};
use servicedir::report::Failure;
use servicedir::sys::identity;
use servicedir::sys::startup::{self, Word};

servicedir::program!(run);

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
