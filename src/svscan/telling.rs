//! Telling supervises what to do, also those that do not listen yet.

use super::inspect;
use super::pauses::PATIENCE;
use super::role::Role;
use super::service::Service;
use super::table::Table;
use crate::service::control::Letters;
use crate::service::directory::Directory;
use crate::service::names::CONTROL;
use crate::sys::files::{self, HERE};
use crate::sys::{clock, process};
use std::ffi::CStr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How soon to try again, and how soon once there is no patience left.
const RETRY: Duration = Duration::from_millis(20);
const LATE_RETRY: Duration = Duration::from_secs(1);

/// What supervises are still to be told.
#[derive(Debug, Default)]
pub struct Messenger {
    untold: Vec<Message>,
}

/// What a supervise could not be told yet.
#[derive(Debug)]
struct Message {
    pid: i32,
    commands: &'static [u8],
    /// When there is no patience left, until that has been told.
    patience: Option<Instant>,
}

impl Messenger {
    /// When to try again.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let pause = |message: &Message| if message.patience.is_some() { RETRY } else { LATE_RETRY };
        self.untold.iter().map(pause).min().map(|pause| now + pause)
    }

    /// Tells a supervise. One that was just started may not hear it yet, and one that does not read has no room for it:
    /// these are told later.
    pub fn tell<P>(&mut self, pid: i32, commands: &'static [u8], table: &Table<P>) {
        let message = Message { pid, commands, patience: Some(clock::monotonic() + PATIENCE) };
        let is_known = self.untold.iter().any(|known| (known.pid, known.commands) == (pid, commands));
        if !is_known && !message.is_done(table) {
            self.untold.push(message);
        }
    }

    /// Tries again. Returns the supervises with which there is no patience any more; they are told all the same, should
    /// they listen.
    pub fn retry<P>(&mut self, table: &Table<P>) -> Vec<i32> {
        self.untold.retain(|message| !message.is_done(table));
        let now = clock::monotonic();
        let untold = self.untold.iter_mut();
        let is_over = |message: &mut Message| message.patience.take_if(|until| *until <= now).is_some();
        untold.filter_map(|message| is_over(message).then_some(message.pid)).collect()
    }
}

impl Message {
    /// Tells the supervise, and says whether there is nothing left to be told to it.
    fn is_done<P>(&self, table: &Table<P>) -> bool {
        let &Self { pid, commands, .. } = self;
        let Some((name, role, identity)) = table.whereabouts(pid) else { return true };
        // It may have come back meanwhile.
        if !table.service(identity).is_some_and(Service::is_stopping) {
            return true;
        }
        let directory = inspect::directory(name, role);
        // Where it comes from: as long as it is there, it has not begun.
        let origin = match role {
            Role::Main => inspect::identify(c"."),
            Role::Log => Some(identity),
        };
        // The name may stand for another directory by now, or for none.
        let is_there = inspect::identify(name) == Some(identity);
        let cwd = process::way_to_directory(pid);
        (is_there && send_commands(&directory, commands))
            || (inspect::identify(&cwd) != origin && reach(pid, &cwd, commands))
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
