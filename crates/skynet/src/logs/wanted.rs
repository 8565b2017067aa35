//! Which lines are asked for: those from a moment on, and those with a text in them.
#![forbid(unsafe_code)]

use super::field;
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
    is_field: bool,
}

impl Wanted {
    /// Lines from `since` on; all without it.
    pub fn new(since: Option<Label>) -> Self {
        Self { since, text: None }
    }

    /// Of these, those about the process `wfid`.
    #[must_use]
    pub fn with_process(self, wfid: &[u8]) -> Self {
        Self { text: Some(Text { finder: Finder::new(wfid).into_owned(), is_field: true }), ..self }
    }

    /// Of these, those with `text` anywhere in them.
    #[must_use]
    pub fn with_text(self, text: &[u8]) -> Self {
        Self { text: Some(Text { finder: Finder::new(text).into_owned(), is_field: false }), ..self }
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
        self.finder.find(line).is_some() && (!self.is_field || field::is_about(line, self.finder.needle()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::label;
    use super::*;

    #[test]
    fn lines_about_a_process() {
        let wanted = Wanted::default().with_process(b"20110216-bito");
        let accepts = |text: &str| wanted.accepts(text.as_bytes(), &label::NONE);
        assert!(accepts("INFO [20110216-bito] x") && accepts("x wfid=20110216-bito y"));
        assert!(!accepts("INFO [20110217-a] 20110216-bito") && !accepts("20110216-bito"));
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
