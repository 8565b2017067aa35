//! `skynet start`, `skynet stop`, `skynet restart`, `skynet reload`, `skynet wait`.

use crate::carry::{Order, carry_out, tell};
use crate::cli::{Patient, State, Wait};
use crate::failure::{Failure, Outcome};
use crate::progress::Task;
use crate::site::{Site, Supervision};
use servicedir::service::goal::Goal;
use std::time::Duration;

/// Carries out `skynet start`.
pub(crate) fn start(site: &Site, arguments: &Patient) -> Result<Outcome, Failure> {
    run(site, arguments, Task::Start)
}

/// Carries out `skynet stop`.
pub(crate) fn stop(site: &Site, arguments: &Patient) -> Result<Outcome, Failure> {
    run(site, arguments, Task::Stop)
}

/// Carries out `skynet restart`.
pub(crate) fn restart(site: &Site, arguments: &Patient) -> Result<Outcome, Failure> {
    run(site, arguments, Task::Restart)
}

/// Carries out `skynet reload`.
pub(crate) fn reload(site: &Site, arguments: &Patient) -> Result<Outcome, Failure> {
    run(site, arguments, Task::Reload)
}

/// Carries out `skynet wait`.
pub(crate) fn wait(site: &Site, arguments: &Wait) -> Result<Outcome, Failure> {
    let goal = match arguments.state {
        State::Up => Goal::Up,
        State::Down => Goal::Down,
        State::Ready => Goal::Ready,
    };
    run(site, &arguments.patient, Task::Wait(goal))
}

fn run(site: &Site, arguments: &Patient, task: Task) -> Result<Outcome, Failure> {
    let selection = &arguments.selection;
    let (mut participants, found) = site.select(&selection.names, selection.all)?;
    let mut outcomes = vec![found];
    if selection.all {
        // All that take part: who is not enabled, and has no supervisor, is not meant.
        participants
            .retain(|participant| participant.is_enabled || participant.supervision() != Supervision::None);
        let (ours, left) = site.without_user_managed(participants);
        participants = ours;
        outcomes.push(left);
    }
    let order = Order { task, limit: Duration::from_secs(arguments.wait) };
    outcomes.push(carry_out(&participants, order, |participant, end| tell(participant, task, end)));
    Ok(Outcome::all(outcomes))
}
