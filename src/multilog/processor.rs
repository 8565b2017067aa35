//! A processor: the shell command that turns a finished log file into an archive.

use super::PROGRAM;
use super::place::{NEW_STATE, PREVIOUS, PROCESSED, STATE};
use crate::report::Failure;
use crate::sys::exec::Prepared;
use crate::sys::files::{self, HERE};
use crate::sys::signals::{Inbox, Signal};
use crate::sys::{Errno, Result as SysResult, process, startup};
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::AsFd;

/// Starts `command` in `directory`, and returns its process.
pub fn start(directory: &File, command: &CStr, signals: &Inbox) -> SysResult<i32> {
    process::spawn(|| {
        signals.release(&[Signal::SIGTERM, Signal::SIGALRM]);
        let error = become_processor(directory, command);
        Failure::fatal(PROGRAM, &[b"unable to run ", command.to_bytes(), b": ", error.bytes()])
    })
}

/// In a child: runs the command as CONTRACT.md 1.10 says, with the old file as its input, the new one as its
/// output, and the state of the run before and after as descriptors 4 and 5. Returns only if that failed.
fn become_processor(directory: &File, command: &CStr) -> Errno {
    let connect = || -> SysResult<[File; 4]> {
        process::enter(directory)?;
        // Each is in its place before the next is opened, which may be given the number of one before.
        let place = |file: File, number: i32| {
            files::become_descriptor(file.as_fd(), number)?;
            Ok::<File, Errno>(file)
        };
        Ok([
            place(files::open_read(HERE, PREVIOUS)?, 0)?,
            place(files::open_truncate(HERE, PROCESSED)?, 1)?,
            place(files::open_read(HERE, STATE)?, 4)?,
            place(files::open_truncate(HERE, NEW_STATE)?, 5)?,
        ])
    };
    match connect() {
        // The files stay open until the program is another one, whatever numbers they have.
        Ok(_files) => Prepared::file(c"/bin/sh", &[c"sh", c"-c", command], &startup::environment()).exec(),
        Err(error) => error,
    }
}
