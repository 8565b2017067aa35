//! From chunks of input, which may end anywhere, to lines.
//!
//! A line is decided upon by its head, its first 1000 bytes (label included), and only when the head is
//! complete: at the newline, at the end of the input, or when there are 1000 bytes. What follows the head of a
//! longer line goes where the head went.
#![forbid(unsafe_code)]

use crate::tai::{Arrivals, LABEL, Labeler, Stamp};
use memchr::memchr;

/// The most bytes that a decision is based on.
pub const HEAD: usize = 1000;

/// A part of a line. Each line is a head, rests, and an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The start of a line, all of it unless it is long.
    Head(&'a [u8]),
    /// More of a long line.
    Rest(&'a [u8]),
    /// The newline, which the last line of the input may lack.
    End,
}

/// Whether lines are given labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Labels {
    /// A TAI64N label and a space in front of each line.
    Stamped,
    /// Lines as they are.
    Plain,
}

/// Puts lines together.
#[derive(Debug)]
pub struct Assembler {
    labels: Labels,
    labeler: Labeler,
    place: Place,
    head: Vec<u8>,
}

/// Where in its line the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Start,
    Head,
    Rest,
}

impl Assembler {
    /// Waits for the first line.
    pub fn new(labels: Labels) -> Self {
        Self { labels, labeler: Labeler::default(), place: Place::Start, head: Vec::with_capacity(HEAD) }
    }

    /// Whether a line has begun and not ended.
    pub fn is_within_line(&self) -> bool {
        self.place != Place::Start
    }

    /// How many bytes can be fed so that the pieces of them have at most `room` bytes: each may be a line with a label, and
    /// the head that is held comes with them.
    pub fn fitting(&self, room: usize) -> usize {
        let each = if self.labels == Labels::Stamped { LABEL + 2 } else { 1 };
        room.saturating_sub(HEAD + 1) / each
    }

    /// Cuts `chunk` into pieces. `now` is asked for the time when the first byte of a line is there, unless that was a
    /// moment ago.
    pub fn feed(&mut self, mut chunk: &[u8], now: impl FnMut() -> Stamp, mut take: impl FnMut(Piece<'_>)) {
        let mut arrivals = Arrivals::new(now);
        while !chunk.is_empty() {
            chunk = match self.place {
                Place::Start => self.begin(chunk, &mut arrivals, &mut take),
                Place::Head => self.continue_head(chunk, &mut take),
                Place::Rest => self.pass_rest(chunk, &mut take),
            }
        }
    }

    /// Ends the line that the end of the input cut off.
    pub fn finish(&mut self, mut take: impl FnMut(Piece<'_>)) {
        match self.place {
            Place::Start => return,
            Place::Head => take(Piece::Head(&self.head)),
            Place::Rest => {}
        }
        take(Piece::End);
        self.head.clear();
        self.place = Place::Start;
    }

    fn begin<'a>(
        &mut self,
        chunk: &'a [u8],
        arrivals: &mut Arrivals<impl FnMut() -> Stamp>,
        take: &mut impl FnMut(Piece<'_>),
    ) -> &'a [u8] {
        if self.labels == Labels::Plain {
            // A line that is there as a whole need not be copied.
            if let Some((line, rest)) = split_line(chunk, HEAD) {
                take(Piece::Head(line));
                take(Piece::End);
                return rest;
            }
        } else {
            self.head.extend_from_slice(&self.labeler.label(arrivals.at(chunk.len())));
            self.head.push(b' ');
        }
        self.place = Place::Head;
        chunk
    }

    fn continue_head<'a>(&mut self, chunk: &'a [u8], take: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        let room = HEAD.saturating_sub(self.head.len());
        if let Some((line, rest)) = split_line(chunk, room) {
            self.head.extend_from_slice(line);
            take(Piece::Head(&self.head));
            take(Piece::End);
            self.head.clear();
            self.place = Place::Start;
            return rest;
        }
        let (more, rest) = chunk.split_at(room.min(chunk.len()));
        self.head.extend_from_slice(more);
        if self.head.len() == HEAD {
            take(Piece::Head(&self.head));
            self.head.clear();
            self.place = Place::Rest;
        }
        rest
    }

