//! What supervise writes down for others: at the end of a turn, when it waits again, or when a program is started that may
//! read it. So all that happens in one turn costs one write.
//!
//! A record that could not be written stays due: it is tried again at the end of each turn, and every few seconds.

use super::facts::{self, Trouble};
use super::messages::{warn, warn_verbatim};
use super::state_directory::StateDirectory;
use crate::exit::Exit;
use crate::file_id::FileId;
use crate::service::instance::Instance;
use crate::service::instance_file::Location;
use crate::service::last_exit::{Failures, LastExit};
use crate::service::names::{FINISHING, LAST_EXIT_NEW, READY_NEW, STATUS_NEW};
use crate::service::status::Status;
use crate::sys::{clock, files};
use crate::tai::Stamp;
use std::ffi::CStr;
use std::fs::File;
use std::time::{Duration, Instant};

/// From an attempt to write a record that failed to the next, if nothing happens before.
const RETRY: Duration = Duration::from_secs(4);

/// The files of one supervise.
#[derive(Debug)]
pub struct Records<'a> {
    /// The service directory, as it was given; we are in it.
    name: &'a CStr,
    directory: StateDirectory,
    status: Record<Status>,
    last_exit: Record<LastExit>,
    /// Since when the service is ready, if it is.
    ready: Record<Option<Stamp>>,
    /// Whether something still goes on about the last run.
    finishing: Record<bool>,
    instance: Record<Instance>,
    /// Device and inode of the service directory.
    identity: Option<FileId>,
    /// The owner and the mode of `supervise/` had not changed since the last record was written, when this supervise began.
    is_untouched: bool,
    /// Where the instance is written.
    location: Location,
    instance_file: Option<File>,
    /// The status that a new process of the service has written down itself.
    introduced: Option<Status>,
    /// When to try again what could not be written.
    retry: Option<Instant>,
    /// The directory was found to be gone.
    is_lost: bool,
}

/// What a file is to say.
#[derive(Debug)]
struct Record<T> {
    value: Option<T>,
    /// The file does not say so yet.
    is_due: bool,
    /// Why not, if that was tried and reported.
    trouble: Option<Trouble>,
}

/// What a new process has written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written {
    instance: bool,
    finishing: bool,
    ready: bool,
    last_exit: bool,
    status: bool,
}

impl<T> Record<T> {
    const fn new() -> Self {
        Self { value: None, is_due: false, trouble: None }
    }

    fn set(&mut self, value: T) {
        self.value = Some(value);
        self.is_due = true;
    }

    /// Writes it, if it is due. Warns of trouble that is new, with the path of the file; says whether the directory is gone.
    fn write(&mut self, path: impl Fn() -> Vec<u8>, write: impl FnOnce(&T) -> Result<(), Trouble>) -> bool {
        let Some(value) = self.value.as_ref().filter(|_| self.is_due) else { return false };
        let trouble = write(value).err();
        self.is_due = trouble.as_ref().is_some_and(|trouble| !trouble.is_written());
        self.report(path, trouble)
    }

    /// Writes it, if it is due, and returns whether that was done.
    fn try_write(&self, write: impl FnOnce(&T) -> Result<(), Trouble>) -> bool {
        self.value.as_ref().filter(|_| self.is_due).is_some_and(|value| write(value).is_ok())
    }

    /// Takes note that it was written by another process, or that that was not possible.
    fn note_written(&mut self, is_written: bool) {
        if is_written {
            self.is_due = false;
            self.trouble = None;
        }
    }

    fn report(&mut self, path: impl Fn() -> Vec<u8>, trouble: Option<Trouble>) -> bool {
        let is_news = trouble != self.trouble;
        self.trouble = trouble;
        let Some(trouble) = &self.trouble else { return false };
        if is_news {
            warn_verbatim(&[&trouble.sentence(&path())]);
        }
        trouble.is_directory_lost()
    }
}

