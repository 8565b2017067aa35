//! Sending signals to a service.

use crate::service::control::Scope;
use crate::signal::Signal;
use crate::sys::process::{self, Handle};
use std::num::NonZeroU32;

/// Sends `signal` to the process `pid`, or to its group. A process that is not a child has a handle.
pub fn send(pid: NonZeroU32, signal: Signal, scope: Scope, handle: Option<&Handle>) {
    match (scope, handle) {
        (Scope::Group, _) => process::send_to_group(as_number(pid), signal),
        (Scope::Process, Some(handle)) => handle.send(signal),
        (Scope::Process, None) => process::send(as_number(pid), signal),
    }
}

/// A process number as the system has it.
pub fn as_number(pid: NonZeroU32) -> i32 {
    i32::try_from(pid.get()).unwrap_or(i32::MAX)
}

/// A number that the system gave, as a process of ours; `None` if it is none.
pub fn as_pid(number: i32) -> Option<NonZeroU32> {
    u32::try_from(number).ok().and_then(NonZeroU32::new)
}
