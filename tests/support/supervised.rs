//! One supervise, and its service in `web`.

use super::{Running, Sandbox, program_of};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// A line of a script that notes since when it is a process, however late it comes to say so; [`Supervised::starts`]
/// reads that.
pub const NOTE_START: &str = "cut -d ' ' -f 22 /proc/$$/stat >>starts";

/// The two, and a fifo by which a test talks to the service.
pub struct Supervised {
    pub sandbox: Sandbox,
    pub supervise: Running,
    words: File,
}

impl Supervised {
    /// With these files: settings, which are text, and scripts.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::new();
        for (name, content) in files {
            let path = format!("web/{name}");
            if name.contains('-') || ["backoff", "down"].contains(name) {
                sandbox.write(&path, &format!("{content}\n"));
            } else {
                sandbox.script(&path, content);
            }
        }
        let words = sandbox.fifo("web/in");
        let supervise = sandbox.start("supervise web", "messages");
        sandbox.wait_until("supervise runs", || sandbox.is_served("web"));
        Self { sandbox, supervise, words }
    }

    /// A path in the directory of the service.
    pub fn path(&self, name: &str) -> PathBuf {
        self.sandbox.path("web").join(name)
    }

    /// Writes a line that the service finds in its fifo `in`.
    pub fn say(&self, line: &str) {
        writeln!(&self.words, "{line}").unwrap();
    }

    /// Waits until a file of the service is exactly this.
    #[track_caller]
    pub fn wait_for(&self, file: &str, expected: &str) {
        let path = format!("web/{file}");
        self.sandbox.wait_until(&format!("{file} is {expected:?}"), || self.sandbox.read(&path) == expected);
    }

    /// Waits until the service has become this program, and returns its process.
    #[track_caller]
    pub fn wait_for_program(&self, program: &str) -> i32 {
        let mut pid = 0;
        self.sandbox.wait_until(&format!("the service is {program}"), || {
            pid = self.sandbox.next_pid("web", 0);
            program_of(pid) == program
        });
        pid
    }

    #[track_caller]
    pub fn wait_until_down(&self) {
        self.sandbox.wait_until_down("web");
    }

    /// The starts that [`NOTE_START`] has noted, in the time of the kernel, which counts hundredths of a second.
    pub fn starts(&self) -> Vec<Duration> {
        let starts = self.sandbox.read("web/starts");
        starts.lines().map(|line| Duration::from_millis(10 * line.parse::<u64>().unwrap())).collect()
    }

    /// How it ended last, without the time.
    pub fn last_exit(&self) -> String {
        let text = self.sandbox.read("web/supervise/last-exit");
        let line = text.lines().next().and_then(|line| line.split_once(' '));
        line.map_or(String::new(), |(_, how)| how.to_string())
    }

    /// Neither supervise nor the service had anything to say.
    #[track_caller]
    pub fn is_silent(&self) {
        assert_eq!(self.sandbox.read("messages"), "");
    }
}
