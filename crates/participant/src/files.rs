//! The files that settings are in (SKYNET.md section 1): of the system, of an image, or of a mini-SkyNET.

use crate::config::{Config, Oddity};
use servicedir::sys::files::HERE;
use servicedir::sys::peek::{self, Refusal};
use std::ffi::CString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The longest file of settings in the directory of a participant, in bytes.
const LONGEST: usize = 1 << 20;

/// The settings of a participant, in its directory.
pub const OWN: &str = "config.exo";

/// Where settings are, apart from those in a participant's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// What holds for all, in the order in which it is read: what comes later wins.
    pub common: Vec<PathBuf>,
    /// The directory of more of that, `*.conf` in the order of their names.
    pub fragments: PathBuf,
    /// The directory with `NAME.conf`, which has the last word.
    pub last: Option<PathBuf>,
}

/// What files say, and what is odd about it.
#[derive(Debug, Default)]
pub struct Found {
    /// The settings.
    pub config: Config,
    /// What is odd, in which file.
    pub oddities: Vec<(PathBuf, Oddity)>,
}

/// A file that cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub error: io::Error,
}

impl Files {
    /// Those of the system whose root directory is `root`.
    pub fn system(root: &Path) -> Self {
        Self {
            common: vec![root.join("etc/boss/boss.conf"), root.join("etc/skynet/skynet.conf")],
            fragments: root.join("etc/skynet/conf.d"),
            last: Some(root.join("etc/skynet")),
        }
    }

    /// Those of the mini-SkyNET in the directory `boss`.
    pub fn home(boss: &Path) -> Self {
        Self {
            common: vec![boss.join("boss.conf"), boss.join("skynet.conf")],
            fragments: boss.join("conf.d"),
            last: None,
        }
    }

    /// What those that may be read say of all participants.
    pub fn read_what_may_be_read(&self) -> Config {
        let mut found = Found::default();
        for path in self.paths() {
            // The others count as if they were not there.
            let _ = found.read(path);
        }
        found.config
    }

    /// Those of all participants.
    fn paths(&self) -> Vec<PathBuf> {
        self.common.iter().cloned().chain(fragments(&self.fragments)).collect()
    }

    /// What they say of the participant `name`, of whose own settings, in the file `own`, the text may be known already.
    pub fn read(&self, name: &str, own: &Path, text: Option<&str>) -> Result<Found, Unreadable> {
        let mut found = Found::default();
        for path in self.paths() {
            found.read(path)?;
        }
        match text {
            Some(text) => found.add(own.to_path_buf(), text),
            None => found.read_own(own.to_path_buf())?,
        }
        if let Some(directory) = &self.last {
            found.read(directory.join(format!("{name}.conf")))?;
        }
        Ok(found)
    }
}

impl Found {
    /// Adds what a file says, if it is there.
    fn read(&mut self, path: PathBuf) -> Result<(), Unreadable> {
        match fs::read_to_string(&path) {
            Ok(text) => self.add(path, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Unreadable { path, error }),
        }
        Ok(())
    }

    /// The same for the file in the directory of a participant, in whose place its account may put anything.
    fn read_own(&mut self, path: PathBuf) -> Result<(), Unreadable> {
        match read_text(&path) {
            Ok(text) => self.add(path, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Unreadable { path, error }),
        }
        Ok(())
    }

    fn add(&mut self, path: PathBuf, text: &str) {
        let odd = self.config.add(&path, text);
        self.oddities.extend(odd.into_iter().map(|odd| (path.clone(), odd)));
    }
}

/// The text of a regular file in the directory of a participant, if it is not too long for settings.
///
/// # Errors
/// Those of [`read`], and `InvalidData` for what is no text.
pub fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path, LONGEST)?).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
}

/// A regular file in the directory of a participant, if it has at most `limit` bytes.
///
/// # Errors
/// Those of open(2) and read(2); others for a longer file and for what is no file.
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let name = CString::new(path.as_os_str().as_bytes())?;
    peek::whole(HERE, &name, limit).map_err(|refusal| match refusal {
        Refusal::Unreadable(error) => io::Error::from_raw_os_error(error.number()),
        Refusal::NotRegular => io::Error::other("it is not a regular file"),
        Refusal::TooLong => io::Error::other(format!("it has more than {limit} bytes")),
    })
}

fn fragments(directory: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(directory) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => Vec::new(),
    };
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    paths.sort();
    paths
}

/// The mini-SkyNET that `directory` is in: the nearest directory above that is called `BOSS`, or has `participants` and
/// `service`, or a directory `BOSS`, which may still be empty.
pub fn find_home(directory: &Path) -> Option<PathBuf> {
    let is_named = |path: &Path| path.ends_with("BOSS") && path.is_dir();
    let is_whole = |path: &Path| path.join("participants").is_dir() && path.join("service").is_dir();
    directory.ancestors().find_map(|above| {
        let boss = above.join("BOSS");
        // The root of a system may have a /service, and is none.
        let candidates = [above.to_path_buf(), boss];
        candidates.into_iter().find(|path| path != Path::new("/") && (is_named(path) || is_whole(path)))
    })
}
