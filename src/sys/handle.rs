//! Processes that are not children.

use super::{Errno, Result};
use crate::signal::Signal;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A process that is not a child: it can be waited for and sent signals, and no other is ever mistaken for it.
#[derive(Debug)]
pub struct Handle(OwnedFd);

impl Handle {
    /// A handle for the process that has the number `pid` now.
    pub fn open(pid: i32) -> Result<Self> {
        // SAFETY: a system call without pointers.
        let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let descriptor =
            i32::try_from(descriptor).ok().filter(|&number| number >= 0).ok_or_else(Errno::last)?;
        // SAFETY: the call has just returned this descriptor, which nothing else owns.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Sends `signal`. That the process is gone already is no error worth a word.
    pub fn send(&self, signal: Signal) {
        let nothing = std::ptr::null::<libc::siginfo_t>();
        let (process, number) = (self.0.as_raw_fd(), signal.number());
        // SAFETY: the descriptor is a process's; no information beyond the signal is passed.
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process, number, nothing, 0) };
    }
}

/// Can be "read" once the process has ended.
impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
