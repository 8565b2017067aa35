//! `skynet uninstall`: removes participants that do not run.

use super::enable::{Link, look};
use super::rebuild::is_ours;
use crate::cli::Selection;
use crate::failure::{Failure, Outcome, complain, say};
use crate::running::{self, State};
use crate::site::{Participant, Site};
use std::fs;
use std::time::Duration;

/// How long supervises may take to end that have nothing to stop but a logger.
const PATIENCE: Duration = Duration::from_secs(10);

/// Carries out `skynet uninstall`.
pub fn run(site: &Site, selection: &Selection) -> Result<Outcome, Failure> {
    let (participants, is_clean) = site.select(&selection.names, selection.all)?;
    let mut outcomes = vec![if is_clean { Outcome::Done } else { Outcome::NotDone }];
    for participant in participants {
        let outcome = match refusal(site, &participant) {
            // All of them are all that are ours.
            Some(_) if selection.all && !is_ours(site, &participant) => continue,
            Some(refusal) => {
                complain(refusal);
                Outcome::NotDone
            }
            None => remove(site, &participant)?,
        };
        outcomes.push(outcome);
    }
    Ok(Outcome::all(outcomes))
}

/// Why a participant cannot be removed, if it cannot.
fn refusal(site: &Site, participant: &Participant) -> Option<String> {
    let Participant { name, directory, is_packaged, .. } = participant;
    if *is_packaged {
        return Some(format!("{name} belongs to a package: use the package manager"));
    }
    if !is_ours(site, participant) {
        let directory = directory.display();
        return Some(format!(
            "{name} is in {directory}, which skynet install has not made: skynet disable {name}"
        ));
    }
    match running::state(directory) {
        State::Up(pid) => Some(format!("{name} is running (pid {pid}): skynet stop {name} first")),
        State::Down | State::Unsupervised => None,
    }
}

fn remove(site: &Site, participant: &Participant) -> Result<Outcome, Failure> {
    let Participant { name, directory, .. } = participant;
    let link = site.layout.link(name);
    if look(site, participant) == Link::Ours {
        fs::remove_file(&link).map_err(|error| Failure::file("remove", &link, &error))?;
    }
    if !running::retire(std::slice::from_ref(participant), PATIENCE).is_empty() {
        complain(format_args!("{name} is still supervised; its directory is left where it is"));
        return Ok(Outcome::NotDone);
    }
    fs::remove_dir_all(directory).map_err(|error| Failure::file("remove", directory, &error))?;
    let log = site.layout.log(name, directory);
    if log.is_dir() {
        say(format_args!("{name}: removed; its log stays in {}", log.display()));
    } else {
        say(format_args!("{name}: removed"));
    }
    Ok(Outcome::Done)
}
