//! What the files of a service directory change.

use super::*;

const FINISH: Settings = Settings {
    finish: true,
    finish_timeout: Some(Duration::from_millis(5000)),
    kill_timeout: None,
    down_signal: Signal::TERM,
    notification: None,
    notify: false,
    end_leftovers: false,
    backoff: None,
};

#[test]
fn finish_runs_between_an_end_and_the_next_start() {
    let ended = format!("{UP}; publish 0 Up; finish");
    check_with(FINISH, HasDown::No, "S.M", &format!("{ended}; KILL"));
    check_with(FINISH, HasDown::No, "S.1;", &format!("{ended}; start; publish 101 Up"));
    check_with(FINISH, HasDown::No, "1.1;", &ended);
    check_with(FINISH, HasDown::No, "1.1;9", &format!("{ended}; start; publish 101 Up"));
    check_with(FINISH, HasDown::No, "S.!M", &format!("{ended}; publish 0 Down"));
    check_with(FINISH, HasDown::No, "S.x;", &format!("{ended}; publish 0 Up; exit"));
    let asked = format!("{ended}; publish 0 Once; publish 0 Once; start; publish 101 Once; publish 0 Once");
    check_with(FINISH, HasDown::No, "S.ox;.;", &format!("{asked}; finish; exit"));
    check_with(FINISH, HasDown::No, "S.d;", &format!("{ended}; publish 0 Down"));
    check_with(FINISH, HasDown::No, "S.o;", &format!("{ended}; publish 0 Once; start; publish 101 Once"));
}

#[test]
fn a_finish_that_takes_too_long_is_killed() {
    let ended = format!("{UP}; publish 0 Up; finish");
    check_with(FINISH, HasDown::No, "S.SSSS9", &ended);
    check_with(FINISH, HasDown::No, "S.SSSSSM", &format!("{ended}; KILL"));
    let patient = Settings { finish_timeout: None, ..FINISH };
    check_with(patient, HasDown::No, "S.M", &ended);
}

#[test]
fn a_service_that_does_not_end_in_time_is_killed() {
    let settings = Settings { kill_timeout: Some(Duration::from_secs(2)), ..Settings::default() };
    let told = format!("{UP}; TERM; CONT; publish 100 Down");
    check_with(settings, HasDown::No, "dS9", &told);
    check_with(settings, HasDown::No, "dSS", &format!("{told}; KILL"));
    check_with(settings, HasDown::No, "dSdS", &format!("{told}; TERM; CONT; publish 100 Down; KILL"));
    check_with(settings, HasDown::No, "dS.SS", &format!("{told}; publish 0 Down; left"));
    check_with(settings, HasDown::No, "duM", &format!("{told}; publish 100 Up"));
    check_with(settings, HasDown::No, "tM", &format!("{UP}; TERM"));
}

#[test]
fn another_signal_can_tell_a_service_to_end() {
    let settings = Settings { down_signal: Signal::INT, ..Settings::default() };
    check_with(settings, HasDown::No, "d", &format!("{UP}; INT; CONT; publish 100 Down"));
    check_with(settings, HasDown::No, "t", &format!("{UP}; TERM"));
}

#[test]
fn pauses_between_quick_failures_double_up_to_backoff() {
    let settings = Settings { backoff: Some(Duration::from_secs(8)), ..Settings::default() };
    let mut world = World::new(HasDown::No, settings);
    for _ in 0..6 {
        world.event(Event::Ended(Exit::Exited(1)));
        world.pass(world.machine.deadline().unwrap() - world.base - world.now);
    }
    let starts: Vec<u64> = world.starts.iter().map(Duration::as_secs).collect();
    assert_eq!(starts, [0, 1, 3, 7, 15, 23, 31]);
    world.pass(Duration::from_secs(8));
    world.event(Event::Ended(Exit::Exited(1)));
    assert_eq!(world.starts.len(), 8, "after a long run there is no pause");
    world.event(Event::Ended(Exit::Exited(1)));
    world.pass(PACE);
    assert_eq!(world.starts.len(), 9, "and pauses begin from one second again");
}

#[test]
fn up_ends_a_long_pause() {
    let settings = Settings { backoff: Some(Duration::from_secs(60)), ..Settings::default() };
    let mut world = World::new(HasDown::No, settings);
    for _ in 0..4 {
        world.event(Event::Ended(Exit::Exited(1)));
        world.pass(world.machine.deadline().unwrap() - world.base - world.now);
    }
    world.event(Event::Ended(Exit::Exited(1)));
    world.pass(PACE);
    let starts = world.starts.len();
    world.event(Event::Command(Command::Up));
    assert_eq!(world.starts.len(), starts + 1);
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
fn starts_ends_and_readiness_are_told() {
    let settings = Settings { notify: true, ..Settings::default() };
    let start = format!("{UP}; notify 100 start");
    check_with(settings, HasDown::No, "r1.", &format!("{start}; ready; publish 0 Up; notify 100 end"));
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
