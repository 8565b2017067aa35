//! What is there: the participants of a system or of a mini-SkyNET, and their settings.

use crate::cli::Selection;
use crate::condition::{NOT_ENABLED, UNSUPERVISED};
use crate::failure::{self, Failure, Outcome, complain, say};
use crate::layout::{DEFAULTS, Layout, Moved, below, read_moved};
use crate::names::{NoName, resolve_all};
use crate::plan::NOTIFICATION_FD;
use nix::errno::Errno;
use servicedir::service::directory::Directory;
use servicedir::service::observation::Observer;
use servicedir::sys::files::HERE;
use skynet_core::config::Config;
use skynet_core::files::{self, Found, OWN, find_home};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs;
use std::io::ErrorKind;
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A system, an image of one, or a mini-SkyNET.
#[derive(Debug)]
pub struct Site {
    /// Where everything is.
    pub layout: Layout,
}

/// A participant that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Its name.
    pub name: String,
    /// Its directory, as found: in the storage, in a package, or where a link in the scan directory leads.
    pub directory: PathBuf,
    /// Whether there is a link to it in the scan directory.
    pub is_enabled: bool,
    /// Whether a package owns it.
    pub is_packaged: bool,
}

impl Participant {
    /// The participant `name` in `directory`, of which nothing else is known.
    pub fn at(name: &str, directory: &Path) -> Self {
        let (name, directory) = (name.to_string(), directory.to_path_buf());
        Self { name, directory, is_enabled: false, is_packaged: false }
    }

    /// Whether it says when it is ready.
    pub fn tells_readiness(&self) -> bool {
        self.directory.join(NOTIFICATION_FD).exists()
    }

    /// Its directory for the modules of servicedir.
    pub fn service(&self) -> CString {
        c_path(&self.directory)
    }

    /// The directory of its logger for the same.
    pub fn logger(&self) -> CString {
        c_path(&self.directory.join("log"))
    }

    /// Whether a supervise runs for it.
    pub fn supervision(&self) -> Supervision {
        Supervision::of(&self.service())
    }

    /// Its process, if it runs; also one whose supervise was killed does.
    pub fn process(&self) -> Option<NonZeroU32> {
        let directory = Directory::open(HERE, &self.service()).ok()?;
        if directory.knock().is_err() {
            return left_behind(&self.directory);
        }
        directory.status().ok()?.pid
    }

    /// What there is to say after its name if no supervise runs for it.
    pub fn unsupervised(&self) -> String {
        let disabled = if self.is_enabled { String::new() } else { format!(". {NOT_ENABLED}") };
        match self.process() {
            Some(pid) => format!("is running (pid {pid}), but has no supervisor{disabled}"),
            None => format!("{UNSUPERVISED}{disabled}"),
        }
    }
}

/// Whether a supervise runs for a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Supervision {
    /// One does.
    Runs,
    /// None does.
    None,
    /// We may not know; why.
    Hidden(&'static str),
}

impl Supervision {
    /// Whether a supervise runs for the service in this directory.
    pub fn of(service: &CStr) -> Self {
        let knocked = Directory::open(HERE, service).and_then(|directory| directory.knock());
        match knocked {
            Ok(()) => Self::Runs,
            Err(error) if [Errno::ENXIO, Errno::ENOENT].iter().any(|&none| error.is(none as i32)) => {
                Self::None
            }
            Err(error) => Self::Hidden(error.text()),
        }
    }
}

/// The process that the supervise of the service in this directory has left running when it was killed.
pub fn left_behind(directory: &Path) -> Option<NonZeroU32> {
    Observer::new().left_behind(&Directory::open(HERE, &c_path(directory)).ok()?)
}

impl Site {
    /// The site that is meant: a mini-SkyNET that was named or that the current directory is in, else the system.
    pub fn find(root: Option<&Path>, sysroot: Option<&Path>) -> Result<Self, Failure> {
        if let Some(root) = root {
            let root = std::path::absolute(root).map_err(|error| Failure::file("find", root, &error))?;
            return Ok(Self { layout: Layout::home(&root) });
        }
        let here = std::env::current_dir();
        if let (None, Some(home)) = (sysroot, here.ok().as_deref().and_then(find_home)) {
            return Ok(Self { layout: Layout::home(&home) });
        }
        let root = sysroot.unwrap_or(Path::new("/"));
        let has_service = root.join("service").is_dir();
        let unmoved = Layout::system(root, &Moved::default(), has_service);
        // Who may not read all of them need not know where the broker is.
        let config = unmoved.files.read_what_may_be_read();
        let mut moved = Moved::default();
        let mut warnings = Vec::new();
        for (place, said) in moves(root, &config) {
            moved.storage = moved.storage.or(said.storage);
            let Some(service) = said.service.filter(|_| moved.service.is_none()) else { continue };
            match why_no_scan_directory(&below(root, &service)) {
                None => moved.service = Some(service),
                Some(why) => {
                    warnings.push(format!("{place}: {} is not a scan directory: {why}", service.display()))
                }
            }
        }
        let layout = Layout::system(root, &moved, has_service);
        for warning in warnings {
            complain(format_args!("{warning}. Using {}; correct this setting", layout.service.display()));
        }
        Ok(Self { layout })
    }

