//! `skynet list`: names the participants.

use crate::cli::List;
use crate::failure::{Failure, Outcome, print};
use crate::site::{Site, Supervision};

/// Carries out `skynet list`.
pub(crate) fn run(site: &Site, arguments: &List) -> Result<Outcome, Failure> {
    let mut text = String::new();
    let participants = site.participants()?;
    let outcome = site.notice_emptiness(&participants, &[]);
    for participant in participants {
        let is_excluded = if participant.is_enabled { arguments.disabled } else { arguments.enabled };
        if is_excluded {
            continue;
        }
        let mark = match (participant.process(), participant.supervision()) {
            (Some(_), _) => '*',
            (None, Supervision::Hidden(_)) => '?',
            (None, Supervision::Runs | Supervision::None) => ' ',
        };
        text += &format!("{mark} {}\n", participant.name);
    }
    print(text.as_bytes())?;
    Ok(outcome)
}
