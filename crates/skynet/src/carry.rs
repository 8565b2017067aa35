//! Carries out tasks for many participants at once: all commands are sent, then there is one wait for whatever comes
//! first.

use crate::failure::{Outcome, complain, say};
use crate::meter::Meter;
use crate::progress::{End, Progress, Sight, Step, Task};
use crate::site::{Participant, Supervision, left_behind};
use crate::told::Told;
use nix::errno::Errno;
use servicedir::service::control::{Command, Letters, OPTIONS};
use servicedir::service::directory::{Directory, NoControl};
use servicedir::service::observation::Observer;
use servicedir::service::status::{Status, Want};
use servicedir::service::waiting::Crowd;
use servicedir::supervise::settings::{LONGEST, Setting, Settings};
use servicedir::sys::{clock, files, peek, pipes};
use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a logger may read on that has nothing to do any more.
pub(crate) const DRAIN: Duration = Duration::from_secs(5);

/// How often is looked meanwhile: a pipe does not tell when it is empty.
pub(crate) const DRAINING: Duration = Duration::from_millis(10);

/// What is to be done, and by when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order {
    /// What.
    pub task: Task,
    /// How long it may take.
    pub limit: Duration,
}

/// Carries out an order for all of these participants. `tell` is called with what has come of it for each.
pub(crate) fn carry_out(
    participants: &[Participant],
    order: Order,
    mut tell: impl FnMut(&Participant, End) -> Outcome,
) -> Outcome {
    // For whom this is too far away there is no end.
    let deadline = clock::monotonic().checked_add(order.limit);
    let places: Vec<_> =
        participants.iter().map(|participant| [participant.service(), participant.logger()]).collect();
    let mut crowd = Crowd::new();
    let mut jobs = Vec::new();
    for (participant, [service, logger]) in participants.iter().zip(&places) {
        // What is waited for must be watched before it can happen.
        crowd.add(service);
        crowd.add(logger);
        jobs.push(Job::new(participant, order.task));
    }
    let mut meter = Meter::new();
    let mut pending: BTreeSet<usize> = (0..jobs.len()).collect();
    let mut outcome = Outcome::Done;
    let mut news = pending.clone();
    loop {
        let now = clock::monotonic();
        let is_late = deadline.is_some_and(|deadline| deadline <= now);
        let is_due = |job: &Job| job.due.is_some_and(|due| due <= now);
        for (index, job) in jobs.iter_mut().enumerate() {
            if !pending.contains(&index) || !(is_late || is_due(job) || news.contains(&index)) {
                continue;
            }
            let end = job.go_on(now).or_else(|| is_late.then(|| job.give_up(order.limit)));
            if let Some(end) = end {
                pending.remove(&index);
                meter.clear();
                outcome = Outcome::all([outcome, tell(job.participant, end)]);
            }
        }
        if pending.is_empty() {
            return outcome;
        }
        let waiting =
            || jobs.iter().enumerate().filter(|(index, _)| pending.contains(index)).map(|(_, job)| job);
        meter.show(
            jobs.len() - pending.len(),
            jobs.len(),
            waiting().map(|job| job.participant.name.as_str()),
        );
        let due = waiting().filter_map(|job| job.due).chain(deadline).min();
        // A participant and its logger have places next to each other.
        news = crowd.wait(due).into_iter().map(|place| place / 2).collect();
    }
}

/// A task for one participant.
struct Job<'a> {
    participant: &'a Participant,
    task: Task,
    /// The directory of the service that is being seen to: of the participant, or of its logger.
    place: PathBuf,
    directory: Option<Directory>,
    observer: Observer,
    progress: Progress,
    /// When it is to be looked at even without news.
    due: Option<Instant>,
    /// Until when the logger may read on before it is told to end.
    drain: Option<Instant>,
}

impl<'a> Job<'a> {
    fn new(participant: &'a Participant, task: Task) -> Self {
        let place = participant.directory.clone();
        let tells_readiness = participant.tells_readiness();
        let directory = Directory::open(files::HERE, &participant.service()).ok();
        Self {
            participant,
            task,
            place,
            directory,
            observer: Observer::new(),
            progress: Progress::new(task, tells_readiness),
            due: None,
            drain: None,
        }
    }

    /// Turns to the logger, which has nothing to do any more once the participant has gone, and it has read what that
    /// has left in the pipe.
    fn retire_logger(&mut self, now: Instant) {
        self.drain = now.checked_add(DRAIN);
        self.place = self.participant.directory.join("log");
        self.directory = Directory::open(files::HERE, &self.participant.logger()).ok();
        self.progress = Progress::new(Task::Retire, false);
    }

    /// Looks, and does what is to be done now.
    fn go_on(&mut self, now: Instant) -> Option<End> {
        if let Supervision::Hidden(why) = self.participant.supervision() {
            return Some(End::Failed(format!("unable to look at its supervise: {why}")));
        }
        loop {
            let mut told = self.told();
            let (sight, status) = self.look(&told);
            // One that is down for a moment, as after a crash, reads on when it is up again.
            let is_starting = sight.is_supervised && sight.pid.is_none() && sight.want == Want::Up;
            let is_behind = is_starting || has_unread(sight.pid, now);
            if is_behind && self.drain.is_some_and(|until| now < until) {
                self.due = now.checked_add(DRAINING);
                return None;
            }
            self.drain = None;
            let step = self.progress.see(&sight, now);
            let ends = matches!(step, Step::Send(b"d" | b"dx") | Step::Renew);
            let letters: &[u8] = match step {
                Step::Send(letters) => letters,
                // The signal of `d`, which also wakes it, but nothing in between looks as if it were to stay down.
                Step::Renew => &[self.down_letter(), b'c', b'u'],
                Step::Look => continue,
                Step::Wait(due) => {
                    self.due = due;
                    return None;
                }
                Step::End(End::Stopped)
                    if self.task == Task::Retire && self.place == self.participant.directory =>
                {
                    self.retire_logger(now);
                    continue;
                }
                Step::End(end) => return Some(end),
            };
            match self.send(letters) {
                // Whoever is to end may have done so by now.
                Err(_) if self.task == Task::Retire && !self.look(&told).0.is_supervised => {}
                Err(why) => return Some(End::Failed(why)),
                Ok(()) => {
                    if let (true, Some(told), Some(status)) = (ends, &mut told, status) {
                        told.write(&status);
                    }
                }
            }
        }
    }

