//! The machine against a kernel that is a few variables and a clock that is a number.

use super::*;
use crate::tai::Stamp;
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
                    assert!(known, "{signal:?} to a stranger");
                    let all = if scope == Scope::Group { " all" } else { "" };
                    self.log.push(format!("{signal:?}{all}"));
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
                Action::RecordEnd(Ending::Exited(0)) => {}
                Action::RecordEnd(how) => self.log.push(format!("{how:?}")),
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
            '.' => world.event(Event::Ended(Ending::Exited(0))),
            ';' => world.event(Event::Finished(Ending::Exited(0))),
            '!' => world.event(Event::Finished(Ending::Exited(STAY_DOWN))),
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
    let down = format!("{UP}; Terminate; Continue; publish 100 Down; publish 0 Down; left; publish 0 Up");
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

const FINISH: Settings = Settings {
    finish: true,
    finish_timeout: Some(Duration::from_millis(5000)),
    kill_timeout: None,
    down_signal: Signal::Terminate,
    notification: None,
    notify: false,
    end_leftovers: false,
    backoff: None,
};

#[test]
fn finish_runs_between_an_end_and_the_next_start() {
    let ended = format!("{UP}; publish 0 Up; finish");
    check_with(FINISH, HasDown::No, "S.M", &format!("{ended}; Kill"));
    check_with(FINISH, HasDown::No, "S.1;", &format!("{ended}; start; publish 101 Up"));
    check_with(FINISH, HasDown::No, "1.1;", &ended);
    check_with(FINISH, HasDown::No, "1.1;9", &format!("{ended}; start; publish 101 Up"));
    check_with(FINISH, HasDown::No, "S.!M", &format!("{ended}; publish 0 Down"));
    check_with(FINISH, HasDown::No, "S.x;", &format!("{ended}; publish 0 Up; exit"));
    check_with(FINISH, HasDown::No, "S.d;", &format!("{ended}; publish 0 Down"));
    check_with(FINISH, HasDown::No, "S.o;", &format!("{ended}; publish 0 Once; start; publish 101 Once"));
}

#[test]
fn a_finish_that_takes_too_long_is_killed() {
    let ended = format!("{UP}; publish 0 Up; finish");
    check_with(FINISH, HasDown::No, "S.SSSS9", &ended);
    check_with(FINISH, HasDown::No, "S.SSSSSM", &format!("{ended}; Kill"));
    let patient = Settings { finish_timeout: None, ..FINISH };
    check_with(patient, HasDown::No, "S.M", &ended);
}

#[test]
fn a_service_that_does_not_end_in_time_is_killed() {
    let settings = Settings { kill_timeout: Some(Duration::from_secs(2)), ..Settings::default() };
    let told = format!("{UP}; Terminate; Continue; publish 100 Down");
    check_with(settings, HasDown::No, "dS9", &told);
    check_with(settings, HasDown::No, "dSS", &format!("{told}; Kill"));
    check_with(
        settings,
        HasDown::No,
        "dSdS",
        &format!("{told}; Terminate; Continue; publish 100 Down; Kill"),
    );
    check_with(settings, HasDown::No, "dS.SS", &format!("{told}; publish 0 Down; left"));
    check_with(settings, HasDown::No, "duM", &format!("{told}; publish 100 Up"));
    check_with(settings, HasDown::No, "tM", &format!("{UP}; Terminate"));
}

#[test]
fn another_signal_can_tell_a_service_to_end() {
    let settings = Settings { down_signal: Signal::Interrupt, ..Settings::default() };
    check_with(settings, HasDown::No, "d", &format!("{UP}; Interrupt; Continue; publish 100 Down"));
    check_with(settings, HasDown::No, "t", &format!("{UP}; Terminate"));
}

