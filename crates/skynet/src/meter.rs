//! The line that shows people how far a command is that takes its time. There is none where nobody sees it.

use std::io::{self, IsTerminal, Write};

/// How much of the line there is room for.
const WIDTH: usize = 79;

/// A line on standard error that is written over and over, if that is a terminal.
#[derive(Debug)]
pub(crate) struct Meter {
    is_seen: bool,
    /// The line as it is; empty if there is none.
    shown: String,
}

impl Meter {
    /// Shows nothing yet.
    pub(crate) fn new() -> Self {
        Self { is_seen: io::stderr().is_terminal(), shown: String::new() }
    }

    /// Shows that so many of all are done, and which are not.
    pub(crate) fn show<'a>(&mut self, done: usize, all: usize, pending: impl Iterator<Item = &'a str>) {
        if !self.is_seen {
            return;
        }
        let line = line(done, all, pending);
        if line != self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K{line}");
            self.shown = line;
        }
    }

    /// Makes room for something else.
    pub(crate) fn clear(&mut self) {
        if !std::mem::take(&mut self.shown).is_empty() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The line; what there is no room for is left out.
fn line<'a>(done: usize, all: usize, pending: impl Iterator<Item = &'a str>) -> String {
    let mut line = format!("{done} of {all} done");
    let mut separator = ", waiting for ";
    for name in pending {
        let rest = " ...".len();
        if line.len() + separator.len() + name.len() + rest > WIDTH {
            line += " ...";
            break;
        }
        line += separator;
        line += name;
        separator = " ";
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_as_many_names_as_there_is_room_for() {
        assert_eq!(line(1, 3, ["a", "b"].into_iter()), "1 of 3 done, waiting for a b");
        assert_eq!(line(3, 3, [].into_iter()), "3 of 3 done");
        let many = line(1, 99, std::iter::repeat_n("participant", 98));
        assert!(many.ends_with("participant ...") && many.len() <= WIDTH, "{many}");
    }
}
