//! The end that programs such as setuidgid share: become another program, or say why not (CONTRACT.md 1.0).

use crate::report::Failure;
use crate::sys::exec::Prepared;
use crate::sys::startup;
use std::ffi::CStr;

/// Becomes `command`, found through PATH, with this process's environment. Returns only if that failed:
/// `PROG: fatal: unable to run NAME: ERROR`, 111.
pub fn run(program: &str, command: &[&CStr]) -> Failure {
    let error = Prepared::command(command, &startup::environment()).exec();
    let name = command.first().map_or(&b""[..], |name| name.to_bytes());
    Failure::fatal(program, &[b"unable to run ", name, b": ", error.bytes()])
}
