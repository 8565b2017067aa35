//! What a new process of the logic does before it becomes the logic.

#![expect(unsafe_code, reason = "what is done between fork and exec is the author's own responsibility")]

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid};
use std::io;
use tokio::process::Command;

/// The kernel kills the child when this process ends.
pub fn die_with_us(command: &mut Command) {
    let us = getpid();
    // SAFETY: the closure makes two system calls, and uses no memory but its own copy of a number.
    unsafe { command.pre_exec(move || follow(us)) };
}

fn follow(parent: Pid) -> io::Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    // It may have ended before.
    if getppid() == parent { Ok(()) } else { Err(Errno::ESRCH.into()) }
}