#[test]
fn pauses_between_quick_failures_double_up_to_backoff() {
    let settings = Settings { backoff: Some(Duration::from_secs(8)), ..Settings::default() };
    let mut world = World::new(HasDown::No, settings);
    for _ in 0..6 {
        world.event(Event::Ended(Ending::Exited(1)));
        world.pass(world.machine.deadline().unwrap() - world.base - world.now);
    }
    let starts: Vec<u64> = world.starts.iter().map(Duration::as_secs).collect();
    assert_eq!(starts, [0, 1, 3, 7, 15, 23, 31]);
    world.pass(Duration::from_secs(8));
    world.event(Event::Ended(Ending::Exited(1)));
    assert_eq!(world.starts.len(), 8, "after a long run there is no pause");
    world.event(Event::Ended(Ending::Exited(1)));
    world.pass(PACE);
    assert_eq!(world.starts.len(), 9, "and pauses begin from one second again");
}

#[test]
fn up_ends_a_long_pause() {
    let settings = Settings { backoff: Some(Duration::from_secs(60)), ..Settings::default() };
    let mut world = World::new(HasDown::No, settings);
    for _ in 0..4 {
        world.event(Event::Ended(Ending::Exited(1)));
        world.pass(world.machine.deadline().unwrap() - world.base - world.now);
    }
    world.event(Event::Ended(Ending::Exited(1)));
    world.pass(PACE);
    let starts = world.starts.len();
    world.event(Event::Command(Command::Up));
    assert_eq!(world.starts.len(), starts + 1);
}

#[test]
fn a_delayed_start_waits_unless_somebody_asks_for_it() {
    let story = |story: &str, expected: &str| {
        let mut world = World::delayed(HasDown::No, Settings::default(), Duration::from_secs(3));
        for step in story.chars() {
            match step {
                'S' => world.pass(PACE),
                letter => world.event(Event::Command(Command::from_byte(letter as u8).unwrap())),
            }
        }
        assert_eq!(world.log.join("; "), expected, "{story}");
    };
    story("SS", "publish 0 Up");
    story("SSS", UP);
    story("u", "publish 0 Up; publish 0 Up; start; publish 100 Up");
    story("dSSS", "publish 0 Up; publish 0 Down");
    story("dSuS", "publish 0 Up; publish 0 Down; publish 0 Up; start; publish 100 Up");
}

#[test]
fn signals_go_to_the_group_while_that_is_addressed() {
    check(HasDown::No, "+t=h", &format!("{UP}; Terminate all; Hangup"));
    check(HasDown::No, "+d=", &format!("{UP}; Terminate all; Continue all; publish 100 Down"));
}

#[test]
fn what_a_service_leaves_behind_is_ended_before_anything_else() {
    let settings = Settings { end_leftovers: true, ..FINISH };
    let ended = format!("{UP}; publish 0 Up; clear");
    check_with(settings, HasDown::No, "S.SSSS,;", &format!("{ended}; finish; start; publish 101 Up"));
    check_with(settings, HasDown::No, "S.MM,", &format!("{ended}; kill the rest; finish"));
    check_with(settings, HasDown::No, "S.x,;", &format!("{ended}; publish 0 Up; finish; exit"));
    let quick = Settings { kill_timeout: Some(PACE), finish: false, ..settings };
    check_with(quick, HasDown::No, "S.S,", &format!("{ended}; kill the rest; start; publish 101 Up"));
    check_with(quick, HasDown::No, "S.d,M", &format!("{ended}; publish 0 Down"));
}

#[test]
fn what_a_stopped_service_leaves_behind_is_reported() {
    check(HasDown::No, "d.", &format!("{UP}; Terminate; Continue; publish 100 Down; publish 0 Down; left"));
    check(HasDown::No, "1.", &format!("{UP}; publish 0 Up"));
}

#[test]
fn starts_ends_and_readiness_are_told() {
    let settings = Settings { notify: true, ..Settings::default() };
    let start = format!("{UP}; notify 100 start");
    check_with(settings, HasDown::No, "r1.", &format!("{start}; ready; publish 0 Up; notify 100 end"));
}

