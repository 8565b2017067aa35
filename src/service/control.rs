//! What supervise can be told: one byte a command, in the fifo `supervise/control` (docs/compatibility.md 1.3, 1.4).
#![forbid(unsafe_code)]

use crate::signal::Signal;

/// A command to supervise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Start it, and start it again whenever it ends.
    Up,
    /// Stop it, and leave it.
    Down,
    /// Start it, but not again when it ends.
    Once,
    /// supervise itself ends as soon as the service is down.
    Exit,
    /// Stop it in its tracks.
    Pause,
    /// Let it go on.
    Continue,
    /// Send it a signal.
    Send(Signal),
    /// The signals of the commands that follow go to so many of its processes.
    Address(Scope),
}

/// Which processes of a service get a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The one that supervise has started.
    Process,
    /// All of its process group, if it leads one.
    Group,
}

/// Every command with its letter: svc's option and the byte in the fifo are the same.
const LETTERS: [(u8, Command); 17] = [
    (b'u', Command::Up),
    (b'd', Command::Down),
    (b'o', Command::Once),
    (b'x', Command::Exit),
    (b'p', Command::Pause),
    (b'c', Command::Continue),
    (b'h', Command::Send(Signal::HUP)),
    (b'a', Command::Send(Signal::ALRM)),
    (b'i', Command::Send(Signal::INT)),
    (b't', Command::Send(Signal::TERM)),
    (b'k', Command::Send(Signal::KILL)),
    (b'q', Command::Send(Signal::QUIT)),
    (b'1', Command::Send(Signal::USR1)),
    (b'2', Command::Send(Signal::USR2)),
    (b'w', Command::Send(Signal::WINCH)),
    (b'+', Command::Address(Scope::Group)),
    (b'=', Command::Address(Scope::Process)),
];

/// svc's options, for [`crate::options`].
pub const OPTIONS: &[u8] = b"udopchaitkxq12w+=";

/// The signals that a service can be sent, with commands or as its `down-signal`.
const SENT: [Signal; 11] = [
    Signal::ALRM,
    Signal::CONT,
    Signal::HUP,
    Signal::INT,
    Signal::KILL,
    Signal::QUIT,
    Signal::STOP,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
    Signal::WINCH,
];

/// The signal with this name, with or without `SIG`, if a service can be sent it.
pub fn signal(name: &str) -> Option<Signal> {
    let name = name.strip_prefix("SIG").unwrap_or(name);
    SENT.into_iter().find(|signal| signal.to_string() == name)
}

impl Command {
    /// What a byte in the fifo asks for; bytes that ask for nothing are ignored.
    pub fn from_byte(byte: u8) -> Option<Self> {
        LETTERS.iter().find(|(letter, _)| *letter == byte).map(|(_, command)| *command)
    }
}

/// What svc writes: the letters in the order in which they were first given, each once.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Letters(Vec<u8>);

impl Letters {
    /// Adds a letter unless it is there already.
    pub fn add(&mut self, letter: u8) {
        if !self.0.contains(&letter) {
            self.0.push(letter);
        }
    }

    /// The bytes for the fifo. Whoever sends commands later finds the signals addressed as ever.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.0.clone();
        if bytes.iter().rfind(|letter| b"+=".contains(letter)) == Some(&b'+') {
            bytes.push(b'=');
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_is_a_command_and_every_command_an_option() {
        assert!(OPTIONS.iter().all(|&letter| Command::from_byte(letter).is_some()));
        assert!(LETTERS.iter().all(|(letter, _)| OPTIONS.contains(letter)));
    }

    #[test]
    fn no_letter_and_no_command_stands_twice() {
        for (index, (letter, command)) in LETTERS.iter().enumerate() {
            let same = |(other, twin): &&(u8, Command)| other == letter || twin == command;
            assert_eq!(LETTERS.iter().skip(index).filter(same).count(), 1);
        }
    }

    #[test]
    fn other_bytes_are_no_commands() {
        let commands = (0..=255).filter(|&byte| Command::from_byte(byte).is_some()).count();
        assert_eq!(commands, LETTERS.len());
    }

    #[test]
    fn letters_keep_their_order_and_lose_their_doubles() {
        let mut letters = Letters::default();
        b"dduhkxuo".iter().for_each(|&letter| letters.add(letter));
        assert_eq!(letters.bytes(), b"duhkxo");
    }

    #[test]
    fn a_group_is_addressed_by_the_commands_of_one_call_only() {
        for (given, written) in [("+t", "+t="), ("+t=k", "+t=k"), ("=t+k", "=t+k="), ("=t", "=t")] {
            let mut letters = Letters::default();
            given.bytes().for_each(|letter| letters.add(letter));
            assert_eq!(letters.bytes(), written.as_bytes());
        }
    }
}
