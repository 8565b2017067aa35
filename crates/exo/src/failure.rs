//! Why exo cannot do what it is called for, and what it says then.
#![forbid(unsafe_code)]

use std::fmt::Display;
use std::path::Path;

/// Why.
#[derive(Debug)]
pub struct Failure {
    /// What is said.
    pub message: String,
    /// The exit code.
    pub code: u8,
}

impl Failure {
    /// The administrator has to change something: 100.
    pub fn mistake(message: impl Display) -> Self {
        Self { message: message.to_string(), code: 100 }
    }

    /// It may be better next time: 111.
    pub fn trouble(message: impl Display) -> Self {
        Self { message: message.to_string(), code: 111 }
    }

    /// A file stands in the way.
    pub fn file(verb: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::trouble(format_args!("unable to {verb} {}: {error}", path.display()))
    }
}
