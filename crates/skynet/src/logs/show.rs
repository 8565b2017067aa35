//! A line as people read it: the moment on the local clock, the participant, and what it says.
#![forbid(unsafe_code)]

use super::label::{self, Label};
use servicedir::text::harmless;

/// How many characters of a label tell the second.
const SECOND: usize = 17;

/// Shows lines.
#[derive(Debug)]
pub struct Show<C> {
    /// Says `YYYY-MM-DD HH:MM:SS` for seconds since 1970.
    clock: C,
    /// The second that was shown last, and its text: most lines share theirs with the line before.
    second: [u8; SECOND],
    text: String,
    is_terminal: bool,
}

impl<C: Fn(i64) -> String> Show<C> {
    /// On a terminal, characters that would control it are shown as `?`: what a participant logs may come from anywhere.
    pub const fn new(clock: C, is_terminal: bool) -> Self {
        Self { clock, second: [0; SECOND], text: String::new(), is_terminal }
    }

    /// Appends `line` of the participant `name`. `at` is its label, or that of the line before; without any, its moment
    /// is not known.
    pub fn line(&mut self, name: &str, at: &Label, line: &[u8], output: &mut Vec<u8>) {
        match label::stamp(at) {
            Some(stamp) => {
                let second = at.first_chunk::<SECOND>().copied().unwrap_or_default();
                if second != self.second {
                    self.second = second;
                    self.text = (self.clock)(stamp.to_unix());
                }
                output.extend_from_slice(self.text.as_bytes());
                let mut microseconds = stamp.nanoseconds() / 1000 % 1_000_000;
                let mut digits = *b".000000";
                for digit in digits.iter_mut().skip(1).rev() {
                    *digit += u8::try_from(microseconds % 10).unwrap_or(0);
                    microseconds /= 10;
                }
                output.extend_from_slice(&digits);
            }
            None => output.push(b'-'),
        }
        output.push(b' ');
        output.extend_from_slice(name.as_bytes());
        output.extend_from_slice(b": ");
        let text = label::text(line);
        if self.is_terminal {
            let show = |character| if character == '\t' { character } else { harmless(character) };
            let shown: String = String::from_utf8_lossy(text).chars().map(show).collect();
            output.extend_from_slice(shown.as_bytes());
        } else {
            output.extend_from_slice(text);
        }
        output.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(is_terminal: bool, line: &str, expected: &str) {
        let mut show = Show::new(|unix| format!("<{unix}>"), is_terminal);
        let mut output = Vec::new();
        let at = label::of(line.as_bytes()).copied().unwrap_or(label::NONE);
        show.line("build", &at, line.as_bytes(), &mut output);
        assert_eq!(String::from_utf8_lossy(&output), expected);
    }

    #[test]
    fn a_line_has_its_moment_and_its_participant() {
        check(false, "@400000006b49d20a075bcbf4 hello", "<1800000000>.123456 build: hello\n");
        check(false, "@400000006b49d20a000003e8", "<1800000000>.000001 build: \n");
        check(false, "hello", "- build: hello\n");
    }

    #[test]
    fn a_terminal_is_not_controlled_by_what_is_logged() {
        check(
            true,
            "@400000006b49d20a075bcbf4 \u{1b}[2Ja\tb\u{e4}",
            "<1800000000>.123456 build: ?[2Ja\tb\u{e4}\n",
        );
        check(true, "@400000006b49d20a075bcbf4 \u{9b}2J\u{202e}a", "<1800000000>.123456 build: ?2J?a\n");
        check(false, "@400000006b49d20a075bcbf4 \u{1b}[2J", "<1800000000>.123456 build: \u{1b}[2J\n");
    }
}
