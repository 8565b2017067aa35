//! `skynet processes`: what participants have done for each process.

use super::history::read;
use crate::cli;
use crate::failure::{Failure, Outcome, complain, print};
use crate::processes::{Processes, TEXTS, TITLES, Which};
use crate::site::Site;
use crate::table::table;
use servicedir::sys::clock;

/// Carries out `skynet processes`.
pub(crate) fn run(site: &Site, arguments: &cli::Processes) -> Result<Outcome, Failure> {
    let mut processes = Processes::default();
    let outcome = read(site, (&arguments.names, arguments.since.as_deref()), |log, notes| {
        let mut worker = processes.worker(&log.name);
        notes(&mut |note, at| worker.add(note, at));
        worker.finish(log.run());
    })?;
    let which = if arguments.failed { Which::Failed } else { Which::All };
    let text = match arguments.json {
        true => processes.json(which),
        false => table(TITLES, &processes.rows(which, clock::local_text), &TEXTS),
    };
    print(text.as_bytes())?;
    if processes.is_empty() {
        complain(format_args!("There is no process in the logs of participants in {}", site.places()));
        return Ok(Outcome::NotDone);
    }
    Ok(outcome)
}
