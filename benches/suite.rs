//! Ours and the three peers: what their programs are called, and how they are told what.

use crate::Bench;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Suite {
    Ours,
    Daemontools,
    Runit,
    S6,
}

/// Where Debian puts programs.
const PLACES: [&str; 4] = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"];

impl Suite {
    pub const ALL: [Self; 4] = [Self::Ours, Self::Daemontools, Self::Runit, Self::S6];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Daemontools => "daemontools",
            Self::Runit => "runit",
            Self::S6 => "s6",
        }
    }

    /// Whether it is installed.
    pub fn is_here(self) -> bool {
        self == Self::Ours || find(self.scanner()).is_some()
    }

    /// What watches a directory of services.
    pub fn scanner(self) -> &'static str {
        match self {
            Self::Ours | Self::Daemontools => "svscan",
            Self::Runit => "runsvdir",
            Self::S6 => "s6-svscan",
        }
    }

    /// What watches one service.
    pub fn supervisor(self) -> &'static str {
        match self {
            Self::Ours | Self::Daemontools => "supervise",
            Self::Runit => "runsv",
            Self::S6 => "s6-supervise",
        }
    }

    /// What writes the log.
    pub fn logger(self) -> &'static str {
        match self {
            Self::Ours | Self::Daemontools => "multilog",
            Self::Runit => "svlogd",
            Self::S6 => "s6-log",
        }
    }

    /// The scanner at work on a directory, with room for 1000 services that have a log.
    pub fn scan(self, bench: &Bench, directory: &Path) -> Command {
        let mut command = self.command(bench, self.scanner());
        if self == Self::S6 {
            command.args(["-c", "4000"]);
        }
        command.arg(directory);
        command
    }

    /// Up or down.
    pub fn control(self, bench: &Bench, wish: Wish) -> Command {
        let (program, option) = match (self, wish) {
            (Self::Ours | Self::Daemontools, Wish::Up) => ("svc", "-u"),
            (Self::Ours | Self::Daemontools, Wish::Down) => ("svc", "-d"),
            (Self::Runit, Wish::Up) => ("sv", "up"),
            (Self::Runit, Wish::Down) => ("sv", "down"),
            (Self::S6, Wish::Up) => ("s6-svc", "-u"),
            (Self::S6, Wish::Down) => ("s6-svc", "-d"),
        };
        let mut command = self.command(bench, program);
        command.arg(option);
        command
    }

    /// A program of this suite, or one of the system, with its environment and without input or output.
    pub fn command(self, bench: &Bench, program: &str) -> Command {
        let mut command = Command::new(self.program(bench, program).expect(program));
        let mut path = PLACES.join(":");
        if self == Self::Ours {
            path = format!("{}:{path}", bench.ours.display());
        }
        command.current_dir(&bench.scratch).env_clear().env("PATH", path).env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The file of a program.
    pub fn program(self, bench: &Bench, program: &str) -> Option<PathBuf> {
        let own = Some(bench.ours.join(program)).filter(|own| self == Self::Ours && own.exists());
        own.or_else(|| find(program))
    }

    /// The `log/run` of a service.
    pub fn log_script(self) -> &'static str {
        match self {
            Self::Ours | Self::Daemontools => "exec multilog t ./main",
            Self::Runit => "mkdir -p main\nexec svlogd -t ./main",
            Self::S6 => "exec s6-log t ./main",
        }
    }
}

#[derive(Clone, Copy)]
pub enum Wish {
    Up,
    Down,
}

fn find(program: &str) -> Option<PathBuf> {
    PLACES.into_iter().map(|place| Path::new(place).join(program)).find(|path| path.exists())
}
