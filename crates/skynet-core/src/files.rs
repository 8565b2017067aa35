//! The files that settings are in (docs/skynet.md): of the system, of an image, or of a mini-SkyNET.

use crate::config::{Config, Oddity};
use crate::failure::Failure;
use crate::ini::{self, Line};
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

/// The setting that names one more directory of settings of all participants.
const INCLUDED: (&str, &str) = ("skynet", "include_dir");

/// Where settings are, apart from those in a participant's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// What holds for all, in the order in which it is read: what comes later wins.
    pub common: Vec<PathBuf>,
    /// The directory of more of that, `*.conf` in the order of their names. `include_dir` names one more.
    pub fragments: PathBuf,
    /// The directory that absolute paths in settings begin at.
    pub root: PathBuf,
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

impl Files {
    /// Those of the system whose root directory is `root`.
    pub fn system(root: &Path) -> Self {
        Self {
            common: vec![root.join("etc/boss/boss.conf"), root.join("etc/skynet/skynet.conf")],
            fragments: root.join("etc/skynet/conf.d"),
            root: root.to_path_buf(),
            last: Some(root.join("etc/skynet")),
        }
    }

    /// Those of the mini-SkyNET in the directory `boss`.
    pub fn home(boss: &Path) -> Self {
        Self {
            common: vec![boss.join("boss.conf"), boss.join("skynet.conf")],
            fragments: boss.join("conf.d"),
            root: PathBuf::from("/"),
            last: None,
        }
    }

    /// What those that may be read say of all participants.
    pub fn read_what_may_be_read(&self) -> Config {
        let mut found = Found::default();
        // The others count as if they were not there.
        let _ = self.read_common(&mut found);
        found.config
    }

    /// Reads the settings of all participants. A file that cannot be read does not stop it; the first such error is returned.
    fn read_common(&self, found: &mut Found) -> Result<(), Failure> {
        let mut paths = self.common.clone();
        paths.extend(fragments(&self.fragments).unwrap_or_default());
        let mut outcome = Ok(());
        for path in &paths {
            outcome = outcome.and(found.read(path.clone()));
        }
        for path in self.included(found) {
            outcome = if paths.contains(&path) { outcome } else { outcome.and(found.read_included(path)) };
        }
        outcome
    }

    /// The files in the directory that `include_dir` names.
    fn included(&self, found: &mut Found) -> Vec<PathBuf> {
        let (section, key) = INCLUDED;
        let config = &found.config;
        let (Some(file), Some(line)) = (config.file(section, key), config.line(section, key)) else {
            return Vec::new();
        };
        let named = Path::new(config.get(section, key));
        let directory = match named.strip_prefix("/") {
            Ok(below) => self.root.join(below),
            Err(_) => file.with_file_name(named),
        };
        if self.last.as_ref() == Some(&directory) {
            // What is here and not read already is of one participant each.
            return Vec::new();
        }
        fragments(&directory).unwrap_or_else(|error| {
            let what = format!("unable to read {key} {}: {error}", directory.display());
            found.oddities.push((file.to_path_buf(), Oddity { line, what }));
            Vec::new()
        })
    }

    /// What they say of the participant `name`, of whose own settings, in the file `own`, the text may be known already.
    pub fn read(&self, name: &str, own: &Path, text: Option<&str>) -> Result<Found, Failure> {
        let mut found = Found::default();
        self.read_common(&mut found)?;
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
    /// Adds the settings in a file, if it exists.
    fn read(&mut self, path: PathBuf) -> Result<(), Failure> {
        let text = fs::read_to_string(&path);
        self.add_read(path, text)
    }

    /// The same for a file of `include_dir`, which may be a directory of supervisord: its files about programs have no
    /// settings of ours.
    fn read_included(&mut self, path: PathBuf) -> Result<(), Failure> {
        let text =
            fs::read_to_string(&path).map(|text| if is_of_supervisord(&text) { String::new() } else { text });
        self.add_read(path, text)
    }

    /// The same for the file in the directory of a participant, which its account may replace by anything.
    fn read_own(&mut self, path: PathBuf) -> Result<(), Failure> {
        let text = read_text(&path);
        self.add_read(path, text)
    }

    fn add_read(&mut self, path: PathBuf, text: io::Result<String>) -> Result<(), Failure> {
        match text {
            Ok(text) => self.add(path, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::file("read", &path, &error)),
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

/// Whether this is the text of a file about programs of supervisord.
fn is_of_supervisord(text: &str) -> bool {
    ini::lines(text).any(|line| matches!(line, Line::Section(name) if name.starts_with("program:")))
}

/// The files `*.conf` in `directory`, in the order of their names.
///
/// # Errors
/// Those of opendir(3).
pub fn fragments(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    paths.sort();
    Ok(paths)
}

/// The mini-SkyNET that `directory` is in: the nearest directory above that is called `BOSS`, or has `participants` and
/// `service`, or a directory `BOSS`, which may still be empty.
pub fn find_home(directory: &Path) -> Option<PathBuf> {
    let is_named = |path: &Path| path.ends_with("BOSS") && path.is_dir();
    let is_whole = |path: &Path| path.join("participants").is_dir() && path.join("service").is_dir();
    // Maintainer scripts of packages run in the root directory of the system, and mean the system.
    directory.ancestors().filter(|above| *above != Path::new("/")).find_map(|above| {
        let candidates = [above.to_path_buf(), above.join("BOSS")];
        candidates.into_iter().find(|path| is_named(path) || is_whole(path))
    })
}
