//! Reads the files of [`super::settings`] whenever they are about to make a difference.

use super::messages::warn;
use super::scripts::Memory;
use super::settings::{LONGEST, Setting, Settings};
use crate::service::names::{END_LEFTOVERS, FINISH, NOTIFY};
use crate::sys::clock;
use crate::sys::files::{self, HERE};
use crate::sys::peek::{self, Refusal};
use crate::sys::remote;
use std::ffi::CStr;
use std::time::Duration;

/// How coarse the stamps of files may be.
const RECENT: Duration = Duration::from_secs(2);

/// The settings as they were read last.
#[derive(Debug, Default)]
pub struct SettingsFiles {
    /// When the service directory was changed last, if it had no such file then: they need not be looked for
    /// until it is changed again.
    without: Option<Duration>,
    /// What they said, as long as that is good enough.
    loaded: Option<Settings>,
    /// When the service directory was changed last before its files were read, as far as that is known.
    changed: Option<Duration>,
    /// The memory that processes of the service begin with, found out when the directory was changed last then.
    memory: Option<(Option<Duration>, Memory)>,
    /// What was wrong with each file when it was read last.
    complaints: [Option<Vec<u8>>; Setting::ALL.len()],
}

impl SettingsFiles {
    /// The settings of the service `name`, whose directory is the current one. What makes no sense is ignored, and reported
    /// when it is new.
    pub fn load(&mut self, name: &CStr) -> Settings {
        if let Some(loaded) = self.loaded {
            return loaded;
        }
        let settings = self.read(name);
        self.loaded = Some(settings);
        settings
    }

    /// Has the files read again, because some time has passed.
    pub const fn forget(&mut self) {
        self.loaded = None;
    }

    /// The memory that processes of the service begin with. supervise does not wait for a file system that may not answer.
    pub fn memory(&mut self) -> Memory {
        let known = self.memory.filter(|(changed, _)| *changed == self.changed);
        let (_, memory) = known.unwrap_or_else(|| {
            (self.changed, if remote::has(c"./run") { Memory::Copied } else { Memory::Shared })
        });
        self.memory = Some((self.changed, memory));
        memory
    }

    /// Reads the files, unless it is known that there are none.
    fn read(&mut self, name: &CStr) -> Settings {
        let changed = files::changed(HERE, c".").ok();
        self.changed = changed;
        let mut settings = Settings::default();
        if changed.is_some() && changed == self.without {
            return settings;
        }
        let runs = |script| matches!(files::look(HERE, script), Ok(Some(facts)) if facts.owner_executes);
        settings.finish = runs(FINISH);
        settings.notify = runs(NOTIFY);
        settings.end_leftovers = matches!(files::look(HERE, END_LEFTOVERS), Ok(Some(_)));
        for (setting, reported) in Setting::ALL.into_iter().zip(&mut self.complaints) {
            let complaint = read_setting(&mut settings, setting, name).err();
            if let Some(complaint) = complaint.as_ref().filter(|_| complaint != *reported) {
                warn(&[complaint]);
            }
            *reported = complaint;
        }
        // A directory that was changed just now may be changed again under the same stamp.
        let is_settled = |&changed: &Duration| clock::wall().saturating_sub(changed) > RECENT;
        self.without = changed.filter(is_settled).filter(|_| !is_any_there());
        settings
    }
}

/// Reads one of the files, if it is there; says what is wrong with one that is ignored.
fn read_setting(settings: &mut Settings, setting: Setting, name: &CStr) -> Result<(), Vec<u8>> {
    let path = [name.to_bytes(), b"/", setting.file().to_bytes()].concat();
    let ignored = |why: &str| [&path, b" is ignored: it ".as_slice(), why.as_bytes()].concat();
    match peek::whole(HERE, setting.file(), LONGEST) {
        Ok(content) => {
            settings.read(setting, &content).map_err(|expected| ignored(&format!("must hold {expected}")))
        }
        Err(Refusal::Unreadable(error)) if error.is(libc::ENOENT) => Ok(()),
        Err(Refusal::Unreadable(error)) => {
            Err([b"unable to read ", &path[..], b": ", error.bytes()].concat())
        }
        Err(Refusal::NotRegular) => Err(ignored("is not a regular file")),
        Err(Refusal::TooLong) => Err(ignored(&format!("has more than {LONGEST} bytes"))),
    }
}

/// Whether one of the names is there, whatever it is: a file can be made executable, and what a symbolic link leads to
/// can come, without a change of the directory.
fn is_any_there() -> bool {
    let mut names = [FINISH, NOTIFY, END_LEFTOVERS].into_iter().chain(Setting::ALL.map(Setting::file));
    names.any(|name| files::is_there(HERE, name))
}
