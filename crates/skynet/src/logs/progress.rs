//! How far a long read has come: told on standard error while that is a terminal.

use servicedir::sys::clock;
use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// How long nothing is said before it is told.
const PACE: Duration = Duration::from_millis(250);

const MB: u64 = 1_000_000;

/// How much of how much was read.
#[derive(Debug)]
pub struct Progress {
    is_told: Cell<bool>,
    total: Cell<u64>,
    read: Cell<u64>,
    next: Cell<Instant>,
    told: RefCell<String>,
}

impl Progress {
    /// Nothing is to be read yet.
    pub fn new() -> Self {
        Self {
            is_told: Cell::new(io::stderr().is_terminal()),
            total: Cell::new(0),
            read: Cell::new(0),
            next: Cell::new(clock::monotonic() + PACE),
            told: RefCell::default(),
        }
    }

    /// So many bytes more are to be read.
    pub fn expect(&self, bytes: u64) {
        self.total.set(self.total.get() + bytes);
    }

    /// So many bytes more were read.
    pub fn add(&self, bytes: usize) {
        self.read.set(self.read.get() + u64::try_from(bytes).unwrap_or(0));
        if self.is_told.get() && clock::monotonic() >= self.next.get() {
            self.erase();
            let text = text(self.read.get(), self.total.get());
            let _ = write!(io::stderr(), "{text}");
            self.told.replace(text);
        }
    }

    /// Nothing is told from now on.
    pub fn stop(&self) {
        self.erase();
        self.is_told.set(false);
    }

    /// Takes back what was told, before something else is said; that tells enough for a while.
    pub fn erase(&self) {
        if !self.is_told.get() {
            return;
        }
        self.next.set(clock::monotonic() + PACE);
        let told = self.told.take();
        if !told.is_empty() {
            let _ = write!(io::stderr(), "\r{:width$}\r", "", width = told.len());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.erase();
    }
}

fn text(read: u64, total: u64) -> String {
    format!("read {} of {} MB", read.min(total) / MB, total.div_ceil(MB))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_megabytes() {
        assert_eq!(text(340_999_999, 1_024_000_000), "read 340 of 1024 MB");
        assert_eq!(text(5, 3), "read 0 of 1 MB");
    }
}
