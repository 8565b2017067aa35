//! What all tests need: a scratch directory, programs that run in it, waiting with a deadline, and the certainty
//! that nothing is left running.

mod commands;
pub mod logger;
pub mod machine;
mod patience;
mod processes;
pub mod scanned;
pub mod shared;
mod supervised;
pub mod tree;
mod writer;

pub use patience::{DEADLINE, Patience, best_of_attempts};
pub use processes::{Running, children, is_settled, kill, process_state, program_of, send};
pub use supervised::{NOTE_START, Supervised};

use nix::sys::signal::{self, SigHandler, Signal};
use servicedir::programs::TOGETHER;
use servicedir::service::instance::Instance;
use servicedir::service::status::Status;
use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What svscan gives to services that are to end before it kills them.
pub const GRACE: Duration = Duration::from_secs(10);

/// What obeys is gone long before that.
pub const BEFORE_THE_GRACE_IS_OVER: Duration = Duration::from_secs(9);

/// In the file `timeout-kill` of a service: svscan then waits longer for it than any test does. So a test shows that
/// nobody waits for the grace, however slow the machine is.
pub const ENDLESS_GRACE: &str = "3600000\n";

/// The variable that marks every process of a sandbox, and is how they are found again.
const MARK: &str = "SERVICEDIR_TEST";

/// The directory that cargo puts programs into.
pub fn built() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_servicedir")).parent().unwrap().to_owned()
}

/// A shell ignores the signals of the keyboard in its background jobs. What the tests start would inherit that, and the
/// original's programs pass it on to services.
#[expect(unsafe_code, reason = "nix has no safe way to set a signal back to its default")]
pub fn undo_what_a_background_shell_does() {
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        // SAFETY: the default action runs no code of this process.
        unsafe { signal::signal(signal, SigHandler::SigDfl) }.unwrap();
    }
}

/// The directory of our programs, as `make install` makes them: one file with many names, and those that look up accounts.
pub fn ours() -> PathBuf {
    static OURS: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let ours = built().join("programs");
        fs::create_dir_all(&ours).unwrap();
        for name in programs() {
            let is_together = TOGETHER.iter().any(|(known, _)| *known == name);
            let file = built().join(if is_together { "servicedir" } else { &name });
            // Other tests may use what there is, and make the same at the same time.
            let new = ours.join(format!(".{name}.{}", std::process::id()));
            fs::hard_link(file, &new).unwrap();
            fs::rename(&new, ours.join(&name)).unwrap();
            // Two names of one file stay as they are.
            let _ = fs::remove_file(&new);
        }
        ours
    };
    OURS.get_or_init(make).clone()
}

/// The directory of the original's programs.
pub fn theirs() -> PathBuf {
    let theirs = PathBuf::from(std::env::var_os("SVTOOLS_THEIRS").unwrap_or("/usr/bin".into()));
    assert!(theirs.join("svscan").exists(), "install Debian's daemontools, or set SVTOOLS_THEIRS");
    theirs
}

