//! The present, as supervise needs it.
#![forbid(unsafe_code)]

use crate::tai::Stamp;
use std::time::Instant;

/// The present, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines.
    pub instant: Instant,
    /// For the status record.
    pub stamp: Stamp,
}
