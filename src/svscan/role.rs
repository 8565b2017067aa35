//! The two supervises of a service that has a logger.
#![forbid(unsafe_code)]

/// Which of the two supervises of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// The service itself.
    Main,
    /// Its logger, in the directory `log`.
    Log,
}
