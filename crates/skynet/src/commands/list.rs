//! `skynet list`: names the participants.

use crate::cli::List;
use crate::failure::{Failure, Outcome, say};
use crate::site::Site;

/// Carries out `skynet list`.
pub(crate) fn run(site: &Site, arguments: &List) -> Result<Outcome, Failure> {
    for participant in site.participants()? {
        let is_excluded = if participant.is_enabled { arguments.disabled } else { arguments.enabled };
        if !is_excluded {
            say(format_args!(
                "{} {}",
                if participant.process().is_some() { '*' } else { ' ' },
                participant.name
            ));
        }
    }
    Ok(Outcome::Done)
}
