//! `skynet history`, and how it and `skynet processes` read what logs tell about items.

use super::log::{Log, Trouble, logs, since_label};
use crate::cli;
use crate::failure::{Failure, Outcome, print};
use crate::history::{History, TITLES};
use crate::logs::backward::Place;
use crate::logs::chain::{Chain, Until};
use crate::logs::files::Piece;
use crate::logs::label;
use crate::logs::lines::{Lines, Tail};
use crate::logs::progress::Progress;
use crate::logs::wanted::Wanted;
use crate::site::Site;
use crate::table::table;
use servicedir::json;
use servicedir::sys::clock;
use servicedir::tai::Stamp;
use skynet_core::items::{self, Note};
use std::rc::Rc;

/// Carries out `skynet history`.
pub fn run(site: &Site, arguments: &cli::History) -> Result<Outcome, Failure> {
    let mut histories = Vec::new();
    let outcome = read(site, (&arguments.names, arguments.since.as_deref()), |log, notes| {
        let mut history = History::default();
        notes(&mut |note, at| history.add(note, at));
        history.settle(log.run());
        histories.push((log.name.clone(), history));
    })?;
    let text = if arguments.json {
        json::lines(&histories.iter().map(|(name, history)| history.json(name)).collect::<Vec<_>>())
    } else {
        let rows = histories.iter().map(|(name, history)| history.row(name, clock::local_text));
        table(TITLES, &rows.collect::<Vec<_>>(), &[TITLES[0]])
    };
    print(text.as_bytes())?;
    Ok(outcome)
}

/// What is done with a line about an item, and when it was logged.
type Take<'a> = dyn FnMut(&Note<'_>, Option<Stamp>) + 'a;

/// Reads the logs of these participants, or of all, from a moment on. `each` is called for each log, with what goes through
/// its lines about items.
pub(super) fn read(
    site: &Site,
    (names, since): (&[String], Option<&str>),
    mut each: impl FnMut(&Log, &mut dyn FnMut(&mut Take<'_>)),
) -> Result<Outcome, Failure> {
    clock::load_time_zone();
    let since = since_label(since)?;
    let wanted = Wanted::new(since).with_text(items::PARTICIPANT);
    let (logs, mut is_clean) = logs(site, names)?;
    let mut found: Vec<(Log, Vec<Piece>)> = Vec::new();
    for log in logs {
        match log.pieces(since) {
            Ok(pieces) => found.push((log, pieces)),
            // What has not logged anything has not been called.
            Err(Trouble::Absent) => found.push((log, Vec::new())),
            Err(Trouble::Told) => is_clean = false,
        }
    }
    let progress = Rc::new(Progress::new());
    let sizes = found.iter().flat_map(|(_, pieces)| pieces).map(|piece| piece.size);
    progress.expect(sizes.sum());
    for (log, pieces) in found {
        let directory = log.directory.clone();
        let chain = Chain::new(directory, (pieces, Place::default()), Until::End, Rc::clone(&progress));
        let mut lines = Lines::new(chain, wanted.clone(), Tail::Shown);
        each(&log, &mut |take| {
            while lines.next() {
                if let Some(note) = items::parse(label::text(lines.line())) {
                    take(&note, label::stamp(lines.label()));
                }
            }
        });
        is_clean &= lines.bytes().is_clean();
    }
    progress.erase();
    Ok(if is_clean { Outcome::Done } else { Outcome::NotDone })
}
