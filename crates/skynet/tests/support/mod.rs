//! What all tests need: a scratch directory, programs that run in it, waiting with a deadline, and the certainty that
//! nothing is left running. In the directory there may be a mini-SkyNET, or a whole system.

mod mini;
#[path = "../../../../tests/support/patience.rs"]
#[expect(dead_code, reason = "other suites need more of it")]
mod patience;
mod system;
#[path = "../../../../tests/support/writer.rs"]
mod writer;

pub use mini::{READY, Said};
pub use patience::{DEADLINE, Patience};

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The variable that marks every process of a sandbox, and is how they are found again.
const MARK: &str = "SKYNET_TEST";

/// The programs that tests use.
const PROGRAMS: &str = "skynet svscan supervise svc svok svstat multilog setuidgid tai64n tai64nlocal";

/// Whether the tests run as root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A scratch directory and all processes that are started in it; both are gone when it is dropped.
pub struct Sandbox {
    directory: PathBuf,
    mark: String,
}

impl Sandbox {
    /// A fresh directory with our programs in `bin`, where every account can reach them.
    pub fn new() -> Self {
        let (mark, directory) = scratch();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let sandbox = Self { directory, mark };
        let ours = Path::new(env!("CARGO_BIN_EXE_skynet")).parent().unwrap();
        assert!(ours.join("svscan").exists(), "build the other programs first: cargo build");
        sandbox.run(&format!(
            "mkdir bin; there=$PWD/bin; cd '{}'
            ln -t \"$there\" {PROGRAMS} 2>/dev/null || install -m 755 -t \"$there\" {PROGRAMS}",
            ours.display()
        ));
        sandbox
    }

    /// A path in the sandbox.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes a file, and makes the directories on the way.
    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        writer::write(&path, content.as_bytes());
    }

    /// Writes an executable shell script.
    pub fn script(&self, name: &str, body: &str) {
        self.program(name, &format!("#!/bin/sh\n{body}\n"));
    }

    /// Writes an executable file.
    pub fn program(&self, name: &str, content: &str) {
        self.write(name, content);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Reads a file; an empty text if there is none.
    pub fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// A command that runs in the sandbox, without input.
    pub fn command(&self, program: &str) -> Command {
        // Ours are found in the sandbox, whatever PATH this process has.
        let ours = self.path("bin").join(program);
        let mut command = Command::new(if ours.exists() { ours.as_os_str() } else { program.as_ref() });
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", self.path("bin").display());
        command.current_dir(&self.directory).stdin(Stdio::null());
        command.env_clear().env("PATH", path).env(MARK, &self.mark).env("TZ", "UTC");
        command.env("HOME", &self.directory);
        command
    }

    /// Runs a shell script to its end.
    pub fn sh(&self, script: &str) -> Output {
        self.command("sh").args(["-c", script]).output().unwrap()
    }

    /// Runs a shell script that must succeed, and returns what it printed.
    #[track_caller]
    pub fn run(&self, script: &str) -> String {
        let output = self.sh(script);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {}\n{stderr}\n{}", output.status, self.describe());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a shell script that must fail with `code`, and returns what it complained.
    #[track_caller]
    pub fn fail(&self, code: i32, script: &str) -> String {
        let output = self.sh(script);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let description = || format!("{script}: {}\n{stderr}\n{}", output.status, self.describe());
        assert_eq!(output.status.code(), Some(code), "{}", description());
        stderr.into_owned()
    }

    /// Starts a shell script in the background; what it prints goes into the file `messages`.
    pub fn start(&self, script: &str, messages: &str) -> Running {
        let messages = fs::File::options().create(true).append(true).open(self.path(messages)).unwrap();
        let mut command = self.command("sh");
        command.args(["-c", &format!("exec {script}")]);
        command.stdout(messages.try_clone().unwrap()).stderr(messages);
        Running(command.spawn().unwrap())
    }

    /// Waits until `condition` holds.
    #[track_caller]
    pub fn wait_until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let mut patience = Patience::new();
        while !condition() {
            assert!(patience.lasts(), "waited in vain until {what}\n{}", self.describe());
        }
    }

    /// The processes of this sandbox that are alive: those with its mark, and those that are in its directory, which
    /// may have any environment.
    pub fn processes(&self) -> Vec<i32> {
        let mark = format!("{MARK}={}", self.mark);
        let has_mark = |pid: i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes())
        };
        let is_inside = |pid: i32| {
            fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|path| path.starts_with(&self.directory))
        };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.filter(|&pid| has_mark(pid) || is_inside(pid)).collect()
    }

    /// The files and messages of the sandbox, for the report of a failing test.
    fn describe(&self) -> String {
        let script = "find . -path ./bin -prune -o -printf '%M %u %p\\n' | sort -k 3 | head -n 200; \
                      find . -path ./bin -prune -o \\( -name messages -o -name current \\) -exec tail -v -n 20 {} +";
        let output = Command::new("sh").args(["-c", script]).current_dir(&self.directory).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Makes a directory of its own. A run of the tests that was killed may have left directories behind.
fn scratch() -> (String, PathBuf) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let parent = fs::canonicalize(std::env::temp_dir()).unwrap();
    loop {
        let mark = format!("sk-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = parent.join(&mark);
        match fs::create_dir(&directory) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => return made.map(|()| (mark, directory)).unwrap(),
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A supervisor may start one more process while its others are being ended.
        let mut patience = Patience::new();
        loop {
            let processes = self.processes();
            if processes.is_empty() {
                break;
            }
            for pid in processes {
                let _ = nix::sys::signal::kill(
                    nix::unistd::Pid::from_raw(pid),
                    nix::sys::signal::Signal::SIGKILL,
                );
            }
            if !patience.lasts() {
                break;
            }
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A program in the background. It is ended when this is dropped.
pub struct Running(pub Child);

impl Running {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Waits for its end, and returns its exit code.
    #[track_caller]
    pub fn end(&mut self) -> Option<i32> {
        let mut patience = Patience::new();
        while !self.has_ended() {
            assert!(patience.lasts(), "process {} does not end", self.pid());
        }
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Shows a figure to whoever runs the tests with `--nocapture`.
#[expect(clippy::print_stderr, reason = "the harness hides it unless it is asked for")]
pub fn show(figure: &str) {
    eprintln!("{figure}");
}
