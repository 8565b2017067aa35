//! Where participants, their links, logs and settings are (docs/skynet.md): of the system, of an image that is being
//! built, or below a developer's home.
#![forbid(unsafe_code)]

use skynet_core::files::Files;
use std::path::{Path, PathBuf};

/// The directories that everything is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Participants that an administrator or developer has installed.
    pub storage: PathBuf,
    /// Participants that packages own.
    pub packaged: Option<PathBuf>,
    /// The scan directory, with a link to each participant that is enabled.
    pub service: PathBuf,
    /// Where logs go, a directory for each participant; in its own directory without one.
    pub logs: Option<PathBuf>,
    /// Where settings are.
    pub files: Files,
    /// The directory with the environments of participants, `skynet.env` and `NAME.env`.
    pub own: PathBuf,
    /// The same as it will be when an image runs, to be written into scripts.
    pub root: PathBuf,
}

/// What `/etc/default/boss-skynet` and settings move.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// `STORAGE_DIR`, `storage_dir`.
    pub storage: Option<PathBuf>,
    /// `SERVICE_DIR`, `service_dir`.
    pub service: Option<PathBuf>,
}

/// The shell fragments that may move directories, below the root.
pub const DEFAULTS: [&str; 2] = ["etc/default/boss-skynet", "etc/sysconfig/boss-skynet"];

impl Layout {
    /// The system whose root directory is `root`. `has_service` says whether there is a `/service`; Debian's daemontools
    /// has `/etc/service`.
    pub fn system(root: &Path, moved: &Moved, has_service: bool) -> Self {
        let service = if has_service { "service" } else { "etc/service" };
        let below = |path: &str| below(root, Path::new(path));
        let moved_to = |path: &PathBuf| self::below(root, path);
        Self {
            storage: moved.storage.as_ref().map_or_else(|| below("var/lib/SkyNET/store"), moved_to),
            packaged: Some(below("usr/lib/boss/participant-services")),
            service: moved.service.as_ref().map_or_else(|| below(service), moved_to),
            logs: Some(below("var/log/boss")),
            files: Files::system(root),
            own: below("etc/skynet"),
            root: root.to_path_buf(),
        }
    }

    /// A mini-SkyNET in the directory `boss`.
    pub fn home(boss: &Path) -> Self {
        Self {
            storage: boss.join("participants"),
            packaged: None,
            service: boss.join("service"),
            logs: None,
            files: Files::home(boss),
            own: boss.to_path_buf(),
            root: PathBuf::from("/"),
        }
    }

    /// Whether this is a mini-SkyNET, which has neither packages nor accounts of its own.
    pub const fn is_home(&self) -> bool {
        self.packaged.is_none()
    }

    /// The link that enables a participant.
    pub fn link(&self, name: &str) -> PathBuf {
        self.service.join(name)
    }

    /// Where the log of the participant `name` in `directory` is, unless that cannot be written to.
    pub fn log(&self, name: &str, directory: &Path) -> PathBuf {
        self.logs.as_ref().map_or_else(|| own_log(directory), |logs| logs.join(name))
    }

    /// Where it can be: `log/run` falls back to the last of these places.
    pub fn logs(&self, name: &str, directory: &Path) -> [PathBuf; 2] {
        [self.log(name, directory), own_log(directory)]
    }

    /// A path as it will be when what is below the root runs.
    pub fn inside(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).map_or_else(|_| path.to_path_buf(), |path| Path::new("/").join(path))
    }
}

/// A path of a system in the directory that holds its root.
pub fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

fn own_log(directory: &Path) -> PathBuf {
    directory.join("log/main")
}

/// Reads a shell fragment of `KEY=VALUE` lines, as far as it moves directories.
pub fn read_moved(text: &str) -> Moved {
    let mut moved = Moved::default();
    for line in text.lines() {
        let line = line.trim().trim_start_matches("export ");
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = PathBuf::from(value.trim().trim_matches(['"', '\'']));
        match key.trim() {
            _ if value.as_os_str().is_empty() => {}
            "STORAGE_DIR" => moved.storage = Some(value),
            "SERVICE_DIR" => moved.service = Some(value),
            _ => {}
        }
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_where_it_has_always_been() {
        let layout = Layout::system(Path::new("/"), &Moved::default(), true);
        assert_eq!(layout.storage, Path::new("/var/lib/SkyNET/store"));
        assert_eq!(layout.link("x"), Path::new("/service/x"));
        assert_eq!(layout.log("x", Path::new("/p/x")), Path::new("/var/log/boss/x"));
        assert_eq!(
            layout.logs("x", Path::new("/p/x")),
            [Path::new("/var/log/boss/x"), Path::new("/p/x/log/main")]
        );
        let debian = Layout::system(Path::new("/"), &Moved::default(), false);
        assert_eq!(debian.service, Path::new("/etc/service"));
    }

    #[test]
    fn an_image_is_the_system_below_its_root() {
        let moved = read_moved("# where\nexport SERVICE_DIR=\"/run/service\"\nSTORAGE_DIR=\nOTHER=1\n");
        let layout = Layout::system(Path::new("/mnt"), &moved, true);
        assert_eq!(layout.service, Path::new("/mnt/run/service"));
        assert_eq!(layout.storage, Path::new("/mnt/var/lib/SkyNET/store"));
        assert_eq!(layout.inside(&layout.storage), Path::new("/var/lib/SkyNET/store"));
    }

    #[test]
    fn a_mini_skynet_is_all_in_one_place() {
        let layout = Layout::home(Path::new("/home/u/BOSS"));
        assert!(layout.is_home());
        assert_eq!(layout.storage, Path::new("/home/u/BOSS/participants"));
        assert_eq!(layout.log("x", Path::new("/p/x")), Path::new("/p/x/log/main"));
    }
}
