//! svscan's eyes: what is in the scan directory, and being told when that changes.

use super::event::{Completeness, FirstStart, Found, Logging, Outlook, Snapshot, Stability};
use super::holder::{Holders, Supervision};
use super::inspect;
use super::pauses::PATIENCE;
use super::role::Role;
use super::service::Service;
use super::table::Table;
use crate::file_id::FileId;
use crate::service::names::DOWN;
use crate::sys::files::{self, HERE};
use crate::sys::poll::Many;
use crate::sys::watch::{self, Change, Interest, Watch, Watched};
use crate::sys::{Errno, clock, listing, memory, process};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// The longest name of a directory whose log is looked for.
const LONGEST_LOGGED: usize = 255;

/// How soon to look again at a file that was being written.
const SOON: Duration = Duration::from_millis(2);

/// More than svscan keeps in memory for a service, in bytes, with the longest name.
const MEMORY: usize = 4096;

/// How long a service directory is not watched after a name has come that makes no difference. A service may make files
/// in its directory as fast as it can.
const INATTENTION: Duration = Duration::from_millis(100);

/// What svscan knows beyond its table in order to look.
pub struct Look {
    /// What tells of changes, if the system lets us have it.
    watch: Option<Watch>,
    scan_directory: Option<Watched>,
    /// The directories of services that lack something, or may be given a logger later.
    watched: BTreeMap<FileId, Attention>,
    /// Which directory each watch is for that ends with its first event.
    armed: BTreeMap<Watched, FileId>,
    /// Some of the latter are not watched now, and when they are again.
    inattentive: Option<Instant>,
    /// When to look whether the directories that lack something are services by now, which need less to be watched.
    review: Option<Instant>,
    boot: String,
    /// The supervises that run already.
    pub holders: Holders,
    /// When to look again because something was being written.
    recheck: Option<Instant>,
    /// The next pause before that.
    pause: Duration,
    /// What this look may miss later.
    outlook: Outlook,
    /// Whether something was told since [`Self::is_due`] was asked last that makes a difference.
    news: bool,
    /// Whether something has happened to a name in the scan directory since the last look began.
    changed: bool,
    /// The names at the last look, as a number.
    names: u64,
}

/// How closely the directory of a service is watched.
#[derive(PartialEq, Eq)]
enum Attention {
    /// It lacks something: all that happens in it and in its `log`.
    Close(Vec<Watched>),
    /// It may be given a logger later: the next name that comes; `None` for a while after one has come.
    Loose(Option<Watched>),
}

impl Attention {
    /// Takes note that the next event has come, if that was waited for.
    const fn lapse(&mut self) {
        if let Self::Loose(watched) = self {
            *watched = None;
        }
    }

    /// Does not watch it any more.
    fn end(self, watch: &Watch) {
        match self {
            Self::Close(watched) => watched.into_iter().for_each(|watched| watch.remove(watched)),
            Self::Loose(watched) => watched.into_iter().for_each(|watched| watch.remove(watched)),
        }
    }
}

/// What a name stands for.
enum Sight {
    Service(Found),
    /// Nothing that concerns svscan.
    Other,
    /// It is there, and cannot be examined.
    Unexamined(CString),
    /// It was there when the directory was read, and is not any more.
    Vanished,
}

impl Look {
    /// Begins to watch the scan directory, which is the current one; changes are announced to `ready` as `number`.
    pub fn new(ready: &Many, number: u64) -> Self {
        let watch = || -> Result<(Watch, Watched), Errno> {
            let watch = Watch::new()?;
            let scan_directory = watch.add(c".", Interest::Everything)?;
            ready.add(&watch, number)?;
            Ok((watch, scan_directory))
        };
        let (watch, scan_directory) = match watch() {
            Ok((watch, scan_directory)) => (Some(watch), Some(scan_directory)),
            Err(error) => {
                // A directory that may not be read is reported when it is read.
                if !error.is(libc::EACCES) {
                    super::messages::warn(&[b"unable to watch directory"], error);
                }
                (None, None)
            }
        };
        let boot = process::boot().unwrap_or_else(|error| {
            super::messages::warn(
                &[b"unable to read /proc, so that nothing that runs can be taken over"],
                error,
            );
            String::new()
        });
        Self {
            // What others do to a directory on another machine is not told here.
            watch: watch.filter(|_| !watch::is_remote(HERE)),
            scan_directory,
            watched: BTreeMap::new(),
            armed: BTreeMap::new(),
            inattentive: None,
            review: None,
            boot,
            holders: Holders::default(),
            recheck: None,
            pause: SOON,
            outlook: Outlook::Told,
            news: false,
            changed: false,
            names: 0,
        }
    }

