//! What supervise writes down for others: at the end of a turn, when it waits again, or when somebody is started who may
//! read it. So whatever happens in one turn costs one write.

use super::event::Ending;
use super::facts::{self, Trouble};
use super::run::warn;
use crate::service::instance::Instance;
use crate::service::status::Status;
use crate::sys::clock;
use crate::sys::files::{self, HERE};
use crate::tai::Stamp;
use std::ffi::CStr;
use std::fs::File;

/// The files of one supervise.
#[derive(Debug)]
pub struct Records<'a> {
    /// The service directory, as it was given; we are in it.
    name: &'a CStr,
    /// The file in which our instance is.
    instance: Option<File>,
    /// How and when the service has ended, if that is not written down yet.
    end: Option<(Ending, Stamp)>,
    /// The status, if that is not written down yet.
    status: Option<Status>,
    /// The status that a new process of the service has written down itself.
    introduced: Option<Status>,
    /// The file `ready` is there.
    is_ready: bool,
}

impl<'a> Records<'a> {
    /// Nothing is written yet. Returns what an earlier supervise has said of its instance, too.
    pub fn new(name: &'a CStr) -> (Self, Option<Instance>) {
        let opened = facts::open_instance();
        let left = opened.as_ref().ok().and_then(facts::read_instance);
        let mut records =
            Self { name, instance: None, end: None, status: None, introduced: None, is_ready: false };
        match opened {
            Ok(file) => records.instance = Some(file),
            Err(trouble) => records.warn(trouble, "instance"),
        }
        (records, left)
    }

    /// Whether the service has said that it is ready.
    pub const fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Keeps what an earlier supervise has written about the service that runs.
    pub fn keep(&mut self) {
        self.is_ready = matches!(files::look(HERE, crate::service::directory::READY), Ok(Some(_)));
    }

    /// Removes what an earlier supervise has written about a service that does not run any more.
    pub fn clear(&self) {
        facts::remove_ready();
        facts::remove_finishing();
    }

    /// The status is to be written, unless a new process of the service has done that.
    pub fn publish(&mut self, status: Status) {
        let introduced = self.introduced.take();
        self.status = Some(status).filter(|_| introduced != Some(status));
    }

    /// In a new process of the service: writes at once how the last one was, and that this one is up.
    pub fn introduce(&mut self, status: Status) {
        self.status = Some(status);
        self.flush();
        self.introduced = Some(status);
    }

    /// The service has ended.
    pub fn end(&mut self, how: Ending) {
        self.end = Some((how, Stamp::from_unix(clock::wall())));
        if self.is_ready {
            self.is_ready = false;
            facts::remove_ready();
        }
    }

    /// The service is ready.
    pub fn ready(&mut self) {
        self.is_ready = true;
        self.check(facts::write_ready(Stamp::from_unix(clock::wall())), "ready.new");
    }

    /// Something goes on about the last run.
    pub fn finishing(&self) {
        self.check(facts::write_finishing(), "finishing");
    }

    /// Nothing goes on any more.
    pub fn finished(&self) {
        facts::remove_finishing();
    }

    /// Writes the instance, at once.
    pub fn identify(&self, instance: &Instance) {
        if let Some(file) = &self.instance {
            self.check(facts::write_instance(file, instance), "instance");
        }
    }

    /// Writes what is not written yet: first how it was, then how it is.
    pub fn flush(&mut self) {
        if let Some((how, when)) = self.end.take() {
            self.check(facts::write_last_exit(how, when), "last-exit.new");
        }
        if let Some(status) = self.status.take() {
            self.check(facts::write_status(&status), "status.new");
        }
    }

    /// Warns if something could not be written down. That (a full disk, say) is no reason to stop supervising; the next
    /// change tries again.
    fn check(&self, written: Result<(), Trouble>, file: &str) {
        if let Err(trouble) = written {
            self.warn(trouble, file);
        }
    }

    fn warn(&self, (verb, rest): Trouble, file: &str) {
        let path = [self.name.to_bytes(), b"/supervise/", file.as_bytes()].concat();
        warn(&[b"unable to ", verb.as_bytes(), b" ", &path, rest.as_bytes()]);
    }
}
