//! Which lines are asked for: those from a moment on, and those with a text in them.
#![forbid(unsafe_code)]

use super::label::Label;
use memchr::memmem::Finder;

/// Which lines are asked for.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    since: Option<Label>,
    text: Option<Text>,
}

/// What must be in a line.
#[derive(Debug, Clone)]
struct Text {
    finder: Finder<'static>,
    is_word: bool,
}

impl Wanted {
    /// Lines from `since` on; all without it.
    pub fn new(since: Option<Label>) -> Self {
        Self { since, text: None }
    }

    /// Of these, those with `word` in them, as in `wfid=WORD` or on its own: neither before nor after it stands a letter,
    /// a digit, `_` or `-`, of which the names of processes are made.
    #[must_use]
    pub fn with_word(self, word: &[u8]) -> Self {
        Self { text: Some(Text { finder: Finder::new(word).into_owned(), is_word: true }), ..self }
    }

    /// Of these, those with `text` anywhere in them.
    #[must_use]
    pub fn with_text(self, text: &[u8]) -> Self {
        Self { text: Some(Text { finder: Finder::new(text).into_owned(), is_word: false }), ..self }
    }

    /// Whether a line without its newline is asked for. `at` is its label, or that of the line before.
    pub fn accepts(&self, line: &[u8], at: &Label) -> bool {
        self.accepts_moment(at) && self.accepts_text(line)
    }

    /// Whether lines of a moment are asked for.
    pub fn accepts_moment(&self, at: &Label) -> bool {
        self.since.is_none_or(|since| *at >= since)
    }

    /// Whether a line is asked for if its moment is.
    pub fn accepts_text(&self, line: &[u8]) -> bool {
        self.text.as_ref().is_none_or(|text| text.is_in(line))
    }

    /// Where in `bytes`, which may be many lines, the first line can be that is asked for: a place within it. `None` if it
    /// is not among them.
    pub fn first_candidate(&self, bytes: &[u8]) -> Option<usize> {
        self.text.as_ref().map_or(Some(0), |text| text.finder.find(bytes))
    }
}

impl Text {
    fn is_in(&self, line: &[u8]) -> bool {
        let is_part = |byte: Option<&u8>| {
            byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        };
        let length = self.finder.needle().len();
        let mut from = 0;
        while let Some(found) = line.get(from..).and_then(|rest| self.finder.find(rest)) {
            let start = from + found;
            let before = start.checked_sub(1).and_then(|index| line.get(index));
            if !self.is_word || (!is_part(before) && !is_part(line.get(start + length))) {
                return true;
            }
            from = start + 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::super::label;
    use super::*;

    #[test]
    fn p3_a_line_of_a_process_has_its_wfid_as_a_word() {
        let wanted = Wanted::default().with_word(b"20110216-bito");
        let accepts = |text: &str| wanted.accepts(text.as_bytes(), &label::NONE);
        let lines =
            ["wfid=20110216-bito x", "20110216-bito", "of 20110216-bito: gone", "n.20110216-bito.control"];
        assert!(lines.into_iter().all(accepts));
        assert!(accepts("20110216-bitox 20110216-bito"));
        let others =
            ["", "20110216-bitox", "wfid=120110216-bito", "20110216-bito_1", "a-20110216-bito", "20110216"];
        assert!(!others.into_iter().any(accepts));
    }

    #[test]
    fn lines_from_a_moment_on() {
        let at = |digit: u8| {
            let mut label = *b"@400000006b0079fa1fc00760";
            label[24] = digit;
            label
        };
        let wanted = Wanted::new(Some(at(b'5')));
        assert!(!wanted.accepts(b"x", &at(b'4')));
        assert!(wanted.accepts(b"x", &at(b'5')));
        assert!(wanted.with_text(b"x y").accepts(b"ax yb", &at(b'6')));
    }
}
