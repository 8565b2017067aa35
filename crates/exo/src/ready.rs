//! Telling supervise that the participant is ready: a newline on the descriptor that the file `notification-fd` names.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// The descriptor, closed to children.
pub struct Readiness(File);

impl Readiness {
    /// The one that the participant in `directory` is to use, if there is one, and it is open.
    pub fn find(directory: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(directory.join("notification-fd")).ok()?;
        let number: i32 = text.trim().parse().ok().filter(|number| *number > 2)?;
        // The same pipe, by a descriptor that no child inherits.
        let file = OpenOptions::new().write(true).open(format!("/proc/self/fd/{number}")).ok()?;
        nix::unistd::close(number).ok()?;
        Some(Self(file))
    }

    /// Tells it.
    pub fn tell(mut self) {
        let _ = self.0.write_all(b"\n");
    }
}
