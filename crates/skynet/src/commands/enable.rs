//! `skynet enable`, `skynet disable`: the link that makes svscan start a participant, now and at boot.

use super::{apply, making};
use crate::carry::{Order, carry_out, tell};
use crate::cli::{Selection, Switch};
use crate::failure::{Failure, Outcome, complain, say, tell_of};
use crate::layout::Layout;
use crate::names::is_valid;
use crate::progress::{End, Task};
use crate::scanning;
use crate::site::{Participant, Site, Supervision};
use crate::writing;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait where that was asked for.
const LONG: Duration = Duration::from_secs(60);

/// How long to wait for a participant that may have nothing in hand.
const SHORT: Duration = Duration::from_secs(5);

/// What is in the place of a participant's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Nothing.
    Missing,
    /// The link to it.
    Ours,
    /// A link that leads nowhere, which is in nobody's way.
    Dangling,
    /// Something else.
    Other,
}

/// Carries out `skynet enable`.
pub fn enable(site: &Site, arguments: &Switch) -> Result<Outcome, Failure> {
    let selection = &arguments.selection;
    let (participants, found) = select(site, selection, site.select(&selection.names, selection.all)?);
    let mut outcomes = vec![found];
    if !participants.is_empty() {
        making::scan_directory(site)?;
    }
    let mut enabled = Vec::new();
    for participant in participants {
        match add(site, &participant) {
            Ok(Outcome::Done) => enabled.push(participant),
            Ok(Outcome::NotDone) => outcomes.push(Outcome::NotDone),
            Err(failure) => outcomes.push(tell_of(&failure, &participant.name)),
        }
    }
    if arguments.now && !enabled.is_empty() {
        outcomes.push(wait_until_up(site, enabled));
    }
    if arguments.apply {
        outcomes.push(apply::run(site)?);
    }
    Ok(Outcome::all(outcomes))
}

/// Makes the link to a participant.
fn add(site: &Site, participant: &Participant) -> Result<Outcome, Failure> {
    let name = &participant.name;
    apply::make_supervise_parents(site, participant)?;
    let link = site.layout.link(name);
    match look(site, participant) {
        Link::Ours => say(format_args!("{name} is enabled already")),
        Link::Missing | Link::Dangling => {
            let target = site.layout.inside(&participant.directory);
            writing::link(&link, &target).map_err(|error| Failure::file("make", &link, &error))?;
            say(format_args!("{name} is enabled"));
        }
        Link::Other => {
            complain(format_args!(
                "{name} cannot be enabled: {} is there, and is not a link to {}: remove it first",
                link.display(),
                participant.directory.display()
            ));
            return Ok(Outcome::NotDone);
        }
    }
    Ok(Outcome::Done)
}

/// Removes the link to a participant.
fn remove(site: &Site, participant: &Participant) -> Result<Outcome, Failure> {
    let name = &participant.name;
    let link = site.layout.link(name);
    match look(site, participant) {
        Link::Missing => say(format_args!("{name} is disabled already")),
        Link::Ours | Link::Dangling => match fs::remove_file(&link) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Failure::file("remove", &link, &error));
            }
            _ => say(format_args!("{name} is disabled")),
        },
        Link::Other => {
            complain(format_args!(
                "{name} cannot be disabled: {} is not a link to {}; remove it by hand",
                link.display(),
                participant.directory.display()
            ));
            return Ok(Outcome::NotDone);
        }
    }
    Ok(Outcome::Done)
}

/// Those that are meant, of what was found; only by their names those that somebody else manages.
fn select(
    site: &Site,
    selection: &Selection,
    (participants, found): (Vec<Participant>, Outcome),
) -> (Vec<Participant>, Outcome) {
    if !selection.all {
        return (participants, found);
    }
    let (participants, left) = site.without_user_managed(participants);
    (participants, Outcome::all([found, left]))
}

/// Waits until participants run. Where no svscan runs, they will when it does: that is all there is to do in an image.
fn wait_until_up(site: &Site, mut participants: Vec<Participant>) -> Outcome {
    let place = &site.layout.service;
    let is_supervised = |participant: &Participant| participant.supervision() != Supervision::None;
    if scanning::scanners(place).is_empty() && !participants.iter().all(is_supervised) {
        say(format_args!("No svscan runs on {}; they start when one does", place.display()));
        participants.retain(is_supervised);
    }
    let order = Order { task: Task::TakeUp, limit: LONG };
    carry_out(&participants, order, |participant, end| tell(participant, order.task, end))
}

