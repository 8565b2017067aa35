//! Children: making, signalling and burying them.

use super::signals::Signal;
use super::{Errno, Result, startup};
use crate::report::Failure;
use nix::sys::signal::kill;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this code.
    Exited(i32),
    /// This signal ended it.
    Killed(Signal),
}

/// A child that has ended; its number is free again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Which child.
    pub pid: i32,
    /// How.
    pub how: Ending,
}

/// Starts a child that runs `body`, and returns its number. What `body` returns are the child's last words;
/// normally it does not return, because it has become another program.
pub fn spawn(body: impl FnOnce() -> Failure) -> Result<i32> {
    // SAFETY: our programs have one thread, so the child's copy of memory and locks is consistent.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child.as_raw()),
        ForkResult::Child => {
            let code = startup::last_words(&body());
            // SAFETY: ends the child at once, without running exit handlers that belong to the parent.
            unsafe { libc::_exit(i32::from(code)) }
        }
    }
}

/// Buries one child that has ended, without waiting.
pub fn reap() -> Option<Ended> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) => {
                return Some(Ended { pid: pid.as_raw(), how: Ending::Exited(code) });
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) => {
                return Some(Ended { pid: pid.as_raw(), how: Ending::Killed(signal) });
            }
            Ok(WaitStatus::StillAlive) => return None,
            // Stops and the like are not asked for; a signal may interrupt.
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(_) => return None,
        }
    }
}

/// Waits for the child `pid` to end.
pub fn wait(pid: i32) -> Result<Ending> {
    loop {
        match waitpid(Pid::from_raw(pid), None) {
            Ok(WaitStatus::Exited(_, code)) => return Ok(Ending::Exited(code)),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(Ending::Killed(signal)),
            // Stops and the like are not asked for; a signal may interrupt.
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Makes this process the leader of a new session and process group. It may be one already.
pub fn lead_session() {
    let _ = nix::unistd::setsid();
}

/// Sends `signal` to process `pid`. That it is gone already is no error worth a word.
pub fn send(pid: i32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid), signal);
}

/// Forbids this process and its children to make files that others may write (`umask 022`).
pub fn protect_new_files() {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
}

/// Moves this process into the directory that is open as `directory`.
pub fn enter(directory: impl std::os::fd::AsFd) -> Result<()> {
    nix::unistd::fchdir(directory).map_err(Errno::from)
}