/// The names of our programs.
pub fn programs() -> Vec<String> {
    let files = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin")).unwrap();
    let names = files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    names.filter(|name| name != "servicedir").collect()
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A scratch directory and all processes that are started in it; both are gone when it is dropped.
pub struct Sandbox {
    directory: PathBuf,
    mark: String,
    path: String,
}

impl Sandbox {
    /// A fresh directory, in which programs are found in the directory of ours first.
    pub fn new() -> Self {
        Self::with_programs(&[ours()])
    }

    /// The same with copies of our programs in `bin`, where every account can reach them.
    pub fn for_everybody() -> Self {
        let mut sandbox = Self::new();
        // A file that this process itself writes is busy as long as a new child has not yet let go of it.
        let names = programs().join(" ");
        sandbox.run(&format!(
            "mkdir -m 755 bin && cd '{}' && cp -d --preserve=mode,links {names} \"$OLDPWD/bin\"",
            ours().display()
        ));
        sandbox.path = format!("{}:{}", sandbox.path("bin").display(), sandbox.path);
        sandbox
    }

    /// The same, but these programs are the original's.
    pub fn with_theirs(programs: &[&str]) -> Self {
        let mut sandbox = Self::new();
        fs::create_dir(sandbox.path("theirs")).unwrap();
        for program in programs {
            let link = sandbox.path("theirs").join(program);
            std::os::unix::fs::symlink(theirs().join(program), link).unwrap();
        }
        sandbox.path = format!("{}:{}", sandbox.path("theirs").display(), sandbox.path);
        sandbox
    }

    /// The same with other programs first on PATH.
    pub fn with_programs(programs: &[PathBuf]) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        undo_what_a_background_shell_does();
        let mark = format!("sd-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let directory = fs::canonicalize(std::env::temp_dir()).unwrap().join(&mark);
        fs::create_dir(&directory).unwrap();
        // Services that drop their privileges must get there.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
        let programs: Vec<_> = programs.iter().map(|path| path.to_str().unwrap()).collect();
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", programs.join(":"));
        Self { directory, mark, path }
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
        self.write(name, &format!("#!/bin/sh\n{body}\n"));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes the scripts of a service and of its logger.
    pub fn logged_service(&self, service: &str, run: &str) {
        self.script(&format!("{service}/run"), run);
        self.script(&format!("{service}/log/run"), "exec multilog ./main");
    }

    /// What the logger of a service has written to `current`.
    pub fn log_of(&self, service: &str) -> String {
        self.read(&format!("{service}/log/main/current"))
    }

    /// Reads a file; an empty text if there is none.
    pub fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&fs::read(self.path(name)).unwrap_or_default()).into_owned()
    }

    /// What was said, without what svscan tells of an end that takes a while, on a busy machine for example.
    pub fn complaints(&self) -> String {
        let is_complaint = |line: &&str| !line.contains("still waiting for");
        self.read("messages").split_inclusive('\n').filter(is_complaint).collect()
    }

    /// How many lines of a file contain `text`.
    pub fn count(&self, name: &str, text: &str) -> usize {
        self.read(name).lines().filter(|line| line.contains(text)).count()
    }

    /// Makes a fifo and opens it for reading and writing, so that it has both ends for as long as this is open.
    pub fn fifo(&self, name: &str) -> fs::File {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        fs::File::options().read(true).write(true).custom_flags(nix::libc::O_NONBLOCK).open(path).unwrap()
    }

    /// A command that runs in the sandbox, without input.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        // A program that is named without a path is looked for in the sandbox's PATH, not in ours.
        if !program.contains('/') {
            let found = self.path.split(':').map(|directory| Path::new(directory).join(program));
            command = Command::new(found.into_iter().find(|path| path.exists()).expect(program));
        }
        command.current_dir(&self.directory).stdin(Stdio::null());
        command.env_clear().env("PATH", &self.path).env(MARK, &self.mark).env("TZ", "UTC");
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

    /// Starts a shell script in the background; what it prints goes into the file `messages`.
    pub fn start(&self, script: &str, messages: &str) -> Running {
        let mut command = self.command("sh");
        command.args(["-c", &format!("exec {script}")]);
        self.spawn(command, messages)
    }

    /// Starts a command in the background; what it prints goes into the file `messages`.
    pub fn spawn(&self, mut command: Command, messages: &str) -> Running {
        let messages = fs::File::options().create(true).append(true).open(self.path(messages)).unwrap();
        command.stdout(messages.try_clone().unwrap()).stderr(messages);
        Running(command.spawn().unwrap())
    }

    /// Sets a limit of a running process, `nofile=10` say. Only the soft limit changes, so that [`Self::lift`] can
    /// raise it again.
    pub fn limit(&self, process: &Running, limit: &str) {
        let (account, pid) = (self.as_account_of(process), process.pid());
        self.run(&format!("{account} prlimit --pid {pid} --{limit}:"));
    }

    /// Sets a limit back to the hard one, whatever that is.
    pub fn lift(&self, process: &Running, resource: &str) {
        let (account, pid) = (self.as_account_of(process), process.pid());
        let query = format!("{account} prlimit --pid {pid} --{resource} --output HARD --noheadings");
        self.limit(process, &format!("{resource}={}", self.run(&query).trim()));
    }

    /// What to put before a command that the account of a process is to run: even root may lack the privilege to
    /// change the limits of others.
    fn as_account_of(&self, process: &Running) -> &'static str {
        let account = self.run(&format!("stat -c %U /proc/{}", process.pid()));
        if is_root() && account == "nobody\n" { "setuidgid nobody" } else { "" }
    }

    /// Waits until `condition` holds.
    #[track_caller]
    pub fn wait_until(&self, what: &str, mut condition: impl FnMut() -> bool) {
        let mut patience = Patience::new();
        while !condition() {
            assert!(patience.lasts(), "waited in vain until {what}\n{}", self.describe());
        }
    }

    /// Waits until svstat's line about `service` contains `text`, and returns the line.
    #[track_caller]
    pub fn wait_for_status(&self, service: &str, text: &str) -> String {
        let mut line = String::new();
        self.wait_until(&format!("{service} is {text}"), || {
            line = self.run(&format!("svstat {service}"));
            line.contains(text)
        });
        line
    }

    /// The process of a service that is up.
    #[track_caller]
    pub fn pid(&self, service: &str) -> i32 {
        let line = self.wait_for_status(service, ": up (pid ");
        line.split("(pid ").nth(1).and_then(|rest| rest.split(')').next()).unwrap().parse().unwrap()
    }

    /// Waits until `service` is down, according to what supervise has written.
    #[track_caller]
    pub fn wait_until_down(&self, service: &str) {
        let is_down = || self.status(service).is_some_and(|status| status.pid.is_none());
        self.wait_until(&format!("{service} is down"), is_down);
    }

    /// What supervise has written about `service`, without starting a process to read it.
    pub fn status(&self, service: &str) -> Option<Status> {
        Status::decode(&fs::read(self.path(service).join("supervise/status")).ok()?)
    }

    /// The supervise of `service`, and the service's process, as far as supervise has written them down.
    pub fn instance(&self, service: &str) -> Option<Instance> {
        Instance::decode(&fs::read(self.path(service).join("supervise/instance")).ok()?)
    }

    /// Waits until `service` has a supervise that is alive, takes commands and is another than `before`, and returns that.
    #[track_caller]
    pub fn next_supervise(&self, service: &str, before: i32) -> i32 {
        let mut pid = 0;
        self.wait_until(&format!("{service} has another supervise than {before}"), || {
            let supervise = self.instance(service).and_then(|instance| instance.supervise);
            pid = supervise.map_or(0, |supervise| supervise.pid);
            pid != 0 && pid != before && process_state(pid).is_some() && self.is_served(service)
        });
        pid
    }

    /// Waits until `service` is up in a process other than `before`, and returns that.
    #[track_caller]
    pub fn next_pid(&self, service: &str, before: i32) -> i32 {
        let mut pid = 0;
        self.wait_until(&format!("{service} runs in another process than {before}"), || {
            let status = self.status(service).and_then(|status| status.pid);
            pid = status.map_or(0, |pid| i32::try_from(pid.get()).unwrap());
            pid != 0 && pid != before
        });
        pid
    }

    /// The processes of this sandbox that are alive: those with its mark, and those that are in its directory, which
    /// may have any environment. A process that is just becoming another program has none at all.
    pub fn processes(&self) -> Vec<i32> {
        let mark = format!("{MARK}={}", self.mark);
        let has_mark = |pid: i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|entry| entry == mark.as_bytes())
        };
        let is_inside = |pid: i32| {
            let is_in = |link| {
                fs::read_link(format!("/proc/{pid}/{link}"))
                    .is_ok_and(|path| path.starts_with(&self.directory))
            };
            is_in("root") || is_in("cwd")
        };
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        numbers.filter(|&pid| has_mark(pid) || is_inside(pid)).collect()
    }

    /// The files and messages of the sandbox, for the report of a failing test.
    fn describe(&self) -> String {
        // Also what is in small files, as what a service or its finish has written; and what runs.
        let script = "find . -printf '%M %u %p\\n' | sort -k 3
            for f in *; do [ -f \"$f\" ] && tail -n 20 -v \"$f\"; done
            find . -mindepth 2 -type f -size -2 ! -path '*/supervise/status' | sort | xargs -r tail -v -n 20
            [ -z \"$1\" ] || ps -o pid,ppid,stat,args -p \"$1\"";
        let processes = self.processes().iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let output = Command::new("sh")
            .args(["-c", script, "sh", &processes])
            .current_dir(&self.directory)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // A supervisor may start one more process while its others are being ended.
        for _ in 0..100 {
            let processes = self.processes();
            if processes.is_empty() {
                break;
            }
            processes.into_iter().for_each(kill);
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Shows a figure to whoever runs the tests with `--nocapture`.
#[expect(clippy::print_stderr, reason = "the harness hides it unless it is asked for")]
pub fn show(figure: &str) {
    eprintln!("{figure}");
}
