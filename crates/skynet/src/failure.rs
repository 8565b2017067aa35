//! How a command ends, and what it prints: results on standard output, failures on standard error.

use crate::accounts::may_give;
use servicedir::text::clean;
pub use skynet_core::failure::{Failure, MISTAKE};
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// How a command has ended that could be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// All that was asked for is so.
    Done,
    /// Something is not; it was said what.
    NotDone,
}

impl Outcome {
    /// [`Self::Done`] if everything is.
    pub fn all(outcomes: impl IntoIterator<Item = Self>) -> Self {
        if outcomes.into_iter().all(|outcome| outcome == Self::Done) { Self::Done } else { Self::NotDone }
    }
}

/// The message of a failure, with advice for an account that lacks permission.
pub fn message(failure: &Failure) -> String {
    let is_helped_by_root = failure.is_denied && !may_give();
    let advice = "; root may, and a mini-SkyNET of your own needs no root: see --root";
    failure.message.clone() + if is_helped_by_root { advice } else { "" }
}

/// Reports the failure of the whole command.
pub fn tell(failure: &Failure) {
    complain(message(failure));
}

/// Reports the failure of the participant `name`, one of several: the others are still processed.
pub fn tell_of(failure: &Failure, name: &str) -> Outcome {
    complain(format_args!("{name}: {}", message(failure)));
    Outcome::NotDone
}

/// Says on standard error what is wrong. That nobody listens is nobody's fault. Names of files in it, and what files
/// contain, cannot control a terminal.
pub fn complain(message: impl Display) {
    let _ = writeln!(io::stderr(), "skynet: {}", clean(message.to_string().as_bytes()));
}

/// Whether somebody reads what we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Somebody does, or may.
    Yes,
    /// Nobody does any more, which is no failure.
    No,
}

/// Writes to standard output what was asked for.
pub fn print(text: &[u8]) -> Result<Heard, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Heard::Yes),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Heard::No),
        Err(error) => Err(Failure::system("write to standard output", &error)),
    }
}

/// Says on standard output what was done. Names of files in it cannot control a terminal.
pub fn say(message: impl Display) {
    let _ = writeln!(io::stdout(), "{}", clean(message.to_string().as_bytes()));
}
