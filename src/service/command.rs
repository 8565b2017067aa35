//! svc: commands for many services at once, and waiting for what comes of them.

use super::control::Letters;
use super::directory::{Directory, NoControl};
use super::goal::{Goal, end_the_run};
use super::waiting::{Awaited, Crowd, EndsTheRun, wait};
use crate::options::{Long, seconds};
use crate::report::{Failure, SYSTEM, USAGE, warning};
use crate::sys::startup::say;
use crate::sys::{Errno, clock};
use std::ffi::CStr;
use std::os::fd::AsFd;
use std::time::Duration;

const PROGRAM: &str = "svc";

/// svc's long options.
pub const LONG_OPTIONS: Long = Long { flags: &["check"], valued: &["wait", "timeout"] };

/// svc's exit code if the time was over before every service was in the state.
pub const LATE: u8 = 99;

/// What svc was told to do.
#[derive(Debug, Default)]
pub struct Order {
    /// The commands.
    pub letters: Letters,
    /// Whether the exit code tells about failures, which for compatibility it does only when asked to.
    is_honest: bool,
    /// What to wait for.
    goal: Option<Goal>,
    /// How long to wait; for ever without it.
    timeout: Option<Duration>,
}

impl Order {
    /// Takes note of a long option.
    pub fn read(&mut self, name: &str, value: Option<&[u8]>) -> Result<(), Failure> {
        match (name, value) {
            ("check", None) => self.is_honest = true,
            ("wait", Some(goal)) => {
                self.goal = Some(
                    Goal::from_name(goal).ok_or_else(|| usage("--wait=up, --wait=down or --wait=ready"))?,
                );
            }
            ("timeout", Some(value)) => {
                self.timeout = Some(seconds(value).ok_or_else(|| usage("--timeout=SECONDS"))?);
            }
            ("check", Some(_)) => return Err(usage("--check")),
            ("wait", None) => return Err(usage("--wait=up, --wait=down or --wait=ready")),
            _ => return Err(usage("--timeout=SECONDS")),
        }
        Ok(())
    }
}

fn usage(expected: &str) -> Failure {
    Failure::new(USAGE, [b"svc: usage: ", expected.as_bytes(), b"\n"].concat())
}

/// Sends the commands to every service, then waits if that was asked for. Returns the exit code: 0; when the code
/// is to tell, 111 if a service could not be controlled and 99 if one was not in the state in time.
pub fn give(order: &Order, here: impl AsFd, paths: &[&CStr]) -> u8 {
    let deadline = order.timeout.map(|timeout| clock::monotonic() + timeout);
    let mut failed = false;
    let mut awaited = Vec::new();
    let mut crowd = Crowd::new();
    for &path in paths {
        match control(&here, path, order, &mut crowd) {
            Some(service) => awaited.extend(service),
            None => failed = true,
        }
    }
    let late = order.goal.map_or(Vec::new(), |goal| wait(crowd, awaited, goal, deadline));
    for service in &late {
        say(&warning(PROGRAM, &[service.path.to_bytes(), b" is not in the state that was waited for"]));
    }
    match (failed && (order.is_honest || order.goal.is_some()), late.is_empty()) {
        (true, _) => SYSTEM,
        (false, false) => LATE,
        (false, true) => 0,
    }
}

/// Sends the commands to one service, or warns that this was not possible. Returns what to wait for, if anything.
fn control<'a>(
    here: impl AsFd,
    path: &'a CStr,
    order: &Order,
    crowd: &mut Crowd<'a>,
) -> Option<Option<Awaited<'a>>> {
    let warn = |what: &str, reason: &[u8]| {
        say(&warning(PROGRAM, &[what.as_bytes(), path.to_bytes(), b": ", reason]));
    };
    let unable = |what: &str, error: Errno| warn(what, error.bytes());
    let directory =
        Directory::open(&here, path).map_err(|error| unable("unable to chdir to ", error)).ok()?;
    let ends_the_run = if end_the_run(&order.letters.bytes()) { EndsTheRun::Yes } else { EndsTheRun::No };
    // What is waited for must be watched before it can happen.
    let awaited = order
        .goal
        .and_then(|_| Some(Awaited::new(crowd, path, Directory::open(&here, path).ok()?, ends_the_run)));
    match directory.control(&order.letters) {
        Ok(()) => return Some(awaited),
        Err(NoControl::Unopened(error)) if error.is(libc::ENXIO) => {
            warn("unable to control ", b"supervise not running");
        }
        Err(NoControl::Unopened(error)) => unable("unable to control ", error),
        Err(NoControl::NotAFifo) => warn("unable to control ", b"supervise/control is not a fifo"),
        Err(NoControl::Unwritten(error)) => unable("error writing commands to ", error),
    }
    None
}