    /// All participants, in the order of their names.
    pub fn participants(&self) -> Result<Vec<Participant>, Failure> {
        let mut found: BTreeMap<String, Participant> = BTreeMap::new();
        let packaged = self.layout.packaged.as_deref();
        // What an administrator has installed goes before what a package has.
        for (place, is_packaged) in [(packaged, true), (Some(self.layout.storage.as_path()), false)] {
            for name in place.map_or(Ok(Vec::new()), directories)? {
                let directory = place.unwrap_or(Path::new("")).join(&name);
                let participant =
                    Participant { name: name.clone(), directory, is_enabled: false, is_packaged };
                found.insert(name, participant);
            }
        }
        for (name, participant) in &mut found {
            // In an image, a link leads somewhere only when the image runs.
            participant.is_enabled = self.layout.link(name).symlink_metadata().is_ok();
        }
        for name in directories(&self.layout.service)? {
            let link = self.layout.link(&name);
            // A service that is no participant has no exo.
            let is_participant = link.join("exo").symlink_metadata().is_ok();
            if is_participant && !found.contains_key(&name) {
                let directory = fs::canonicalize(&link).unwrap_or(link);
                let participant =
                    Participant { name: name.clone(), directory, is_enabled: true, is_packaged: false };
                found.insert(name, participant);
            }
        }
        Ok(found.into_values().collect())
    }

    /// The participants that are meant: all of them, or these. Complains about each name that is not one, and leaves it
    /// out, which is not what was asked for.
    pub fn select(&self, names: &[String], all: bool) -> Result<(Vec<Participant>, Outcome), Failure> {
        let participants = self.participants()?;
        if all {
            return Ok((participants, Outcome::Done));
        }
        let known: Vec<String> = participants.iter().map(|participant| participant.name.clone()).collect();
        let mut selected: Vec<Participant> = Vec::new();
        let mut outcome = Outcome::Done;
        for word in names {
            let found = resolve_all(word, &known).unwrap_or_else(|trouble| {
                self.complain_of_name(&trouble);
                outcome = Outcome::NotDone;
                Vec::new()
            });
            for name in found {
                if selected.iter().all(|participant| participant.name != name) {
                    selected
                        .extend(participants.iter().find(|participant| participant.name == name).cloned());
                }
            }
        }
        Ok((selected, outcome))
    }

    /// The same for a command that takes something away: names are not shortened.
    pub fn select_whole(&self, selection: &Selection) -> Result<(Vec<Participant>, Outcome), Failure> {
        let participants = self.participants()?;
        let known: Vec<String> = participants.into_iter().map(|participant| participant.name).collect();
        let (mut whole, mut others) = (Vec::new(), Vec::new());
        for word in &selection.names {
            match resolve_all(word, &known) {
                Ok(names) if names.len() > 1 || names.first() == Some(word) => whole.extend(names),
                Ok(names) => {
                    others.push(word);
                    complain(format_args!("{word} is short for {}: write the full name", names.join(", ")));
                }
                Err(trouble) => {
                    others.push(word);
                    self.complain_of_name(&trouble);
                }
            }
        }
        let (selected, found) = self.select(&whole, selection.all)?;
        let outcome = if others.is_empty() { found } else { Outcome::NotDone };
        Ok((selected, outcome))
    }

    fn complain_of_name(&self, trouble: &NoName) {
        match trouble {
            NoName::Unknown(_) => complain(format_args!("{trouble} in {}", self.places())),
            NoName::Ambiguous(..) => complain(trouble),
        }
    }

    /// Says so if there are no participants at all, which is not what was asked for.
    pub fn notice_emptiness(&self, participants: &[Participant], names: &[String]) -> Outcome {
        if !participants.is_empty() || !names.is_empty() {
            return Outcome::Done;
        }
        complain(format_args!("There are no participants in {}", self.places()));
        Outcome::NotDone
    }

