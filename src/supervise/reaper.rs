//! The ends of the processes that supervise has started.

use crate::exit::Exit;
use crate::sys::process;

/// What there is to tell after a SIGCHLD: which processes have ended, and how.
#[derive(Debug)]
pub struct Reaper {
    /// The children that are waited for. Each is asked after if none of all children has ended, although a signal came: so
    /// one that is gone without a word is not waited for for ever.
    known: [Option<i32>; 3],
}

impl Reaper {
    /// These children are waited for; other processes may have become children, too.
    pub const fn new(known: [Option<i32>; 3]) -> Self {
        Self { known }
    }
}

impl Iterator for Reaper {
    type Item = (i32, Exit);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(ended) = process::reap() {
            self.known = [None; 3];
            return Some((ended.pid, ended.how));
        }
        self.known.iter_mut().find_map(|known| {
            let pid = known.take()?;
            Some((pid, process::ask_after(pid)?))
        })
    }
}
