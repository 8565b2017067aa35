//! `fghack child`: stays in the foreground for a program that puts itself into the background.

use crate::chain::Chain;
use crate::exit::Exit;
use crate::report::Failure;
use crate::sys::process;
use crate::sys::startup::{self, Program, Word};
use crate::sys::{Errno, files, pipes};
use std::os::fd::AsFd;

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

/// So many descriptors keep the pipe open in the background program, even if it closes some.
const COPIES: usize = 30;

fn run(words: &[Word]) -> Result<u8, Failure> {
    let [_, command @ ..] = words else { return Err(usage()) };
    if command.is_empty() {
        return Err(usage());
    }
    let fatal =
        |what: &'static [u8]| move |error: Errno| Failure::fatal("fghack", &[what, b": ", error.bytes()]);
    let (life, held) = pipes::new().map_err(fatal(b"unable to create pipe"))?;
    let mut life = Some(life);
    let child = process::spawn(|| {
        life = None;
        let kept = files::keep_on_exec(&held);
        let copies: Vec<_> = (0..COPIES).map(|_| files::duplicate(&held)).collect();
        let failure = Chain::new("fghack", command, &startup::environment()).run();
        drop((kept, copies));
        failure
    })
    .map_err(fatal(b"unable to fork"))?;
    drop(held);
    let mut buffer = [0; 1024];
    let mut read = || life.as_ref().map_or(Ok(0), |life| files::read_from(life.as_fd(), &mut buffer));
    // The pipe comes to its end when the last process that holds it has ended.
    while read().is_ok_and(|length| length > 0) {}
    match process::wait(child).map_err(fatal(b"wait failed"))? {
        Exit::Exited(code) => Ok(u8::try_from(code).unwrap_or(u8::MAX)),
        Exit::Killed(_) | Exit::Unknown => Err(Failure::fatal("fghack", &[b"child crashed"])),
    }
}

fn usage() -> Failure {
    Failure::usage("fghack", "fghack child")
}
