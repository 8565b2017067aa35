//! Why a command could not be carried out, and what it says then.

use crate::accounts::may_give;
use servicedir::text::clean;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

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

/// The exit code when the command is a mistake.
pub const MISTAKE: u8 = 100;

/// The exit code when the system stood in the way.
const TROUBLE: u8 = 111;

/// Why a command could not even be tried.
#[derive(Debug)]
pub struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    /// The command is a mistake.
    pub fn usage(message: impl Display) -> Self {
        Self { message: message.to_string(), code: MISTAKE }
    }

    /// The system stood in the way.
    pub fn system(what: impl Display, error: &io::Error) -> Self {
        let hint = match error.kind() {
            ErrorKind::PermissionDenied if !may_give() => {
                "; root may, and a mini-SkyNET of your own needs no root: see --root"
            }
            _ => "",
        };
        Self { message: format!("unable to {what}: {error}{hint}"), code: TROUBLE }
    }

    /// The same about a file.
    pub fn file(verb: &str, path: &Path, error: &io::Error) -> Self {
        Self::system(format_args!("{verb} {}", path.display()), error)
    }

    /// What is to be said.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The exit code.
    pub const fn code(&self) -> u8 {
        self.code
    }

    /// Says it.
    pub fn tell(&self) {
        complain(&self.message);
    }

    /// Says it of the participant `name`, one of several: the others are seen to nevertheless.
    pub fn tell_of(&self, name: &str) -> Outcome {
        complain(format_args!("{name}: {}", self.message));
        Outcome::NotDone
    }
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
