//! What `install` and `rebuild` share: a participant as its settings want it, and the directory that it becomes.

use crate::accounts;
use crate::failure::{Failure, complain, say};
use crate::names;
use crate::plan::{self, Exo, Mode, NOTIFICATION_FD, Plan, Present, Request, Wanted};
use crate::site::{Participant, Site};
use crate::writing::{self, Owners, Written};
use memchr::memmem;
use skynet_core::files::{OWN, read, read_text};
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The longest exoskeleton that is compared with another, in bytes.
const LONGEST_PROGRAM: usize = 1 << 28;

/// In the scripts that skynet writes.
const MARK: &str = "skynet install and skynet rebuild write";

/// A participant that is to be written.
#[derive(Debug)]
pub struct Make {
    plan: Plan,
    owners: Owners,
}

/// What came of it, as people read it.
#[derive(Debug)]
pub struct Made {
    directory: PathBuf,
    written: Written,
}

impl fmt::Display for Made {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.written {
            Written::Made => write!(formatter, "made in {}", self.directory.display()),
            Written::Unchanged => formatter.write_str("unchanged"),
            Written::Rewritten(paths) => {
                let name = |path: &PathBuf| match path.as_os_str().is_empty() {
                    true => self.directory.display().to_string(),
                    false => path.display().to_string(),
                };
                let names: Vec<String> = paths.iter().map(name).collect();
                write!(formatter, "written again: {}", names.join(", "))
            }
        }
    }
}

impl Make {
    /// Finds out what is to be written for the participant `name` in `directory`, with what was asked for and with its
    /// logic, if that is to be written, too.
    pub fn plan(
        site: &Site,
        name: &str,
        directory: &Path,
        request: &Request<'_>,
        logic: Option<(&str, &[u8], Mode)>,
    ) -> Result<Self, Failure> {
        let present = read_if_there(&directory.join(OWN))?;
        let text = plan::config(present.as_deref(), request);
        let config = site.config_with(name, directory, Some(&text))?;
        let text = plan::with_identity(&text, name, &config);
        let layout = &site.layout;
        let [account, log_account] = ["runas", "loguser"].map(|key| config.participant(key, name));
        for account in [account, log_account] {
            check_account(site, account)?;
        }
        let installed = installed_exo(site);
        let exo = Exo::choose(installed.as_deref(), &present_exo(&directory.join("exo"))?);
        let log = layout.logs.as_ref().map(|_| layout.log(name, directory));
        let [logs, environments] = [layout.logs.as_deref(), Some(layout.own.as_path())]
            .map(|path| path.map(|path| layout.inside(path)));
        let wanted = Wanted {
            directory,
            log: log.as_deref(),
            logs: logs.as_deref(),
            environments: environments.as_deref().unwrap_or(Path::new("/")),
            account,
            log_account,
            config: &text,
            logic,
            exo,
            // A run that was not asked to say it would count as not ready.
            tells_readiness: matches!(exo, Exo::Installed(path) if tells_readiness(site, path))
                && Participant::at(name, directory).process().is_none(),
        };
        let has_owners = accounts::may_give() && !layout.is_home();
        let owners = Owners {
            root: has_owners.then_some((0, 0)),
            logger: accounts::find(&layout.root, log_account).filter(|_| has_owners),
        };
        Ok(Self { plan: plan::participant(&wanted), owners })
    }

    /// Writes it.
    pub fn carry_out(&self) -> Result<Made, Failure> {
        let directory = self.plan.directory.clone();
        for copy in keep_foreign_scripts(&directory)? {
            say(format_args!(
                "{}: a script that skynet has not written is kept",
                directory.join(copy).display()
            ));
        }
        let written = writing::carry_out(&self.plan, self.owners)?;
        Ok(Made { directory, written })
    }
}

/// Whether a participant has a `run` that skynet has not written, which does not start an exoskeleton.
pub fn has_own_run(directory: &Path) -> bool {
    let run = read_text(&directory.join("run"));
    run.is_ok_and(|text| !text.contains(MARK) && !text.contains("exo"))
}

/// Keeps the scripts in a directory that other programs than this have written, as `run.old` and `log/run.old`, before they
/// are written again. Returns the new names.
fn keep_foreign_scripts(directory: &Path) -> Result<Vec<&'static str>, Failure> {
    let mut kept = Vec::new();
    for (script, copy) in [("run", "run.old"), ("log/run", "log/run.old")] {
        let (script, copy_path) = (directory.join(script), directory.join(copy));
        let is_foreign = read_text(&script).is_ok_and(|text| !text.contains(MARK));
        if is_foreign && !copy_path.exists() {
            fs::copy(&script, &copy_path).map_err(|error| Failure::file("write", &copy_path, &error))?;
            kept.push(copy);
        }
    }
    Ok(kept)
}

/// Makes the directory of links if there is none.
pub fn scan_directory(site: &Site) -> Result<(), Failure> {
    let place = &site.layout.service;
    if place.is_symlink() && !place.exists() {
        let target = fs::read_link(place).unwrap_or_default();
        return Err(Failure::mistake(format_args!(
            "{} is a link to {}, which does not exist: make that directory, or remove the link",
            place.display(),
            target.display()
        )));
    }
    writing::directories(place).map_err(|error| Failure::file("make", place, &error))
}

/// Whether an account can be named in a script. One that is not there is a mistake where the participant is to run; in an
/// image it may come later, and nobody needs one in a mini-SkyNET.
fn check_account(site: &Site, account: &str) -> Result<(), Failure> {
    let layout = &site.layout;
    if !names::is_valid(account) {
        return Err(Failure::mistake(format_args!("{account} cannot be the name of an account")));
    }
    if layout.is_home() || accounts::find(&layout.root, account).is_some() {
        return Ok(());
    }
    if layout.root == Path::new("/") {
        return Err(Failure::mistake(format_args!(
            "There is no account {account}; make one with useradd --system {account}, or choose another"
        )));
    }
    complain(format_args!("There is no account {account} yet in {}", layout.root.display()));
    Ok(())
}

/// The exoskeleton that is installed, as it is called when the participant runs.
pub fn installed_exo(site: &Site) -> Option<PathBuf> {
    let layout = &site.layout;
    let usual = PathBuf::from("/usr/bin/exo");
    if layout.root.join("usr/bin/exo").is_file() {
        return Some(usual);
    }
    let path = std::env::var_os("PATH").filter(|_| layout.is_home())?;
    std::env::split_paths(&path).map(|place| place.join("exo")).find(|exo| exo.is_absolute() && exo.is_file())
}

/// Whether an exoskeleton says when it is ready: one that does, as ours, knows the name of the file that asks for it.
fn tells_readiness(site: &Site, exo: &Path) -> bool {
    let path = site.layout.root.join(exo.strip_prefix("/").unwrap_or(exo));
    read(&path, LONGEST_PROGRAM)
        .is_ok_and(|program| memmem::find(&program, NOTIFICATION_FD.as_bytes()).is_some())
}

fn present_exo(path: &Path) -> Result<Present, Failure> {
    if let Ok(target) = fs::read_link(path) {
        return Ok(Present::Link { target, leads_somewhere: path.exists() });
    }
    match read(path, LONGEST_PROGRAM) {
        Ok(content) => Ok(Present::File(content)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Present::Nothing),
        Err(error) => Err(Failure::file("read", path, &error)),
    }
}

fn read_if_there(path: &Path) -> Result<Option<String>, Failure> {
    match read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::file("read", path, &error)),
    }
}
