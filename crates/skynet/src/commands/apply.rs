//! `skynet apply`: makes svscan take up changes now.

use crate::failure::{Failure, Outcome, complain, say, tell_of};
use crate::scanning;
use crate::site::{Participant, Site};
use crate::writing;
use std::fs;
use std::path::{Path, PathBuf};

/// Carries out `skynet apply`.
pub fn run(site: &Site) -> Result<Outcome, Failure> {
    let place = &site.layout.service;
    let participants = site.participants()?;
    let mut outcome = Outcome::Done;
    for participant in participants.iter().filter(|participant| participant.is_enabled) {
        if let Err(failure) = make_supervise_parents(site, participant) {
            outcome = tell_of(&failure, &participant.name);
        }
    }
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let link = entry.path();
        if site.layout.root.as_os_str() == "/" && link.is_symlink() && !link.exists() {
            complain(format_args!("{} leads nowhere: remove it", link.display()));
        }
    }
    let scanners = scanning::scanners(place);
    if scanners.is_empty() {
        say(format_args!("No svscan runs on {}; changes hold when one does", place.display()));
        return Ok(outcome);
    }
    for svscan in scanners {
        if scanning::look_now(svscan) {
            say(format_args!("svscan (pid {svscan}) looks at {} now", place.display()));
        } else {
            complain(format_args!("svscan (pid {svscan}) cannot be told; it looks every five seconds"));
            outcome = Outcome::NotDone;
        }
    }
    Ok(outcome)
}

/// Makes the directories in which supervise makes its own, where a participant on a read-only file system has links
/// instead: supervise makes one directory, not those that lead to it, and below /run they are gone after each boot.
pub fn make_supervise_parents(site: &Site, participant: &Participant) -> Result<(), Failure> {
    // What is below /run in an image is not there when it runs.
    if site.layout.root != Path::new("/") {
        return Ok(());
    }
    for name in ["supervise", "log/supervise"] {
        let link = participant.directory.join(name);
        let Ok(target) = fs::read_link(&link) else { continue };
        let target = link.parent().map_or(PathBuf::new(), |place| place.join(&target));
        if let Some(parent) = target.parent().filter(|parent| !parent.is_dir()) {
            writing::directories(parent).map_err(|error| Failure::file("make", parent, &error))?;
        }
    }
    Ok(())
}
