//! A scratch mini-SkyNET, in the directory `BOSS` of a sandbox, whose participants are started and stopped.

use super::{Running, Sandbox};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Output;

/// A body of `run`: says that it is ready on descriptor 3 and works until TERM. An item is in hand as long as there is
/// the file `hand` in its directory, and then finished first; the file `told` says that TERM has come.
pub const READY: &str =
    "end() { echo told >>told; while [ -e hand ]; do sleep 0.02; done; echo finished >>finished; exit 0; }
trap end TERM
echo >&3
while :; do sleep 0.02; done";

impl Sandbox {
    /// A fresh directory with a mini-SkyNET without participants.
    pub fn with_skynet() -> Self {
        let sandbox = Self::new();
        fs::create_dir_all(sandbox.path("BOSS/participants")).unwrap();
        fs::create_dir_all(sandbox.path("BOSS/service")).unwrap();
        sandbox
    }

    /// Makes a participant whose `run` has this body. It is not enabled.
    pub fn participant(&self, name: &str, run: &str) {
        let directory = format!("BOSS/participants/{name}");
        self.write(&format!("{directory}/config.exo"), &format!("[participant]\nname={name}\n"));
        self.script(&format!("{directory}/exo"), "exit 0");
        self.script(&format!("{directory}/log/run"), "exec multilog t ./main");
        self.script(&format!("{directory}/run"), &format!("exec 2>&1\n{run}"));
    }

    /// Makes a participant that is started by svscan.
    pub fn enabled(&self, name: &str, run: &str) {
        self.participant(name, run);
        self.enable(name);
    }

    /// The same of one that says on descriptor 3 when it is ready, as [`READY`] does.
    pub fn enabled_ready(&self, name: &str, run: &str) {
        self.participant(name, run);
        self.write(&format!("BOSS/participants/{name}/notification-fd"), "3\n");
        self.enable(name);
    }

    /// Links a participant into the scan directory.
    pub fn enable(&self, name: &str) {
        symlink(format!("../participants/{name}"), self.path(&format!("BOSS/service/{name}"))).unwrap();
    }

    /// Starts svscan, which runs until this is dropped, and waits until skynet can find it. Its messages and those of
    /// supervise go into `messages`.
    #[track_caller]
    pub fn svscan(&self) -> Running {
        self.scans("svscan BOSS/service", "BOSS/service")
    }

    /// Starts an svscan of the directory `place` by this command, and waits until skynet can find it.
    #[track_caller]
    pub fn scans(&self, command: &str, place: &str) -> Running {
        let svscan = self.start(command, "messages");
        let (cwd, place) = (format!("/proc/{}/cwd", svscan.pid()), self.path(place));
        self.wait_until("svscan scans", || fs::read_link(&cwd).is_ok_and(|cwd| cwd == place));
        svscan
    }

    /// Runs `skynet` with these words, whether it succeeds or not.
    pub fn skynet(&self, words: &str) -> Said {
        Said::from(self.command("skynet").args(words.split_whitespace()).output().unwrap())
    }

    /// Waits until `skynet status` says that a participant is in this state: its supervise sends the signal of a command
    /// first, and writes down what it wants then.
    #[track_caller]
    pub fn wait_for_state(&self, participant: &str, state: &str) {
        let state = format!("\"{state}\"");
        self.wait_until(&format!("{participant} is {state}"), || self.member(participant, "state") == state);
    }

    /// Waits until every participant has a supervise.
    #[track_caller]
    pub fn wait_for_supervises(&self, names: &[&str]) {
        for name in names {
            self.wait_until(&format!("{name} has a supervise"), || {
                self.command("svok").arg(format!("BOSS/service/{name}")).status().unwrap().success()
            });
        }
    }

    /// A member of the object of a participant in `skynet status --json`, as JSON.
    #[track_caller]
    pub fn member(&self, participant: &str, member: &str) -> String {
        let text = self.run(&format!("skynet status --json {participant}"));
        let rest =
            text.split_once(&format!("\"{member}\":")).unwrap_or_else(|| panic!("{member} in {text}")).1;
        let end =
            if rest.starts_with('{') { rest.find('}').map(|end| end + 1) } else { rest.find([',', '}']) };
        rest[..end.unwrap()].to_string()
    }
}

/// What a program has said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}
