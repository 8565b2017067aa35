//! Changes to an environment, and the files in which envdir finds them (docs/compatibility.md 1.0, 1.14).
#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::ffi::{CStr, CString};

/// An environment, in its order: `NAME=VALUE`, and whatever else the caller had put there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment<'a>(Vec<Cow<'a, CStr>>);

impl<'a> Environment<'a> {
    /// The environment with these entries.
    pub fn new(entries: &[&'a CStr]) -> Self {
        Self(entries.iter().map(|entry| Cow::Borrowed(*entry)).collect())
    }

    /// The entries, in order.
    pub fn entries(&self) -> Vec<&CStr> {
        self.0.iter().map(|entry| &**entry).collect()
    }

    /// Makes one change. A variable that is set moves to the end; the last entry takes the place of one that is
    /// removed; of several with one name only the first is.
    pub fn change(&mut self, change: &Change) {
        let text = change.0.to_bytes();
        let name = text.split(|&byte| byte == b'=').next().unwrap_or_default();
        let has_name = |entry: &Cow<'_, CStr>| {
            entry.to_bytes().strip_prefix(name).is_some_and(|rest| rest.starts_with(b"="))
        };
        if let Some(index) = self.0.iter().position(has_name) {
            self.0.swap_remove(index);
        }
        if text.contains(&b'=') {
            self.0.push(Cow::Owned(change.0.clone()));
        }
    }
}

/// One change: `NAME=VALUE` sets a variable, `NAME` alone removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change(CString);

impl Change {
    /// Sets `name`; `None` if one of the two has a NUL byte, which no environment can hold.
    pub fn set(name: &[u8], value: &[u8]) -> Option<Self> {
        CString::new([name, b"=", value].concat()).ok().map(Self)
    }

    /// The change that a file called `name` asks for. An empty file removes the variable. Otherwise its value is
    /// the first line without blanks and tabs at its end, with a newline for each NUL byte.
    pub fn from_file(name: &CStr, content: &[u8]) -> Option<Self> {
        if content.is_empty() {
            return Some(Self(name.to_owned()));
        }
        let line = content.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
        let value: Vec<u8> =
            line.iter().take(end).map(|&byte| if byte == 0 { b'\n' } else { byte }).collect();
        Self::set(name.to_bytes(), &value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_file(content: &str, expected: &str) {
        let change = Change::from_file(c"A", content.as_bytes()).unwrap();
        assert_eq!(change.0.to_str(), Ok(expected), "{content:?}");
    }

    #[test]
    fn a_file_holds_a_value() {
        check_file("", "A");
        check_file("\n", "A=");
        check_file("x", "A=x");
        check_file("x\ny", "A=x");
        check_file("x \t \n", "A=x");
        check_file(" \t", "A=");
        check_file("\t\tb c  \0  ", "A=\t\tb c  \n");
        check_file("x \0", "A=x \n");
        check_file("a\r\n", "A=a\r");
        check_file("a=b", "A=a=b");
    }

    #[track_caller]
    fn check(entries: &[&CStr], change: &CStr, expected: &[&CStr]) {
        let mut environment = Environment::new(entries);
        environment.change(&Change(change.to_owned()));
        assert_eq!(environment.entries(), expected);
    }

    #[test]
    fn a_variable_that_is_set_moves_to_the_end() {
        check(&[], c"A=1", &[c"A=1"]);
        check(&[c"A=1", c"B=2", c"C=3"], c"A=9", &[c"C=3", c"B=2", c"A=9"]);
        check(&[c"A=1", c"B=2"], c"B=", &[c"A=1", c"B="]);
        check(&[c"AB=1"], c"A=9", &[c"AB=1", c"A=9"]);
    }

    #[test]
    fn the_last_takes_the_place_of_one_that_is_removed() {
        check(&[c"A=1", c"B=2", c"C=3"], c"A", &[c"C=3", c"B=2"]);
        check(&[c"A=1"], c"B", &[c"A=1"]);
    }

    #[test]
    fn odd_environments_are_left_odd() {
        let odd: [&CStr; 6] = [c"A=1", c"B=2", c"B=7", c"NOEQ", c"C=3", c"B=8"];
        check(&odd, c"B=9", &[c"A=1", c"B=8", c"B=7", c"NOEQ", c"C=3", c"B=9"]);
        check(&odd, c"NOEQ", &odd);
        check(&[c"F=1", c"H=2"], c"F=G=x", &[c"H=2", c"F=G=x"]);
    }
}
