//! `skynet uninstall`: removes participants that do not run.

use super::enable::{Link, look};
use super::rebuild::is_ours;
use crate::carry::{Order, carry_out};
use crate::cli::Selection;
use crate::failure::{Failure, Outcome, complain, say, tell_of};
use crate::progress::{End, Task};
use crate::site::{Participant, Site, Supervision};
use std::fs;
use std::time::Duration;

/// How long supervises may take to end that have nothing to stop but a logger.
const PATIENCE: Duration = Duration::from_secs(10);

/// Carries out `skynet uninstall`.
pub fn run(site: &Site, selection: &Selection) -> Result<Outcome, Failure> {
    let (mut participants, found) = site.select_whole(selection)?;
    let mut outcomes = vec![found];
    if selection.all {
        participants.retain(|participant| is_ours(site, participant));
        let (ours, left) = site.without_user_managed(participants);
        participants = ours;
        outcomes.push(left);
    }
    let mut leaving = Vec::new();
    for participant in participants {
        match refusal(site, &participant) {
            Some(refusal) => {
                complain(refusal);
                outcomes.push(Outcome::NotDone);
            }
            None => match unlink(site, &participant) {
                Ok(()) => leaving.push(participant),
                Err(failure) => outcomes.push(tell_of(&failure, &participant.name)),
            },
        }
    }
    let mut gone = Vec::new();
    let order = Order { task: Task::Retire, limit: PATIENCE };
    outcomes.push(carry_out(&leaving, order, |participant, end| {
        let name = &participant.name;
        match end {
            End::Stopped | End::Running | End::Unsupervised => {
                gone.push(participant.clone());
                return Outcome::Done;
            }
            End::Failed(why) | End::Late(why) => {
                complain(format_args!("{name}: {why}; its directory is left where it is"))
            }
        }
        Outcome::NotDone
    }));
    for participant in &gone {
        if let Err(failure) = remove(site, participant) {
            outcomes.push(tell_of(&failure, &participant.name));
        }
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
    if let Supervision::Hidden(why) = participant.supervision() {
        return Some(format!("{name} may be running: unable to look at its supervise: {why}"));
    }
    let disable = |how: &str| format!("{name} is {how}: skynet disable --now {name} first");
    match (participant.process(), matches!(look(site, participant), Link::Ours)) {
        (Some(pid), true) => Some(disable(&format!("enabled, and running (pid {pid})"))),
        (Some(pid), false) => Some(format!("{name} is running (pid {pid}): skynet stop {name} first")),
        (None, true) => Some(disable("enabled")),
        (None, false) => None,
    }
}

/// Takes the link away, so that nothing starts it again.
fn unlink(site: &Site, participant: &Participant) -> Result<(), Failure> {
    let link = site.layout.link(&participant.name);
    if matches!(look(site, participant), Link::Ours | Link::Dangling) {
        fs::remove_file(&link).map_err(|error| Failure::file("remove", &link, &error))?;
    }
    Ok(())
}

fn remove(site: &Site, participant: &Participant) -> Result<(), Failure> {
    let Participant { name, directory, .. } = participant;
    fs::remove_dir_all(directory).map_err(|error| Failure::file("remove", directory, &error))?;
    let log = site.layout.log(name, directory);
    if log.is_dir() {
        say(format_args!("{name}: removed; its log stays in {}", log.display()));
    } else {
        say(format_args!("{name}: removed"));
    }
    Ok(())
}
