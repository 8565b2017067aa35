//! How a supervise begins: where an earlier one has left off, or anew.

use super::event::{Actions, Event, Task};
use super::facts;
use super::machine::Machine;
use super::perform::now;
use super::records::Records;
use super::sending::as_pid;
use super::settings::Settings;
use super::settings_files::SettingsFiles;
use super::state_directory::StateDirectory;
use super::takeover::{Left, Search};
use crate::exit::Exit;
use crate::service::control::Command;
use crate::service::instance::Instance;
use crate::service::sentence::HasDown;
use crate::service::status::{Status, Want};
use crate::sys::files::{self, HERE};
use crate::sys::process::Handle;
use crate::sys::{pipes, process};
use std::ffi::CStr;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// What a supervise begins with.
#[derive(Debug)]
pub struct Beginning<'a> {
    /// What it decides with.
    pub machine: Machine,
    /// What is to be done first.
    pub first: Actions,
    /// What it says of itself.
    pub instance: Instance,
    /// Where it says what it knows.
    pub records: Records<'a>,
    /// The settings of the service.
    pub settings: SettingsFiles,
    /// The service, or `finish`, if an earlier supervise has left it running.
    pub adopted: Option<Handle>,
    /// Where such a service is going to tell that it is ready.
    pub readiness: Option<OwnedFd>,
    /// When the last run of the service had ended, in ticks since the start of the machine.
    pub ended: u64,
}

impl<'a> Beginning<'a> {
    /// Where an earlier supervise of the service directory `name`, which is the current one, has left off, if one has
    /// ended without being told to; else anew.
    pub fn find(name: &'a CStr, directory: StateDirectory, (has_down, task): (HasDown, Task)) -> Self {
        let delay = match task {
            Task::Run(delay) => delay,
            Task::Stop => Duration::ZERO,
        };
        let mut instance = Instance {
            boot: process::boot().unwrap_or_default(),
            directory: files::look(HERE, c".").ok().flatten().map(|facts| facts.identity),
            input: pipes::inode(files::input()),
            output: pipes::inode(files::output()),
            supervise: facts::myself(),
            ..Instance::default()
        };
        let (mut records, left) = Records::new(name, directory, instance.directory);
        let mut settings = SettingsFiles::default();
        let has_said_nothing = left.is_none();
        let left = left.filter(|left| left.is_about(&instance.boot, instance.directory));
        instance.starts = left.as_ref().map_or(0, |left| left.starts);
        instance.exiting = left.as_ref().is_some_and(|left| left.exiting);
        let search = Search { name, directory: records.directory().files(), now: now().stamp };
        let found = match &left {
            Some(left) => search.by_instance(left),
            None if has_said_nothing && records.were_untouched() => search.by_status(),
            None => Left::Nothing,
        };
        // One that only ends things is told so later; what comes after an end must not be a start.
        let as_wanted = |status: Status| match task {
            Task::Run(_) => status,
            Task::Stop => Status { want: Want::Down, ..status },
        };
        let (mut adopted, mut readiness, mut ended) = (None, None, process::ticks());
        let (machine, first) = match found {
            Left::Service(handle, service, status) => {
                records.keep();
                instance.service = Some(service);
                adopted = Some(handle);
                let settings = settings.load(name);
                if let Some(number) = settings.notification.filter(|_| !records.is_ready()) {
                    instance.readiness = left.and_then(|left| left.readiness);
                    readiness = instance.readiness.and_then(|inode| pipes::find(number, inode));
                }
                Machine::adopt(status, settings, now())
            }
            Left::Ended(status) => {
                records.clear();
                // Its number may be another's by now: nobody can tell any more what it has left behind.
                let settings = Settings { end_leftovers: false, ..settings.load(name) };
                let (mut machine, _) = Machine::adopt(as_wanted(status), settings, now());
                machine.put_off(delay, now());
                if instance.exiting {
                    machine.handle(Event::Command(Command::Exit), now());
                }
                let first = machine.handle(Event::Ended(Exit::Unknown), now());
                (machine, first)
            }
            Left::Ending(end, status) => {
                ended = process::ticks_at(end.at.since_1970());
                let (mut machine, mut first) = Machine::adopt(as_wanted(status), settings.load(name), now());
                machine.put_off(delay, now());
                if instance.exiting {
                    machine.handle(Event::Command(Command::Exit), now());
                }
                let resumed = machine.resume_end((end.pid, end.how), now());
                resumed.into_iter().for_each(|action| first.push(action));
                (machine, first)
            }
            Left::Finishing(handle, finish, status) => {
                instance.finish = Some(finish);
                adopted = Some(handle);
                let (mut machine, first) = Machine::adopt(status, settings.load(name), now());
                machine.put_off(delay, now());
                if let Some(pid) = as_pid(finish.pid) {
                    machine.handle(Event::Finishing(pid), now());
                }
                (machine, first)
            }
            Left::Nothing => {
                records.clear();
                // What the administrator wanted of the earlier one holds.
                let has_down = match left.and_then(|_| facts::read_status(records.directory().files())) {
                    _ if task == Task::Stop || instance.exiting => HasDown::Yes,
                    Some(status) if status.want == Want::Up => HasDown::No,
                    Some(_) => HasDown::Yes,
                    None => has_down,
                };
                Machine::new(has_down, delay, now())
            }
        };
        Self { machine, first, instance, records, settings, adopted, readiness, ended }
    }
}
