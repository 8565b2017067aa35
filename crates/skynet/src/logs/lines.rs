//! From the bytes of files that follow each other to the lines that are wanted.
#![forbid(unsafe_code)]

use super::label::{self, Label};
use super::merge::Source;
use super::wanted::Wanted;
use memchr::{memchr, memrchr};

/// How much is read at once.
const BUFFER: usize = 64 * 1024;

/// A longer line comes in pieces.
pub const LONGEST: usize = 1 << 20;

/// What a read has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Got {
    /// So many bytes, at least one.
    Bytes(usize),
    /// The end of a file that another one follows.
    Boundary,
    /// The end, for now.
    End,
}

/// Where bytes come from.
pub trait Bytes {
    /// Reads some into `buffer`, which is not empty.
    fn read(&mut self, buffer: &mut [u8]) -> Got;
}

/// What becomes of a last line without a newline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// It is a line.
    Shown,
    /// Its rest is waited for.
    Held,
}

/// A stream of lines, of which one at a time can be looked at.
#[derive(Debug)]
pub struct Lines<B> {
    bytes: B,
    wanted: Wanted,
    tail: Tail,
    buffer: Vec<u8>,
    /// What was read and not yet looked at.
    start: usize,
    end: usize,
    /// Where in that a file begins whose predecessor ended without a newline.
    joint: Option<usize>,
    /// The present line, without its newline.
    line: Option<(usize, usize)>,
    /// Its label; that of the last one if it has none.
    label: Label,
}

impl<B: Bytes> Lines<B> {
    /// Stands before the first line.
    pub fn new(bytes: B, wanted: Wanted, tail: Tail) -> Self {
        let buffer = vec![0; BUFFER];
        Self { bytes, wanted, tail, buffer, start: 0, end: 0, joint: None, line: None, label: label::NONE }
    }

    /// The same behind a line with this label.
    #[must_use]
    pub fn behind(self, label: Label) -> Self {
        Self { label, ..self }
    }

    /// The present line, with its label.
    pub fn line(&self) -> &[u8] {
        self.line.and_then(|(start, end)| self.buffer.get(start..end)).unwrap_or_default()
    }

    /// Its label, or that of a line before; [`label::NONE`] if there was none yet.
    pub const fn label(&self) -> &Label {
        &self.label
    }

    /// Where the bytes come from.
    pub const fn bytes(&self) -> &B {
        &self.bytes
    }

    /// Goes to the next line that is wanted. Says whether there is one; later there may be.
    pub fn next(&mut self) -> bool {
        self.line = None;
        loop {
            let unread = self.buffer.get(self.start..self.end).unwrap_or_default();
            let candidate = self.wanted.first_candidate(unread);
            // Whole lines before the candidate, or all of them if there is none, are not wanted.
            let before = unread.get(..candidate.unwrap_or(unread.len())).unwrap_or_default();
            let skipped =
                if candidate == Some(0) { 0 } else { memrchr(b'\n', before).map_or(0, |at| at + 1) };
            // They tell when those were logged that have no label.
            if skipped > 0 {
                self.label = unread.get(..skipped).and_then(label::last).unwrap_or(self.label);
            }
            self.start += skipped;
            let unread = unread.get(skipped..).unwrap_or_default();
            let newline = candidate.and_then(|_| memchr(b'\n', unread));
            if let Some(length) = newline {
                if self.take(length, 1) {
                    return true;
                }
                continue;
            }
            match self.fill() {
                Filled::More => {}
                Filled::Full => {
                    if self.take(self.end - self.start, 0) {
                        return true;
                    }
                }
                Filled::End if self.tail == Tail::Shown && self.start < self.end => {
                    return self.take(self.end - self.start, 0);
                }
                Filled::End => return false,
            }
        }
    }

    /// Makes the next `length` bytes the present line if it is wanted; so many bytes end it.
    fn take(&mut self, length: usize, newline: usize) -> bool {
        let end = self.start + length;
        let line = self.buffer.get(self.start..end).unwrap_or_default();
        if let Some(label) = label::of(line) {
            self.label = *label;
        }
        let is_wanted = self.wanted.accepts(line, &self.label);
        self.line = is_wanted.then_some((self.start, end));
        self.start = end + newline;
        is_wanted
    }

    /// Reads more behind what is there. Where a file begins with a label, the line before it is over, newline or not; a
    /// line that was cut in two by the size of files goes on.
    fn fill(&mut self) -> Filled {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.joint = self.joint.and_then(|joint| joint.checked_sub(self.start));
        self.start = 0;
        let before = self.end;
        loop {
            if self.end >= self.buffer.len() {
                if self.buffer.len() >= LONGEST {
                    self.joint = None;
                    return Filled::Full;
                }
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
            let got = match self.buffer.get_mut(self.end..) {
                Some(free) => self.bytes.read(free),
                None => Got::End,
            };
            match got {
                Got::Bytes(count) => self.end += count,
                Got::Boundary => {
                    self.join();
                    let is_open = self.end > 0 && self.buffer.get(self.end - 1) != Some(&b'\n');
                    self.joint = is_open.then_some(self.end);
                    continue;
                }
                Got::End => {
                    self.join();
                    return if self.end > before { Filled::More } else { Filled::End };
                }
            }
            let is_clear = self.joint.is_none_or(|joint| self.end - joint > label::NONE.len());
            if is_clear {
                self.join();
                return Filled::More;
            }
        }
    }

    /// Ends the line before the joint if the file behind it begins with a label.
    fn join(&mut self) {
        let Some(joint) = self.joint else { return };
        let behind = self.buffer.get(joint..self.end).unwrap_or_default();
        if label::of(behind).is_some() {
            self.buffer.insert(joint, b'\n');
            self.end += 1;
        }
        if behind_is_known(self.end - joint) {
            self.joint = None;
        }
    }
}

/// Whether so many bytes tell whether a file begins with a label.
const fn behind_is_known(count: usize) -> bool {
    count > label::NONE.len()
}

/// What filling the buffer has come to.
enum Filled {
    More,
    Full,
    End,
}

impl<B: Bytes> Source for Lines<B> {
    fn label(&self) -> Option<Label> {
        self.line.map(|_| self.label)
    }

