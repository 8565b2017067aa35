//! A scratch mini-SkyNET, programs that run in it, waiting with a deadline, and the certainty that nothing is left running.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take that should happen at once. Only failing tests wait so long.
const DEADLINE: Duration = Duration::from_secs(30);

/// The variable that marks every process of a sandbox, and is how they are found again.
const MARK: &str = "SKYNET_TEST";

/// A directory with a mini-SkyNET in `BOSS`, and all processes that are started in it; both are gone when it is dropped.
pub(crate) struct Sandbox {
    directory: PathBuf,
    mark: String,
    path: String,
    svscan: Option<Child>,
}

impl Sandbox {
    /// A mini-SkyNET without participants.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let mark = format!("sky-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = fs::canonicalize(std::env::temp_dir()).unwrap().join(&mark);
        fs::create_dir_all(directory.join("BOSS/participants")).unwrap();
        fs::create_dir_all(directory.join("BOSS/service")).unwrap();
        let ours = Path::new(env!("CARGO_BIN_EXE_skynet")).parent().unwrap();
        assert!(ours.join("svscan").exists(), "run cargo build for the workspace first");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", ours.display());
        Self { directory, mark, path, svscan: None }
    }

    /// A path in the sandbox.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Writes a file, and makes the directories on the way.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes an executable shell script.
    pub(crate) fn script(&self, name: &str, body: &str) {
        self.write(name, &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Reads a file; an empty text if there is none.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Makes a participant whose `run` has this body. It is not enabled.
    pub(crate) fn participant(&self, name: &str, run: &str) {
        let directory = format!("BOSS/participants/{name}");
        self.write(&format!("{directory}/config.exo"), &format!("[participant]\nname={name}\n"));
        self.script(&format!("{directory}/exo"), "exit 0");
        self.script(&format!("{directory}/log/run"), "exec multilog t ./main");
        self.script(&format!("{directory}/run"), &format!("exec 2>&1\n{run}"));
    }

    /// The same, and links it into the scan directory.
    pub(crate) fn enabled(&self, name: &str, run: &str) {
        self.participant(name, run);
        self.enable(name);
    }

    /// Links a participant into the scan directory.
    pub(crate) fn enable(&self, name: &str) {
        let link = self.path(&format!("BOSS/service/{name}"));
        std::os::unix::fs::symlink(format!("../participants/{name}"), link).unwrap();
    }

    /// Starts svscan.
    pub(crate) fn svscan(&mut self) {
        let messages = fs::File::create(self.path("messages")).unwrap();
        let mut command = self.command("svscan");
        command.arg(self.path("BOSS/service")).stdout(messages.try_clone().unwrap()).stderr(messages);
        self.svscan = Some(command.spawn().unwrap());
    }

    /// A command that runs in the mini-SkyNET, without input.
    pub(crate) fn command(&self, program: &str) -> Command {
        let found = self.path.split(':').map(|directory| Path::new(directory).join(program));
        let mut command = Command::new(found.into_iter().find(|path| path.exists()).expect(program));
        command.current_dir(self.path("BOSS")).stdin(Stdio::null());
        command.env_clear().env("PATH", &self.path).env(MARK, &self.mark).env("TZ", "UTC");
        command
    }

    /// Runs `skynet` with these words.
    pub(crate) fn skynet(&self, words: &str) -> Said {
        Said::from(self.command("skynet").args(words.split_whitespace()).output().unwrap())
    }

    /// Runs `skynet`, which must succeed, and returns what it printed.
    #[track_caller]
    pub(crate) fn run(&self, words: &str) -> String {
        let said = self.skynet(words);
        assert_eq!(said.code, 0, "skynet {words}: {said:?}\n{}", self.describe());
        said.out
    }

    /// Starts `skynet` in the background.
    pub(crate) fn start(&self, words: &str) -> Background {
        let mut command = self.command("skynet");
        command.args(words.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Background(Some(command.spawn().unwrap()))
    }

    /// Waits until `condition` holds.
    #[track_caller]
    pub(crate) fn wait_until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let start = Instant::now();
        while !condition() {
            assert!(start.elapsed() < DEADLINE, "waited in vain until {what}\n{}", self.describe());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until every participant has a supervise.
    #[track_caller]
    pub(crate) fn wait_for_supervises(&self, names: &[&str]) {
        for name in names {
            self.wait_until(&format!("{name} has a supervise"), || {
                let service = self.path(&format!("BOSS/service/{name}"));
                self.command("svok").arg(service).status().unwrap().success()
            });
        }
    }

    /// A member of the object of a participant in `skynet status --json`, as JSON.
    #[track_caller]
    pub(crate) fn member(&self, participant: &str, member: &str) -> String {
        let text = self.run(&format!("status --json {participant}"));
        let rest =
            text.split_once(&format!("\"{member}\":")).unwrap_or_else(|| panic!("{member} in {text}")).1;
        let end =
            if rest.starts_with('{') { rest.find('}').map(|end| end + 1) } else { rest.find([',', '}']) };
        rest[..end.unwrap()].to_string()
    }

    /// The processes of this sandbox.
    fn processes(&self) -> Vec<i32> {
        let mark = format!("{MARK}={}", self.mark);
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_ours = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let is_inside =
                fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|path| path.starts_with(&self.directory));
            is_inside || environment.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes())
        };
        numbers.filter(is_ours).collect()
    }

    /// The files and messages of the sandbox, for the report of a failing test.
    fn describe(&self) -> String {
        let script = "find . -printf '%M %u %p\\n' | sort -k 3 | head -100; tail -n 20 -v messages BOSS/participants/*/log/main/current";
        let output = Command::new("sh").args(["-c", script]).current_dir(&self.directory).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A supervisor may start one more process while its others are being ended.
        for _ in 0..100 {
            let processes = self.processes();
            for &pid in &processes {
                let _ = nix::sys::signal::kill(
                    nix::unistd::Pid::from_raw(pid),
                    nix::sys::signal::Signal::SIGKILL,
                );
            }
            if let Some(svscan) = &mut self.svscan {
                let _ = svscan.try_wait();
            }
            if processes.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// What a program has said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A program in the background. It is ended when this is dropped.
pub(crate) struct Background(Option<Child>);

impl Background {
    /// Waits for its end.
    pub(crate) fn end(mut self) -> Said {
        Said::from(self.0.take().unwrap().wait_with_output().unwrap())
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.as_mut().unwrap().try_wait().unwrap().is_some()
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A body of `run`: says that it is ready on descriptor 3 and works until TERM. An item is in hand as long as there is
/// the file `hand` in its directory, and then finished first; the file `told` says that TERM has come.
pub(crate) const READY: &str =
    "end() { echo told >>told; while [ -e hand ]; do sleep 0.02; done; echo finished >>finished; exit 0; }
trap end TERM
echo >&3
while :; do sleep 0.02; done";
