//! Labels at the start of lines: tai64n puts them there, tai64nlocal makes them readable (docs/compatibility.md 1.11).
//!
//! Both work on chunks that may end anywhere in a line.
#![forbid(unsafe_code)]

use super::{Arrivals, Labeler, Stamp};
use memchr::memchr;

/// Puts a label and a space in front of each line.
#[derive(Debug, Default)]
pub struct Stamper {
    labeler: Labeler,
    in_line: bool,
}

impl Stamper {
    /// Appends `chunk`, stamped, to `output`. `now` is asked when the first byte of a line is there, unless that was a
    /// moment ago.
    pub fn feed(&mut self, mut chunk: &[u8], now: impl FnMut() -> Stamp, output: &mut Vec<u8>) {
        let mut arrivals = Arrivals::new(now);
        while !chunk.is_empty() {
            if !self.in_line {
                output.extend_from_slice(&self.labeler.label(arrivals.at(chunk.len())));
                output.push(b' ');
            }
            let newline = memchr(b'\n', chunk);
            let (piece, rest) = chunk.split_at(newline.map_or(chunk.len(), |newline| newline + 1));
            output.extend_from_slice(piece);
            self.in_line = newline.is_none();
            chunk = rest;
        }
    }
}

/// Replaces the label at the start of each line that has one.
#[derive(Debug, Default)]
pub struct Translator {
    place: Place,
    /// The digits of the label so far.
    digits: Vec<u8>,
}

/// Where in its line the next byte stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    Label,
    Rest,
}

/// With more digits than this it is no label, however many of them are leading zeros.
const MOST_DIGITS: usize = 4096;

const fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

impl Translator {
    /// Appends `chunk` to `output` with each label replaced by what `translate` writes; where it answers
    /// `false` and writes nothing, the label is copied. A label at the very end of the input is not shown.
    pub fn feed(
        &mut self,
        mut chunk: &[u8],
        mut translate: impl FnMut(Stamp, &mut Vec<u8>) -> bool,
        output: &mut Vec<u8>,
    ) {
        while let Some((&first, rest)) = chunk.split_first() {
            match self.place {
                Place::Start if first == b'@' => {
                    self.place = Place::Label;
                    self.digits.clear();
                    chunk = rest;
                }
                Place::Label if is_digit(first) && self.digits.len() < MOST_DIGITS => {
                    self.digits.push(first);
                    chunk = rest;
                }
                Place::Label => {
                    let ends_here = !is_digit(first);
                    let stamp = Stamp::from_digits(&self.digits).filter(|_| ends_here);
                    if !stamp.is_some_and(|stamp| translate(stamp, output)) {
                        output.push(b'@');
                        output.append(&mut self.digits);
                    }
                    self.place = Place::Rest;
                }
                Place::Start | Place::Rest => {
                    let newline = memchr(b'\n', chunk);
                    let (line, rest) = chunk.split_at(newline.map_or(chunk.len(), |index| index + 1));
                    output.extend_from_slice(line);
                    self.place = if newline.is_some() { Place::Start } else { Place::Rest };
                    chunk = rest;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Feeds `input` whole, and byte by byte: the result must be the same.
    #[track_caller]
    fn check(mut feed: impl FnMut(&[&[u8]]) -> Vec<u8>, input: &str, expected: &str) {
        let bytes: Vec<&[u8]> = input.as_bytes().chunks(1).collect();
        for chunks in [vec![input.as_bytes()], bytes] {
            assert_eq!(String::from_utf8_lossy(&feed(&chunks)), expected);
        }
    }

    fn stamped(chunks: &[&[u8]]) -> Vec<u8> {
        let (mut stamper, mut output) = (Stamper::default(), Vec::new());
        for chunk in chunks {
            stamper.feed(chunk, || Stamp::from_unix(Duration::ZERO), &mut output);
        }
        output
    }

    fn translated(chunks: &[&[u8]]) -> Vec<u8> {
        let (mut translator, mut output) = (Translator::default(), Vec::new());
        let translate = |stamp: Stamp, output: &mut Vec<u8>| {
            let known = stamp.to_unix() >= 0;
            if known {
                output.extend_from_slice(stamp.to_unix().to_string().as_bytes());
            }
            known
        };
        for chunk in chunks {
            translator.feed(chunk, translate, &mut output);
        }
        output
    }

    #[test]
    fn each_line_gets_a_label() {
        const AT: &str = "@400000000000000a000001f4";
        check(stamped, "", "");
        check(stamped, "\n\na", &format!("{AT} \n{AT} \n{AT} a"));
        check(stamped, "hello\nworld\n", &format!("{AT} hello\n{AT} world\n"));
    }

    #[test]
    fn labels_are_translated() {
        check(translated, "@400000000000000b00000000 x\n", "1 x\n");
        check(translated, "@400000000000000b00000000\n@400000000000000c00000000zz", "1\n2zz");
        check(
            translated,
            "no label\na@400000000000000b00000000 b\n",
            "no label\na@400000000000000b00000000 b\n",
        );
        check(translated, "@000400000000000000b00000000 zeros\n", "1 zeros\n");
    }

    #[test]
    fn a_malformed_label_is_copied() {
        let lines = "@\n@foo\n@ x\n@@\n@400000000000000B00000000 x\n";
        check(translated, lines, lines);
        let endless = format!("@{}\n", "4".repeat(3 * MOST_DIGITS));
        check(translated, &endless, &endless);
    }

    #[test]
    fn a_label_at_the_end_of_the_input_is_not_shown() {
        check(translated, "a\n@400000000000000b00000000", "a\n");
        check(translated, "@", "");
    }
}
