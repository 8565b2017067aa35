//! Signals as data: the ones a program waits for are blocked and read from a descriptor (`signalfd`), so no
//! code of ours ever runs inside a signal handler.

use super::Result;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, pthread_sigmask, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, BorrowedFd};

pub use nix::sys::signal::Signal;

/// The signals that a program waits for, and what it takes to undo that in a child.
#[derive(Debug)]
pub struct Inbox {
    descriptor: SignalFd,
    /// The signals that were blocked before.
    inherited: SigSet,
}

impl Inbox {
    /// Starts to collect `signals`. Their dispositions become the default ones, because a signal that this
    /// process was started to ignore would never arrive; like the original's handlers, that replaces what the
    /// caller had set.
    pub fn open(signals: &[Signal]) -> Result<Self> {
        let set = SigSet::from_iter(signals.iter().copied());
        let descriptor = SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        let mut inherited = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&set), Some(&mut inherited))?;
        for &signal in signals {
            restore_default(signal)?;
        }
        Ok(Self { descriptor, inherited })
    }

    /// The next signal that has arrived, without waiting.
    pub fn next(&self) -> Option<Signal> {
        let arrived = self.descriptor.read_signal().ok()??;
        Signal::try_from(i32::try_from(arrived.ssi_signo).ok()?).ok()
    }

    /// In a child: blocks what the caller of this program had blocked, but for `free`.
    pub fn release(&self, free: &[Signal]) {
        let mut mask = self.inherited;
        free.iter().for_each(|&signal| mask.remove(signal));
        let _ = pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&mask), None);
    }
}

impl AsFd for Inbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Makes writing to a pipe without readers an error instead of the end of this process.
pub fn ignore_broken_pipes() {
    // SAFETY: ignoring a signal runs no code in a handler.
    let _ = unsafe { sigaction(Signal::SIGPIPE, &disposition(SigHandler::SigIgn)) };
}

fn restore_default(signal: Signal) -> Result<()> {
    // SAFETY: the default disposition runs no code in a handler.
    unsafe { sigaction(signal, &disposition(SigHandler::SigDfl)) }?;
    Ok(())
}

fn disposition(handler: SigHandler) -> SigAction {
    SigAction::new(handler, SaFlags::empty(), SigSet::empty())
}
