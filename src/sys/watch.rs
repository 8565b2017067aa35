//! Being told of changes in directories (inotify).

use super::{Result, remote};
use nix::fcntl::{OFlag, openat};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use nix::sys::stat::Mode;
use std::ffi::{CStr, OsString};
use std::os::fd::{AsFd, BorrowedFd};

/// How many reads of a few hundred changes [`Watch::changes`] makes at most: a program may make changes as fast as it can.
const READS: usize = 16;

/// A watch over directories.
#[derive(Debug)]
pub struct Watch(Inotify);

/// A directory that is watched.
pub type Watched = WatchDescriptor;

/// What is worth being told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Names that come.
    Arrivals,
    /// The next name that comes; then the directory is not watched any more.
    NextArrival,
    /// Names that come, go, are written or change their modes.
    Everything,
    /// Names that come, go or change their modes, and each write to a file.
    Writes,
    /// Of a file, or of a link: the next time that it is renamed, or loses a name, or changes its mode; then it is not
    /// watched any more.
    Fate,
}

/// What has happened in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Something happened to a name in it.
    Name(Watched, OsString),
    /// It is watched no more, because it is gone or because that was asked for.
    Gone(Watched),
    /// Too much has happened: look everywhere.
    Everything,
}

impl Watch {
    /// Watches nothing yet.
    pub fn new() -> Result<Self> {
        Ok(Self(Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?))
    }

    /// Watches the directory `path`, or the file for its [`Interest::Fate`].
    pub fn add(&self, path: &CStr, interest: Interest) -> Result<Watched> {
        let arrivals = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_ONLYDIR;
        let changes = match interest {
            Interest::Arrivals => arrivals,
            Interest::NextArrival => arrivals | AddWatchFlags::IN_ONESHOT,
            Interest::Writes => {
                arrivals | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_ATTRIB | AddWatchFlags::IN_MODIFY
            }
            Interest::Fate => {
                AddWatchFlags::IN_ATTRIB
                    | AddWatchFlags::IN_MOVE_SELF
                    | AddWatchFlags::IN_DELETE_SELF
                    | AddWatchFlags::IN_DONT_FOLLOW
                    | AddWatchFlags::IN_ONESHOT
            }
            Interest::Everything => {
                arrivals
                    | AddWatchFlags::IN_MOVED_FROM
                    | AddWatchFlags::IN_DELETE
                    | AddWatchFlags::IN_CLOSE_WRITE
                    | AddWatchFlags::IN_ATTRIB
            }
        };
        Ok(self.0.add_watch(path, changes)?)
    }

    /// Watches a directory no more.
    pub fn remove(&self, watched: Watched) {
        let _ = self.0.rm_watch(watched);
    }

    /// What has happened since the last call; if that is a lot, the first of it.
    pub fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        for _ in 0..READS {
            if !self.read(|change| changes.push(change)) {
                break;
            }
        }
        changes
    }

    /// Shows what has happened since the last call. However much that is, it takes memory for a few hundred changes only.
    pub fn each_change(&self, mut see: impl FnMut(Change)) {
        while self.read(&mut see) {}
    }

    /// Shows some of what has happened; says whether there was anything.
    fn read(&self, mut see: impl FnMut(Change)) -> bool {
        let Ok(events) = self.0.read_events() else { return false };
        events.into_iter().for_each(|event| {
            see(if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                Change::Everything
            } else if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                Change::Gone(event.wd)
            } else {
                Change::Name(event.wd, event.name.unwrap_or_default())
            });
        });
        true
    }
}

/// Whether the directory `at` may be changed by other machines, or by a program that makes up what is in it: nobody
/// here is told then.
pub fn is_remote(at: impl AsFd) -> bool {
    let kind = openat(at, c".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        .and_then(|directory| nix::sys::statfs::fstatfs(&directory));
    kind.is_ok_and(|kind| remote::is_remote(kind.filesystem_type()))
}

impl AsFd for Watch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
