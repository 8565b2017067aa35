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
        Self::open_polite(signals, &[])
    }

    /// Starts to collect `signals`, and those of `optional` that this process was not started to ignore: who
    /// calls a program so does not want it to react (`nohup`, a shell's background processes).
    pub fn open_polite(signals: &[Signal], optional: &[Signal]) -> Result<Self> {
        let mut set = SigSet::from_iter(signals.iter().chain(optional).copied());
        let mut inherited = SigSet::empty();
        // First of all, so that no signal meets a disposition that is only being looked at.
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&set), Some(&mut inherited))?;
        for &signal in signals {
            change(signal, SigHandler::SigDfl)?;
        }
        for &signal in optional {
            if matches!(change(signal, SigHandler::SigDfl)?, SigHandler::SigIgn) {
                change(signal, SigHandler::SigIgn)?;
                set.remove(signal);
            }
        }
        let mut mask = inherited;
        mask.extend(&set);
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&mask), None)?;
        let descriptor = SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        Ok(Self { descriptor, inherited })
    }

    /// The next signal that has arrived, without waiting.
    pub fn next(&self) -> Option<Signal> {
        let arrived = self.descriptor.read_signal().ok()??;
        Signal::try_from(i32::try_from(arrived.ssi_signo).ok()?).ok()
    }

    /// Takes whatever has arrived, unseen. It may leave some if there is much.
    pub fn clear(&self) {
        let mut buffer = [0; 8 * 128];
        let _ = nix::unistd::read(&self.descriptor, &mut buffer);
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
    let _ = change(Signal::SIGPIPE, SigHandler::SigIgn);
}

/// Changes the disposition of `signal` to the default or to being ignored, and returns what it was.
fn change(signal: Signal, handler: SigHandler) -> Result<SigHandler> {
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: neither disposition runs code in a handler.
    Ok(unsafe { sigaction(signal, &action) }?.handler())
}
