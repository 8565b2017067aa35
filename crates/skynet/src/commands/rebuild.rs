//! `skynet rebuild`: writes the directories of participants again from their settings.

use super::making::Make;
use crate::cli::Rebuild;
use crate::failure::{Failure, Outcome, complain, say, tell_of};
use crate::plan::Request;
use crate::site::{Participant, Site};
use skynet_core::files;
use std::fs;
use std::path::Path;

/// In the scripts that skynet writes.
const MARK: &str = "skynet install and skynet rebuild write";

/// Carries out `skynet rebuild`.
pub fn run(site: &Site, arguments: &Rebuild) -> Result<Outcome, Failure> {
    let is_for_all = arguments.names.is_empty();
    let (mut participants, found) = site.select(&arguments.names, is_for_all)?;
    let mut outcomes = vec![found];
    if is_for_all {
        participants.retain(|participant| is_ours(site, participant));
        let (ours, left) = site.without_user_managed(participants);
        participants = ours;
        outcomes.push(left);
    }
    for participant in participants {
        let Participant { name, directory, .. } = &participant;
        if !is_ours(site, &participant) {
            complain(format_args!("{name} was not made by skynet install, and is left alone"));
            outcomes.push(Outcome::NotDone);
            continue;
        }
        if has_own_run(directory) {
            let why = "its run is not of skynet; to have one written, move that away first";
            if is_for_all {
                say(format_args!("{name}: left alone, because {why}"));
            } else {
                complain(format_args!("{name} is left alone, because {why}"));
                outcomes.push(Outcome::NotDone);
            }
            continue;
        }
        let made =
            Make::plan(site, name, directory, &Request::default(), None).and_then(|make| make.carry_out());
        match made {
            Ok(made) => say(format_args!("{name}: {made}")),
            Err(failure) => outcomes.push(tell_of(&failure, name)),
        }
    }
    Ok(Outcome::all(outcomes))
}

/// Whether a participant is in the directory that `install` makes them in.
pub fn is_ours(site: &Site, participant: &Participant) -> bool {
    !participant.is_packaged && participant.directory.starts_with(&site.layout.storage)
}

/// Whether a participant has a `run` that skynet has not written, which does not start an exoskeleton.
fn has_own_run(directory: &Path) -> bool {
    let run = files::read_text(&directory.join("run"));
    run.is_ok_and(|text| !text.contains(MARK) && !text.contains("exo"))
}

/// Keeps the scripts in a directory that other programs than this have written, as `run.old` and `log/run.old`, before they
/// are written again. Returns the new names.
pub fn keep_foreign_scripts(directory: &Path) -> Result<Vec<&'static str>, Failure> {
    let mut kept = Vec::new();
    for (script, copy) in [("run", "run.old"), ("log/run", "log/run.old")] {
        let (script, copy_path) = (directory.join(script), directory.join(copy));
        let is_foreign = files::read_text(&script).is_ok_and(|text| !text.contains(MARK));
        if is_foreign && !copy_path.exists() {
            fs::copy(&script, &copy_path).map_err(|error| Failure::file("write", &copy_path, &error))?;
            kept.push(copy);
        }
    }
    Ok(kept)
}
