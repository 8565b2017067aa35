//! The svscan that starts participants. Where none runs, as in an image that is being built, there is nothing to be told.

use servicedir::file_id::FileId;
use servicedir::signal::Signal;
use servicedir::sys::{process, processes};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The processes svscan that scan the directory `place`.
pub fn scanners(place: &Path) -> Vec<i32> {
    let identity = |path: &Path| fs::metadata(path).ok().map(|facts| FileId::new(facts.dev(), facts.ino()));
    let Some(scanned) = identity(place) else { return Vec::new() };
    let is_there = |pid: &i32| identity(Path::new(&format!("/proc/{pid}/cwd"))) == Some(scanned);
    let processes = processes::find(|process| process.name == "svscan" && is_there(&process.pid));
    processes.into_iter().map(|process| process.pid).collect()
}

/// Makes an svscan look at its directory now, and stop what has vanished from it. Says whether it understands that.
pub fn look_now(svscan: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{svscan}/status")).unwrap_or_default();
    // The original does not know the signal, and would die of it.
    let understands = takes(&status, Signal::HUP);
    if understands {
        process::send(svscan, Signal::HUP);
    }
    understands
}

/// Whether a process does something with a signal, from what `/proc/PID/status` says.
fn takes(status: &str, signal: Signal) -> bool {
    let masks = status.lines().filter_map(|line| {
        let mask = line.strip_prefix("SigCgt:").or_else(|| line.strip_prefix("SigBlk:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    });
    masks.fold(0, |all, mask| all | mask) & (1 << (signal.number() - 1)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_would_die_of_a_signal_is_told_apart() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000014002\n";
        assert!(!takes(status, Signal::HUP));
        assert!(takes(&status.replace("14002", "14003"), Signal::HUP));
        assert!(takes("SigBlk:\t0000000000000001\n", Signal::HUP));
        assert!(!takes("", Signal::HUP));
    }
}
