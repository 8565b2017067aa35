//! What is done when `current` or the directory is not in its place any more.

use super::super::archive::ArchiveOrder;
use super::super::current::{COMPLETE, Copied, Current};
use super::super::place::{CURRENT, NEW_STATE, PREVIOUS, PROCESSED, Place, STATE};
use super::super::step::Sighting;
use super::super::trouble::{Trouble, warn};
use super::{LogDirectory, Outcome};
use crate::signal::Signal;
use crate::sys::files::{self, HERE};
use crate::sys::process;

impl LogDirectory<'_> {
    pub(super) fn inspect(&mut self) -> Result<Sighting, Trouble> {
        if self.is_suspicious {
            self.place.clear_the_way(&[CURRENT, PREVIOUS, PROCESSED, STATE, NEW_STATE]);
        }
        let sighting = self.place.inspect(self.current.as_mut());
        if self.rotation.is_closing() { Ok(sighting.unwrap_or(Sighting::Intact(None))) } else { sighting }
    }

    /// Opens `current` again. As long as that is not possible, the file that had the name goes on being used if it has
    /// another one.
    pub(super) fn restore(&mut self) -> Result<Outcome, Trouble> {
        let before = files::look(&self.place.directory, CURRENT).ok().flatten();
        let current = match self.place.renew_current(b"create ") {
            Ok(current) => current,
            Err(trouble) => return self.stay(trouble),
        };
        let identity = current.identity;
        if let Some(old) = self.current.replace(current).filter(|old| old.identity != identity) {
            match before {
                None => self.place.warn(CURRENT, &[b" has vanished, making it again"]),
                Some(file) if file.identity == identity => {
                    self.place.warn(CURRENT, &[b" was replaced, using the new one"]);
                }
                // It was put aside.
                Some(_) => {}
            }
            self.leave(old);
        }
        self.copy_remainders()?;
        self.staying = None;
        let size = self.current.as_ref().map_or(Ok(0), Current::size);
        Ok(Outcome::Restored(size.map_err(self.place.file(b"stat ", CURRENT))?))
    }

    /// Opens the directory that has the name now. As long as that is not possible, the one that had it goes on being used
    /// if its `current` has a name.
    pub(super) fn reopen(&mut self) -> Result<Outcome, Trouble> {
        let how: &[u8] = match files::look(HERE, &self.rules.path) {
            Ok(Some(_)) => b" was replaced, using the new one",
            _ => b" has vanished, making it again",
        };
        let (place, found) = match Place::open(&self.rules.path) {
            Ok(opened) => opened,
            Err(trouble) => return self.stay(trouble),
        };
        warn(&[b"directory ", self.rules.path.to_bytes(), how]);
        if let Some(pid) = self.processor.take() {
            process::send(pid, Signal::TERM);
        }
        if let Some(old) = self.current.take() {
            // Nothing more will be written there.
            if !self.rotation.is_processing() && files::sync(&old.file).is_ok() {
                let _ = files::set_mode(&old.file, COMPLETE);
            }
            self.leave(old);
        }
        self.place = place;
        (self.order, self.staying) = (ArchiveOrder::default(), None);
        Ok(Outcome::Reopened(found))
    }

    /// Keeps what was written to a file since it was seen in its place, if nobody else can find it.
    fn leave(&mut self, old: Current) {
        if !old.has_name() {
            self.remainders.push(old.unconfirmed());
        }
    }

    fn stay(&mut self, trouble: Trouble) -> Result<Outcome, Trouble> {
        if !self.current.as_ref().is_some_and(Current::has_name) {
            return Err(trouble);
        }
        if self.staying.as_ref() != Some(&trouble) {
            warn(&[&trouble.what, b", using it where it is: ", trouble.error.bytes()]);
            self.staying = Some(trouble);
        }
        Ok(Outcome::Stayed)
    }

    fn copy_remainders(&mut self) -> Result<(), Trouble> {
        while let (Some(remainder), Some(current)) = (self.remainders.first_mut(), &self.current) {
            if let Copied::Unreadable(error) =
                remainder.copy_to(&current.file).map_err(self.place.file(b"write to ", CURRENT))?
            {
                self.place.warn(CURRENT, &[b": what was removed cannot be read: ", error.bytes()]);
            }
            self.remainders.remove(0);
        }
        Ok(())
    }
}