    /// The directories that participants are looked for in.
    pub fn places(&self) -> String {
        let Layout { storage, packaged, service, .. } = &self.layout;
        let places = [Some(storage), packaged.as_ref(), Some(service)].into_iter().flatten();
        places.map(|place| place.display().to_string()).collect::<Vec<_>>().join(", ")
    }

    /// Leaves out those that somebody else manages, and says so: they are meant only if they are named. So may be those
    /// whose settings cannot be read, which is complained about.
    pub fn without_user_managed(&self, participants: Vec<Participant>) -> (Vec<Participant>, Outcome) {
        let mut outcome = Outcome::Done;
        let mut ours = Vec::new();
        for participant in participants {
            let name = &participant.name;
            // What is odd in a file is for those to know who change it.
            match self.read_config(name, &participant.directory, None) {
                Ok(found) if found.config.is_user_managed() => {
                    say(format_args!("{name} is user-managed, and left alone"));
                }
                Ok(_) => ours.push(participant),
                Err(failure) => {
                    let why = failure::message(&failure);
                    complain(format_args!("{name} may be user-managed, and is left alone: {why}"));
                    outcome = Outcome::NotDone;
                }
            }
        }
        (ours, outcome)
    }

    /// Where the log of the participant `name` in `directory` is: of the places where it can be, the one where something
    /// was logged last. Only `log/run` knew where it could write.
    pub fn log(&self, name: &str, directory: &Path) -> PathBuf {
        let modified = |path: PathBuf| fs::metadata(path).and_then(|facts| facts.modified()).ok();
        // While a file is full, it is `previous`, and a new `current` may not be there yet.
        let logged = |place: &PathBuf| {
            ["current", "previous"].map(|file| modified(place.join(file))).into_iter().max()
        };
        let [usual, own] = self.layout.logs(name, directory);
        if logged(&own) > logged(&usual) { own } else { usual }
    }

    /// The settings of the participant `name` in `directory`: those of the system, then its own. What is odd in a file is
    /// complained about, and the rest of it holds.
    pub fn config(&self, name: &str, directory: &Path) -> Result<Config, Failure> {
        self.config_with(name, directory, None)
    }

    /// The same as it will be once `own` is what its own file says.
    pub fn config_with(&self, name: &str, directory: &Path, own: Option<&str>) -> Result<Config, Failure> {
        let Found { config, oddities } = self.read_config(name, directory, own)?;
        for (path, odd) in oddities {
            complain(format_args!("{}:{}: {}", path.display(), odd.line, odd.what));
        }
        Ok(config)
    }

    fn read_config(&self, name: &str, directory: &Path, own: Option<&str>) -> Result<Found, Failure> {
        self.layout.files.read(name, &directory.join(OWN), own)
    }
}

/// The settings that move the directories, each with its place in a file, the strongest first.
fn moves(root: &Path, config: &Config) -> Vec<(String, Moved)> {
    let path = |key| Some(config.get("skynet", key)).filter(|path| !path.is_empty()).map(PathBuf::from);
    let key = "service_dir";
    let place = match (config.file("skynet", key), config.line("skynet", key)) {
        (Some(file), Some(line)) => format!("{}:{line}: {key}", file.display()),
        _ => key.to_string(),
    };
    let settings = (place, Moved { storage: path("storage_dir"), service: path(key) });
    let fragments = DEFAULTS.iter().rev().filter_map(|path| {
        let path = root.join(path);
        let text = fs::read_to_string(&path).ok()?;
        Some((format!("{}: SERVICE_DIR", path.display()), read_moved(&text)))
    });
    [settings].into_iter().chain(fragments).collect()
}

/// Why a directory cannot hold the links to participants. Older sites name the directory of supervisord's settings.
fn why_no_scan_directory(path: &Path) -> Option<String> {
    if path.exists() && !path.is_dir() {
        return Some("it is not a directory".to_string());
    }
    let settings = files::fragments(path).unwrap_or_default().into_iter().find(|path| path.is_file());
    let named = || path.ends_with("conf.d").then(|| "a conf.d contains settings files".to_string());
    settings.map(|file| format!("it contains the settings file {}", file.display())).or_else(named)
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

/// The names of the directories, and of links to some, in `place`; none if there is no such place.
fn directories(place: &Path) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(place) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::file("read", place, &error)),
    };
    let names = entries.flatten().filter(|entry| entry.path().is_dir());
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter(|name| crate::names::is_valid(name)).collect())
}