    /// What identifies this boot of the machine.
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// When [`Self::is_due`] is to be asked.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        // What was told during a look is not told again.
        let news = self.news.then_some(now);
        [news, self.recheck, self.review, self.inattentive].into_iter().flatten().min()
    }

    /// Takes note of what has been told since the last call.
    pub fn note_changes(&mut self) {
        let Self { watch: Some(watch), news, changed, watched, armed, inattentive, .. } = self else {
            return;
        };
        let later = || clock::monotonic() + INATTENTION;
        watch.each_change(|change| match change {
            Change::Everything => {
                (*news, *changed) = (true, true);
                // Some of these may have had their event, which was not told.
                armed.clear();
                watched.values_mut().for_each(Attention::lapse);
                inattentive.get_or_insert_with(later);
            }
            Change::Gone(gone) => {
                let of = armed.remove(&gone).and_then(|identity| watched.get_mut(&identity));
                if let Some(attention) = of.filter(|attention| **attention == Attention::Loose(Some(gone))) {
                    attention.lapse();
                    inattentive.get_or_insert_with(later);
                }
            }
            Change::Name(watched, _) if Some(watched) == self.scan_directory => {
                (*news, *changed) = (true, true);
            }
            // In a service directory, only these names make a difference.
            Change::Name(_, name) => *news |= name == "run" || name == "log",
        });
    }

    /// Watches the directories again whose first event has come, if it is time for that.
    pub fn watch_again<P>(&mut self, table: &Table<P>, now: Instant) {
        let Self { watch: Some(watch), watched, armed, inattentive, news, .. } = self else { return };
        if inattentive.take_if(|moment| *moment <= now).is_none() {
            return;
        }
        watched.retain(|identity, attention| {
            let Attention::Loose(watched @ None) = attention else { return true };
            let name = table.service(*identity).map(Service::name);
            let name = name.filter(|name| inspect::identify(name) == Some(*identity));
            *watched = name.and_then(|name| watch.add(name, Interest::NextArrival).ok());
            // What has come before the watch is seen, what comes after it is told.
            let is_unlogged = name.is_some_and(|name| inspect::logging(name) == Ok(Logging::Unlogged));
            // A look at the scan directory shows what has become of this one.
            *news |= watched.is_none() || !is_unlogged;
            armed.extend(watched.map(|watched| (watched, *identity)));
            watched.is_some()
        });
    }

    /// Whether to look again, because of what was told or because something was being written.
    pub fn is_due(&mut self, now: Instant) -> bool {
        if std::mem::take(&mut self.news) {
            self.pause = SOON;
            return true;
        }
        let is_over = |moment: &mut Instant| *moment <= now;
        let over = [self.recheck.take_if(is_over), self.review.take_if(is_over)];
        over.iter().any(Option::is_some)
    }

    /// Reads the scan directory, in the order of names.
    pub fn look<P>(&mut self, table: &Table<P>) -> Result<Snapshot, Errno> {
        self.recheck = None;
        self.holders.forget();
        self.note_changes();
        (self.news, self.changed) = (false, false);
        memory::reserve(0)?;
        let mut names = listing::names(HERE)?;
        names.sort_unstable();
        let (mut found, mut unexamined) = (Vec::new(), Vec::new());
        // Most of those that are not known yet may be services; with each, svscan needs more memory.
        let more = names.len().saturating_sub(table.count());
        memory::reserve(more.saturating_mul(MEMORY))?;
        let is_same = self.is_same(&names);
        self.outlook = if self.watch.is_some() { Outlook::Told } else { Outlook::Untold };
        let mut vanished = false;
        for name in names {
            match self.inspect(name, table) {
                Sight::Service(service) => memory::push(&mut found, service)?,
                Sight::Unexamined(name) => memory::push(&mut unexamined, name)?,
                Sight::Vanished => vanished = true,
                Sight::Other => {}
            }
        }
        let new = found.iter().filter(|found| table.service(found.identity).is_none()).count();
        // While it compares, it needs a little for each.
        memory::reserve(new.saturating_mul(MEMORY).saturating_add(found.len().saturating_mul(64)))?;
        self.watch_services(&found);
        // Reading a directory and renaming in it exclude each other: what was missed for that reason is told by now.
        self.note_changes();
        let is_stable = if self.watch.is_some() { !self.changed } else { is_same };
        let stability = if is_stable && !vanished { Stability::Stable } else { Stability::Changing };
        Ok(Snapshot { found, unexamined, stability, outlook: self.outlook })
    }

    /// Whether these are the names of the last look, too.
    fn is_same(&mut self, names: &[CString]) -> bool {
        let mut hasher = DefaultHasher::new();
        names.hash(&mut hasher);
        let names = hasher.finish();
        std::mem::replace(&mut self.names, names) == names
    }

    /// Finds out whether `name` is a service, and what there is to know about it.
    fn inspect<P>(&mut self, name: CString, table: &Table<P>) -> Sight {
        let bytes = name.to_bytes();
        if bytes.starts_with(b".") {
            return Sight::Other;
        }
        let facts = match files::look(HERE, &name) {
            Ok(Some(facts)) => facts,
            Ok(None) if !files::is_there(HERE, &name) => return Sight::Vanished,
            Ok(None) => {
                self.warn_unexamined(&[bytes], Errno::from_raw(libc::ENOENT));
                return Sight::Unexamined(name);
            }
            Err(error) => {
                self.warn_unexamined(&[bytes], error);
                return Sight::Unexamined(name);
            }
        };
        if !facts.is_directory {
            return Sight::Other;
        }
        let identity = facts.identity;
        let known = table.service(identity);
        if known.is_some_and(|service| service.is_logged() && !service.is_awaited()) {
            let (logging, completeness) = (Logging::Logged, Completeness::Complete);
            let (running, first_start) = ([None; 2], FirstStart::Due);
            return Sight::Service(Found { name, identity, logging, completeness, running, first_start });
        }
        // A service whose log cannot be examined goes on as it was known.
        let mut is_unclear = false;
        let logging = if bytes.len() > LONGEST_LOGGED {
            Logging::Unlogged
        } else {
            match inspect::logging(&name) {
                Ok(logging) => logging,
                Err(error) => {
                    self.warn_unexamined(&[bytes, b"/log"], error);
                    let Some(known) = known else { return Sight::Unexamined(name) };
                    is_unclear = true;
                    if known.is_logged() { Logging::Logged } else { Logging::Unlogged }
                }
            }
        };
        let completeness = match known {
            Some(service) if is_unclear && service.is_awaited() => Completeness::Incomplete,
            Some(service) if !service.is_awaited() && logging == Logging::Unlogged => Completeness::Complete,
            _ => inspect::completeness(&name, logging),
        };
        if completeness == Completeness::Incomplete {
            self.look_again_soon();
        }
        let (running, first_start) = match known {
            Some(_) => ([None; 2], FirstStart::Due),
            None => self.left_behind(&name, logging),
        };
        Sight::Service(Found { name, identity, logging, completeness, running, first_start })
    }

    /// Says what cannot be examined. The kernel does not tell when that changes.
    fn warn_unexamined(&mut self, path: &[&[u8]], error: Errno) {
        self.outlook = Outlook::Untold;
        super::messages::warn(&[b"unable to stat ", &path.concat()], error);
    }

    /// A file that was closed a moment ago still counts as being written.
    fn look_again_soon(&mut self) {
        if self.recheck.is_none() && self.pause < Duration::from_secs(1) {
            self.recheck = Some(clock::monotonic() + self.pause);
            self.pause = self.pause.saturating_mul(2);
        }
    }

    /// The supervises that an earlier svscan has left running, and whether the service is still to be started.
    fn left_behind(&mut self, name: &CStr, logging: Logging) -> ([Option<i32>; 2], FirstStart) {
        let main = self.holders.find(name);
        let log = match logging {
            Logging::Logged => self.holders.find(&inspect::directory(name, Role::Log)),
            Logging::Unlogged => Supervision::Never,
        };
        let has_down = || matches!(files::look(HERE, &inspect::below(name, DOWN)), Ok(Some(_)));
        let is_up = match main {
            Supervision::Never => false,
            Supervision::Ended => inspect::left_behind(name, &self.boot).service.is_some(),
            Supervision::Running(_) => true,
        };
        let first_start = if is_up || has_down() { FirstStart::NotDue } else { FirstStart::Due };
        ([main.pid(), log.pid()], first_start)
    }

    /// Watches the directories in which something may come that matters.
    fn watch_services(&mut self, found: &[Found]) {
        let Some(watch) = &self.watch else { return };
        let is_incomplete = |found: &Found| found.completeness == Completeness::Incomplete;
        self.review = found.iter().any(is_incomplete).then(|| clock::monotonic() + PATIENCE);
        // Another directory may be given the number of one that is gone.
        let present: BTreeSet<FileId> = found.iter().map(|found| found.identity).collect();
        self.watched.retain(|identity, attention| {
            let stays = present.contains(identity);
            if !stays {
                std::mem::replace(attention, Attention::Loose(None)).end(watch);
            }
            stays
        });
        for found in found {
            let is_awaited = is_incomplete(found);
            let identity = found.identity;
            if is_awaited {
                let directories = [found.name.clone(), inspect::below(&found.name, c"log")];
                let watched =
                    directories.iter().filter_map(|path| watch.add(path, Interest::Everything).ok());
                self.watched.insert(identity, Attention::Close(watched.collect()));
            } else if found.logging == Logging::Unlogged {
                if !matches!(self.watched.get(&identity), Some(Attention::Loose(_))) {
                    self.watched.remove(&identity).into_iter().for_each(|attention| attention.end(watch));
                    match watch.add(&found.name, Interest::NextArrival) {
                        Ok(watched) => {
                            self.watched.insert(identity, Attention::Loose(Some(watched)));
                            self.armed.insert(watched, identity);
                        }
                        Err(_) => self.outlook = Outlook::Untold,
                    }
                    // What came after the look and before the watch is not told.
                    if inspect::logging(&found.name) != Ok(Logging::Unlogged) {
                        self.recheck = Some(clock::monotonic());
                    }
                }
            } else {
                self.watched.remove(&identity).into_iter().for_each(|attention| attention.end(watch));
            }
        }
    }
}
