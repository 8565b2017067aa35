//! The end that programs such as setuidgid share: become another program, or say why not (docs/compatibility.md 1.0).

use crate::report::{Draft, Failure};
use crate::sys::exec::Prepared;
use std::ffi::CStr;

/// A program to become. It is found through the PATH of this process, whatever its own environment says, and is
/// prepared so completely that neither to become it nor to fail needs more memory.
#[derive(Debug)]
pub struct Chain<'a> {
    prepared: Prepared<'a>,
    failure: Draft,
}

impl<'a> Chain<'a> {
    /// Prepares `program` to become `command` with `environment`.
    pub fn new(program: &str, command: &[&'a CStr], environment: &[&'a CStr]) -> Self {
        let name = command.first().map_or(&b""[..], |name| name.to_bytes());
        let failure = Draft::new(program, &[b"unable to run ", name, b": "]);
        Self { prepared: Prepared::command(command, environment), failure }
    }

    /// Becomes the program. Returns only if that failed: `PROG: fatal: unable to run NAME: ERROR`, 111.
    pub fn run(self) -> Failure {
        let error = self.prepared.exec();
        self.failure.finish(error.text())
    }
}
