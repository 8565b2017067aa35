//! `skynet manual`: runs a participant in the foreground, with the environment that it has as a service.

use crate::cli::One;
use crate::failure::{Failure, Outcome, complain};
use crate::site::{Site, Supervision};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Carries out `skynet manual`: becomes the participant, or says why not.
pub fn run(site: &Site, one: &One) -> Result<Outcome, Failure> {
    let (participants, _) = site.select(std::slice::from_ref(&one.name), false)?;
    let Some(participant) = participants.first() else { return Ok(Outcome::NotDone) };
    let (name, directory) = (&participant.name, &participant.directory);
    if let Some(pid) = participant.process() {
        complain(format_args!("{name} is running (pid {pid}): skynet stop {name} first"));
        return Ok(Outcome::NotDone);
    }
    if let Supervision::Hidden(why) = participant.supervision() {
        complain(format_args!("{name} may be running: unable to look at its supervise: {why}"));
        return Ok(Outcome::NotDone);
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "the participant is to find signals as a program in a terminal does"
    )]
    let error = Command::new("./run").current_dir(directory).exec();
    Err(Failure::file("run", &directory.join("run"), &error))
}
