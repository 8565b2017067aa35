//! What is sent to a participant that is to be started or stopped, and when that has come true or has failed: looks at it
//! come in, what is to be done comes out.
#![forbid(unsafe_code)]

use servicedir::exit::Exit;
use servicedir::service::goal::{Answer, Expectation, Goal, Moment, Run, SETTLED, Uptime};
use servicedir::service::status::Want;
use servicedir::tai::Stamp;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

/// A supervise reads a command within this time, as a rule.
const DOUBT: Duration = Duration::from_millis(300);

/// What is to be done with a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// It is to run.
    Start,
    /// The same as soon as it has a supervise.
    TakeUp,
    /// It is to finish what it has in hand, and not to run any more.
    Stop,
    /// The same, and its supervise is to end.
    Retire,
    /// The same, and then it is to run again.
    Restart,
    /// It is to finish what it has in hand and to go on with new logic. One that does not run is left alone.
    Reload,
    /// Nothing; somebody only wants to know when it is in a state.
    Wait(Goal),
}

/// A look at a participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Whether there is a supervise.
    pub is_supervised: bool,
    /// Its process, if it is up; also one whose supervise was killed is.
    pub pid: Option<NonZeroU32>,
    /// For how long it has been up.
    pub age: Duration,
    /// Whether its process has become its program.
    pub has_begun: bool,
    /// What is wanted of it.
    pub want: Want,
    /// Whether this run was told to end.
    pub is_told: bool,
    /// Whether it has said that it is ready.
    pub is_ready: bool,
    /// When and how it ended last.
    pub last_exit: Option<(Stamp, Exit)>,
}

impl Sight {
    /// Its present run, if it is up.
    fn run(&self) -> Option<Run> {
        Some(Run { pid: self.pid?, age: self.age, has_begun: self.has_begun })
    }
}

/// What is to be done after a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// These commands are to be sent, and then it is to be looked at again.
    Send(&'static [u8]),
    /// Its present run is to be ended by the signal for that, and another wanted. Then it is to be looked at again.
    Renew,
    /// It is to be looked at again.
    Look,
    /// News are to be waited for, or this moment, whichever comes first.
    Wait(Option<Instant>),
    /// That was all.
    End(End),
}

/// What has come of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// It runs, as it should.
    Running,
    /// It does not run, as it should.
    Stopped,
    /// It was not carried out; why.
    Failed(String),
    /// It was not carried out in time; what goes on.
    Late(String),
    /// There is nobody who could carry it out.
    Unsupervised,
}

/// A task that is being carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Whether the participant says when it is ready.
    tells_readiness: bool,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    /// Nothing was done yet.
    New(Task),
    /// It is going to end.
    Stopping(Stopping),
    /// It is going to end, and its supervise.
    Retiring,
    /// It is going to run.
    Starting(Starting),
    /// Somebody waits for it.
    Waiting(Goal, Expectation),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stopping {
    /// Whether it is to be started then.
    starts_again: bool,
    /// The run that ends.
    ending: Option<NonZeroU32>,
    said: Said,
}

/// What a participant that is to stop was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// What is to be.
    Enough,
    /// Nothing by us: somebody else has told it.
    Nothing,
    /// Somebody else has told this run; from then on it counts as certain that it is to be started again.
    Doubtful(Instant),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Starting {
    /// The run that is to end.
    ending: Option<NonZeroU32>,
    /// Whether the one run whose exit is not a failure has ended.
    has_ended: bool,
    /// Whether it is as good if it stays down then.
    may_stop: bool,
    /// The last end that is no failure.
    known_end: Option<Stamp>,
    /// Whether its run has stayed up: a participant that does not say when it is ready has started then.
    uptime: Uptime,
}

impl Progress {
    /// A task of which nothing was done yet.
    pub(crate) const fn new(task: Task, tells_readiness: bool) -> Self {
        Self { tells_readiness, phase: Phase::New(task) }
    }

