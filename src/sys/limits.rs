//! Limits of the resources of this process.

use super::{Errno, Result};
use nix::sys::resource::{getrlimit, setrlimit};

pub use nix::sys::resource::Resource;

/// The soft limit of `resource`.
pub fn soft(resource: Resource) -> Result<u64> {
    getrlimit(resource).map(|(soft, _)| soft).map_err(Errno::from)
}

/// The hard limit of `resource`.
pub fn hard(resource: Resource) -> Result<u64> {
    getrlimit(resource).map(|(_, hard)| hard).map_err(Errno::from)
}

/// Sets the soft limit of `resource`.
pub fn set_soft(resource: Resource, soft: u64) -> Result<()> {
    let (_, hard) = getrlimit(resource)?;
    setrlimit(resource, soft, hard).map_err(Errno::from)
}
