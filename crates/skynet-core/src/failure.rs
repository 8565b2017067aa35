//! The error that ends a command of skynet or exo, with its message and its exit status.
#![forbid(unsafe_code)]

use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The exit status after a mistake of the caller.
pub const MISTAKE: u8 = 100;

/// The exit status after an error of the system.
const TROUBLE: u8 = 111;

/// The error that ends a command.
#[derive(Debug)]
pub struct Failure {
    /// The message, without the name of the program.
    pub message: String,
    /// The exit status.
    pub code: u8,
    /// Whether the system denied permission: the same command may succeed for another account.
    pub is_denied: bool,
}

impl Failure {
    /// The caller has to change something first: exit status 100.
    pub fn mistake(message: impl Display) -> Self {
        Self { message: message.to_string(), code: MISTAKE, is_denied: false }
    }

    /// The same command may succeed later: exit status 111.
    pub fn trouble(message: impl Display) -> Self {
        Self { code: TROUBLE, ..Self::mistake(message) }
    }

    /// The system returned `error`. `what` completes the words "unable to".
    pub fn system(what: impl Display, error: &io::Error) -> Self {
        let is_denied = error.kind() == ErrorKind::PermissionDenied;
        Self { is_denied, ..Self::trouble(format_args!("unable to {what}: {error}")) }
    }

    /// The system returned `error` for the file `path`.
    pub fn file(verb: &str, path: &Path, error: &io::Error) -> Self {
        Self::system(format_args!("{verb} {}", path.display()), error)
    }
}
