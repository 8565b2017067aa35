//! Watches the lock and the fifos of the supervises, so that a supervise that loses `supervise/`, or one of them, learns of
//! it. supervise itself has no watch: the system lends only some 128 of them to an account.

use super::inspect;
use super::table::Table;
use crate::service::names::{CONTROL, LOCK, OK};
use crate::sys::poll::Many;
use crate::sys::watch::{Change, Interest, Watch, Watched};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::CStr;
use std::time::{Duration, Instant};

/// The files by which other programs find a supervise, for as long as it runs. The fifo for commands matters most, so it
/// comes first where the system lends few watches.
const GUARDED: [&CStr; 3] = [CONTROL, LOCK, OK];

/// After this time a supervise that was just started has made these; and after this time a program that removes
/// `supervise/` has done so: it would find the directory full again if that were made earlier.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a file that is not there is looked for after this pause; later after a longer one.
const ATTEMPTS: u32 = 5;

/// The pause after so many attempts.
const LONG_PAUSE: Duration = Duration::from_secs(15);

/// The errors that mean that there is no file at the moment. Other errors are not temporary.
const MISSING: [i32; 3] = [libc::ENOENT, libc::ENOTDIR, libc::ELOOP];

/// The files that are watched.
pub struct Guard {
    /// `None` where the system refuses it.
    watch: Option<Watch>,
    /// The supervise that each file belongs to.
    guarded: BTreeMap<Watched, i32>,
    /// The files of each supervise.
    files: BTreeMap<i32, BTreeSet<Watched>>,
    /// The supervises whose files are to be watched, and how often one of them was missing.
    pending: BTreeMap<i32, u32>,
    next: Option<Instant>,
    /// The supervises whose files have changed, which are to look at [`Self::next`].
    concerned: BTreeSet<i32>,
}

impl Guard {
    /// Watches nothing yet; what happens is announced to `ready` as `number`.
    pub fn new(ready: &Many, number: u64) -> Self {
        let watch = Watch::new().and_then(|watch| ready.add(&watch, number).map(|()| watch)).ok();
        Self {
            watch,
            guarded: BTreeMap::new(),
            files: BTreeMap::new(),
            pending: BTreeMap::new(),
            next: None,
            concerned: BTreeSet::new(),
        }
    }

    /// Watches the files of the supervise `pid`, too, a moment later.
    pub fn add(&mut self, pid: i32, now: Instant) {
        if self.watch.is_some() {
            self.pending.insert(pid, 0);
            self.look_at(now + PAUSE);
        }
    }

    /// Forgets a supervise that has ended.
    pub fn forget(&mut self, pid: i32) {
        self.pending.remove(&pid);
        self.concerned.remove(&pid);
        for watched in self.files.remove(&pid).unwrap_or_default() {
            self.guarded.remove(&watched);
            self.watch.iter().for_each(|watch| watch.remove(watched));
        }
    }

    fn look_at(&mut self, when: Instant) {
        self.next = Some(self.next.map_or(when, |earlier| earlier.min(when)));
    }

    /// When [`Self::look`] is due.
    pub const fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// Takes note of the files to which something has happened.
    pub fn note_changes(&mut self, now: Instant) {
        let Self { watch, guarded, files, concerned, .. } = self;
        watch.iter().for_each(|watch| {
            watch.each_change(|change| match change {
                Change::Everything => {
                    files.clear();
                    concerned.extend(std::mem::take(guarded).into_values());
                }
                Change::Gone(watched) | Change::Name(watched, _) => {
                    if let Some(pid) = guarded.remove(&watched) {
                        files.get_mut(&pid).map(|files| files.remove(&watched));
                        concerned.insert(pid);
                    }
                }
            });
        });
        // However often something happens to a file, svscan is woken once before it is watched again.
        self.concerned.clone().into_iter().for_each(|pid| self.add(pid, now));
    }

    /// Begins to watch the files that are due. Returns the supervises that miss one, or whose files have changed: each is to
    /// look.
    pub fn look<P>(&mut self, table: &Table<P>, now: Instant) -> BTreeSet<i32> {
        if self.next.is_none_or(|next| now < next) {
            return BTreeSet::new();
        }
        self.next = None;
        let mut to_look = std::mem::take(&mut self.concerned);
        let pending = std::mem::take(&mut self.pending);
        let mut missing = BTreeSet::new();
        for file in GUARDED {
            for &pid in pending.keys() {
                let directory = table.whereabouts(pid).map(|(name, role, _)| inspect::directory(name, role));
                let watched =
                    directory.map(|directory| self.watch_file(pid, &inspect::below(&directory, file)));
                if watched == Some(Presence::Missing) {
                    missing.insert(pid);
                }
            }
        }
        for (pid, attempts) in pending {
            let Some((name, role, _)) = table.whereabouts(pid) else { continue };
            let directory = inspect::directory(name, role);
            if missing.contains(&pid) {
                to_look.insert(pid);
                self.pending.insert(pid, attempts.saturating_add(1));
                self.look_at(now + if attempts < ATTEMPTS { PAUSE } else { LONG_PAUSE });
            } else if inspect::has_misplaced_instance(&directory) || !inspect::has_own_files(&directory) {
                // The owner of the directory may have changed before its files were watched, and put something else in
                // the place of one.
                to_look.insert(pid);
            }
        }
        to_look
    }

    /// Watches a file of the supervise `pid`, if the system lends another watch.
    fn watch_file(&mut self, pid: i32, file: &CStr) -> Presence {
        match self.watch.as_ref().map(|watch| watch.add(file, Interest::Fate)) {
            Some(Ok(watched)) => {
                self.guarded.insert(watched, pid);
                self.files.entry(pid).or_default().insert(watched);
            }
            Some(Err(error)) if MISSING.iter().any(|&missing| error.is(missing)) => return Presence::Missing,
            // Without a watch, supervise notices at the next end of the service.
            Some(Err(_)) | None => {}
        }
        Presence::There
    }
}

/// Whether a file is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presence {
    There,
    Missing,
}
