//! How a process ends, as the kernel tells it.

use std::ffi::c_int;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this code.
    Exited(i32),
    /// The signal with this number ended it. Not every number has a name: real-time signals have none.
    Killed(i32),
    /// It is gone, and the kernel does not tell how it ended.
    Unknown,
}

impl Ending {
    /// What a status of wait(2) tells; `None` if the process has not ended, but was stopped or goes on. Every number that
    /// the kernel may give has a meaning.
    pub const fn decode(status: c_int) -> Option<Self> {
        if libc::WIFEXITED(status) {
            Some(Self::Exited(libc::WEXITSTATUS(status)))
        } else if libc::WIFSIGNALED(status) {
            Some(Self::Killed(libc::WTERMSIG(status)))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMPED: c_int = 0x80;

    #[test]
    fn a_status_tells_how_a_process_ended() {
        for (status, expected) in [
            (0x0000, Some(Ending::Exited(0))),
            (0x0300, Some(Ending::Exited(3))),
            (0xff00, Some(Ending::Exited(255))),
            (15, Some(Ending::Killed(libc::SIGTERM))),
            (11 | DUMPED, Some(Ending::Killed(libc::SIGSEGV))),
            (34, Some(Ending::Killed(34))),
            (64, Some(Ending::Killed(64))),
            (64 | DUMPED, Some(Ending::Killed(64))),
            // It was stopped, by a tracer too, and goes on.
            (0x137f, None),
            (0x0005_057f, None),
            (0xffff, None),
        ] {
            assert_eq!(Ending::decode(status), expected, "{status:#x}");
        }
    }

    #[test]
    fn every_status_has_one_meaning() {
        for status in 0..=0xffff {
            let expected = match status & 0x7f {
                0 => Some(Ending::Exited(status >> 8)),
                0x7f => None,
                signal => Some(Ending::Killed(signal)),
            };
            assert_eq!(Ending::decode(status), expected, "{status:#x}");
        }
    }
}