#[test]
fn how_it_ended_is_written_down_before_anybody_sees_that_it_did() {
    let mut world = World::new(HasDown::No, Settings::default());
    world.event(Event::Ended(Ending::Killed(9)));
    assert_eq!(world.log.join("; "), format!("{UP}; Killed(9); publish 0 Up"));
}

#[test]
fn an_adopted_service_is_left_alone_until_it_ends() {
    let status =
        Status { since: stamp(Duration::ZERO), pid: NonZeroU32::new(7), paused: true, want: Want::Up };
    let now = Now { instant: Instant::now(), stamp: stamp(PACE) };
    let (mut machine, actions) = Machine::adopt(status, Settings::default(), now);
    assert_eq!(actions.into_iter().collect::<Vec<_>>(), [Action::Publish(status)]);
    assert_eq!(machine.deadline(), None);
    let actions: Vec<Action> = machine.handle(Event::Ended(Ending::Unknown), now).into_iter().collect();
    assert_eq!(actions.last(), Some(&Action::Start));
}

#[test]
fn an_adopted_service_that_was_told_to_end_is_killed_in_time() {
    let status =
        Status { since: stamp(Duration::ZERO), pid: NonZeroU32::new(7), paused: false, want: Want::Down };
    let settings = Settings { kill_timeout: Some(PACE), ..Settings::default() };
    let now = Now { instant: Instant::now(), stamp: stamp(PACE) };
    let (machine, _) = Machine::adopt(status, settings, now);
    assert_eq!(machine.deadline(), Some(now.instant + PACE));
}

fn settings() -> impl Strategy<Value = Settings> {
    let seconds = || proptest::option::of((1_u64..9).prop_map(Duration::from_secs));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (flags, seconds(), seconds(), seconds()).prop_map(
        |((finish, notify, end_leftovers), finish_timeout, kill_timeout, backoff)| Settings {
            finish,
            notify,
            end_leftovers,
            finish_timeout,
            kill_timeout,
            backoff,
            ..Settings::default()
        },
    )
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
    fn invariants_hold_whatever_happens(has_down: bool, settings in settings(), steps in steps()) {
        let mut world = World::new(if has_down { HasDown::Yes } else { HasDown::No }, settings);
        let mut exit_asked = false;
        for step in steps {
            match step {
                Step::Byte(byte) => {
                    let Some(command) = Command::from_byte(byte) else { continue };
                    exit_asked |= command == Command::Exit;
                    world.event(Event::Command(command));
                }
                Step::Ends if world.child.is_some() => world.event(Event::Ended(Ending::Exited(1))),
                Step::Ends if world.clearing => world.event(Event::Cleared),
                Step::Ends if world.finish.is_some() => world.event(Event::Finished(Ending::Exited(0))),
                Step::Ends => {}
                Step::Refuse(refuse) => world.refuse_starts = refuse,
                Step::Pass(milliseconds) => world.pass(Duration::from_millis(milliseconds)),
            }
            prop_assert_eq!(world.published, world.machine.status);
            prop_assert_eq!(world.finishing, world.is_busy());
            prop_assert_eq!(world.published.pid, world.child);
            prop_assert!(!world.published.paused || world.child.is_some());
            prop_assert_eq!(world.exited, exit_asked && world.child.is_none() && !world.is_busy());
            if world.exited {
                return Ok(());
            }
            if world.published.want == Want::Up && world.child.is_none() && !world.is_busy() {
                prop_assert!(world.machine.deadline().is_some(), "wanted up and forgotten");
            }
            if world.published.want == Want::Down && world.child.is_none() && !world.is_busy() {
                prop_assert_eq!(world.machine.deadline(), None);
            }
        }
        for pair in world.starts.windows(2) {
            prop_assert!(pair[1] - pair[0] >= PACE, "two starts in a second");
        }
    }
}
