//! Signals as data: the ones a program waits for are blocked and read from a descriptor (`signalfd`), so no
//! code of ours ever runs inside a signal handler.

use super::Result;
use crate::signal::Signal;
use nix::sys::signal::{SigSet, SigmaskHow, pthread_sigmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::os::fd::{AsFd, BorrowedFd};

/// The signals that a program waits for, and what it takes to undo that in a child.
#[derive(Debug)]
pub struct Inbox {
    descriptor: SignalFd,
    /// The signals that are blocked in children.
    children: SigSet,
}

impl Inbox {
    /// Starts to collect `signals`. Their dispositions become the default ones, because a signal that this process was
    /// started to ignore would never arrive. Children get the mask that this process was given.
    ///
    /// SIGPIPE is blocked as well: a message on a standard error without a reader is an error of that write, and not the
    /// end of this process.
    pub fn open(signals: &[Signal]) -> Result<Self> {
        let (set, mut inherited) = (set_of(signals), SigSet::empty());
        let blocked = with_broken_pipes(set);
        // First of all, so that no signal meets a disposition that is about to change.
        pthread_sigmask(SigmaskHow::SIG_BLOCK, Some(&blocked), Some(&mut inherited))?;
        signals.iter().for_each(|&signal| forget(signal.number()));
        Self::new(&set, inherited)
    }

    /// The same for a program whose children must be reachable by signals, however it was started: no other signal stays
    /// blocked or ignored, neither here nor in the children.
    pub fn open_fresh(signals: &[Signal]) -> Result<Self> {
        let set = set_of(signals);
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&with_broken_pipes(set)), None)?;
        (1..=libc::SIGRTMAX()).for_each(forget);
        Self::new(&set, SigSet::empty())
    }

    fn new(set: &SigSet, children: SigSet) -> Result<Self> {
        let descriptor = SignalFd::with_flags(set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        Ok(Self { descriptor, children })
    }

    /// The next signal that has arrived, without waiting.
    pub fn next(&self) -> Option<Signal> {
        let arrived = self.descriptor.read_signal().ok()??;
        Signal::from_number(i32::try_from(arrived.ssi_signo).ok()?)
    }

    /// Takes what has arrived, and says whether `signal` was among it. If much has arrived it may leave some for the next call.
    pub fn take(&self, signal: Signal) -> bool {
        const RECORD: usize = size_of::<libc::signalfd_siginfo>();
        let mut buffer = [0; 8 * RECORD];
        let length = nix::unistd::read(&self.descriptor, &mut buffer).unwrap_or(0);
        let records = buffer.get(..length).unwrap_or_default().chunks_exact(RECORD);
        // A record begins with the number of the signal.
        let number = |record: &[u8]| record.first_chunk().map(|number| i32::from_ne_bytes(*number));
        records.into_iter().any(|record| number(record) == Some(signal.number()))
    }

    /// In a child: blocks only the signals that children are to find blocked, without those of `free`.
    pub fn release(&self, free: &[Signal]) {
        let mut mask = self.children;
        set_of(free).iter().for_each(|signal| mask.remove(signal));
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
    set_disposition(libc::SIGPIPE, libc::SIG_IGN);
}

/// Forgets a SIGPIPE that is blocked and has come, before this process unblocks it to become another program.
pub fn forget_broken_pipes() {
    // To ignore a signal takes away the one that waits.
    ignore_broken_pipes();
    forget(libc::SIGPIPE);
}

/// These signals as a set. Real-time signals, which no program of ours waits for, cannot be in it.
fn set_of(signals: &[Signal]) -> SigSet {
    signals.iter().filter_map(|signal| signal.number().try_into().ok()).collect()
}

fn with_broken_pipes(mut set: SigSet) -> SigSet {
    set.add(nix::sys::signal::Signal::SIGPIPE);
    set
}

/// Gives the signal with this number its default disposition. The kernel and the C library keep some numbers to
/// themselves; these stay as they are.
fn forget(number: i32) {
    set_disposition(number, libc::SIG_DFL);
}

fn set_disposition(number: i32, disposition: libc::sighandler_t) {
    // SAFETY: neither the default nor the ignoring disposition runs code in a handler.
    unsafe { libc::signal(number, disposition) };
}
