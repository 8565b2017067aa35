//! multilog with a fifo as its input, and a log directory `main`.

use super::{Patience, Running, Sandbox, is_root};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// Well before multilog tries again what has failed, which it does every 5 seconds.
pub const BEFORE_THE_RETRY: Duration = Duration::from_secs(4);

/// A multilog with a fifo as its input, and a log directory `main`.
pub struct Logger {
    pub sandbox: Sandbox,
    pub running: Running,
    /// The fifo. While this is open, its end does not come.
    pub input: File,
}

impl Logger {
    pub fn start(arguments: &str) -> Self {
        Self::start_in(Sandbox::new(), arguments)
    }

    pub fn start_in(sandbox: Sandbox, arguments: &str) -> Self {
        Self::start_under(sandbox, &format!("multilog {arguments}"))
    }

    /// The same as an account that permissions hold for.
    pub fn start_unprivileged(arguments: &str) -> Self {
        let sandbox = Sandbox::for_everybody();
        let account = if is_root() { "setuidgid nobody " } else { "" };
        sandbox.run("mkdir main");
        if is_root() {
            sandbox.run("chown nobody main");
        }
        Self::start_under(sandbox, &format!("{account}multilog {arguments}"))
    }

    /// The same with a command before the log directory, its arguments included.
    pub fn start_under(sandbox: Sandbox, command: &str) -> Self {
        let input = sandbox.fifo("input");
        // A file that grows beyond a limit is then an error like a full disk, not a deadly signal.
        let script = format!("trap '' XFSZ; exec {command} ./main");
        let mut command = sandbox.command("sh");
        command.args(["-c", &script]).stdin(File::open(sandbox.path("input")).unwrap());
        let running = sandbox.spawn(command, "messages");
        sandbox.wait_until("multilog is ready", || sandbox.path("main/current").exists());
        Self { sandbox, running, input }
    }

    /// Hands over lines; multilog has to make room for them.
    #[track_caller]
    pub fn feed(&mut self, lines: &str) {
        let mut patience = Patience::new();
        let mut rest = lines.as_bytes();
        while !rest.is_empty() {
            match self.input.write(rest) {
                Ok(length) => (rest, patience) = (&rest[length..], Patience::new()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(patience.lasts(), "multilog does not read: {}", self.messages());
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Hands over as much as there is room for, without waiting.
    pub fn feed_some<'a>(&mut self, lines: &'a str) -> &'a str {
        let length = self.input.write(lines.as_bytes()).unwrap_or(0);
        &lines[..length]
    }

    /// What multilog has left in the fifo.
    pub fn unread(&mut self) -> String {
        let mut unread = Vec::new();
        // It ends with the error that there is nothing more for now.
        let _ = self.input.read_to_end(&mut unread);
        String::from_utf8(unread).unwrap()
    }

    /// The end of the input, and of multilog.
    #[track_caller]
    pub fn finish(mut self) -> Sandbox {
        drop(self.input);
        let status = self.running.wait();
        assert_eq!(status.code(), Some(0), "{}", self.sandbox.read("messages"));
        self.sandbox
    }

    /// Feeds it until the disk is full: from now on, no file of multilog's may have more than 10000 bytes.
    #[track_caller]
    pub fn fill_the_disk(&mut self, lines: &str) {
        self.sandbox.limit(&self.running, "fsize=10000");
        self.feed(lines);
        self.wait_for_message(FULL, 1);
        assert_eq!(self.sandbox.read("main/current"), lines[..10000]);
    }

    pub fn free_the_disk(&self) {
        self.sandbox.lift(&self.running, "fsize");
    }

    pub fn messages(&self) -> String {
        self.sandbox.read("messages")
    }

    #[track_caller]
    pub fn wait_for_message(&self, text: &str, times: usize) {
        self.sandbox
            .wait_until(&format!("multilog says {text}"), || self.sandbox.count("messages", text) >= times);
    }
}

pub const FULL: &str = "multilog: warning: unable to write to ./main/current, pausing: file too big";

/// Lines of ten bytes.
pub fn numbered(numbers: impl Iterator<Item = u32>) -> String {
    numbers.map(|number| format!("{number:09}\n")).collect()
}

/// The archives, in the order of their names.
pub fn archives(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path("main")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut archives: Vec<_> = names.filter(|name| name.starts_with('@')).collect();
    archives.sort();
    archives
}

/// All archives and `current`, in order.
pub fn logged(sandbox: &Sandbox) -> String {
    let files = archives(sandbox).into_iter().chain(["current".to_owned()]);
    files.map(|name| sandbox.read(&format!("main/{name}"))).collect()
}

/// Whether `current` has the mark of a clean end.
pub fn is_clean(sandbox: &Sandbox) -> bool {
    fs::metadata(sandbox.path("main/current")).unwrap().permissions().mode() & 0o100 != 0
}

/// Starts multilog once more, without input.
#[track_caller]
pub fn restart(sandbox: &Sandbox, arguments: &str) {
    sandbox.run(&format!("multilog {arguments} ./main"));
    assert!(is_clean(sandbox));
}