    /// Decides what to do after a look.
    pub(crate) fn see(&mut self, sight: &Sight, now: Instant) -> Step {
        match &mut self.phase {
            Phase::New(task) => {
                let task = *task;
                self.begin(task, sight)
            }
            Phase::Stopping(stopping) => match stopping.see(sight, now) {
                Some(step) => step,
                None if !stopping.starts_again => Step::End(End::Stopped),
                None if sight.is_supervised => self.start(None, sight),
                None => Step::End(End::Unsupervised),
            },
            Phase::Retiring if sight.is_supervised || sight.pid.is_some() => Step::Wait(None),
            Phase::Retiring => Step::End(End::Stopped),
            Phase::Starting(starting) => starting.see(sight, self.tells_readiness, now),
            Phase::Waiting(goal, expectation) => {
                let moment = Moment { run: sight.run(), is_ready: sight.is_ready, is_restless: false };
                match (expectation.see(moment, now), *goal) {
                    (Answer::Pending(due), _) => Step::Wait(due),
                    (Answer::Reached, Goal::Down) => Step::End(End::Stopped),
                    (Answer::Reached, Goal::Up | Goal::Ready) => Step::End(End::Running),
                }
            }
        }
    }

    fn begin(&mut self, task: Task, sight: &Sight) -> Step {
        // A second TERM would tell it to drop what it has in hand.
        let is_stopping = sight.pid.is_some() && (sight.is_told || sight.want == Want::Down);
        match task {
            Task::Wait(goal) => {
                self.phase = Phase::Waiting(goal, Expectation::new(goal));
                Step::Look
            }
            Task::TakeUp if !sight.is_supervised => Step::Wait(None),
            _ if !sight.is_supervised => Step::End(match sight.pid {
                Some(pid) => End::Failed(format!("it runs (pid {pid}), but its supervisor was killed")),
                None if task == Task::Retire => End::Stopped,
                None => End::Unsupervised,
            }),
            Task::Retire => {
                self.phase = Phase::Retiring;
                Step::Send(if is_stopping { b"x" } else { b"dx" })
            }
            Task::Reload if sight.pid.is_none() && sight.want != Want::Up => Step::End(End::Stopped),
            Task::Reload if sight.pid.is_some() => {
                // A participant that was not ready before, for example because its broker is away, need not be ready after.
                self.tells_readiness &= sight.is_ready;
                // If somebody else has told it to stop, it may stay down.
                self.phase =
                    Phase::Starting(Starting { may_stop: is_stopping, ..Starting::new(sight.pid, sight) });
                if is_stopping { Step::Look } else { Step::Renew }
            }
            Task::Start => self.start(sight.pid.filter(|_| is_stopping), sight),
            Task::TakeUp => {
                let ending = sight.pid.filter(|_| is_stopping);
                // svscan may just have told the present run to end, because its link was missing for a moment.
                self.phase = Phase::Starting(Starting {
                    has_ended: sight.pid.is_none(),
                    ..Starting::new(ending, sight)
                });
                Step::Send(b"u")
            }
            Task::Restart if sight.pid.is_none() => self.start(None, sight),
            // It is about to be started again anyway.
            Task::Reload if sight.pid.is_none() => self.start(None, sight),
            // To be wanted up is all that this run lacks.
            Task::Restart if sight.is_told && sight.want != Want::Down => self.start(sight.pid, sight),
            Task::Stop | Task::Restart | Task::Reload => {
                self.phase = Phase::Stopping(Stopping {
                    starts_again: task == Task::Restart,
                    ending: sight.pid,
                    said: if is_stopping { Said::Nothing } else { Said::Enough },
                });
                if is_stopping { Step::Look } else { Step::Send(b"d") }
            }
        }
    }

    fn start(&mut self, ending: Option<NonZeroU32>, sight: &Sight) -> Step {
        self.phase = Phase::Starting(Starting::new(ending, sight));
        Step::Send(b"u")
    }

