//! The machine against a kernel that is a few variables and a clock that is a number.

mod commands;
mod invariants;
mod settings;

use super::*;
use crate::supervise::pacing::{LONGEST_PAUSE, PACE};
use crate::tai::Stamp;

/// A supervise without a system: it answers starts, counts children and keeps what was published.
struct World {
    machine: Machine,
    base: Instant,
    now: Duration,
    next_pid: u32,
    child: Option<NonZeroU32>,
    refuse_starts: bool,
    starts: Vec<Duration>,
    published: Status,
    exited: bool,
    log: Vec<String>,
    settings: Settings,
    finish: Option<NonZeroU32>,
    /// The service always leaves something behind, and that is being ended.
    clearing: bool,
    /// It is written down that something goes on about the last run.
    finishing: bool,
}

impl World {
    fn new(has_down: HasDown, settings: Settings) -> Self {
        Self::delayed(has_down, settings, Duration::ZERO)
    }

    fn delayed(has_down: HasDown, settings: Settings, delay: Duration) -> Self {
        let base = Instant::now();
        let now = Now { instant: base, stamp: stamp(Duration::ZERO) };
        let (machine, actions) = Machine::new(has_down, delay, now);
        let mut world = Self {
            machine,
            base,
            now: Duration::ZERO,
            next_pid: 100,
            child: None,
            refuse_starts: false,
            starts: Vec::new(),
            published: machine.status,
            exited: false,
            log: Vec::new(),
            settings,
            finish: None,
            clearing: false,
            finishing: false,
        };
        world.perform(actions);
        world
    }

    fn perform(&mut self, actions: Actions) {
        for action in actions {
            assert!(!self.exited, "{action:?} after exit");
            match action {
                Action::Publish(status) => {
                    self.published = status;
                    let pid = status.pid.map_or(0, NonZeroU32::get);
                    let paused = if status.paused { " paused" } else { "" };
                    self.log.push(format!("publish {pid}{paused} {:?}", status.want));
                }
                Action::Send(pid, signal, scope) => {
                    let known = Some(pid) == self.child || Some(pid) == self.finish;
                    assert!(known, "{signal} to a stranger");
                    let all = if scope == Scope::Group { " all" } else { "" };
                    self.log.push(format!("{signal}{all}"));
                }
                Action::Start => {
                    assert_eq!(self.child, None, "a second child");
                    assert_eq!(self.finish, None, "a start before finish has ended");
                    assert!(!self.clearing, "a start before all is gone");
                    if self.refuse_starts {
                        self.event(Event::Refused(11));
                    } else {
                        self.log.push("start".to_string());
                        self.starts.push(self.now);
                        self.child = NonZeroU32::new(self.next_pid);
                        self.next_pid += 1;
                        self.event(Event::Settings(self.settings));
                        self.event(Event::Started(self.child.unwrap()));
                    }
                }
                Action::RecordFinishing => self.finishing = true,
                Action::RecordFinished => self.finishing = false,
                // A plain end is not worth a word in every story.
                Action::RecordEnd(Exit::Exited(0), _) => {}
                Action::RecordEnd(how, _) => self.log.push(how.to_string()),
                Action::WarnFailing(warning) => self.log.push(warning.sentence()),
                Action::RecordReady => self.log.push("ready".to_string()),
                Action::ReportLeftovers(_) => self.log.push("left".to_string()),
                Action::EndLeftovers(_) => {
                    self.log.push("clear".to_string());
                    self.clearing = true;
                }
                Action::KillLeftovers => {
                    assert!(self.clearing, "nothing is left to be killed");
                    self.log.push("kill the rest".to_string());
                }
                Action::Finish(_) => {
                    assert!(!self.clearing, "finish before all is gone");
                    self.log.push("finish".to_string());
                    self.finish = NonZeroU32::new(9);
                    self.event(Event::Finishing(self.finish.unwrap()));
                }
                Action::Notify(pid, how) => {
                    self.log.push(format!("notify {pid} {}", if how.is_some() { "end" } else { "start" }));
                }
                Action::WarnRefused(error, pause) => {
                    assert_eq!(error, 11);
                    self.log.push(format!("refused, {} s", pause.as_secs()));
                }
                Action::Exit => {
                    self.exited = true;
                    self.log.push("exit".to_string());
                }
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Ended(_) => self.child = None,
            Event::Finished(_) => self.finish = None,
            Event::Cleared => self.clearing = false,
            _ => {}
        }
        let now = Now { instant: self.base + self.now, stamp: stamp(self.now) };
        let actions = self.machine.handle(event, now);
        self.perform(actions);
    }

    /// Whether something is still done about the last run.
    const fn is_busy(&self) -> bool {
        self.clearing || self.finish.is_some()
    }

    /// Lets time pass, with every deadline on the way.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(deadline) = self.machine.deadline().filter(|&deadline| deadline <= self.base + end) {
            if self.exited {
                break;
            }
            self.now = self.now.max(deadline - self.base);
            self.event(Event::Deadline);
            assert_ne!(self.machine.deadline(), Some(deadline), "a deadline that changes nothing");
        }
        self.now = end;
    }
}

fn stamp(at: Duration) -> Stamp {
    Stamp::from_unix(Duration::from_secs(1_000_000) + at)
}

/// Runs a story of `u d o x p c h a i t k` (commands), `.` (the service ends), `f` and `F` (starts begin and
/// cease to be refused) and `1`...`9` (tenths of a second), `S` (a second) and `M` (a minute) that pass.
///
/// `;` and `!` end `finish`, with 0 and with 125; `r` tells that the service is ready; `,` ends what it has left.
#[track_caller]
fn check(has_down: HasDown, story: &str, expected: &str) {
    check_with(Settings::default(), has_down, story, expected);
}

#[track_caller]
fn check_with(settings: Settings, has_down: HasDown, story: &str, expected: &str) {
    let mut world = World::new(has_down, settings);
    for step in story.chars() {
        match step {
            '.' => world.event(Event::Ended(Exit::Exited(0))),
            ';' => world.event(Event::Finished(Exit::Exited(0))),
            '!' => world.event(Event::Finished(Exit::Exited(STAY_DOWN))),
            'r' => world.event(Event::Ready),
            ',' => world.event(Event::Cleared),
            'f' => world.refuse_starts = true,
            'F' => world.refuse_starts = false,
            '1'..='9' => world.pass(Duration::from_millis(100 * u64::from(step.to_digit(10).unwrap()))),
            'S' => world.pass(PACE),
            'M' => world.pass(LONGEST_PAUSE),
            letter => world.event(Event::Command(Command::from_byte(letter as u8).unwrap())),
        }
    }
    assert_eq!(world.log.join("; "), expected);
}

const UP: &str = "publish 0 Up; start; publish 100 Up";
