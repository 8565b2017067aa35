//! Scan directories with services, and all processes in them.

use crate::Bench;
use crate::suite::Suite;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::signal::Signal;
use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// There is something to read.
pub const POLLIN: PollFlags = PollFlags::POLLIN;

/// How long anything may take; what takes longer has failed.
const DEADLINE: Duration = Duration::from_secs(120);

/// A scanner, its directory, and the services in it. All of it is ended when this is dropped.
pub struct Tree {
    pub suite: Suite,
    /// Of this tree alone; `service` in it is the scan directory.
    pub directory: PathBuf,
    /// When the scanner was started.
    pub started: Instant,
    scanner: Child,
    /// Every service writes the number of its process here when it starts.
    starts: Starts,
}

/// Whether services have a logger.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Log {
    With,
    Without,
}

impl Tree {
    /// Makes a scan directory with services, and starts the scanner.
    pub fn start(bench: &Bench, suite: Suite, (services, log): (usize, Log)) -> Self {
        // Nothing is removed before the end: for minutes ext4 avoids what was just removed, one inode after the other, and
        // who makes files then pays for those who removed some.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = bench.scratch.join(format!("{number}-{}", suite.name()));
        fs::create_dir(&directory).unwrap();
        let starts = Starts::make(&directory);
        fs::create_dir(directory.join("service")).unwrap();
        for number in 0..services {
            let service = directory.join(format!("service/web{number:05}"));
            make_service(suite, &directory, (&service, log));
        }
        let mut command = suite.scan(bench, &directory.join("service"));
        command.current_dir(&directory);
        let started = Instant::now();
        Self { suite, directory, started, scanner: command.spawn().unwrap(), starts }
    }

    /// The scanner.
    pub fn scanner(&self) -> i32 {
        i32::try_from(self.scanner.id()).unwrap()
    }

    /// The process of the next service that starts; when this returns, its script has just begun.
    pub fn next_start(&mut self) -> i32 {
        self.starts.next()
    }

    /// Waits until so many more services have started, and says how long after the scanner the last one came.
    pub fn wait_for(&mut self, services: usize) -> Duration {
        (0..services).for_each(|_| _ = self.starts.next());
        self.started.elapsed()
    }

    /// Prepares a service beside the scan directory, to be moved there.
    pub fn prepare(&self, name: &str) -> PathBuf {
        let service = self.directory.join(name);
        make_service(self.suite, &self.directory, (&service, Log::Without));
        service
    }

    /// The processes of the tree that run this program.
    pub fn running(&self, program: &str) -> Vec<i32> {
        // A process has 15 bytes of the name.
        let name = |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let mut pids = inside(&self.directory);
        pids.retain(|pid| name(pid).trim_end() == &program[..program.len().min(15)]);
        pids
    }

    /// Waits until so many processes of the tree run this program.
    pub fn wait_until_running(&self, program: &str, count: usize) {
        wait_until(program, || self.running(program).len() >= count);
    }

    /// Sends a signal to the scanner and waits for its end.
    pub fn end_scanner(&mut self, signal: Signal) -> Duration {
        let begin = Instant::now();
        send(self.scanner(), signal);
        self.scanner.wait().unwrap();
        begin.elapsed()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = self.scanner.kill();
        let _ = self.scanner.wait();
        end_all_inside(&self.directory);
    }
}

/// The service says on one fifo that it starts, and holds another one open for as long as it lives.
fn make_service(suite: Suite, directory: &Path, (service, log): (&Path, Log)) {
    let directory = directory.display();
    let script = format!(
        "#!/bin/sh\nexec 3<>{directory}/lives\necho $$ >{directory}/starts\necho hello\nexec sleep 100000\n"
    );
    fs::create_dir(service).unwrap();
    write_script(&service.join("run"), &script);
    if log == Log::With {
        fs::create_dir(service.join("log")).unwrap();
        write_script(&service.join("log/run"), &format!("#!/bin/sh\n{}\n", suite.log_script()));
    }
}

fn write_script(path: &Path, script: &str) {
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// The reading ends of the fifos of [`make_service`].
struct Starts {
    starts: fs::File,
    buffer: Vec<u8>,
}

impl Starts {
    fn make(directory: &Path) -> Self {
        for name in ["starts", "lives"] {
            nix::unistd::mkfifo(&directory.join(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
        }
        let open = |name: &str| {
            let mut options = fs::File::options();
            options.read(true).write(true).custom_flags(nix::libc::O_NONBLOCK);
            options.open(directory.join(name)).unwrap()
        };
        Self { starts: open("starts"), buffer: Vec::new() }
    }

    fn next(&mut self) -> i32 {
        let begin = Instant::now();
        loop {
            if let Some(end) = self.buffer.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return std::str::from_utf8(&line[..end]).unwrap().parse().unwrap();
            }
            let mut bytes = [0; 4096];
            match self.starts.read(&mut bytes) {
                Ok(length) => self.buffer.extend(&bytes[..length]),
                Err(_) => wait_for(self.starts.as_fd(), POLLIN),
            }
            assert!(begin.elapsed() < DEADLINE, "no service starts");
        }
    }
}

/// The end of a service: the other end of the fifo that it holds open.
pub struct Life(fs::File);

impl Life {
    /// To be taken while exactly one service of the tree is alive.
    pub fn of_the_only_service(tree: &Tree) -> Self {
        let mut options = fs::File::options();
        options.read(true).custom_flags(nix::libc::O_NONBLOCK);
        Self(options.open(tree.directory.join("lives")).unwrap())
    }

    /// Waits until the service has ended.
    pub fn wait_for_end(&self) {
        wait_for(self.0.as_fd(), PollFlags::empty());
    }
}

/// Waits until a descriptor is ready, or its other end is closed.
pub fn wait_for(descriptor: std::os::fd::BorrowedFd<'_>, flags: PollFlags) {
    let mut set = [PollFd::new(descriptor, flags)];
    let limit = PollTimeout::try_from(DEADLINE).unwrap();
    assert!(nix::poll::poll(&mut set, limit).unwrap_or(1) > 0, "nothing happens");
}

/// Waits until a condition holds.
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The processes that have their working directory in this one.
pub fn inside(directory: &Path) -> Vec<i32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let is_inside =
        |pid: &i32| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|path| path.starts_with(directory));
    numbers.filter(is_inside).collect()
}

/// Kills the processes that have their working directory in this one.
pub fn end_all_inside(directory: &Path) {
    // A supervisor may start one more process while its others are being ended.
    for _ in 0..1000 {
        let pids = inside(directory);
        if pids.is_empty() {
            break;
        }
        pids.into_iter().for_each(|pid| send(pid, Signal::SIGKILL));
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub fn send(pid: i32, signal: Signal) {
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal);
}
