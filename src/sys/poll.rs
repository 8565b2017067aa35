//! Waiting for whatever comes first: a descriptor that can be read, or a deadline.

use super::Result;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

/// Waits until one of `descriptors` can be read or has come to its end, or until `deadline` (for ever without
/// one). Says for each, in the same order, whether a read would not block; all are false at the deadline or
/// when a signal cut the wait short.
pub fn wait<const N: usize>(
    descriptors: [Option<BorrowedFd<'_>>; N],
    now: Instant,
    deadline: Option<Instant>,
) -> Result<[bool; N]> {
    let mut ready = [false; N];
    let asked: Vec<(usize, BorrowedFd<'_>)> =
        descriptors.into_iter().enumerate().filter_map(|(index, fd)| Some((index, fd?))).collect();
    let mut polled: Vec<PollFd<'_>> =
        asked.iter().map(|&(_, descriptor)| PollFd::new(descriptor, PollFlags::POLLIN)).collect();
    let timeout = deadline.map(|deadline| TimeSpec::from(deadline.saturating_duration_since(now)));
    match ppoll(&mut polled, timeout, None) {
        // Everything that is not silence counts: on a hang-up or an error the read will tell.
        Ok(_) => {
            for ((index, _), answer) in asked.iter().zip(&polled) {
                if let Some(slot) = ready.get_mut(*index) {
                    *slot = answer.any().unwrap_or(true);
                }
            }
            Ok(ready)
        }
        Err(nix::Error::EINTR) => Ok(ready),
        Err(error) => Err(error.into()),
    }
}

/// Waits for many descriptors, each with a number of the caller's.
#[derive(Debug)]
pub struct Many(Epoll);

impl Many {
    /// Waits for nothing yet.
    pub fn new() -> Result<Self> {
        Ok(Self(Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?))
    }

    /// Waits for `descriptor`, too, until it is closed.
    pub fn add(&self, descriptor: impl AsFd, number: u64) -> Result<()> {
        Ok(self.0.add(descriptor, EpollEvent::new(EpollFlags::EPOLLIN, number))?)
    }

    /// Waits until a descriptor is ready or the deadline has come, and returns the numbers of some that are
    /// ready.
    pub fn wait(&self, now: Instant, deadline: Option<Instant>) -> Vec<u64> {
        let timeout = deadline.map_or(EpollTimeout::NONE, |deadline| {
            // Rounded up, so that the deadline has come when the wait is over.
            let rest = deadline.saturating_duration_since(now) + Duration::from_micros(999);
            EpollTimeout::try_from(rest.min(Duration::from_secs(3600))).unwrap_or(EpollTimeout::ZERO)
        });
        let mut events = [EpollEvent::empty(); 32];
        let count = self.0.wait(&mut events, timeout).unwrap_or(0);
        events.iter().take(count).map(EpollEvent::data).collect()
    }
}

/// Can be "read" when one of them is ready.
impl AsFd for Many {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.0.as_fd()
    }
}
