//! The machine against a kernel that is a few variables and a clock that is a number.

use super::*;
use proptest::prelude::*;

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
}

impl World {
    fn new(has_down: HasDown) -> Self {
        let base = Instant::now();
        let now = Now { instant: base, stamp: stamp(Duration::ZERO) };
        let (machine, actions) = Machine::new(has_down, now);
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
                Action::Send(pid, signal) => {
                    assert_eq!(Some(pid), self.child, "{signal:?} to a stranger");
                    self.log.push(format!("{signal:?}"));
                }
                Action::Start => {
                    assert_eq!(self.child, None, "a second child");
                    if self.refuse_starts {
                        self.event(Event::Refused(11));
                    } else {
                        self.log.push("start".to_string());
                        self.starts.push(self.now);
                        self.child = NonZeroU32::new(self.next_pid);
                        self.next_pid += 1;
                        self.event(Event::Started(self.child.unwrap()));
                    }
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
        if event == Event::Ended {
            self.child = None;
        }
        let now = Now { instant: self.base + self.now, stamp: stamp(self.now) };
        let actions = self.machine.handle(event, now);
        self.perform(actions);
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
#[track_caller]
fn check(has_down: HasDown, story: &str, expected: &str) {
    let mut world = World::new(has_down);
    for step in story.chars() {
        match step {
            '.' => world.event(Event::Ended),
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

#[test]
fn a_service_is_started_unless_it_has_a_down_file() {
    check(HasDown::No, "", UP);
    check(HasDown::Yes, "M", "publish 0 Down");
}

#[test]
fn a_service_that_has_run_for_a_second_is_started_again_at_once() {
    check(HasDown::No, "S.", &format!("{UP}; publish 0 Up; start; publish 101 Up"));
}

#[test]
fn a_service_that_ends_at_once_waits_for_its_second() {
    check(HasDown::No, "1.8", &format!("{UP}; publish 0 Up"));
    check(HasDown::No, "1.9", &format!("{UP}; publish 0 Up; start; publish 101 Up"));
}

#[test]
fn a_command_is_obeyed_at_once_also_within_the_first_second() {
    check(HasDown::No, "1d", &format!("{UP}; Terminate; Continue; publish 100 Down"));
    check(HasDown::No, "1.1dM", &format!("{UP}; publish 0 Up; publish 0 Down"));
}

#[test]
fn down_and_up_again_keep_the_pace() {
    let down = format!("{UP}; Terminate; Continue; publish 100 Down; publish 0 Down; publish 0 Up");
    check(HasDown::No, "1d.u7", &down);
    check(HasDown::No, "1d.u9", &format!("{down}; start; publish 101 Up"));
}

#[test]
fn once_is_once() {
    check(HasDown::Yes, "oS.M", "publish 0 Down; publish 0 Once; start; publish 100 Once; publish 0 Once");
    check(HasDown::No, "So.M", &format!("{UP}; publish 100 Once; publish 0 Once"));
    check(HasDown::No, "1.o9", &format!("{UP}; publish 0 Up; publish 0 Once; start; publish 101 Once"));
}

#[test]
fn exit_waits_for_the_service() {
    check(HasDown::No, "Sx.", &format!("{UP}; publish 100 Up; publish 0 Up; exit"));
    check(HasDown::No, "1.x", &format!("{UP}; publish 0 Up; publish 0 Up; exit"));
    check(HasDown::Yes, "x", "publish 0 Down; publish 0 Down; exit");
}

#[test]
fn pause_and_continue_show_in_the_status() {
    let paused = "publish 100 paused Up; Stop";
    check(HasDown::No, "pc", &format!("{UP}; {paused}; publish 100 Up; Continue"));
    check(HasDown::No, "pd", &format!("{UP}; {paused}; Terminate; Continue; publish 100 Down"));
    check(HasDown::No, "Sp.", &format!("{UP}; {paused}; publish 0 Up; start; publish 101 Up"));
    check(HasDown::Yes, "pc", "publish 0 Down; publish 0 Down; publish 0 Down");
}

#[test]
fn signals_change_nothing_but_the_service() {
    check(HasDown::No, "haitk", &format!("{UP}; Hangup; Alarm; Interrupt; Terminate; Kill"));
    check(HasDown::Yes, "haitk", "publish 0 Down");
}

#[test]
fn a_refused_start_is_tried_again_later_and_later() {
    let down = "publish 0 Down; publish 0 Up";
    check(HasDown::Yes, "fu9", &format!("{down}; refused, 1 s"));
    check(HasDown::Yes, "fuS", &format!("{down}; refused, 1 s; refused, 2 s"));
    check(
        HasDown::Yes,
        "fuSSSSSSS",
        &format!("{down}; refused, 1 s; refused, 2 s; refused, 4 s; refused, 8 s"),
    );
    check(HasDown::Yes, "fuSFSS", &format!("{down}; refused, 1 s; refused, 2 s; start; publish 100 Up"));
    check(HasDown::Yes, "fudM", &format!("{down}; refused, 1 s; publish 0 Down"));
    check(
        HasDown::Yes,
        "fuSFu",
        &format!("{down}; refused, 1 s; refused, 2 s; publish 0 Up; start; publish 100 Up"),
    );
    check(HasDown::Yes, "foFS", "publish 0 Down; publish 0 Once; refused, 1 s; start; publish 100 Once");
}

#[test]
fn pauses_grow_to_a_minute_and_no_further() {
    let pauses: Vec<u64> = (0..9).map(|times| pause_after(times).as_secs()).collect();
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert_eq!(pause_after(u32::MAX), LONGEST_PAUSE);
}

#[derive(Debug, Clone)]
enum Step {
    Byte(u8),
    Ends,
    Refuse(bool),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => proptest::sample::select(crate::service::control::OPTIONS).prop_map(Step::Byte),
        1 => any::<u8>().prop_map(Step::Byte),
        3 => Just(Step::Ends),
        1 => any::<bool>().prop_map(Step::Refuse),
        4 => (0_u64..3_000).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    /// Never two children and no signal to a stranger (asserted by the world); at most one start a second;
    /// everything visible is published; after exit was asked for, the end of the service is the end.
    #[test]
    fn invariants_hold_whatever_happens(has_down: bool, steps in steps()) {
        let mut world = World::new(if has_down { HasDown::Yes } else { HasDown::No });
        let mut exit_asked = false;
        for step in steps {
            match step {
                Step::Byte(byte) => {
                    let Some(command) = Command::from_byte(byte) else { continue };
                    exit_asked |= command == Command::Exit;
                    world.event(Event::Command(command));
                }
                Step::Ends if world.child.is_some() => world.event(Event::Ended),
                Step::Ends => {}
                Step::Refuse(refuse) => world.refuse_starts = refuse,
                Step::Pass(milliseconds) => world.pass(Duration::from_millis(milliseconds)),
            }
            prop_assert_eq!(world.published, world.machine.status);
            prop_assert_eq!(world.published.pid, world.child);
            prop_assert!(!world.published.paused || world.child.is_some());
            prop_assert_eq!(world.exited, exit_asked && world.child.is_none());
            if world.exited {
                return Ok(());
            }
            if world.published.want == Want::Up && world.child.is_none() {
                prop_assert!(world.machine.deadline().is_some(), "wanted up and forgotten");
            }
            if world.published.want == Want::Down {
                prop_assert_eq!(world.machine.deadline(), None);
            }
        }
        for pair in world.starts.windows(2) {
            prop_assert!(pair[1] - pair[0] >= PACE, "two starts in a second");
        }
    }
}
