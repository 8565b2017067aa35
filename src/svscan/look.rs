//! svscan's eyes: what is in the scan directory, and being told when that changes.

use super::event::{Completeness, FirstStart, Found, Identity, Logging, Outlook, Role};
use super::holder::{Holders, Supervision};
use super::inspect;
use super::table::Table;
use crate::service::directory::DOWN;
use crate::sys::files::{self, HERE};
use crate::sys::poll::Many;
use crate::sys::watch::{self, Change, Interest, Watch, Watched};
use crate::sys::{Errno, clock, process};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString};
use std::time::{Duration, Instant};

/// The longest name of a directory whose log is looked for.
const LONGEST_LOGGED: usize = 255;

/// How soon to look again at a file that was being written.
const SOON: Duration = Duration::from_millis(2);

/// What svscan knows beyond its table in order to look.
pub struct Look {
    /// What tells of changes, if the system lets us have it.
    watch: Option<Watch>,
    scan_directory: Option<Watched>,
    /// The directories of services that lack something, or may be given a logger later.
    watched: BTreeMap<Identity, Vec<Watched>>,
    boot: String,
    /// The supervises that run already.
    pub holders: Holders,
    /// When to look again because something was being written.
    pub recheck: Option<Instant>,
    /// The next pause before that.
    pause: Duration,
    /// What this look may miss later.
    outlook: Outlook,
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
                    super::run::warn(&[b"unable to watch directory"], error);
                }
                (None, None)
            }
        };
        let boot = process::boot().unwrap_or_else(|error| {
            super::run::warn(&[b"unable to read /proc, so that nothing that runs can be taken over"], error);
            String::new()
        });
        Self {
            // What others do to a directory on another machine is not told here.
            watch: watch.filter(|_| !watch::is_remote(HERE)),
            scan_directory,
            watched: BTreeMap::new(),
            boot,
            holders: Holders::default(),
            recheck: None,
            pause: SOON,
            outlook: Outlook::Told,
        }
    }

    /// What identifies this boot of the machine.
    pub fn boot(&self) -> &str {
        &self.boot
    }

    /// Whether changes have been told of since the last call that make a difference.
    pub fn is_news(&mut self) -> bool {
        let changes = self.watch.as_ref().map(Watch::changes).unwrap_or_default();
        let matters = |change: &Change| match change {
            Change::Everything => true,
            Change::Gone(_) => false,
            // In a service directory, only these names make a difference.
            Change::Name(watched, name) => {
                Some(watched) == self.scan_directory.as_ref() || name == "run" || name == "log"
            }
        };
        let is_news = changes.iter().any(matters);
        if is_news {
            self.pause = SOON;
        }
        is_news
    }

    /// Reads the scan directory, in the order of names.
    pub fn look<P>(&mut self, table: &Table<P>) -> Result<(Vec<Found>, Outlook), Errno> {
        self.recheck = None;
        self.holders.forget();
        let mut names = files::names(HERE)?;
        names.sort_unstable();
        self.outlook = if self.watch.is_some() { Outlook::Told } else { Outlook::Untold };
        let found: Vec<Found> = names.into_iter().filter_map(|name| self.inspect(name, table)).collect();
        self.watch_services(&found);
        Ok((found, self.outlook))
    }

    /// Finds out whether `name` is a service, and what there is to know about it.
    fn inspect<P>(&mut self, name: CString, table: &Table<P>) -> Option<Found> {
        let bytes = name.to_bytes();
        if bytes.starts_with(b".") {
            return None;
        }
        let facts = match files::look(HERE, &name) {
            Ok(Some(facts)) => facts,
            Ok(None) => return self.miss(&[bytes], Errno::from_raw(libc::ENOENT)),
            Err(error) => return self.miss(&[bytes], error),
        };
        if !facts.is_directory {
            return None;
        }
        let identity = facts.identity;
        let known = table.service(identity);
        if known.is_some_and(|service| service.is_logged() && !service.is_awaited()) {
            let (logging, completeness) = (Logging::Logged, Completeness::Complete);
            let (running, first_start) = ([None; 2], FirstStart::Due);
            return Some(Found { name, identity, logging, completeness, running, first_start });
        }
        let logging = if bytes.len() > LONGEST_LOGGED {
            Logging::Unlogged
        } else {
            match inspect::logging(&name) {
                Ok(logging) => logging,
                Err(error) => return self.miss(&[bytes, b"/log"], error),
            }
        };
        let completeness = match known {
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
        Some(Found { name, identity, logging, completeness, running, first_start })
    }

    /// Says what is not there or cannot be seen. Nobody will tell when that changes.
    fn miss(&mut self, path: &[&[u8]], error: Errno) -> Option<Found> {
        self.outlook = Outlook::Untold;
        super::run::warn(&[b"unable to stat ", &path.concat()], error);
        None
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
        // Another directory may be given the number of one that is gone.
        let present: BTreeSet<Identity> = found.iter().map(|found| found.identity).collect();
        self.watched.retain(|identity, watched| {
            let stays = present.contains(identity);
            if !stays {
                watched.drain(..).for_each(|old| watch.remove(old));
            }
            stays
        });
        for found in found {
            let is_awaited = found.completeness == Completeness::Incomplete;
            let identity = found.identity;
            if is_awaited {
                let directories = [found.name.clone(), inspect::below(&found.name, c"log")];
                let watched =
                    directories.iter().filter_map(|path| watch.add(path, Interest::Everything).ok());
                self.watched.insert(identity, watched.collect());
            } else if found.logging == Logging::Unlogged {
                if self.watched.get(&identity).is_none_or(|watched| watched.len() != 1) {
                    self.watched.remove(&identity).into_iter().flatten().for_each(|old| watch.remove(old));
                    match watch.add(&found.name, Interest::Arrivals) {
                        Ok(watched) => drop(self.watched.insert(identity, vec![watched])),
                        Err(_) => self.outlook = Outlook::Untold,
                    }
                    // What came after the look and before the watch is not told.
                    if inspect::logging(&found.name) != Ok(Logging::Unlogged) {
                        self.recheck = Some(clock::monotonic());
                    }
                }
            } else {
                self.watched.remove(&identity).into_iter().flatten().for_each(|old| watch.remove(old));
            }
        }
    }
}
