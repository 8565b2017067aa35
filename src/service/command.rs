//! svc: commands for many services at once, and waiting for what comes of them.

use super::control::Letters;
use super::directory::{Directory, NoControl};
use super::goal::{Expectation, Goal};
use super::waiting::{Awaited, Crowd, Request, wait};
use crate::options::{Long, seconds};
use crate::report::{Failure, SYSTEM, USAGE, warning};
use crate::sys::clock;
use crate::sys::startup::say;
use std::ffi::CStr;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

const PROGRAM: &str = "svc";

const FULL: &[u8] = b"supervise/control is full";

/// svc's long options.
pub const LONG_OPTIONS: Long = Long { flags: &["check"], valued: &["wait", "for", "timeout"] };

/// svc's exit code if the time was over before every service was in the state.
pub const LATE: u8 = 99;

/// How long commands wait for a supervise that is about to come, as a rule: longer than the 5 seconds after which svscan
/// brings back one that was told to exit, and takes up a directory that it was not told of.
const COMING: Duration = Duration::from_secs(7);

/// How long svc waits for room in a fifo before it says so.
const SILENCE: Duration = Duration::from_secs(2);

/// What svc was told to do.
#[derive(Debug, Default)]
pub struct Order {
    /// The commands.
    pub letters: Letters,
    /// Whether the exit code tells about failures, which for compatibility it does only when asked to.
    is_honest: bool,
    /// What to wait for.
    goal: Option<Goal>,
    /// How long a service must stay up to count as up, if that was said.
    enough: Option<Duration>,
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
            ("for", Some(value)) => {
                self.enough = Some(seconds(value).ok_or_else(|| usage("--for=SECONDS"))?);
            }
            ("check", Some(_)) => return Err(usage("--check")),
            ("wait", None) => return Err(usage("--wait=up, --wait=down or --wait=ready")),
            ("for", None) => return Err(usage("--for=SECONDS")),
            _ => return Err(usage("--timeout=SECONDS")),
        }
        Ok(())
    }

    /// What each service is told and what is expected of it then. To be called when all options are read.
    fn request(&self, now: Instant) -> Request<'_> {
        let Some(goal) = self.goal else {
            return Request { letters: &self.letters, expectation: None, patience: Some(now) };
        };
        let expectation = Expectation::new(goal);
        let expectation = self.enough.map_or(expectation, |enough| expectation.lasting(enough));
        let patience = if self.letters.bytes().contains(&b'x') {
            // A supervise that is not there has done what it is told.
            Some(now)
        } else {
            // One that is down already is not worth a long wait for somebody to tell that to.
            let is_short = self.timeout.is_none() || goal == Goal::Down;
            is_short.then(|| now + COMING)
        };
        Request { letters: &self.letters, expectation: Some(expectation), patience }
    }

    /// Refuses options that make no sense together.
    pub fn check(&self) -> Result<(), Failure> {
        match (self.enough, self.goal) {
            (None, _) | (Some(_), Some(Goal::Up)) => Ok(()),
            (Some(_), _) => Err(usage("--wait=up --for=SECONDS")),
        }
    }
}

fn usage(expected: &str) -> Failure {
    Failure::new(USAGE, [b"svc: usage: ", expected.as_bytes(), b"\n"].concat())
}

/// Sends the commands to every service, then waits if that was asked for. Returns the exit code: 0; when the code
/// is to tell, 111 if a service could not be controlled and 99 if one was not in the state in time.
pub fn give(order: &Order, here: impl AsFd, paths: &[&CStr]) -> u8 {
    let now = clock::monotonic();
    let deadline = order.timeout.map(|timeout| now + timeout);
    let request = order.request(now);
    let mut failed = false;
    let mut awaited = Vec::new();
    let mut crowd = Crowd::new();
    for &path in paths {
        let directory = match Directory::open(&here, path) {
            Ok(directory) => directory,
            Err(error) => {
                failed = true;
                warn("unable to chdir to ", path, error.bytes());
                continue;
            }
        };
        // A service that is not waited for is left alone when it has its commands; there may be no room for them yet.
        let refused = request.expectation.is_none().then(|| directory.control(&order.letters));
        match refused {
            Some(Ok(())) => {}
            None | Some(Err(NoControl::Full)) => {
                awaited.push(Awaited::new(&mut crowd, (path, directory), request));
            }
            Some(Err(why)) => {
                failed = true;
                complain(path, why);
            }
        }
    }
    let mut is_late = false;
    let silence = now + SILENCE;
    if deadline.is_none_or(|deadline| silence < deadline) {
        awaited = wait(&mut crowd, awaited, Some(silence));
        let full = awaited.iter().filter(|service| service.is_full());
        full.for_each(|service| warn("waiting to control ", service.path, FULL));
    }
    for service in wait(&mut crowd, awaited, deadline) {
        match service.failure() {
            Some(NoControl::Full) => {
                is_late = true;
                complain(service.path, NoControl::Full);
            }
            Some(why) => {
                failed = true;
                complain(service.path, why);
            }
            None => {
                is_late = true;
                let path = service.path.to_bytes();
                say(&warning(PROGRAM, &[path, b" is not in the state that was waited for"]));
            }
        }
    }
    match (failed && (order.is_honest || order.goal.is_some()), is_late) {
        (true, _) => SYSTEM,
        (false, true) => LATE,
        (false, false) => 0,
    }
}

/// Warns that a service did not get the commands.
fn complain(path: &CStr, why: NoControl) {
    match why {
        NoControl::Unopened(error) if error.is(libc::ENXIO) => {
            warn("unable to control ", path, b"supervise not running");
        }
        NoControl::Unopened(error) => warn("unable to control ", path, error.bytes()),
        NoControl::Full => warn("unable to control ", path, FULL),
        NoControl::NotAFifo => warn("unable to control ", path, b"supervise/control is not a fifo"),
        NoControl::Unwritten(error) => warn("error writing commands to ", path, error.bytes()),
    }
}

fn warn(what: &str, path: &CStr, reason: &[u8]) {
    say(&warning(PROGRAM, &[what.as_bytes(), path.to_bytes(), b": ", reason]));
}
