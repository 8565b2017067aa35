//! The lines of an ini file, taken as Python's configparser takes them: programs of participants read the same files with it.
#![forbid(unsafe_code)]

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// Nothing but blanks. Between the lines of a value, it is a line of the value.
    Blank,
    /// A comment, also between the lines of a value.
    Comment,
    /// `[name]`
    Section(&'a str),
    /// `key = value` or `key: value`; the first of the two signs counts.
    Setting {
        /// What is before the sign, as it is written.
        key: &'a str,
        /// What is after it.
        value: &'a str,
    },
    /// One more line of the value of the last setting, because it is indented deeper than that.
    More(&'a str),
    /// Anything else.
    Odd(&'a str),
}

/// The text of a file without the mark of its encoding, which some editors put before it.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// The lines of a text, in their order.
pub fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut indentation = None;
    without_mark(text).lines().map(move |whole| {
        let line = whole.trim();
        let indented = whole.len() - whole.trim_start().len();
        if line.is_empty() {
            return Line::Blank;
        }
        if line.starts_with(['#', ';']) {
            return Line::Comment;
        }
        if indentation.is_some_and(|outer| indented > outer) {
            return Line::More(line);
        }
        if let Some(name) = line.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            indentation = None;
            return Line::Section(name.trim());
        }
        match setting(line) {
            Some((key, value)) => {
                indentation = Some(indented);
                Line::Setting { key, value }
            }
            None => Line::Odd(line),
        }
    })
}

/// The key and the value of a line that makes a setting.
pub fn setting(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once(['=', ':'])?;
    Some((key.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::Line::{Blank, Comment, More, Odd, Section, Setting};
    use super::*;

    const fn set<'a>(key: &'a str, value: &'a str) -> Line<'a> {
        Setting { key, value }
    }

    #[test]
    fn lines_are_what_configparser_takes_them_for() {
        #[track_caller]
        fn check(text: &str, expected: &[Line<'_>]) {
            assert_eq!(lines(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
        check("a=b\n", &[set("a", "b")]);
        check("a: b\n", &[set("a", "b")]);
        check("api = https://x/?a=b\n", &[set("api", "https://x/?a=b")]);
        check("filter: a=b\n", &[set("filter", "a=b")]);
        check("\u{feff}[ a ]\r\nb=c\r\n", &[Section("a"), set("b", "c")]);
        check("# a=b\n  ; c\n\n \t\nd\n", &[Comment, Comment, Blank, Blank, Odd("d")]);
        check(
            "a=b\n c\n\n# d\n\te=f\ng=h\n",
            &[set("a", "b"), More("c"), Blank, Comment, More("e=f"), set("g", "h")],
        );
        // What is indented as deep as a setting is none of its lines.
        check(
            " a=b\n c=d\n  e\n[f]\n g=h\n",
            &[set("a", "b"), set("c", "d"), More("e"), Section("f"), set("g", "h")],
        );
        check(" [a]\n b=c\n d\n  [e]\n", &[Section("a"), set("b", "c"), Odd("d"), More("[e]")]);
        check("[a\nb]=c\n", &[Odd("[a"), set("b]", "c")]);
    }
}
