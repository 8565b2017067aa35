//! Reads the files of [`super::settings`] whenever they are about to make a difference.

use super::run::warn;
use super::settings::{Setting, Settings};
use crate::service::directory::{END_LEFTOVERS, FINISH, NOTIFY};
use crate::sys::clock;
use crate::sys::files::{self, HERE};
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
}

impl SettingsFiles {
    /// The settings of the service `name`, whose directory is the current one. What makes no sense is reported and
    /// ignored, once between two calls of [`Self::forget`].
    pub fn load(&mut self, name: &CStr) -> Settings {
        *self.loaded.get_or_insert_with(|| read(&mut self.without, name))
    }

    /// Has the files read again, because some time has passed.
    pub const fn forget(&mut self) {
        self.loaded = None;
    }
}

/// Reads the files, unless it is known that there are none.
fn read(without: &mut Option<Duration>, name: &CStr) -> Settings {
    let changed = files::changed(HERE, c".").ok();
    let mut settings = Settings::default();
    if changed.is_some() && changed == *without {
        return settings;
    }
    let runs = |script| matches!(files::look(HERE, script), Ok(Some(facts)) if facts.owner_executes);
    settings.finish = runs(FINISH);
    settings.notify = runs(NOTIFY);
    settings.end_leftovers = matches!(files::look(HERE, END_LEFTOVERS), Ok(Some(_)));
    for setting in Setting::ALL {
        let file = setting.file();
        let content = match files::open_read(HERE, file).and_then(|file| files::read_all(&file)) {
            Ok(content) => content,
            Err(error) if error.is(libc::ENOENT) => continue,
            Err(error) => {
                warn(&[b"unable to read ", name.to_bytes(), b"/", file.to_bytes(), b": ", error.bytes()]);
                Vec::new()
            }
        };
        if let Err(expected) = settings.read(setting, &content) {
            let expected = [b" is ignored: it must hold ", expected.as_bytes()].concat();
            warn(&[name.to_bytes(), b"/", file.to_bytes(), &expected]);
        }
    }
    // A directory that was changed just now may be changed again under the same stamp.
    let is_settled = |&changed: &Duration| clock::wall().saturating_sub(changed) > RECENT;
    *without = changed.filter(is_settled).filter(|_| !is_any_there());
    settings
}

/// Whether one of the names is there, whatever it is: a file can be made executable, and what a symbolic link leads to
/// can come, without a change of the directory.
fn is_any_there() -> bool {
    let mut names = [FINISH, NOTIFY, END_LEFTOVERS].into_iter().chain(Setting::ALL.map(Setting::file));
    names.any(|name| files::is_there(HERE, name))
}