impl<'a> Records<'a> {
    /// Nothing is written yet. Returns what an earlier supervise has said of its instance, too, if it is trusted.
    pub fn new(
        name: &'a CStr,
        directory: StateDirectory,
        identity: Option<FileId>,
    ) -> (Self, Option<Instance>) {
        let location = Location::prepare(directory.files(), identity);
        let is_as_written = files::look_open(directory.files()).is_ok_and(|facts| facts.is_as_written);
        let mut records = Self {
            name,
            is_untouched: matches!(location, Location::Own) && is_as_written,
            location,
            directory,
            status: Record::new(),
            last_exit: Record::new(),
            ready: Record::new(),
            finishing: Record::new(),
            instance: Record::new(),
            identity,
            instance_file: None,
            introduced: None,
            retry: None,
            is_lost: false,
        };
        let left = identity.and_then(|_| records.location.read_trusted(records.directory.files()));
        records.open_instance();
        if matches!(records.location, Location::Store(..)) {
            Location::Own.remove(records.directory.files());
        }
        (records, left)
    }

    fn open_instance(&mut self) {
        match self.location.open(self.directory.files()) {
            Ok(file) => self.instance_file = Some(file),
            Err(error) => {
                let trouble = Trouble::new("open", Some(error));
                self.is_lost |= self.instance.report(|| self.location.path(self.name), Some(trouble));
            }
        }
    }

    /// Moves the instance record to the store, if `supervise/` was given to another account.
    pub fn relocate_instance(&mut self) {
        if self.location.is_settled(self.directory.files()) {
            return;
        }
        let location = Location::prepare(self.directory.files(), self.identity);
        if !location.is_like(&self.location) {
            let before = std::mem::replace(&mut self.location, location);
            self.instance_file = None;
            self.instance.is_due = self.instance.value.is_some();
            self.flush_instance();
            before.remove(self.directory.files());
        }
    }

    /// Whether the records that were found have been written in this directory as it is now: root may have taken it from
    /// another account since, with forgeries in it.
    pub const fn were_untouched(&self) -> bool {
        self.is_untouched
    }

    /// The directory in which they are.
    pub const fn directory(&self) -> &StateDirectory {
        &self.directory
    }

    /// The same, to open what is to be open in it.
    pub const fn directory_mut(&mut self) -> &mut StateDirectory {
        &mut self.directory
    }

    /// Whether the service has said that it is ready.
    pub fn is_ready(&self) -> bool {
        self.ready.value.flatten().is_some()
    }

    /// When to write again what could not be written.
    pub const fn retry(&self) -> Option<Instant> {
        self.retry
    }

    /// Keeps what an earlier supervise has written about the service that runs.
    pub fn keep(&mut self) {
        self.ready.value = Some(facts::read_ready(self.directory.files()));
    }

    /// Removes what an earlier supervise has written about a service that does not run any more.
    pub fn clear(&mut self) {
        self.ready.set(None);
        self.finishing.set(false);
        self.flush();
    }

    /// The status is to be written, unless a new process of the service has done that.
    pub fn publish(&mut self, status: Status) {
        let introduced = self.introduced.take();
        self.status.value = Some(status);
        self.status.is_due |= introduced != Some(status);
    }

    /// Opens what [`Self::introduce`] writes to: a file that a new process opens is not open in supervise.
    pub fn prepare(&mut self) {
        if self.instance_file.is_none() {
            self.open_instance();
        }
    }

    /// In a new process: writes the instance at once, and if it is the service, how the last one was and that this one is
    /// up. Returns what supervise is to be told with [`Self::introduced`].
    pub fn introduce(&self, instance: &Instance, up: Option<Status>) -> Written {
        let at = self.directory.files();
        let is_written =
            self.instance_file.as_ref().map(|file| facts::write_instance(file, instance).is_ok());
        let instance = is_written.unwrap_or(false);
        let Some(status) = up else { return Written { instance, ..Written::default() } };
        Written {
            instance,
            finishing: self.finishing.try_write(|&is_finishing| facts::write_finishing(at, is_finishing)),
            ready: self.ready.try_write(|&since| facts::write_ready(at, since)),
            last_exit: self.last_exit.try_write(|last| facts::write_last_exit(at, last)),
            status: facts::write_status(at, &status).is_ok(),
        }
    }

