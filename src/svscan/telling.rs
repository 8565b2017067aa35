//! Telling supervises what to do, also those that do not listen yet.

use super::event::Role;
use super::inspect;
use super::table::{PATIENCE, Table};
use crate::service::control::Letters;
use crate::service::directory::{CONTROL, Directory};
use crate::sys::files::{self, HERE};
use crate::sys::{clock, process};
use std::ffi::CStr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How soon to try again.
const RETRY: Duration = Duration::from_millis(20);

/// What supervises are still to be told.
#[derive(Debug, Default)]
pub struct Messenger {
    /// Those that could not be told yet, and until when that is tried.
    untold: Vec<(i32, &'static [u8], Instant)>,
}

impl Messenger {
    /// When to try again.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        (!self.untold.is_empty()).then(|| now + RETRY)
    }

    /// Tells a supervise. One that was just started may not hear it yet, and is told later.
    pub fn tell<P>(&mut self, pid: i32, commands: &'static [u8], table: &Table<P>) {
        self.tell_until((pid, commands, clock::monotonic() + PATIENCE), table);
    }

    /// Tries again.
    pub fn retry<P>(&mut self, table: &Table<P>) {
        for message in std::mem::take(&mut self.untold) {
            self.tell_until(message, table);
        }
    }

    fn tell_until<P>(&mut self, message: (i32, &'static [u8], Instant), table: &Table<P>) {
        let (pid, commands, until) = message;
        let Some((name, role, identity)) = table.whereabouts(pid) else { return };
        let directory = inspect::directory(name, role);
        // Where it comes from: as long as it is there, it has not begun.
        let origin = match role {
            Role::Main => inspect::identify(c"."),
            Role::Log => Some(identity),
        };
        // The name may stand for another directory by now, or for none.
        let is_there = inspect::identify(name) == Some(identity);
        let cwd = process::way_to_directory(pid);
        let told = (is_there && send_commands(&directory, commands))
            || (inspect::identify(&cwd) != origin && reach(pid, &cwd, commands));
        if !told && clock::monotonic() < until {
            self.untold.push(message);
        }
    }
}

/// Sends commands to the supervise of a service directory; says whether there is one that takes them.
fn send_commands(directory: &CStr, commands: &[u8]) -> bool {
    Directory::open(HERE, directory).is_ok_and(|directory| directory.control(&letters(commands)).is_ok())
}

/// Sends commands to a supervise, wherever its directory is by now; says whether it takes them.
fn reach(pid: i32, directory: &CStr, commands: &[u8]) -> bool {
    // If the directory was removed, the supervise still has the fifo.
    send_commands(directory, commands)
        || process::removed_file_of(pid, CONTROL)
            .is_some_and(|fifo| files::write_all(fifo.as_fd(), &letters(commands).bytes()).is_ok())
}

fn letters(commands: &[u8]) -> Letters {
    let mut letters = Letters::default();
    commands.iter().for_each(|&letter| letters.add(letter));
    letters
}
