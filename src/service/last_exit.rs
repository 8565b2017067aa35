//! The line in `supervise/last-exit`: when and how the service ended last, `@LABEL exited 3`, `@LABEL killed SEGV` or
//! `@LABEL unknown`.
#![forbid(unsafe_code)]

use crate::tai::{LABEL, Stamp};

/// How a process has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// It exited with this code.
    Exited(i32),
    /// This signal ended it: its name without `SIG`, or its number if it has no name.
    Killed(String),
    /// Nobody knows.
    Unknown,
}

/// As people read it.
impl std::fmt::Display for How {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited(code) => write!(formatter, "exit {code}"),
            Self::Killed(signal) => write!(formatter, "killed by {signal}"),
            Self::Unknown => formatter.write_str("unknown"),
        }
    }
}

/// The end of a run of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastExit {
    /// When.
    pub at: Stamp,
    /// How.
    pub how: How,
}

impl LastExit {
    /// Reads the file; a damaged one says nothing.
    pub fn decode(content: &[u8]) -> Option<Self> {
        let (label, rest) = content.split_at_checked(LABEL)?;
        let at = Stamp::from_digits(label.strip_prefix(b"@")?)?;
        let mut words = std::str::from_utf8(rest).ok()?.split_ascii_whitespace();
        let how = match (words.next()?, words.next()) {
            ("exited", Some(code)) => How::Exited(code.parse().ok()?),
            ("killed", Some(signal)) => How::Killed(signal.to_string()),
            ("unknown", None) => How::Unknown,
            _ => return None,
        };
        Some(Self { at, how })
    }

    /// Writes the file.
    pub fn encode(&self) -> Vec<u8> {
        let how = match &self.how {
            How::Exited(code) => format!(" exited {code}\n"),
            How::Killed(signal) => format!(" killed {signal}\n"),
            How::Unknown => " unknown\n".to_string(),
        };
        [&self.at.to_label(), how.as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_end_round_trips() {
        let at = Stamp::from_unix(Duration::from_secs(1_800_000_000));
        for how in [How::Exited(0), How::Exited(111), How::Killed("SEGV".to_string()), How::Unknown] {
            let last = LastExit { at, how };
            assert_eq!(LastExit::decode(&last.encode()), Some(last));
        }
    }

    #[test]
    fn a_damaged_file_says_nothing() {
        let label = "@400000006b49d20a075bcbf4";
        for text in ["", "@", label, &format!("{label} exited"), &format!("{label} exited x"), "x exited 1"] {
            assert_eq!(LastExit::decode(text.as_bytes()), None, "{text:?}");
        }
    }
}
