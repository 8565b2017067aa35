//! What the exoskeleton of a participant says to the broker: `skynet item`, and what `register` sends for participants of
//! this site.

use crate::accounts::may_give;
use crate::cli::{Item, Selection};
use crate::failure::{Failure, Outcome, complain, tell_of};
use crate::site::{Participant, Site};
use skynet_core::files::OWN;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// Carries out `skynet register` and `skynet unregister`, which are options of the exoskeleton.
pub(crate) fn tell(site: &Site, selection: &Selection, option: &str) -> Result<Outcome, Failure> {
    let (mut participants, found) = match option {
        "--unregister" => site.select_whole(selection)?,
        _ => site.select(&selection.names, selection.all)?,
    };
    let mut outcomes = vec![found];
    if selection.all {
        let (ours, left) = site.without_user_managed(participants);
        participants = ours;
        outcomes.push(left);
    }
    for participant in &participants {
        let told = exo(site, participant, &[option, OWN]);
        if let Ok(Outcome::NotDone) = told {
            complain(format_args!("{}: {option} failed, for the reason in the line above", participant.name));
        }
        outcomes.push(told.unwrap_or_else(|failure| tell_of(&failure, &participant.name)));
    }
    Ok(Outcome::all(outcomes))
}

/// Carries out `skynet item`.
pub(crate) fn item(site: &Site, arguments: &Item) -> Result<Outcome, Failure> {
    let (participants, _) = site.select(std::slice::from_ref(&arguments.name), false)?;
    let Some(participant) = participants.first() else { return Ok(Outcome::NotDone) };
    exo(site, participant, &["--control", OWN, &arguments.wfid, arguments.request.name()])
}

/// Runs the exoskeleton of a participant, as the account that it always runs as.
fn exo(site: &Site, participant: &Participant, words: &[&str]) -> Result<Outcome, Failure> {
    let directory = &participant.directory;
    let config = site.config(&participant.name, directory)?;
    let account = config.participant("runas", &participant.name);
    run(&directory.join("exo"), account, words)
}

/// Runs an exoskeleton in its directory, as an account if this process may choose one.
pub(crate) fn run(exo: &Path, account: &str, words: &[impl AsRef<OsStr>]) -> Result<Outcome, Failure> {
    let directory = exo.parent().unwrap_or(Path::new("/"));
    let (program, prefix): (&OsStr, _) = match may_give() {
        true => ("setuidgid".as_ref(), vec![OsStr::new(account), exo.as_os_str()]),
        false => (exo.as_os_str(), Vec::new()),
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "it says all there is to say, and its exit code tells the rest"
    )]
    let status = Command::new(program).args(prefix).args(words).current_dir(directory).status();
    let status = status.map_err(|error| Failure::file("run", exo, &error))?;
    Ok(if status.success() { Outcome::Done } else { Outcome::NotDone })
}