    fn pass_rest<'a>(&mut self, chunk: &'a [u8], take: &mut impl FnMut(Piece<'_>)) -> &'a [u8] {
        let (more, rest) =
            split_line(chunk, chunk.len()).map_or((chunk, None), |(more, rest)| (more, Some(rest)));
        if !more.is_empty() {
            take(Piece::Rest(more));
        }
        let Some(rest) = rest else { return &[] };
        take(Piece::End);
        self.place = Place::Start;
        rest
    }
}

/// The line at the start of `chunk` and what follows its newline, if that is among the first `room` bytes.
fn split_line(chunk: &[u8], room: usize) -> Option<(&[u8], &[u8])> {
    let newline = memchr(b'\n', chunk.get(..room).unwrap_or(chunk))?;
    let (line, rest) = chunk.split_at(newline);
    Some((line, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    /// The pieces of `input`, fed in chunks of `size` bytes; rests in a row count as one.
    fn pieces(labels: Labels, input: &[u8], size: usize) -> Vec<String> {
        let mut assembler = Assembler::new(labels);
        let mut seen: Vec<String> = Vec::new();
        let mut take = |piece: Piece<'_>| match piece {
            Piece::Head(head) => seen.push(format!("head:{}", String::from_utf8_lossy(head))),
            Piece::Rest(rest) => {
                let rest = String::from_utf8_lossy(rest);
                match seen.last_mut() {
                    Some(last) if last.starts_with("rest:") => last.push_str(&rest),
                    _ => seen.push(format!("rest:{rest}")),
                }
            }
            Piece::End => seen.push("end".to_string()),
        };
        for chunk in input.chunks(size) {
            assembler.feed(chunk, || Stamp::from_unix(Duration::ZERO), &mut take);
        }
        assembler.finish(&mut take);
        assert!(!assembler.is_within_line());
        seen
    }

    #[track_caller]
    fn check(labels: Labels, input: &str, expected: &[&str]) {
        for size in [1, 3, 999, 1000, 1001, 10_000] {
            assert_eq!(pieces(labels, input.as_bytes(), size), expected, "in chunks of {size}");
        }
    }

    #[test]
    fn what_fits_never_takes_more_than_the_room() {
        for labels in [Labels::Stamped, Labels::Plain] {
            for (room, line) in [(4096, "\n"), (4096, "ab\n"), (5000, "a line\n"), (100_000, "\n")] {
                let mut assembler = Assembler::new(labels);
                // As much as can be held without coming out.
                assembler.feed(&[b'x'; HEAD - LABEL - 2], Stamp::default, |_| panic!("too much"));
                let input = line.repeat(room);
                let fitting = assembler.fitting(room);
                assert!(fitting > 0);
                let mut taken = 0;
                assembler.feed(&input.as_bytes()[..fitting], Stamp::default, |piece| {
                    taken += match piece {
                        Piece::Head(bytes) | Piece::Rest(bytes) => bytes.len(),
                        Piece::End => 1,
                    }
                });
                assert!(taken <= room, "{taken} of {room}");
            }
        }
        assert_eq!(Assembler::new(Labels::Plain).fitting(HEAD), 0);
    }

    #[test]
    fn lines_end_at_newlines_and_at_the_end_of_the_input() {
        check(Labels::Plain, "", &[]);
        check(Labels::Plain, "a\n\nb", &["head:a", "end", "head:", "end", "head:b", "end"]);
        check(Labels::Plain, "a\0\r\n", &["head:a\0\r", "end"]);
    }

    #[test]
    fn a_head_has_at_most_a_thousand_bytes() {
        let long = "x".repeat(HEAD);
        let head = format!("head:{long}");
        check(Labels::Plain, &format!("{long}\n"), &[&head, "end"]);
        check(Labels::Plain, &long, &[&head, "end"]);
        check(Labels::Plain, &format!("{long}yz\nb\n"), &[&head, "rest:yz", "end", "head:b", "end"]);
        check(Labels::Plain, &"x".repeat(HEAD - 1), &[&head[..head.len() - 1], "end"]);
    }

    #[test]
    fn labels_count_as_part_of_the_line() {
        let label = "@400000000000000a000001f4 ";
        check(Labels::Stamped, "a\n\n", &[&format!("head:{label}a"), "end", &format!("head:{label}"), "end"]);
        let line = "x".repeat(HEAD);
        let (first, rest) = line.split_at(HEAD - label.len());
        check(Labels::Stamped, &line, &[&format!("head:{label}{first}"), &format!("rest:{rest}"), "end"]);
    }

    #[test]
    fn a_line_without_end_is_within_the_line() {
        let mut assembler = Assembler::new(Labels::Plain);
        let mut feed = |chunk: &str| {
            assembler.feed(chunk.as_bytes(), Stamp::default, |_| {});
            assembler.is_within_line()
        };
        assert!(feed("a"));
        assert!(!feed("\n"));
        assert!(feed(&"x".repeat(5000)));
        assert!(!feed("y\n"));
    }

    proptest! {
        /// However the input is cut, the pieces put together are the input, with a newline at its end.
        #[test]
        fn nothing_is_lost_and_nothing_added(lines in proptest::collection::vec(0_usize..2500, 0..8), size in 1_usize..3000) {
            let input = lines.iter().map(|&length| "x".repeat(length)).collect::<Vec<_>>().join("\n");
            let mut output = Vec::new();
            let mut assembler = Assembler::new(Labels::Plain);
            let mut take = |piece: Piece<'_>| match piece {
                Piece::Head(bytes) | Piece::Rest(bytes) => {
                    assert!(bytes.len() <= HEAD.max(size));
                    output.extend_from_slice(bytes);
                }
                Piece::End => output.push(b'\n'),
            };
            for chunk in input.as_bytes().chunks(size) {
                assembler.feed(chunk, Stamp::default, &mut take);
            }
            assembler.finish(&mut take);
            let newline = if input.is_empty() || input.ends_with('\n') { "" } else { "\n" };
            prop_assert_eq!(String::from_utf8(output).unwrap(), input + newline);
        }
    }
}
