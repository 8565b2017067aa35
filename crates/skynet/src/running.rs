//! Participants that run, and the svscan that has started them. All of it is optional: where nothing runs, as in an image
//! that is being built, there is nothing to be told.

use crate::failure::complain;
use crate::site::Participant;
use nix::sys::signal::Signal;
use servicedir::service::control::Letters;
use servicedir::service::directory::{Directory, NoControl};
use servicedir::service::instance::Instance;
use servicedir::sys::files::HERE;
use servicedir::sys::{clock, poll, process};
use std::ffi::CString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How soon to look again at what is waited for.
const SOON: Duration = Duration::from_millis(10);

/// A service at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has no supervise, and does not run.
    Unsupervised,
    /// It has a supervise, and does not run.
    Down,
    /// It runs; also one whose supervise was killed does.
    Up(u32),
}

/// How the service in `directory` is.
pub fn state(directory: &Path) -> State {
    let Some(service) = open(directory) else { return State::Unsupervised };
    if service.knock().is_err() {
        return left_behind(directory).map_or(State::Unsupervised, State::Up);
    }
    let pid = service.status().ok().and_then(|status| status.pid);
    pid.map_or(State::Down, |pid| State::Up(pid.get()))
}

/// The process that a supervise has left running when it was killed.
fn left_behind(directory: &Path) -> Option<u32> {
    let instance = Instance::decode(&fs::read(directory.join("supervise/instance")).ok()?)?;
    let service = instance.service.filter(|_| process::boot().is_ok_and(|boot| boot == instance.boot))?;
    let is_same = process::started(service.pid) == Some(service.started);
    is_same.then(|| u32::try_from(service.pid).ok()).flatten()
}

/// Sends commands to the supervise of the service in `directory`; says whether there is one that got them.
pub fn control(directory: &Path, letters: &[u8]) -> bool {
    let Some(service) = open(directory) else { return false };
    let mut commands = Letters::default();
    letters.iter().for_each(|&letter| commands.add(letter));
    match service.control(&commands) {
        Ok(()) => true,
        Err(NoControl::Unopened(error)) if error.is(nix::libc::ENXIO) || error.is(nix::libc::ENOENT) => false,
        Err(NoControl::Unopened(error) | NoControl::Unwritten(error)) => {
            complain(format_args!("unable to control {}: {}", directory.display(), error.text()));
            false
        }
    }
}

fn open(directory: &Path) -> Option<Directory> {
    let path = CString::new(directory.as_os_str().as_bytes()).ok()?;
    Directory::open(HERE, &path).ok()
}

/// Takes out of `pending` what `is_so` holds of, until nothing is left or the time is over; returns the rest.
pub fn wait<T>(mut pending: Vec<T>, patience: Duration, mut is_so: impl FnMut(&T) -> bool) -> Vec<T> {
    let deadline = clock::monotonic() + patience;
    loop {
        pending.retain(|item| !is_so(item));
        let now = clock::monotonic();
        if pending.is_empty() || deadline <= now {
            return pending;
        }
        let until: Instant = deadline.min(now + SOON);
        // Nothing can be read from nothing: this is a pause.
        let _ = poll::wait([None], now, Some(until));
    }
}

/// Stops services for good, and then their loggers: `svc -dx`. Returns those that have not ended in time; of these the
/// loggers run on.
pub fn retire(participants: &[Participant], patience: Duration) -> Vec<Participant> {
    for participant in participants {
        control(&participant.directory, b"dx");
    }
    let late = wait(participants.to_vec(), patience, |participant| {
        let has_ended = state(&participant.directory) == State::Unsupervised;
        if has_ended {
            control(&participant.directory.join("log"), b"dx");
        }
        has_ended
    });
    let ended = participants.iter().filter(|participant| !late.contains(participant)).cloned().collect();
    wait(ended, patience, |participant: &Participant| {
        state(&participant.directory.join("log")) == State::Unsupervised
    });
    late
}

/// The processes svscan that scan the directory `place`.
pub fn scanners(place: &Path) -> Vec<i32> {
    let identity = |path: &Path| fs::metadata(path).ok().map(|facts| (facts.dev(), facts.ino()));
    let Some(scanned) = identity(place) else { return Vec::new() };
    let is_there = |pid: &i32| identity(Path::new(&format!("/proc/{pid}/cwd"))) == Some(scanned);
    let processes = process::all().into_iter().filter(|process| process.name == "svscan");
    processes.map(|process| process.pid).filter(is_there).collect()
}

/// Makes an svscan look at its directory now, and stop what has vanished from it. Says whether it understands that.
pub fn look_now(svscan: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{svscan}/status")).unwrap_or_default();
    // The original does not know the signal, and would die of it.
    let understands = takes(&status, Signal::SIGHUP);
    if understands {
        process::send(svscan, Signal::SIGHUP);
    }
    understands
}

/// Whether a process does something with a signal, from what `/proc/PID/status` says.
fn takes(status: &str, signal: Signal) -> bool {
    let masks = status.lines().filter_map(|line| {
        let mask = line.strip_prefix("SigCgt:").or_else(|| line.strip_prefix("SigBlk:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    });
    masks.fold(0, |all, mask| all | mask) & (1 << (signal as u32 - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_would_die_of_a_signal_is_told_apart() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000014002\n";
        assert!(!takes(status, Signal::SIGHUP));
        assert!(takes(&status.replace("14002", "14003"), Signal::SIGHUP));
        assert!(takes("SigBlk:\t0000000000000001\n", Signal::SIGHUP));
        assert!(!takes("", Signal::SIGHUP));
    }
}
