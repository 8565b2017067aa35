//! `skynet start`, `skynet stop`, `skynet restart`, `skynet reload`, `skynet wait`.

use crate::carry::{Order, carry_out, tell};
use crate::cli::{Patient, Selection, State, Wait};
use crate::failure::{Failure, Outcome, complain, say};
use crate::progress::{End, Task};
use crate::site::{Participant, Site, Supervision};
use servicedir::service::goal::Goal;
use std::time::Duration;

/// Carries out `skynet start`.
pub(crate) fn start(site: &Site, arguments: &Patient) -> Result<Outcome, Failure> {
    obey(site, arguments, Task::Start)
}

/// Carries out `skynet stop`.
pub(crate) fn stop(site: &Site, arguments: &Patient) -> Result<Outcome, Failure> {
    obey(site, arguments, Task::Stop)
}

/// Carries out `skynet restart`.
pub(crate) fn restart(site: &Site, arguments: &Patient) -> Result<Outcome, Failure> {
    obey(site, arguments, Task::Restart)
}

/// Carries out `skynet reload`.
pub(crate) fn reload(site: &Site, arguments: &Patient) -> Result<Outcome, Failure> {
    obey(site, arguments, Task::Reload)
}

/// Carries out `skynet wait`.
pub(crate) fn wait(site: &Site, arguments: &Wait) -> Result<Outcome, Failure> {
    let goal = match arguments.state {
        State::Up => Goal::Up,
        State::Down => Goal::Down,
        State::Ready => Goal::Ready,
    };
    let order = Order { task: Task::Wait(goal), limit: Duration::from_secs(arguments.wait) };
    run(site, &arguments.selection, (order, &move |participant, end| tell(participant, order.task, end)))
}

/// What is done with the end that a task has come to for a participant.
type Tell = dyn Fn(&Participant, End) -> Outcome;

fn obey(site: &Site, arguments: &Patient, task: Task) -> Result<Outcome, Failure> {
    let limit = if arguments.no_wait { Duration::ZERO } else { Duration::from_secs(arguments.wait) };
    let is_late_as_asked = arguments.no_wait;
    run(
        site,
        &arguments.selection,
        (Order { task, limit }, &move |participant, end| match end {
            End::Late(_) if is_late_as_asked => {
                say(format_args!("{} TOLD", participant.name));
                Outcome::Done
            }
            end => tell(participant, task, end),
        }),
    )
}

fn run(site: &Site, selection: &Selection, (order, tell): (Order, &Tell)) -> Result<Outcome, Failure> {
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
    if order.task == Task::Wait(Goal::Ready) {
        participants.retain(|participant| {
            let tells = participant.tells_readiness();
            if !tells {
                outcomes.push(refuse_to_wait(participant));
            }
            tells
        });
    }
    outcomes.push(carry_out(&participants, order, tell));
    Ok(Outcome::all(outcomes))
}

/// Says of a participant that it never says that it is ready.
fn refuse_to_wait(Participant { name, directory, .. }: &Participant) -> Outcome {
    let directory = directory.display();
    complain(format_args!(
        "{name} does not say when it is ready: there is no notification-fd in {directory}; skynet wait up {name} waits \
         until it has stayed up for a second"
    ));
    Outcome::NotDone
}
