//! The identity of a file, a directory or a pipe, which all of its names share.
#![forbid(unsafe_code)]

use std::fmt;

/// The device that a file is on, and its number there, as stat(2) tells them. The system may give both to another file when
/// the last name and the last descriptor of this one are gone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// The number of the device.
    pub device: u64,
    /// The number of the inode.
    pub inode: u64,
}

impl FileId {
    /// The file with this inode on this device.
    pub const fn new(device: u64, inode: u64) -> Self {
        Self { device, inode }
    }
}

/// `DEVICE-INODE`, in decimal.
impl fmt::Display for FileId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.device, self.inode)
    }
}
