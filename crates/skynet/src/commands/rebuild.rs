//! `skynet rebuild`: writes the directories of participants again from their settings.

use super::making::Make;
use crate::cli::Rebuild;
use crate::failure::{Failure, Outcome, complain, say};
use crate::plan::Request;
use crate::site::{Participant, Site};

/// Carries out `skynet rebuild`.
pub fn run(site: &Site, arguments: &Rebuild) -> Result<Outcome, Failure> {
    let selection = &arguments.selection;
    let (mut participants, found) = site.select(&selection.names, selection.all)?;
    let mut outcomes = vec![found];
    if selection.all {
        participants.retain(|participant| is_ours(site, participant));
        let (ours, left) = site.without_user_managed(participants);
        participants = ours;
        outcomes.push(left);
    }
    for participant in participants {
        if !is_ours(site, &participant) {
            complain(format_args!("{} was not made by skynet install, and is left alone", participant.name));
            outcomes.push(Outcome::NotDone);
            continue;
        }
        let Participant { name, directory, .. } = &participant;
        let made =
            Make::plan(site, name, directory, &Request::default(), None).and_then(|make| make.carry_out());
        match made {
            Ok(made) => say(format_args!("{name}: {made}")),
            Err(failure) => outcomes.push(failure.tell_of(name)),
        }
    }
    Ok(Outcome::all(outcomes))
}

/// Whether a participant is in the directory that `install` makes them in.
pub fn is_ours(site: &Site, participant: &Participant) -> bool {
    !participant.is_packaged && participant.directory.starts_with(&site.layout.storage)
}