/// Carries out `skynet disable`.
pub fn disable(site: &Site, arguments: &Switch) -> Result<Outcome, Failure> {
    let (dangling, selection) = without_dangling(site, &arguments.selection)?;
    for link in &dangling {
        fs::remove_file(link).map_err(|error| Failure::file("remove", link, &error))?;
        let name = link.file_name().unwrap_or_default().to_string_lossy();
        say(format_args!("{name} is disabled: its link led nowhere"));
    }
    if !dangling.is_empty() {
        // Their participants may still run. svscan, which has started them, ends them.
        for svscan in scanning::scanners(&site.layout.service) {
            scanning::look_now(svscan);
        }
    }
    let selection = &selection;
    let (participants, found) = select(site, selection, site.select_whole(selection)?);
    let mut outcomes = vec![found];
    let mut disabled = Vec::new();
    for participant in participants {
        match remove(site, &participant) {
            Ok(Outcome::Done) => disabled.push(participant),
            Ok(Outcome::NotDone) => outcomes.push(Outcome::NotDone),
            Err(failure) => outcomes.push(tell_of(&failure, &participant.name)),
        }
    }
    outcomes.push(stop(disabled, arguments.now));
    if arguments.apply {
        outcomes.push(apply::run(site)?);
    }
    Ok(Outcome::all(outcomes))
}

/// Splits a selection into the links whose participant was removed, and the rest. In an image, a link leads somewhere only
/// when the image runs.
fn without_dangling(site: &Site, selection: &Selection) -> Result<(Vec<PathBuf>, Selection), Failure> {
    let Layout { service, storage, packaged, root, .. } = &site.layout;
    let present: Vec<String> = site.participants()?.into_iter().map(|participant| participant.name).collect();
    let dangles = |name: &String| {
        let link = site.layout.link(name);
        let is_valid = is_valid(name) && !present.contains(name);
        root == Path::new("/") && is_valid && link.is_symlink() && !link.exists()
    };
    let is_of_participant = |name: &String| {
        let target = fs::read_link(site.layout.link(name)).unwrap_or_default();
        target.starts_with(storage) || packaged.as_ref().is_some_and(|packaged| target.starts_with(packaged))
    };
    let entries = fs::read_dir(service).ok().filter(|_| selection.all).into_iter().flatten().flatten();
    let of_all = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let of_all = of_all.filter(|name| dangles(name) && is_of_participant(name));
    let (named, names): (Vec<String>, Vec<String>) = selection.names.iter().cloned().partition(dangles);
    let links = of_all.chain(named).map(|name| site.layout.link(&name)).collect();
    Ok((links, Selection { names, all: selection.all }))
}

/// Stops what is not to be started again. What takes longer than a moment ends on its own, unless that is to be waited for.
fn stop(mut participants: Vec<Participant>, now: bool) -> Outcome {
    participants.retain(|participant| {
        participant.process().is_some()
            || participant.supervision() != Supervision::None
            || Supervision::of(&participant.logger()) != Supervision::None
    });
    let order = Order { task: Task::Retire, limit: if now { LONG } else { SHORT } };
    carry_out(&participants, order, |participant, end| match end {
        End::Late(why) if !now => {
            let name = &participant.name;
            complain(format_args!("{name}: {why}: skynet disable --now {name} waits, and ends it"));
            Outcome::Done
        }
        end => tell(participant, order.task, end),
    })
}

/// Looks at the place of a participant's link.
pub fn look(site: &Site, participant: &Participant) -> Link {
    let link = site.layout.link(&participant.name);
    let Ok(facts) = fs::symlink_metadata(&link) else { return Link::Missing };
    if !facts.is_symlink() {
        return Link::Other;
    }
    let target = fs::read_link(&link).unwrap_or_default();
    let expected = site.layout.inside(&participant.directory);
    let is_same = || {
        let [there, here] = [&link, &participant.directory].map(|path| fs::canonicalize(path).ok());
        there.is_some() && there == here
    };
    // In an image, it leads where it will when that runs.
    let leads_somewhere = || match target.strip_prefix("/") {
        Ok(path) => site.layout.root.join(path).exists(),
        Err(_) => link.exists(),
    };
    if target == expected || is_same() {
        Link::Ours
    } else if leads_somewhere() {
        Link::Other
    } else {
        Link::Dangling
    }
}
