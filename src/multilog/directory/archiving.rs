//! From a full `current` to an archive, through the processor if there is one.

use super::super::archive::{Archive, Code};
use super::super::current::COMPLETE;
use super::super::place::{CURRENT, NEW_STATE, PREVIOUS, PROCESSED, STATE};
use super::super::processor;
use super::super::step::Source;
use super::super::trouble::Trouble;
use super::{LogDirectory, Outcome};
use crate::sys::signals::Inbox;
use crate::sys::{Result as SysResult, clock, files};
use crate::tai::Stamp;

impl LogDirectory<'_> {
    /// Makes a file an archive. A file with two names was made one already, before a crash.
    pub(super) fn archive(
        &mut self,
        source: Source,
        code: Code,
        again: Option<Archive>,
    ) -> Result<Option<Archive>, Trouble> {
        let place = &self.place;
        if self.unpruned.is_none() {
            let name = match source {
                Source::Current => CURRENT,
                Source::Previous => PREVIOUS,
                Source::Processed => PROCESSED,
            };
            let at = &place.directory;
            let facts = files::look(at, name).map_err(place.file(b"stat ", name))?;
            let Some(facts) = facts else {
                // At the start, before there is a `current`, there may be none of them.
                if self.current.is_some() {
                    place.warn(name, &[b" has vanished"]);
                }
                return Ok(None);
            };
            let stamp = match (again, code) {
                (Some(archive), _) => archive.stamp,
                (None, Code::Unfinished) if source == Source::Previous => self.late_stamp(),
                (None, _) => Stamp::from_unix(clock::wall()),
            };
            let archive = Archive { stamp, code };
            if facts.names == 1 {
                let target = archive.name();
                files::link(at, name, &target).map_err(place.file(b"link to ", &target))?;
                self.made.add(stamp);
            }
            files::remove(at, name).map_err(place.file(b"remove ", name))?;
            self.unpruned = Some(archive);
        }
        self.prune().map_err(self.place.whole(b"read "))?;
        Ok(self.unpruned.take())
    }

    /// The stamp for a `previous` that a crash has left. Archives that waited for the processor then can be
    /// newer than it; where there are some, its last change counts instead of this moment.
    fn late_stamp(&self) -> Stamp {
        let now = Stamp::from_unix(clock::wall());
        let changed = files::modified(&self.place.directory, PREVIOUS).map(Stamp::from_unix).unwrap_or(now);
        let archives = self.place.archives().unwrap_or_default();
        if archives.iter().any(|archive| archive.stamp > changed) { changed } else { now }
    }

    fn prune(&mut self) -> SysResult<()> {
        for archive in self.made.surplus(self.place.archives()?, self.rules.number) {
            files::remove(&self.place.directory, &archive.name())?;
        }
        Ok(())
    }

    pub(super) fn reclaim(&mut self, archive: Archive) -> Result<Option<Archive>, Trouble> {
        let name = archive.name();
        match files::rename(&self.place.directory, &name, PREVIOUS) {
            Ok(()) => {
                self.made.reserve(archive.stamp);
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
            files::open_truncate(&place.directory, STATE).map_err(place.file(b"write to ", STATE))?;
        }
        let command = self.rules.processor.as_deref().unwrap_or_default();
        let child = processor::start(&place.directory, command, signals);
        self.processor = Some(child.map_err(place.whole(b"fork for processor in "))?);
        Ok(Outcome::Done)
    }

    /// Completes what the processor has made. If that was removed, the processor runs again, once: it may be the one that
    /// removes it.
    pub(super) fn finish_processed(&mut self) -> Result<Outcome, Trouble> {
        let place = &self.place;
        let at = &place.directory;
        if !place.has(PROCESSED) && place.has(PREVIOUS) && !self.has_rerun {
            place.warn(PROCESSED, &[b" has vanished, running the processor again"]);
            self.has_rerun = true;
            return Ok(Outcome::Vanished);
        }
        let processed = files::open_append(at, PROCESSED).map_err(place.file(b"create ", PROCESSED))?;
        files::sync(&processed).map_err(place.disk(PROCESSED))?;
        files::set_mode(&processed, COMPLETE).map_err(place.file(b"set mode of ", PROCESSED))?;
        self.has_rerun = false;
        Ok(Outcome::Done)
    }
}
