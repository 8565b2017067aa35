//! One of the tracks of a log directory: what it does next, and since when it waits.
#![forbid(unsafe_code)]

use super::step::Step;
use std::collections::VecDeque;
use std::time::Instant;

/// The next steps of a track, and when it may go on after a failure.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) steps: VecDeque<Step>,
    pub(super) resume: Option<Instant>,
}

impl Lane {
    /// Whether it waits after a failure.
    pub(super) fn is_paused(&self, now: Instant) -> bool {
        self.resume.is_some_and(|resume| now < resume)
    }

    /// Its next step, unless it waits.
    pub(super) fn next(&self, now: Instant) -> Option<Step> {
        self.steps.front().copied().filter(|_| !self.is_paused(now))
    }
}