    /// What is sent when the time is over: a participant that was to be started again is, however late.
    pub(crate) fn last_commands(&self) -> Option<&'static [u8]> {
        match self.phase {
            Phase::Stopping(Stopping { starts_again: true, .. }) => Some(b"u"),
            Phase::Stopping(Stopping { said: Said::Doubtful(_), .. }) => Some(b"o"),
            _ => None,
        }
    }

    /// What there is to say when the time is over.
    pub(crate) fn late(&self, sight: &Sight, limit: Duration) -> End {
        let seconds = limit.as_secs();
        let within = format!("within {seconds} second{}", if seconds == 1 { "" } else { "s" });
        let unfinished =
            format!("it has not finished what it has in hand {within}; it is started again when it has");
        End::Late(match &self.phase {
            Phase::Retiring if sight.pid.is_none() => format!("its supervisor has not ended {within}"),
            Phase::Retiring => {
                format!(
                    "it has not finished what it has in hand {within}; it ends when it has, but its logger stays"
                )
            }
            _ if !sight.is_supervised => format!("it has had no supervisor {within}; is svscan running?"),
            Phase::New(_) => format!("nothing could be done {within}"),
            Phase::Stopping(Stopping { starts_again: false, .. }) => {
                format!("it has not finished what it has in hand {within}; it stops when it has")
            }
            Phase::Stopping(_) => unfinished,
            Phase::Starting(starting) if starting.ending.is_some() && sight.pid == starting.ending => {
                unfinished
            }
            Phase::Starting(_) | Phase::Waiting(..) if sight.pid.is_none() => {
                format!("it was not started {within}")
            }
            Phase::Waiting(Goal::Ready, _) if !self.tells_readiness => {
                "it runs, but has no notification-fd to say that it is ready".to_string()
            }
            Phase::Starting(_) | Phase::Waiting(Goal::Ready, _) => {
                format!("it runs, but has not said {within} that it is ready")
            }
            Phase::Waiting(Goal::Up, _) => format!("it has not stayed up for a second {within}"),
            Phase::Waiting(Goal::Down, _) => format!("it has not stopped {within}"),
        })
    }
}

impl Stopping {
    /// What is to be done as long as it has not stopped, after a look.
    fn see(&mut self, sight: &Sight, now: Instant) -> Option<Step> {
        // The record of a supervise that has not yet read the command says nothing about what comes of it.
        let has_stopped = !sight.is_supervised || (sight.pid.is_none() && sight.want != Want::Up);
        if has_stopped || self.is_superseded(sight) {
            return None;
        }
        if self.said == Said::Enough || sight.want == Want::Down {
            return Some(Step::Wait(None));
        }
        // Somebody else wanted it to stop, and wants it up again.
        if !sight.is_told {
            self.said = Said::Enough;
            return Some(Step::Send(b"d"));
        }
        if sight.want == Want::Once {
            return Some(Step::Wait(None));
        }
        // It was told, and is to be started again; unless it is to stop, and the record does not say so yet.
        let certain = match self.said {
            Said::Doubtful(certain) => certain,
            Said::Enough | Said::Nothing => now + DOUBT,
        };
        self.said = Said::Doubtful(certain);
        if certain > now {
            return Some(Step::Wait(Some(certain)));
        }
        self.said = Said::Enough;
        // The only command that has it stay down when it has ended, and sends no signal.
        Some(Step::Send(b"o"))
    }

    /// Whether somebody else has started it again already, as we were to.
    fn is_superseded(&self, sight: &Sight) -> bool {
        self.starts_again && sight.want == Want::Up && sight.pid.is_some() && sight.pid != self.ending
    }
}

impl Starting {
    fn new(ending: Option<NonZeroU32>, sight: &Sight) -> Self {
        Self {
            ending,
            has_ended: ending.is_none(),
            may_stop: false,
            known_end: sight.last_exit.as_ref().map(|(at, _)| *at),
            uptime: Uptime::new(SETTLED),
        }
    }

    fn see(&mut self, sight: &Sight, tells_readiness: bool, now: Instant) -> Step {
        if !sight.is_supervised {
            return Step::Wait(None);
        }
        if let Some((at, how)) = sight.last_exit.as_ref().filter(|(at, _)| Some(*at) != self.known_end) {
            if self.has_ended {
                return Step::End(End::Failed(describe(*how, tells_readiness)));
            }
            self.has_ended = true;
            self.known_end = Some(*at);
        }
        if self.may_stop && sight.pid.is_none() && sight.want != Want::Up {
            return Step::End(End::Stopped);
        }
        let run = sight.run().filter(|run| self.ending != Some(run.pid));
        let Some(run) = run else { return Step::Wait(None) };
        if tells_readiness {
            return if sight.is_ready { Step::End(End::Running) } else { Step::Wait(None) };
        }
        let settled = self.uptime.settles(run, now);
        if settled <= now { Step::End(End::Running) } else { Step::Wait(Some(settled)) }
    }
}

/// How a participant has ended that should run.
fn describe(how: Exit, tells_readiness: bool) -> String {
    let how = match how {
        Exit::Exited(code) => format!("it exited with code {code}"),
        Exit::Killed(signal) => format!("it was killed by {signal}"),
        Exit::Unknown => "it ended".to_string(),
    };
    let when = if tells_readiness { "before it was ready" } else { "within a second after its start" };
    format!("{how} {when}; its log may say why")
}

#[cfg(test)]
mod tests;
