//! What supervise is told, and how it keeps its pace: the settings are those of an ordinary service.

use super::*;

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
fn a_service_that_keeps_failing_is_told_of_unless_it_was_told_to_end() {
    let next = |pid: u32| format!("publish 0 Up; start; publish {pid} Up");
    let twice = format!("{UP}; {}; {}", next(101), next(102));
    let third = next(103);
    check(HasDown::No, "S.S.S.", &format!("{twice}; run exited 0, 3 times in 3 s; {third}"));
    check(HasDown::No, "S.S.St.", &format!("{twice}; TERM; {third}"));
    check(HasDown::No, "S.S.uS.", &format!("{twice}; publish 102 Up; {third}"));
    check(HasDown::No, "S.S.SSSSS.", &format!("{twice}; {third}"));
}

#[test]
fn a_command_is_obeyed_at_once_also_within_the_first_second() {
    check(HasDown::No, "1d", &format!("{UP}; TERM; CONT; publish 100 Down"));
    check(HasDown::No, "1.1dM", &format!("{UP}; publish 0 Up; publish 0 Down"));
}

#[test]
fn down_and_up_again_keep_the_pace() {
    let down = format!("{UP}; TERM; CONT; publish 100 Down; publish 0 Down; left; publish 0 Up");
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
fn exit_waits_for_a_start_that_was_asked_for() {
    let once = "publish 0 Down; publish 0 Once; start; publish 100 Once; publish 0 Once";
    let asked = format!("{once}; publish 0 Once; publish 0 Once");
    check(HasDown::Yes, "o1.ox8", &asked);
    check(HasDown::Yes, "o1.ox9", &format!("{asked}; start; publish 101 Once"));
    check(HasDown::Yes, "o1.ox9.", &format!("{asked}; start; publish 101 Once; publish 0 Once; exit"));
    check(HasDown::Yes, "o1.oxd", &format!("{asked}; publish 0 Down; exit"));
    check(HasDown::Yes, "o1.x", &format!("{once}; publish 0 Once; exit"));
    check(
        HasDown::No,
        "1.ux9.",
        &format!("{UP}; publish 0 Up; publish 0 Up; publish 0 Up; start; publish 101 Up; publish 0 Up; exit"),
    );
    let refused = "publish 0 Down; publish 0 Once; refused, 1 s; publish 0 Once";
    check(HasDown::Yes, "foxFS.", &format!("{refused}; start; publish 100 Once; publish 0 Once; exit"));
    check(HasDown::Yes, "foxd", &format!("{refused}; publish 0 Down; exit"));
}

#[test]
fn pause_and_continue_show_in_the_status() {
    let paused = "publish 100 paused Up; STOP";
    check(HasDown::No, "pc", &format!("{UP}; {paused}; publish 100 Up; CONT"));
    check(HasDown::No, "pd", &format!("{UP}; {paused}; TERM; CONT; publish 100 Down"));
    check(HasDown::No, "Sp.", &format!("{UP}; {paused}; publish 0 Up; start; publish 101 Up"));
    check(HasDown::Yes, "pc", "publish 0 Down; publish 0 Down; publish 0 Down");
}

#[test]
fn signals_change_nothing_but_the_service() {
    check(HasDown::No, "haitk", &format!("{UP}; HUP; ALRM; INT; TERM; KILL"));
    check(HasDown::Yes, "haitk", "publish 0 Down");
}

#[test]
fn signals_go_to_the_group_while_that_is_addressed() {
    check(HasDown::No, "+t=h", &format!("{UP}; TERM all; HUP"));
    check(HasDown::No, "+d=", &format!("{UP}; TERM all; CONT all; publish 100 Down"));
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
fn what_a_stopped_service_leaves_behind_is_reported() {
    check(HasDown::No, "d.", &format!("{UP}; TERM; CONT; publish 100 Down; publish 0 Down; left"));
    check(HasDown::No, "1.", &format!("{UP}; publish 0 Up"));
}

#[test]
fn how_it_ended_is_written_down_before_anybody_sees_that_it_did() {
    let mut world = World::new(HasDown::No, Settings::default());
    world.event(Event::Ended(Exit::Killed(Signal::KILL)));
    assert_eq!(world.log.join("; "), format!("{UP}; killed by KILL; publish 0 Up"));
}

#[test]
fn an_adopted_service_is_left_alone_until_it_ends() {
    let status =
        Status { since: stamp(Duration::ZERO), pid: NonZeroU32::new(7), paused: true, want: Want::Up };
    let now = Now { instant: Instant::now(), stamp: stamp(PACE) };
    let (mut machine, actions) = Machine::adopt(status, Settings::default(), now);
    assert_eq!(actions.into_iter().collect::<Vec<_>>(), [Action::Publish(status)]);
    assert_eq!(machine.deadline(), None);
    let actions: Vec<Action> = machine.handle(Event::Ended(Exit::Unknown), now).into_iter().collect();
    assert_eq!(actions.last(), Some(&Action::Start));
}
