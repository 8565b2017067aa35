//! How long svscan waits for what.
#![forbid(unsafe_code)]

use std::time::Duration;

/// How long a directory may be incomplete before it is started as it is.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long a supervise stays away that was told to exit, or that fails at once again and again; and how long it
/// takes until something is tried again that the system has refused.
pub(super) const ABSENCE: Duration = Duration::from_secs(5);

/// A supervise that has run for so long has not failed at once.
pub(super) const AT_ONCE: Duration = Duration::from_secs(1);
