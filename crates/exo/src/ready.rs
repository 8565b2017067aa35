//! Telling supervise that the participant is ready: a newline on the descriptor that the file `notification-fd` names.

use servicedir::sys::pipes;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The descriptor, closed to children.
pub struct Readiness(File);

impl Readiness {
    /// The one that the participant in `directory` is to use, if there is one, and it is open.
    pub fn find(directory: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(directory.join("notification-fd")).ok()?;
        let number: i32 = text.trim().parse().ok().filter(|number| *number > 2)?;
        pipes::take_over(number).map(|pipe| Self(File::from(pipe)))
    }

    /// Tells it.
    pub fn tell(mut self) {
        let _ = self.0.write_all(b"\n");
    }
}