    /// A new process has introduced itself; what it could not write is due.
    pub fn introduced(&mut self, instance: &Instance, up: Option<Status>, written: Written) {
        self.instance.set(instance.clone());
        self.instance.note_written(written.instance);
        self.finishing.note_written(written.finishing);
        self.ready.note_written(written.ready);
        self.last_exit.note_written(written.last_exit);
        if let Some(status) = up {
            self.status.set(status);
            self.status.note_written(written.status);
            self.introduced = Some(status);
        }
    }

    /// The service has ended.
    pub fn end(&mut self, how: Exit, failures: Option<Failures>) {
        let at = Stamp::from_unix(clock::wall());
        self.last_exit.set(LastExit { at, how, failures });
        if self.is_ready() {
            self.ready.set(None);
        }
    }

    /// The service is ready.
    pub fn ready(&mut self) {
        self.ready.set(Some(Stamp::from_unix(clock::wall())));
    }

    /// Something goes on about the last run, or nothing any more.
    pub fn finishing(&mut self, is_finishing: bool) {
        self.finishing.set(is_finishing);
    }

    /// Writes the instance, at once.
    pub fn identify(&mut self, instance: &Instance) {
        self.instance.set(instance.clone());
        self.flush_instance();
    }

    /// There is no supervise any more.
    pub fn remove_instance(&self) {
        self.location.remove(self.directory.files());
    }

    /// Writes what is not written yet: first how it was, then how it is.
    pub fn flush(&mut self) {
        if !self.is_due() {
            self.retry = None;
            return;
        }
        if self.instance.is_due {
            self.flush_instance();
        }
        let (name, at) = (self.name, self.directory.files());
        let path = |file: &'static CStr| move || [name.to_bytes(), b"/", file.to_bytes()].concat();
        let lost = [
            self.finishing.write(path(FINISHING), |&is_finishing| facts::write_finishing(at, is_finishing)),
            self.ready.write(path(READY_NEW), |&since| facts::write_ready(at, since)),
            self.last_exit.write(path(LAST_EXIT_NEW), |last| facts::write_last_exit(at, last)),
            self.status.write(path(STATUS_NEW), |status| facts::write_status(at, status)),
        ];
        self.is_lost |= lost.contains(&true);
        self.retry = self.is_due().then(|| clock::monotonic() + RETRY);
    }

    fn flush_instance(&mut self) {
        self.prepare();
        if let Some(file) = &self.instance_file {
            let path = || self.location.path(self.name);
            self.instance.write(path, |instance| facts::write_instance(file, instance));
        }
    }

    fn is_due(&self) -> bool {
        let Self { status, last_exit, ready, finishing, instance, .. } = self;
        [status.is_due, last_exit.is_due, ready.is_due, finishing.is_due, instance.is_due].contains(&true)
    }

    /// Whether a record could not be written because its directory is gone.
    pub const fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// Makes the directory again, with all that is in it. What stands in the way is tried again later.
    pub fn restore(&mut self) {
        self.is_lost = !self.directory.restore(self.name);
        if self.is_lost {
            self.retry = Some(clock::monotonic() + RETRY);
            return;
        }
        warn(&[self.name.to_bytes(), b"/supervise was removed or replaced, and is made again"]);
        self.location = Location::prepare(self.directory.files(), self.identity);
        self.instance_file = None;
        let Self { status, last_exit, ready, finishing, instance, .. } = self;
        status.is_due = status.value.is_some();
        last_exit.is_due = last_exit.value.is_some();
        ready.is_due = ready.value.is_some();
        finishing.is_due = finishing.value.is_some();
        instance.is_due = instance.value.is_some();
        self.flush();
    }
}