    /// The time is over.
    fn give_up(&self, limit: Duration) -> End {
        let end = self.progress.late(&self.look(&None).0, limit);
        match self.progress.last_commands().map(|letters| self.send(letters)) {
            Some(Err(why)) => End::Failed(why),
            Some(Ok(())) | None => end,
        }
    }

    /// What is written down about who was told. While the result is held, nobody else tells the participant, if this task
    /// may.
    fn told(&self) -> Option<Told> {
        let directory = &self.participant.directory;
        // A logger has nothing in hand.
        if self.place != *directory {
            return None;
        }
        Some(match self.task {
            Task::Start | Task::TakeUp => Told::read(directory),
            Task::Stop | Task::Retire | Task::Restart | Task::Reload => Told::lock(directory),
            Task::Wait(_) => return None,
        })
    }

    /// What is looked at first is written last.
    fn look(&self, told: &Option<Told>) -> (Sight, Option<Status>) {
        let directory = self.directory.as_ref();
        let is_supervised = directory.is_some_and(|directory| directory.knock().is_ok());
        let status = directory.and_then(|directory| directory.status().ok());
        let run = directory.zip(status.as_ref().filter(|_| is_supervised));
        let run = run.and_then(|(directory, status)| self.observer.run(directory, status));
        let more = directory.map(Directory::more).unwrap_or_default();
        let sight = Sight {
            // One that has just begun, and has written down nothing yet, can be told to end.
            is_supervised: is_supervised && (status.is_some() || self.task == Task::Retire),
            pid: match run {
                Some(run) => Some(run.pid),
                None if is_supervised => status.and_then(|status| status.pid),
                None => left_behind(&self.place),
            },
            age: run.map_or(Duration::ZERO, |run| run.age),
            has_begun: run.is_some_and(|run| run.has_begun),
            want: status.map_or(Want::Down, |status| status.want),
            is_told: status.as_ref().is_some_and(|status| {
                is_supervised && told.as_ref().is_some_and(|told| told.is_about(status))
            }),
            is_ready: more.ready.is_some(),
            last_exit: more.last_exit.map(|last| (last.at, last.how)),
        };
        (sight, status)
    }

    /// The letter of the signal that the participant is ended by.
    fn down_letter(&self) -> u8 {
        let mut settings = Settings::default();
        if let Some(directory) = &self.directory {
            let content = peek::whole(directory, Setting::DownSignal.file(), LONGEST).unwrap_or_default();
            // What makes no sense is for supervise to report.
            let _ = settings.read(Setting::DownSignal, &content);
        }
        let signal = settings.down_signal;
        let sends = |letter: &&u8| Command::from_byte(**letter) == Some(Command::Send(signal));
        OPTIONS.iter().find(sends).copied().unwrap_or(b't')
    }

    fn send(&self, bytes: &[u8]) -> Result<(), String> {
        let mut letters = Letters::default();
        bytes.iter().for_each(|&letter| letters.add(letter));
        let Some(directory) = &self.directory else { return Ok(()) };
        directory.control(&letters).map_err(|error| match error {
            NoControl::Unopened(error) if error.is(Errno::ENXIO as i32) => {
                "its supervisor has just ended".to_string()
            }
            NoControl::Unopened(error) => format!("unable to control it: {}", error.text()),
            NoControl::Full => "its supervisor does not read supervise/control, which is full".to_string(),
            NoControl::NotAFifo => "unable to control it: supervise/control is not a fifo".to_string(),
            NoControl::Unwritten(error) => format!("unable to write to its supervisor: {}", error.text()),
        })
    }
}

/// Whether the logger with this process has not yet read all that it could.
pub(crate) fn has_unread(logger: Option<NonZeroU32>, now: Instant) -> bool {
    let pid = logger.and_then(|pid| i32::try_from(pid.get()).ok());
    pid.is_some_and(|pid| pipes::has_unread(pid, 0, now))
}

/// Says what has come of a task.
pub(crate) fn tell(participant: &Participant, task: Task, end: End) -> Outcome {
    let name = &participant.name;
    match end {
        End::Running => say(format_args!("{name} RUNNING")),
        End::Stopped => say(format_args!("{name} STOPPED")),
        End::Failed(why) | End::Late(why) => {
            say(format_args!("{name} FAILED"));
            complain(format_args!("{name}: {why}"));
            return Outcome::NotDone;
        }
        End::Unsupervised => {
            say(format_args!("{name} {}", participant.unsupervised()));
            // It does not run, so that it has stopped; and new logic needs no more than the next start.
            return match task {
                Task::Stop | Task::Retire | Task::Reload | Task::Wait(_) => Outcome::Done,
                Task::Start | Task::TakeUp | Task::Restart => Outcome::NotDone,
            };
        }
    }
    Outcome::Done
}
