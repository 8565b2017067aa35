//! Processes: those that a test has started, and those that it only knows by number.

use super::Patience;
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

/// A program in the background. It is ended when this is dropped.
pub struct Running(pub(super) Child);

impl Running {
    /// Its process.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.0.id()).unwrap()
    }

    /// Waits for its end, and says how it ended.
    #[track_caller]
    pub fn wait(&mut self) -> std::process::ExitStatus {
        let mut patience = Patience::new();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(patience.lasts(), "process {} does not end", self.pid());
        }
    }

    /// Waits until it has ended by itself, with exit code 0.
    #[track_caller]
    pub fn ends_well(&mut self) {
        let status = self.wait();
        assert!(status.success(), "{status}");
    }

    /// Waits for its end and says how it ended, unless that takes longer than `limit`.
    pub fn wait_at_most(&mut self, limit: Duration) -> Option<std::process::ExitStatus> {
        let start = Instant::now();
        loop {
            let status = self.0.try_wait().unwrap();
            if status.is_some() || start.elapsed() > limit {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends KILL.
pub fn kill(pid: i32) {
    send(pid, nix::sys::signal::Signal::SIGKILL);
}

/// Sends a signal; that the process is gone already is fine.
pub fn send(pid: i32, signal: nix::sys::signal::Signal) {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
}

/// The state of a process, a letter as in proc(5); `None` if there is no such process, or nothing is left of it but its number.
pub fn process_state(pid: i32) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next().filter(|&state| state != 'Z')
}

/// Whether a process sleeps, and no signal waits to be taken: it has dealt with all that it was told so far.
pub fn is_settled(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mut pending = status.lines().filter(|line| line.contains("Pnd:"));
    pending.all(|line| line.ends_with("\t0000000000000000")) && process_state(pid) == Some('S')
}

/// The children of a process.
pub fn children(pid: i32) -> Vec<i32> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|child| child.parse().unwrap()).collect()
}

/// The program that a process runs, as far as the kernel keeps its name; empty if there is no such process.
pub fn program_of(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned()
}
