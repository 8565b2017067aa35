//! `skynet history`.

use super::log::{Log, Trouble, logs, since_label};
use crate::cli;
use crate::failure::{Failure, Outcome, print};
use crate::history::{History, table};
use crate::logs::backward::Place;
use crate::logs::chain::{Chain, Until};
use crate::logs::files::Piece;
use crate::logs::label;
use crate::logs::lines::{Lines, Tail};
use crate::logs::progress::Progress;
use crate::logs::wanted::Wanted;
use crate::site::Site;
use participant::items;
use servicedir::json;
use servicedir::sys::clock;
use std::rc::Rc;

/// Carries out `skynet history`.
pub fn run(site: &Site, arguments: &cli::History) -> Result<Outcome, Failure> {
    clock::load_time_zone();
    let since = since_label(arguments.since.as_deref())?;
    let wanted = Wanted::new(since).with_text(items::ITEM);
    let (logs, mut is_clean) = logs(site, &arguments.names)?;
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
    let mut histories = Vec::new();
    for (log, pieces) in found {
        let chain = Chain::new(log.directory, (pieces, Place::default()), Until::End, Rc::clone(&progress));
        let mut lines = Lines::new(chain, wanted.clone(), Tail::Shown);
        let mut history = History::default();
        while lines.next() {
            if let Some(note) = items::parse(label::text(lines.line())) {
                history.add(&note, label::stamp(lines.label()));
            }
        }
        is_clean &= lines.bytes().is_clean();
        histories.push((log.name, history));
    }
    progress.erase();
    let text = if arguments.json {
        json::lines(&histories.iter().map(|(name, history)| history.json(name)).collect::<Vec<_>>())
    } else {
        table(
            &histories.iter().map(|(name, history)| history.row(name, clock::local_text)).collect::<Vec<_>>(),
        )
    };
    print(text.as_bytes())?;
    Ok(if is_clean { Outcome::Done } else { Outcome::NotDone })
}
