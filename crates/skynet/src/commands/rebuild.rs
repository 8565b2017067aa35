//! `skynet rebuild`: writes the directories of participants again from their settings.

use super::making::{Make, has_own_run};
use crate::cli::Rebuild;
use crate::failure::{Failure, Outcome, complain, say, tell_of};
use crate::plan::Request;
use crate::site::{Participant, Site};

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
            let why = "skynet has not written its run: move that away to have one written";
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