    fn advance(&mut self) {
        self.next();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// Files, read in chunks of at most so many bytes.
    #[derive(Debug)]
    pub(crate) struct Files(pub VecDeque<Vec<u8>>, pub usize);

    impl Bytes for Files {
        fn read(&mut self, buffer: &mut [u8]) -> Got {
            let Some(file) = self.0.front_mut() else { return Got::End };
            if file.is_empty() {
                if self.0.len() == 1 {
                    return Got::End;
                }
                self.0.pop_front();
                return Got::Boundary;
            }
            let count = file.len().min(buffer.len()).min(self.1);
            buffer[..count].copy_from_slice(&file[..count]);
            file.drain(..count);
            Got::Bytes(count)
        }
    }

    pub(crate) fn at(number: usize, text: &str) -> String {
        format!("@40000000000000{:010x} {text}", number * 16)
    }

    fn read(files: &[&str], wanted: &Wanted, tail: Tail) -> Vec<String> {
        let mut results: Vec<Vec<String>> = Vec::new();
        for chunk in [1, 7, 30, 100_000] {
            let files = files.iter().map(|file| file.as_bytes().to_vec()).collect();
            let mut lines = Lines::new(Files(files, chunk), wanted.clone(), tail);
            let mut result = Vec::new();
            while lines.next() {
                result.push(String::from_utf8_lossy(lines.line()).into_owned());
            }
            results.push(result);
        }
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]), "{results:?}");
        results.remove(0)
    }

    #[test]
    fn lines_go_on_over_files() {
        let all = Wanted::default();
        let (a, b, c) = (at(1, "a"), at(2, "b"), at(3, "c"));
        let clean = [format!("{a}\n{b}\n"), format!("{c}\n")];
        let clean: Vec<&str> = clean.iter().map(String::as_str).collect();
        assert_eq!(read(&clean, &all, Tail::Shown), [a.clone(), b.clone(), c.clone()]);
        // Cut by the size of the file, and cut by a crash.
        let cut = [format!("{a} be"), "gun\n".to_string(), b.clone(), format!("{c}\n")];
        let cut: Vec<&str> = cut.iter().map(String::as_str).collect();
        assert_eq!(read(&cut, &all, Tail::Shown), [format!("{a} begun"), b, c]);
        assert_eq!(read(&["", "x", "", "y\n\n", ""], &all, Tail::Shown), ["xy", ""]);
    }

    #[test]
    fn a_last_line_without_a_newline_is_shown_or_held() {
        assert_eq!(read(&["a\nb"], &Wanted::default(), Tail::Shown), ["a", "b"]);
        assert_eq!(read(&["a\nb"], &Wanted::default(), Tail::Held), ["a"]);
        let mut lines = Lines::new(Files([b"b".to_vec()].into(), 9), Wanted::default(), Tail::Held);
        assert!(!lines.next());
        lines.bytes.0.push_back(b"c\n".to_vec());
        assert!(lines.next());
        assert_eq!(lines.line(), b"bc");
    }

    #[test]
    fn only_wanted_lines_are_seen() {
        let text: String = (0..5000).map(|n| at(n, &format!("wfid=w{} x\n", n % 1000))).collect();
        let wanted = Wanted::default().with_process(b"w7");
        let expected: Vec<String> = (0..5).map(|n| at(n * 1000 + 7, "wfid=w7 x")).collect();
        assert_eq!(read(&[&text[..99_990], &text[99_990..]], &wanted, Tail::Shown), expected);
        let since = at(3000, "");
        let wanted = Wanted::new(label::of(since.as_bytes()).copied()).with_process(b"w7");
        assert_eq!(read(&[&text], &wanted, Tail::Shown), expected[3..]);
    }

    #[test]
    fn an_endless_line_comes_in_pieces() {
        let long = "x".repeat(LONGEST + LONGEST / 2);
        let files = Files([format!("{long}\ny\n").into_bytes()].into(), 1 << 20);
        let mut lines = Lines::new(files, Wanted::default(), Tail::Shown);
        let mut lengths = Vec::new();
        while lines.next() {
            lengths.push(lines.line().len());
        }
        assert_eq!(lengths.iter().sum::<usize>(), long.len() + 1);
        assert_eq!(lengths[0], LONGEST);
        assert!(lines.buffer.len() <= LONGEST + 1);
    }
}
