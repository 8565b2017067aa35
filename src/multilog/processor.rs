//! A processor: the shell command that turns a finished log file into an archive.

use super::PROGRAM;
use super::place::{NEW_STATE, PREVIOUS, PROCESSED, STATE};
use crate::report::Failure;
use crate::signal::Signal;
use crate::sys::confined::Confined;
use crate::sys::exec::Prepared;
use crate::sys::files;
use crate::sys::signals::Inbox;
use crate::sys::{Errno, Result as SysResult, process, startup};
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::AsFd;

/// The highest descriptor that a processor is given.
const HIGHEST: i32 = 5;

/// Starts `command` in `directory`, and returns its process.
pub fn start(directory: &Confined, command: &CStr, signals: &Inbox) -> SysResult<i32> {
    process::spawn(|| {
        signals.release(&[Signal::TERM, Signal::ALRM]);
        let error = become_processor(directory, command);
        Failure::fatal(PROGRAM, &[b"unable to run ", command.to_bytes(), b": ", error.bytes()])
    })
}

/// In a child: runs the command as docs/compatibility.md 1.10 says, with the old file as its input, the new one as its
/// output, and the state of the run before and after as descriptors 4 and 5. Returns only if that failed.
fn become_processor(directory: &Confined, command: &CStr) -> Errno {
    let connect = || -> SysResult<[File; 4]> {
        process::enter(directory)?;
        // Its number may be one of those that the files are going to have.
        let directory = directory.duplicate(HIGHEST + 1)?;
        // Each is in its place before the next is opened, which may be given the number of one before.
        let place = |file: File, number: i32| {
            files::become_descriptor(file.as_fd(), number)?;
            Ok::<File, Errno>(file)
        };
        Ok([
            place(directory.read(PREVIOUS)?, 0)?,
            place(directory.truncate(PROCESSED)?, 1)?,
            place(directory.read(STATE)?, 4)?,
            place(directory.truncate(NEW_STATE)?, HIGHEST)?,
        ])
    };
    match connect() {
        // The files stay open until the program is another one, whatever numbers they have.
        Ok(_files) => Prepared::file(c"/bin/sh", &[c"sh", c"-c", command], &startup::environment()).exec(),
        Err(error) => error,
    }
}
