//! svscan in a scan directory that is empty at first.

use super::{Running, Sandbox, is_settled};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::time::{Duration, Instant};

/// From being complete to running: well under the five seconds of a look.
pub const SOON: Duration = Duration::from_secs(2);

/// How long svscan certainly waits for what is missing.
const PATIENCE: Duration = Duration::from_secs(4);

/// Leaves a mark when it runs, and stays. It prints nothing, because it may run before its logger is there.
pub const MARK_AND_STAY: &str = "#!/bin/sh\n: >started\nexec sleep 1000\n";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Log {
    None,
    /// It is there before the service.
    First,
}

/// svscan in an empty scan directory.
pub struct Scanned {
    pub sandbox: Sandbox,
    pub svscan: Running,
}

impl Scanned {
    pub fn new() -> Self {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.path("service")).unwrap();
        let svscan = sandbox.start("svscan service", "messages");
        let scanned = Self { sandbox, svscan };
        scanned.has_looked();
        scanned
    }

    /// How long it takes from `action` to the start of the service `name`.
    #[track_caller]
    pub fn timed(&self, name: &str, action: impl FnOnce()) -> Duration {
        let started = self.sandbox.path(name).join("started");
        let before = Instant::now();
        action();
        self.sandbox.wait_until(&format!("{name} runs"), || started.exists());
        before.elapsed()
    }

    /// Waits until svscan has looked at the directory once more: something that came after all else runs.
    #[track_caller]
    pub fn has_looked(&self) {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let (new, name) = (format!("witness{number}"), format!("service/witness{number}"));
        self.sandbox.write(&format!("{new}/run"), MARK_AND_STAY);
        let run = self.sandbox.path(&format!("{new}/run"));
        fs::set_permissions(run, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(self.sandbox.path(&new), self.sandbox.path(&name)).unwrap();
        self.sandbox.next_pid(&name, 0);
    }

    /// Waits until svscan has seen the last change, which wakes it at once. It may look once more a moment later.
    #[track_caller]
    pub fn rests(&self) {
        self.sandbox.wait_until("svscan rests", || is_settled(self.svscan.pid()));
    }

    /// Makes a service in the scan directory step by step, each seen by svscan; returns `run`, complete, but open.
    /// `None` if that took so long that svscan may have lost its patience.
    #[track_caller]
    pub fn copy_slowly(&self, name: &str, mode: u32, log: Log) -> Option<File> {
        let begin = Instant::now();
        fs::create_dir(self.sandbox.path(name)).unwrap();
        self.rests();
        if log == Log::First {
            self.sandbox.script(&format!("{name}/log/run"), "exec multilog ./main");
            self.rests();
        }
        let mut run = create(&self.sandbox, &format!("{name}/run"), mode);
        for line in MARK_AND_STAY.split_inclusive('\n') {
            run.write_all(line.as_bytes()).unwrap();
            self.rests();
        }
        self.has_looked();
        self.still_waits(name, begin).then_some(run)
    }

    /// Fails if a directory that was incomplete from `begin` on is supervised already. `false` if it may be, because
    /// svscan may have lost its patience.
    #[track_caller]
    pub fn still_waits(&self, name: &str, begin: Instant) -> bool {
        let is_supervised = self.sandbox.path(name).join("supervise").exists();
        let is_early = begin.elapsed() < PATIENCE;
        assert!(!(is_supervised && is_early), "{name} is supervised too early");
        is_early
    }

    /// Nobody had anything to complain about.
    #[track_caller]
    pub fn is_silent(&self) {
        assert_eq!(self.sandbox.read("messages"), "");
    }
}

/// Creates a file and leaves it open.
pub fn create(sandbox: &Sandbox, name: &str, mode: u32) -> File {
    File::options().write(true).create_new(true).mode(mode).open(sandbox.path(name)).unwrap()
}
