//! How a process ended.
#![forbid(unsafe_code)]

use crate::signal::Signal;
use std::ffi::c_int;
use std::fmt;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Exited(i32),
    /// This signal ended it.
    Killed(Signal),
    /// It is gone, and the kernel does not tell how it ended: it was not a child of the process that asks.
    Unknown,
}

impl Exit {
    /// What a status of wait(2) tells; `None` if the process has not ended, but was stopped or resumed. Every number that
    /// the kernel may give has a meaning.
    pub const fn decode(status: c_int) -> Option<Self> {
        if libc::WIFEXITED(status) {
            return Some(Self::Exited(libc::WEXITSTATUS(status)));
        }
        if !libc::WIFSIGNALED(status) {
            return None;
        }
        match Signal::from_number(libc::WTERMSIG(status)) {
            Some(signal) => Some(Self::Killed(signal)),
            None => Some(Self::Unknown),
        }
    }
}

/// As people read it: `exit 3`, `killed by SEGV`, `unknown`.
impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(formatter, "exit {code}"),
            Self::Killed(signal) => write!(formatter, "killed by {signal}"),
            Self::Unknown => formatter.write_str("unknown"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMPED: c_int = 0x80;

    fn killed(number: i32) -> Option<Exit> {
        Signal::from_number(number).map(Exit::Killed)
    }

    #[test]
    fn a_status_tells_how_a_process_ended() {
        for (status, expected) in [
            (0x0000, Some(Exit::Exited(0))),
            (0x0300, Some(Exit::Exited(3))),
            (0xff00, Some(Exit::Exited(255))),
            (15, Some(Exit::Killed(Signal::TERM))),
            (11 | DUMPED, killed(libc::SIGSEGV)),
            (34, killed(34)),
            (64, killed(64)),
            (64 | DUMPED, killed(64)),
            // It was stopped, by a tracer too, and goes on.
            (0x137f, None),
            (0x0005_057f, None),
            (0xffff, None),
        ] {
            assert_eq!(Exit::decode(status), expected, "{status:#x}");
        }
    }

    #[test]
    fn every_status_has_one_meaning() {
        for status in 0..=0xffff {
            let expected = match status & 0x7f {
                0 => Some(Exit::Exited(status >> 8)),
                0x7f => None,
                signal => killed(signal).or(Some(Exit::Unknown)),
            };
            assert_eq!(Exit::decode(status), expected, "{status:#x}");
        }
    }
}
