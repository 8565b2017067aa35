//! Waiting until something is logged: inotify on the log directories; a look each second at those that cannot be watched
//! or are not there yet.

use super::files::{current, identity};
use crate::failure::Failure;
use servicedir::file_id::FileId;
use servicedir::sys::files::{self, HERE};
use servicedir::sys::watch::{self, Change, Interest, Watch, Watched};
use servicedir::sys::{clock, poll};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often to look where nothing tells us.
const PACE: Duration = Duration::from_secs(1);

/// Watches log directories, each with a number of the caller's.
#[derive(Debug)]
pub struct Follow {
    watch: Option<Watch>,
    logs: BTreeMap<usize, Log>,
    /// Whether standard output is a pipe, whose reader may go.
    is_pipe: bool,
}

/// A log directory.
#[derive(Debug)]
struct Log {
    directory: PathBuf,
    /// Which directory is watched, if one is.
    watched: Option<(Watched, FileId)>,
    /// Whether a write to it would be told.
    is_told: bool,
}

/// What a wait has come to.
#[derive(Debug, PartialEq, Eq)]
pub enum News {
    /// Something happened to these logs, or may have.
    Changed(Vec<usize>),
    /// Nobody reads what we write any more.
    Unheard,
}

impl Follow {
    /// Watches nothing yet.
    pub fn new() -> Self {
        let stdout = fs::metadata("/proc/self/fd/1");
        let is_pipe = stdout.is_ok_and(|facts| facts.file_type().is_fifo());
        Self { watch: Watch::new().ok(), logs: BTreeMap::new(), is_pipe }
    }

    /// Watches a directory, which need not be there yet, as well as that is possible.
    pub fn add(&mut self, directory: &Path, number: usize) {
        let log = Log { directory: directory.to_path_buf(), watched: None, is_told: false };
        self.logs.insert(number, log);
        self.look(number);
    }

    /// Watches a directory no more.
    pub fn forget(&mut self, number: usize) {
        let watched = self.logs.remove(&number).and_then(|log| log.watched);
        if let (Some(watch), Some((watched, _))) = (&self.watch, watched) {
            watch.remove(watched);
        }
    }

    /// Waits until something has happened; not longer than a second while there is a log whose writes are not told.
    pub fn wait(&mut self) -> Result<News, Failure> {
        let now = clock::monotonic();
        let deadline = self.logs.values().any(|log| !log.is_told).then_some(now + PACE);
        let stdout = io::stdout();
        let reader = self.is_pipe.then(|| stdout.as_fd());
        let watch: Option<BorrowedFd<'_>> = self.watch.as_ref().map(AsFd::as_fd);
        let [_, is_unheard] = poll::wait([watch, reader], now, deadline)
            .map_err(|error| Failure::system("wait", &io::Error::from_raw_os_error(error.number())))?;
        if is_unheard {
            return Ok(News::Unheard);
        }
        let changes = self.watch.as_ref().map(Watch::changes).unwrap_or_default();
        let is_lost = changes.contains(&Change::Everything);
        let touched: BTreeSet<Watched> = changes.into_iter().filter_map(touched).collect();
        let is_changed = |log: &Log| {
            let watched = log.watched.map(|(watched, _)| watched);
            is_lost || !log.is_told || watched.is_some_and(|watched| touched.contains(&watched))
        };
        let logs = self.logs.iter();
        let changed: Vec<usize> =
            logs.filter(|(_, log)| is_changed(log)).map(|(number, _)| *number).collect();
        changed.iter().for_each(|number| self.look(*number));
        Ok(News::Changed(changed))
    }

    /// Sees to it that the directory is watched that is there now.
    fn look(&mut self, number: usize) {
        let Some(log) = self.logs.get_mut(&number) else { return };
        let there = fs::metadata(&log.directory).ok().map(|facts| identity(&facts));
        if let (Some(watch), Some((watched, identity))) = (&self.watch, log.watched) {
            if there != Some(identity) {
                watch.remove(watched);
                log.watched = None;
            }
        }
        let path = CString::new(log.directory.as_os_str().as_bytes()).unwrap_or_default();
        let is_remote = || files::open_place(HERE, &path).is_ok_and(|place| watch::is_remote(&place));
        if let (Some(watch), Some(identity), None) = (&self.watch, there, log.watched) {
            let watched = (!is_remote()).then(|| watch.add(&path, Interest::Writes).ok()).flatten();
            log.watched = watched.map(|watched| (watched, identity));
        }
        // That a directory goes is not told as long as a file in it is open; but first `current` goes.
        log.is_told = log.watched.is_some() && current(&log.directory).is_some();
    }
}

fn touched(change: Change) -> Option<Watched> {
    match change {
        Change::Name(watched, _) | Change::Gone(watched) => Some(watched),
        Change::Everything => None,
    }
}
