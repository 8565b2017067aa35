//! A scratch directory with participants, programs that run in it, waiting with a deadline, and the certainty that
//! nothing is left running.

pub mod node;
pub mod participant;
#[path = "../../../../tests/support/patience.rs"]
#[expect(dead_code, reason = "other suites need more of it")]
mod patience;
pub mod proxy;
pub mod wire;
#[path = "../../../../tests/support/writer.rs"]
mod writer;

pub use patience::{DEADLINE, Patience};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The variable that marks every process of a sandbox, and is how they are found again.
const MARK: &str = "EXO_TEST";

/// A scratch directory and all processes that are started in it; both are gone when it is dropped.
pub struct Sandbox {
    directory: PathBuf,
    mark: String,
}

/// What a program has said.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Sandbox {
    /// An empty one.
    pub fn new() -> Self {
        let directory = scratch("exo");
        let mark = directory.file_name().unwrap().to_str().unwrap().to_string();
        Self { directory, mark }
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes a file, and makes the directories on the way.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        writer::write(&path, content.as_bytes());
    }

    /// Writes an executable script.
    pub fn script(&self, name: &str, text: &str) {
        self.write(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Reads a file; an empty text if there is none.
    pub fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// A command that runs in a directory of it, without input. Programs of this project come before those of the system.
    pub fn command(&self, program: &str, directory: &str) -> Command {
        let ours = Path::new(env!("CARGO_BIN_EXE_exo")).parent().unwrap();
        assert!(ours.join("supervise").exists(), "run cargo build for the workspace first");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", ours.display());
        let places = path.split(':').map(|place| Path::new(place).join(program));
        let mut command = Command::new(places.into_iter().find(|path| path.exists()).expect(program));
        command.current_dir(self.path(directory)).stdin(Stdio::null());
        command
            .env_clear()
            .env("PATH", &path)
            .env(MARK, &self.mark)
            .env("TZ", "UTC")
            .env("HOME", &self.directory);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.env("SKYNET_PYTHON", concat!(env!("CARGO_MANIFEST_DIR"), "/python"));
        command
    }

    /// Runs `exo` in a directory with these words and this input.
    pub fn exo(&self, directory: &str, words: &[&str], input: &str) -> Said {
        let mut command = self.command("exo", directory);
        let piped = command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Whoever does not read is not to be waited for.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        Said::from(child.wait_with_output().unwrap())
    }

    /// Waits until `condition` has something to show.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
        let mut patience = Patience::new();
        loop {
            if let Some(found) = condition() {
                return found;
            }
            assert!(patience.lasts(), "waited in vain until {what}\n{}", self.describe());
        }
    }

    /// Waits until `condition` holds.
    #[track_caller]
    pub fn wait_until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        self.wait_for(what, || condition().then_some(()));
    }

    /// The processes of this sandbox.
    fn processes(&self) -> Vec<i32> {
        let mark = format!("{MARK}={}", self.mark);
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_ours = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes())
        };
        numbers.filter(is_ours).collect()
    }

    /// The files and logs of the sandbox, for the report of a failing test.
    pub fn describe(&self) -> String {
        let script = "find . -printf '%M %u %p\\n' | sort -k 3 | head -100; tail -n 40 -v *.log */*.log */log/main/current 2>/dev/null";
        let output = Command::new("sh").args(["-c", script]).current_dir(&self.directory).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Makes a directory of its own. A run of the tests that was killed may have left directories behind.
pub fn scratch(name: &str) -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let parent = fs::canonicalize(std::env::temp_dir()).unwrap();
    loop {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = parent.join(format!("{name}-{}-{number}", std::process::id()));
        match fs::create_dir(&directory) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => return made.map(|()| directory).unwrap(),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A supervisor may start one more process while its others are being ended.
        let mut patience = Patience::new();
        loop {
            let processes = self.processes();
            for &pid in &processes {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            if processes.is_empty() || !patience.lasts() {
                break;
            }
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A child that is waited for when this is dropped; its sandbox ends it.
pub struct Background(pub Child);

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
