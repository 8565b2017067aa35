//! svscan with one service, `service/web`, and its logger.

use super::{Running, Sandbox};
use servicedir::tai::Stamp;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

pub const WEB: &str = "service/web";

pub const LOG: &str = "service/web/log";

/// Prints what it is told to, and first that it has started.
pub const ECHO: &str = "exec 3<>in
echo started
while read -r line <&3; do echo \"$line\"; echo \"$line\" >>said; done";

/// svscan with one service and its logger.
pub struct Tree {
    pub sandbox: Sandbox,
    svscan: Option<Running>,
    /// What is written here, the service prints.
    words: File,
}

impl Tree {
    pub fn new(run: &str) -> Self {
        Self::with(run, "echo start >>starts\nexec multilog ./main")
    }

    pub fn with(run: &str, log: &str) -> Self {
        Self::start(Sandbox::new(), run, log)
    }

    pub fn start(sandbox: Sandbox, run: &str, log: &str) -> Self {
        if run.starts_with("#!") {
            sandbox.write("new/run", run);
            fs::set_permissions(sandbox.path("new/run"), fs::Permissions::from_mode(0o755)).unwrap();
        } else {
            sandbox.script("new/run", run);
        }
        sandbox.script("new/log/run", log);
        let words = sandbox.fifo("new/in");
        sandbox.run(&format!("mkdir service && mv new {WEB}"));
        let mut tree = Self { sandbox, svscan: None, words };
        tree.start_svscan();
        tree.services();
        tree
    }

    pub fn start_svscan(&mut self) {
        self.svscan = Some(self.sandbox.start("svscan service", "messages"));
    }

    /// Dropping it is killing it.
    pub fn kill_svscan(&mut self) {
        self.svscan = None;
    }

    /// The processes of the service and its logger.
    #[track_caller]
    pub fn services(&self) -> [i32; 2] {
        [WEB, LOG].map(|name| self.sandbox.next_pid(name, 0))
    }

    #[track_caller]
    pub fn supervises(&self) -> [i32; 2] {
        [WEB, LOG].map(|name| self.sandbox.next_supervise(name, 0))
    }

    /// Since when both run.
    pub fn since(&self) -> [Stamp; 2] {
        [WEB, LOG].map(|name| self.sandbox.status(name).unwrap().since)
    }

    pub fn say(&self, line: &str) {
        writeln!(&self.words, "{line}").unwrap();
    }

    /// Waits until the service has printed this line.
    #[track_caller]
    pub fn wait_until_said(&self, line: &str) {
        self.sandbox
            .wait_until("the service has printed it", || self.sandbox.count("service/web/said", line) == 1);
    }

    /// Waits until the log is exactly this.
    #[track_caller]
    pub fn wait_for_lines(&self, expected: &str) {
        self.sandbox
            .wait_until(&format!("the log is {expected:?}"), || lines(&self.sandbox, LOG) == expected);
    }

    /// Of each service there is one process, and one supervise.
    #[track_caller]
    pub fn runs_once(&self) {
        for name in [WEB, LOG] {
            let directory = self.sandbox.path(name);
            let here = || {
                let processes = self.sandbox.processes().into_iter();
                processes
                    .filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == directory))
            };
            self.sandbox.wait_until(&format!("two processes are in {name}"), || here().count() == 2);
        }
    }
}

/// All that a logger has written: one that was killed leaves what it had begun under another name.
pub fn lines(sandbox: &Sandbox, log: &str) -> String {
    sandbox.run(&format!("cd {log} && if cd main; then cat $(ls | grep ^@) current; fi 2>/dev/null || :"))
}
