//! From a full `current` to an archive, through the processor if there is one.

use super::super::archive::{Archive, Code, recovered_stamp};
use super::super::current::COMPLETE;
use super::super::place::{CURRENT, NEW_STATE, PREVIOUS, PROCESSED, STATE};
use super::super::processor;
use super::super::step::{Naming, Source};
use super::super::trouble::Trouble;
use super::{LogDirectory, Outcome, source_name};
use crate::sys::signals::Inbox;
use crate::sys::{Errno, clock, files};
use crate::tai::Stamp;
use std::ffi::CStr;

/// What a crash has left under one of the names.
enum Recovered {
    Nothing,
    /// It is this archive already, under a second name.
    Archive(Archive),
    /// It is to be the archive of this stamp.
    Unnamed(Stamp),
}

impl LogDirectory<'_> {
    /// Renames `current` to `previous`. Its time of change tells a start after a crash which archive it was to be.
    pub(super) fn move_away(&mut self) -> Result<Option<Archive>, Trouble> {
        let stamp = self.order.choose(Stamp::from_unix(clock::wall()));
        self.mark(stamp);
        files::rename(&self.place.directory, CURRENT, PREVIOUS)
            .map_err(self.place.whole(b"rename current to previous in directory "))?;
        self.current = None;
        self.order.reserve(stamp);
        Ok(Some(Archive { stamp, code: Code::Safe }))
    }

    /// Notes the stamp of `current`. If that fails, the file was changed about then anyway.
    fn mark(&self, stamp: Stamp) {
        let _ = self.on_current(|current| files::set_modified(current, stamp.to_time()));
    }

    /// Gives a file the name of an archive. `None` if the file is not there.
    pub(super) fn archive(
        &mut self,
        (source, code): (Source, Code),
        naming: Naming,
    ) -> Result<Option<Archive>, Trouble> {
        let name = source_name(source);
        let now = Stamp::from_unix(clock::wall());
        let stamp = match naming {
            Naming::Chosen(archive) => archive.stamp,
            Naming::Now => {
                let stamp = self.order.choose(now);
                self.mark(stamp);
                stamp
            }
            Naming::Recovered => match self.recover(source)? {
                Recovered::Nothing => return Ok(None),
                Recovered::Archive(archive) => return Ok(Some(archive)),
                Recovered::Unnamed(stamp) => self.order.choose(stamp),
            },
        };
        let archive = self.link(name, Archive { stamp, code })?;
        if let Some(archive) = archive {
            self.order.add(archive.stamp);
        } else {
            self.place.warn(name, &[b" has vanished"]);
        }
        Ok(archive)
    }

    /// Links a file to the archive or, if other files have that name, to the next one that is free.
    fn link(&self, name: &CStr, mut archive: Archive) -> Result<Option<Archive>, Trouble> {
        loop {
            let target = archive.name();
            match files::link(&self.place.directory, name, &target) {
                Ok(()) => return Ok(Some(archive)),
                Err(error) if error.is(libc::ENOENT) && !self.place.has(name) => return Ok(None),
                Err(error) if error.is(libc::EEXIST) => {
                    if self.place.is_same(name, &target) {
                        return Ok(Some(archive));
                    }
                    archive.stamp = self.order.choose(archive.stamp.next());
                }
                Err(error) => return Err(self.place.file(b"link to ", &target)(error)),
            }
        }
    }

    /// What is known of a file that a crash has left. It may be an archive already, and have names elsewhere.
    fn recover(&self, source: Source) -> Result<Recovered, Trouble> {
        let (place, name) = (&self.place, source_name(source));
        let facts = files::look(&place.directory, name).map_err(place.file(b"stat ", name))?;
        let Some(facts) = facts else { return Ok(Recovered::Nothing) };
        let archives = place.archives().map_err(place.whole(b"read "))?;
        let is_same = |archive: &&Archive| facts.names > 1 && place.is_same(name, &archive.name());
        if let Some(archive) = archives.iter().find(is_same) {
            return Ok(Recovered::Archive(*archive));
        }
        let now = Stamp::from_unix(clock::wall());
        let changed = files::modified(&place.directory, name).map_err(place.file(b"stat ", name))?;
        Ok(Recovered::Unnamed(match source {
            Source::Current => now,
            Source::Previous | Source::Processed => {
                recovered_stamp(Stamp::from_time(changed), now, &archives)
            }
        }))
    }

    /// Removes as many of the oldest archives as are too many. One that cannot be removed keeps none of the others.
    pub(super) fn prune(&mut self) -> Result<(), Trouble> {
        let archives = self.place.archives().map_err(self.place.whole(b"read "))?;
        let surplus = self.order.surplus(&archives, self.rules.number);
        let surplus = surplus.map_err(|_| self.place.whole(b"read ")(Errno::from_raw(libc::ENOMEM)))?;
        let mut result = Ok(());
        for archive in surplus {
            let name = archive.name();
            let removed = files::remove(&self.place.directory, &name);
            result = result.and(removed.map_err(self.place.file(b"remove ", &name)));
        }
        result
    }

    pub(super) fn reclaim(&mut self, archive: Archive) -> Result<Option<Archive>, Trouble> {
        let name = archive.name();
        match files::rename(&self.place.directory, &name, PREVIOUS) {
            Ok(()) => {
                self.order.reserve(archive.stamp);
                Ok(Some(archive))
            }
            Err(error) if error.is(libc::ENOENT) => Ok(None),
            Err(error) => {
                let what = [b"rename ", name.to_bytes(), b" to previous in directory "].concat();
                Err(self.place.whole(&what)(error))
            }
        }
    }

    pub(super) fn process(&mut self, signals: &Inbox) -> Result<Outcome, Trouble> {
        let place = &self.place;
        place.clear_the_way(&[PREVIOUS, PROCESSED, STATE, NEW_STATE]);
        if !place.has(PREVIOUS) {
            place.warn(PREVIOUS, &[b" has vanished"]);
            return Ok(Outcome::Vanished);
        }
        if !place.has(STATE) {
            place.directory.truncate(STATE).map_err(place.file(b"write to ", STATE))?;
        }
        let command = self.rules.processor.as_deref().unwrap_or_default();
        let child = processor::start(&place.directory, command, signals);
        self.processor = Some(child.map_err(place.whole(b"fork for processor in "))?);
        Ok(Outcome::Done)
    }

    /// Completes what the processor has made. If that was removed, the processor runs again, once: it may be the one that
    /// removes it.
    pub(super) fn finish_processed(&mut self, archive: Option<Archive>) -> Result<Outcome, Trouble> {
        let place = &self.place;
        let at = &place.directory;
        if !place.has(PROCESSED) && place.has(PREVIOUS) && !self.has_rerun {
            place.warn(PROCESSED, &[b" has vanished, running the processor again"]);
            self.has_rerun = true;
            return Ok(Outcome::Vanished);
        }
        let processed = at.append(PROCESSED).map_err(place.file(b"create ", PROCESSED))?;
        files::sync(&processed).map_err(place.disk(PROCESSED))?;
        if let Some(archive) = archive {
            // A start after a crash learns from this which archive it was to be.
            let _ = files::set_modified(&processed, archive.stamp.to_time());
        }
        files::set_mode(&processed, COMPLETE).map_err(place.file(b"set mode of ", PROCESSED))?;
        self.has_rerun = false;
        Ok(Outcome::Done)
    }
}
