//! `skynet register`, `skynet unregister`: participants of this site, and those of other machines by their names.

use super::engine;
use super::making::installed_exo;
use crate::accounts::{self, may_give};
use crate::cli::{Register, Selection};
use crate::edit::is_value;
use crate::failure::{Failure, Outcome, complain};
use crate::site::{Participant, Site};
use skynet_core::config::Config;
use skynet_core::files::OWN;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

/// Carries out `skynet register` and `skynet unregister`, which are options of the exoskeleton.
pub(crate) fn run(site: &Site, arguments: &Register, option: &str) -> Result<Outcome, Failure> {
    if site.layout.root != Path::new("/") {
        return Err(Failure::mistake(format_args!(
            "participants of an image are registered when it runs: {} has no broker",
            site.layout.root.display()
        )));
    }
    let Register { names, all, name, regexp, queue } = arguments;
    if name.is_none() && regexp.is_none() && queue.is_none() {
        return engine::tell(site, &Selection { names: names.clone(), all: *all }, option);
    }
    let name = match (name, names.as_slice(), regexp) {
        (Some(name), ..) => name,
        (None, [name], _) => name,
        (None, [], Some(regexp)) => regexp,
        (None, ..) => return Err(Failure::mistake("-r and -q are for one participant: name it with -n")),
    };
    for value in [Some(name), regexp.as_ref(), queue.as_ref()].into_iter().flatten() {
        if value.is_empty() || !is_value(value) {
            return Err(Failure::mistake(format_args!("{value:?} is no name, regexp or queue")));
        }
    }
    let participants = site.participants()?;
    let local = participants.iter().find(|known| known.name == *name);
    let config = match local {
        Some(Participant { name, directory, .. }) => site.config(name, directory)?,
        None => site.config_with(name, Path::new(""), Some(""))?,
    };
    let value = |key: &str| config.participant(key, name).to_string();
    let [name_of_it, regexp, queue] = [
        value("name"),
        regexp.clone().unwrap_or_else(|| value("regexp")),
        queue.clone().unwrap_or_else(|| value("queue")),
    ];
    let own = [("name", name_of_it.as_str()), ("regexp", regexp.as_str()), ("queue", queue.as_str())];
    let account = config.participant("runas", name);
    let scratch = Scratch::new(site, account, &settings(&config, &own))?;
    let exo = match local {
        Some(participant) => participant.directory.join("exo"),
        None => installed_exo(site).ok_or_else(|| {
            Failure::mistake("exo is not installed: only it can talk to the process engine")
        })?,
    };
    let told = engine::run(&exo, account, &[OsStr::new(option), scratch.file().as_os_str()])?;
    if told == Outcome::NotDone {
        // exo names the file that it has read, which no longer exists when the administrator looks for it.
        let file = config.file("boss", "amqp_host").or_else(|| config.file("boss", "amqp_pwd"));
        let file = file.map_or("no file: the defaults hold".to_string(), |file| file.display().to_string());
        complain(format_args!("{name}: {option} failed; its settings of the broker are in {file}"));
    }
    Ok(told)
}

/// The text of a file with all that `config` says, and these settings of the participant.
fn settings(config: &Config, own: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (section, keys) in config.sections() {
        text += &format!("[{section}]\n");
        for (key, value) in keys {
            text += &format!("{key}={}\n", value.replace('\n', "\n "));
        }
    }
    text += "[participant]\n";
    own.iter().for_each(|(key, value)| text += &format!("{key}={value}\n"));
    text
}

/// A directory with the settings of a participant that is not here. It is gone when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn new(site: &Site, account: &str, text: &str) -> Result<Self, Failure> {
        // In a mini-SkyNET, the exoskeleton finds the other settings from where its own are.
        let parent = if site.layout.is_home() { site.layout.own.clone() } else { std::env::temp_dir() };
        let scratch = Self(parent.join(format!(".skynet-register.{}", std::process::id())));
        // A directory that exists is not ours. The settings may contain a password, and the account must be able to read
        // them under any umask.
        let make = || fs::DirBuilder::new().mode(0o700).create(&scratch.0);
        make().map_err(|error| Failure::file("make", &scratch.0, &error))?;
        let path = scratch.file();
        let write = || {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(text.as_bytes())?;
            match accounts::find(&site.layout.root, account).filter(|_| may_give()) {
                Some((user, group)) => {
                    [&path, &scratch.0].into_iter().try_for_each(|path| chown(path, Some(user), Some(group)))
                }
                None => Ok(()),
            }
        };
        write().map_err(|error| Failure::file("write", &path, &error))?;
        Ok(scratch)
    }

    fn file(&self) -> PathBuf {
        self.0.join(OWN)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_wins_over_what_is_set() {
        let mut config = Config::default();
        config.add(Path::new("boss.conf"), "[boss]\namqp_host=a:1\n[participant]\nqueue=q\nx=1\n");
        let text = settings(&config, &[("name", "n"), ("queue", "other")]);
        let expected =
            "[boss]\namqp_host=a:1\n[participant]\nqueue=q\nx=1\n[participant]\nname=n\nqueue=other\n";
        assert_eq!(text, expected);
    }
}
