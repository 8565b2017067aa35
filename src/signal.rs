//! Signals by their numbers and names. Real-time signals have no names, and nix's own type cannot hold them.
#![forbid(unsafe_code)]

use std::fmt;

/// A signal of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(i32);

impl Signal {
    /// Makes multilog rotate, and svscan look at its directory.
    pub const ALRM: Self = Self(libc::SIGALRM);
    /// A child has ended.
    pub const CHLD: Self = Self(libc::SIGCHLD);
    /// Resumes what STOP has stopped.
    pub const CONT: Self = Self(libc::SIGCONT);
    /// By custom: "read your configuration again".
    pub const HUP: Self = Self(libc::SIGHUP);
    /// What a terminal sends for control-C.
    pub const INT: Self = Self(libc::SIGINT);
    /// Something can be read or has changed, as a directory.
    pub const IO: Self = Self(libc::SIGIO);
    /// Ends a process, which cannot prevent it.
    pub const KILL: Self = Self(libc::SIGKILL);
    /// What a terminal sends for control-\.
    pub const QUIT: Self = Self(libc::SIGQUIT);
    /// A process has used memory that is not its own.
    pub const SEGV: Self = Self(libc::SIGSEGV);
    /// Stops a process, which cannot prevent it.
    pub const STOP: Self = Self(libc::SIGSTOP);
    /// Asks a process to end.
    pub const TERM: Self = Self(libc::SIGTERM);
    /// Urgent data on a socket. svscan sends it so that supervise checks its directory.
    pub const URG: Self = Self(libc::SIGURG);
    /// Without a meaning of its own.
    pub const USR1: Self = Self(libc::SIGUSR1);
    /// Without a meaning of its own.
    pub const USR2: Self = Self(libc::SIGUSR2);
    /// The size of a terminal has changed.
    pub const WINCH: Self = Self(libc::SIGWINCH);

    /// The highest number that the kernel gives to a signal.
    const LAST: i32 = 64;

    /// The signal with this number; `None` if no signal can have it.
    pub const fn from_number(number: i32) -> Option<Self> {
        if 1 <= number && number <= Self::LAST { Some(Self(number)) } else { None }
    }

    /// Its number.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// The signal with this name, without `SIG`, or the number of one that has no name: what `Display` writes.
    pub fn from_name(name: &str) -> Option<Self> {
        let named = format!("SIG{name}").parse::<nix::sys::signal::Signal>().ok().map(Self::from);
        named.or_else(|| Self::from_number(name.parse().ok()?))
    }
}

impl From<nix::sys::signal::Signal> for Signal {
    fn from(signal: nix::sys::signal::Signal) -> Self {
        Self(signal as i32)
    }
}

/// The name without `SIG`, or the number of a signal that has no name.
impl fmt::Display for Signal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = nix::sys::signal::Signal::try_from(self.0).ok();
        match named.and_then(|signal| signal.as_str().strip_prefix("SIG")) {
            Some(name) => formatter.write_str(name),
            None => write!(formatter, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signal_has_a_word_that_leads_back_to_it() {
        for number in 1..=Signal::LAST {
            let signal = Signal::from_number(number).unwrap();
            assert_eq!(Signal::from_name(&signal.to_string()), Some(signal));
        }
        let word = |number| Signal::from_number(number).unwrap().to_string();
        assert_eq!([word(libc::SIGKILL), word(34), word(64)], ["KILL", "34", "64"]);
    }

    #[test]
    fn other_words_and_numbers_are_no_signals() {
        for word in ["", "0", "-1", "65", "99999999999", "NONSENSE", "SIGKILL", "kill"] {
            assert_eq!(Signal::from_name(word), None, "{word:?}");
        }
        assert_eq!([-1, 0, 65, 256].map(Signal::from_number), [None; 4]);
    }
}
