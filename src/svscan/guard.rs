//! Watches the fifos of the supervises, so that a supervise whose `supervise/` is removed learns of it. supervise
//! itself has no watch: the system lends only some 128 of them to an account.

use super::inspect;
use super::table::Table;
use crate::service::directory::CONTROL;
use crate::sys::poll::Many;
use crate::sys::watch::{Change, Interest, Watch, Watched};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// After this time a supervise that was just started has made its fifo; and after this time a program that removes
/// `supervise/` has done so: it would find the directory full again if that were made earlier.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a fifo that is not there is looked for after this pause; later after a longer one.
const ATTEMPTS: u32 = 5;

/// The pause after so many attempts.
const LONG_PAUSE: Duration = Duration::from_secs(15);

/// The errors that mean that there is no fifo at the moment. Other errors are not temporary.
const MISSING: [i32; 3] = [libc::ENOENT, libc::ENOTDIR, libc::ELOOP];

/// The fifos that are watched.
pub struct Guard {
    /// `None` where the system refuses it.
    watch: Option<Watch>,
    /// The supervise that each fifo belongs to.
    guarded: BTreeMap<Watched, i32>,
    /// The supervises whose fifos are to be watched, and how often each was looked for in vain.
    pending: Vec<(i32, u32)>,
    next: Option<Instant>,
    /// The supervises whose fifos have changed, which are to look at [`Self::next`].
    concerned: Vec<i32>,
}

impl Guard {
    /// Watches nothing yet; what happens is announced to `ready` as `number`.
    pub fn new(ready: &Many, number: u64) -> Self {
        let watch = Watch::new().and_then(|watch| ready.add(&watch, number).map(|()| watch)).ok();
        Self { watch, guarded: BTreeMap::new(), pending: Vec::new(), next: None, concerned: Vec::new() }
    }

    /// Watches the fifo of the supervise `pid`, too, a moment later.
    pub fn add(&mut self, pid: i32, now: Instant) {
        if self.watch.is_some() {
            self.pending.push((pid, 0));
            self.next = self.next.or(Some(now + PAUSE));
        }
    }

    /// Forgets a supervise that has ended.
    pub fn forget(&mut self, pid: i32) {
        let Self { watch, guarded, pending, concerned, .. } = self;
        pending.retain(|(known, _)| *known != pid);
        concerned.retain(|known| *known != pid);
        guarded.retain(|watched, known| {
            if *known == pid {
                watch.iter().for_each(|watch| watch.remove(*watched));
            }
            *known != pid
        });
    }

    /// When [`Self::look`] is due.
    pub const fn deadline(&self) -> Option<Instant> {
        self.next
    }

    /// Takes note of the fifos to which something has happened.
    pub fn note_changes(&mut self, now: Instant) {
        let Self { watch, guarded, concerned, .. } = self;
        watch.iter().for_each(|watch| {
            watch.each_change(|change| match change {
                Change::Everything => concerned.extend(std::mem::take(guarded).into_values()),
                Change::Gone(watched) | Change::Name(watched, _) => {
                    concerned.extend(guarded.remove(&watched))
                }
            });
        });
        // However often something happens to a fifo, svscan is woken once before it is watched again.
        self.concerned.clone().into_iter().for_each(|pid| self.add(pid, now));
    }

    /// Begins to watch the fifos that are due. Returns the supervises that have none, or whose fifos have changed: each is
    /// to look.
    pub fn look<P>(&mut self, table: &Table<P>, now: Instant) -> Vec<i32> {
        if self.next.is_none_or(|next| now < next) {
            return Vec::new();
        }
        self.next = None;
        let mut to_look = std::mem::take(&mut self.concerned);
        for (pid, attempts) in std::mem::take(&mut self.pending) {
            let Some((name, role, _)) = table.whereabouts(pid) else { continue };
            let directory = inspect::directory(name, role);
            let fifo = inspect::below(&directory, CONTROL);
            match self.watch.as_ref().map(|watch| watch.add(&fifo, Interest::Fate)) {
                Some(Ok(watched)) => {
                    self.guarded.insert(watched, pid);
                    // The owner of the directory may have changed before its fifo was watched, and put something else in
                    // the place of the fifo.
                    if inspect::has_misplaced_instance(&directory) || !inspect::is_fifo(&fifo) {
                        to_look.push(pid);
                    }
                }
                Some(Err(error)) if MISSING.iter().any(|&missing| error.is(missing)) => {
                    to_look.push(pid);
                    self.pending.push((pid, attempts.saturating_add(1)));
                    let next = now + if attempts < ATTEMPTS { PAUSE } else { LONG_PAUSE };
                    self.next = Some(self.next.map_or(next, |earlier| earlier.min(next)));
                }
                Some(Err(_)) | None => {}
            }
        }
        to_look
    }
}
