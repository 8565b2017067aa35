//! `skynet list`: names the participants.

use crate::cli::List;
use crate::failure::{Failure, Outcome, say};
use crate::site::{Participant, Site};
use servicedir::service::directory::Directory;
use servicedir::sys::files::HERE;

/// Carries out `skynet list`.
pub(crate) fn run(site: &Site, arguments: &List) -> Result<Outcome, Failure> {
    for participant in site.participants()? {
        let is_excluded = if participant.is_enabled { arguments.disabled } else { arguments.enabled };
        if !is_excluded {
            say(format_args!("{} {}", if runs(&participant) { '*' } else { ' ' }, participant.name));
        }
    }
    Ok(Outcome::Done)
}

fn runs(participant: &Participant) -> bool {
    Directory::open(HERE, &participant.service()).is_ok_and(|directory| {
        directory.knock().is_ok() && directory.status().is_ok_and(|status| status.pid.is_some())
    })
}
