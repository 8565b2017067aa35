//! The text in `supervise/last-exit`: when and how the service ended last, `@LABEL exited 3`, `@LABEL killed SEGV`,
//! `@LABEL killed 34` or `@LABEL unknown`; and on a second line, if it has failed to stay up, how often in a row, since when, and the number of
//! the error if its `run` could not be executed: `failures 5 since @LABEL error 2`. Whoever reads only the first line, or
//! its first words, reads what was there before there was a second.
#![forbid(unsafe_code)]

use crate::exit::Exit;
use crate::signal::Signal;
use crate::tai::{LABEL, Stamp};

/// The end of a run of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastExit {
    /// When.
    pub at: Stamp,
    /// How.
    pub how: Exit,
    /// The failures in a row of which this is the last, if it is one.
    pub failures: Option<Failures>,
}

/// Runs, one after the other, that ended soon after their start without having been told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub times: u32,
    /// When the first of them was started.
    pub since: Stamp,
    /// Why the last `run` could not be executed, as the system's number, if it could not.
    pub error: Option<i32>,
}

impl Failures {
    /// Reads the second line.
    fn decode(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let ("failures", times, "since", since) =
            (words.next()?, words.next()?, words.next()?, words.next()?)
        else {
            return None;
        };
        let error = match (words.next(), words.next()) {
            (Some("error"), Some(number)) => Some(number.parse().ok()?),
            _ => None,
        };
        let digits = since.strip_prefix('@').filter(|digits| digits.len() + 1 == LABEL)?;
        Some(Self { times: times.parse().ok()?, since: Stamp::from_digits(digits.as_bytes())?, error })
    }

    /// Writes the second line.
    fn encode(self) -> Vec<u8> {
        let error = self.error.map_or(String::new(), |error| format!(" error {error}"));
        let times = format!("failures {} since ", self.times);
        [times.as_bytes(), &self.since.to_label(), error.as_bytes(), b"\n"].concat()
    }
}

impl LastExit {
    /// Reads the file; a damaged one says nothing.
    pub fn decode(content: &[u8]) -> Option<Self> {
        let (label, rest) = content.split_at_checked(LABEL)?;
        let at = Stamp::from_digits(label.strip_prefix(b"@")?)?;
        let mut lines = std::str::from_utf8(rest).ok()?.lines();
        let mut words = lines.next()?.split_ascii_whitespace();
        let how = match (words.next()?, words.next()) {
            ("exited", Some(code)) => Exit::Exited(code.parse().ok()?),
            ("killed", Some(signal)) => Exit::Killed(Signal::from_name(signal)?),
            ("unknown", None) => Exit::Unknown,
            _ => return None,
        };
        Some(Self { at, how, failures: lines.next().and_then(Failures::decode) })
    }

    /// Writes the file.
    pub fn encode(&self) -> Vec<u8> {
        let how = match self.how {
            Exit::Exited(code) => format!(" exited {code}\n"),
            Exit::Killed(signal) => format!(" killed {signal}\n"),
            Exit::Unknown => " unknown\n".to_string(),
        };
        [&self.at.to_label()[..], how.as_bytes(), &self.failures.map_or(Vec::new(), Failures::encode)]
            .concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn an_end_round_trips() {
        let at = Stamp::from_unix(Duration::from_secs(1_800_000_000));
        let killed = |signal: &str| Exit::Killed(Signal::from_name(signal).unwrap());
        for how in
            [Exit::Exited(0), Exit::Exited(111), killed("SEGV"), killed("34"), killed("64"), Exit::Unknown]
        {
            for error in [None, Some(2)] {
                let failures = Failures { times: 5, since: Stamp::from_unix(Duration::from_secs(7)), error };
                for failures in [None, Some(failures)] {
                    let last = LastExit { at, how, failures };
                    assert_eq!(LastExit::decode(&last.encode()), Some(last));
                }
            }
        }
    }

    #[test]
    fn the_first_line_is_as_it_was_before_there_was_a_second() {
        let at = Stamp::from_unix(Duration::from_secs(1_800_000_000));
        let failures = Some(Failures { times: 5, since: at, error: Some(2) });
        let text = LastExit { at, how: Exit::Exited(111), failures }.encode();
        let label = "@400000006b49d20a000001f4";
        let expected = format!("{label} exited 111\nfailures 5 since {label} error 2\n");
        assert_eq!(String::from_utf8(text).unwrap(), expected);
        let read = |text: &str| LastExit::decode(text.as_bytes()).map(|last| (last.how, last.failures));
        for more in ["", " x y", "\n", "\nfailures", "\nfailures x since y", "\nfailures 1 since @4"] {
            assert_eq!(read(&format!("{label} exited 1{more}")), Some((Exit::Exited(1), None)), "{more:?}");
        }
        let failures = Failures { times: 5, since: at, error: None };
        let text = format!("{label} killed SEGV\nfailures 5 since {label} colour blue\nmore\n");
        assert_eq!(read(&text), Some((Exit::Killed(Signal::SEGV), Some(failures))));
        assert_eq!(read(&format!("{label} killed \u{1b}[2J")), None);
    }

    #[test]
    fn a_damaged_file_says_nothing() {
        let label = "@400000006b49d20a075bcbf4";
        for text in ["", "@", label, &format!("{label} exited"), &format!("{label} exited x"), "x exited 1"] {
            assert_eq!(LastExit::decode(text.as_bytes()), None, "{text:?}");
        }
    }
}
