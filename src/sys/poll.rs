//! Waiting for whatever comes first: a descriptor that can be read, or a deadline.

use super::Result;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use std::os::fd::BorrowedFd;
use std::time::Instant;

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
