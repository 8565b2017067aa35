//! Sweeps, and the end of everything.

use super::*;

#[test]
fn a_sweep_stops_the_vanished_only() {
    let mut world = World::running("a1 b2 c3");
    world.look("a1");
    assert_eq!(world.tell(Event::Sweep), "stop:2 stop:3");
    world.exits(2);
    world.exits(3);
    assert_eq!(world.pass(60 * SECOND), "");
    assert!(world.table.service(id(2)).is_none());
}

#[test]
fn a_sweep_ends_a_logger_after_its_service() {
    let mut world = World::running("a1+ b2+");
    world.look("b2+");
    assert_eq!(world.tell(Event::Sweep), "stop:1");
    assert_eq!(world.exits(1), "drain:2");
    assert_eq!(world.pipe(1), None, "or the logger would never come to the end of its input");
    world.exits(2);
    assert!(world.table.service(id(1)).is_none());
}

#[test]
fn a_sweep_ends_a_logger_whose_service_has_ended_before() {
    let mut world = World::running("a1+");
    world.look("");
    world.exits(1);
    assert_eq!(world.tell(Event::Sweep), "drain:2");
}

#[test]
fn in_the_end_the_services_stop_first_and_then_their_loggers() {
    let mut world = World::running("a1 b2+ c3+");
    assert_eq!(world.tell(Event::Shutdown), "stop:1 stop:2 stop:4");
    assert!(world.table.is_ending() && !world.table.has_ended());
    assert_eq!(world.exits(1), "");
    assert_eq!(world.exits(2), "drain:3");
    assert_eq!(world.pipe(2), None, "or the logger would never come to the end of its input");
    assert_eq!(world.exits(4), "drain:5");
    assert_eq!(world.exits(3), "");
    assert!(!world.table.has_ended());
    assert_eq!(world.exits(5), "");
    assert!(world.table.has_ended());
}

#[test]
fn in_the_end_a_logger_without_its_service_is_drained_at_once() {
    let mut world = World::running("a1+");
    world.exits(1);
    assert_eq!(world.tell(Event::Shutdown), "drain:2");
    assert_eq!(world.pipe(1), None);
}

#[test]
fn in_the_end_a_supervise_that_cannot_be_told_is_replaced() {
    let mut world = World::running("a1+ b2");
    world.look("a1+");
    world.tell(Event::Sweep);
    assert_eq!(world.tell(Event::Untold(3)), "", "there is no hurry");
    assert_eq!(world.tell(Event::Shutdown), "stop:1 stop:3");
    assert_eq!(world.tell(Event::Untold(1)), "replace:1");
    assert_eq!(world.dies(1), "a=4 to end");
    assert_eq!(world.exits(4), "drain:2");
    assert_eq!(world.tell(Event::Untold(2)), "replace:2");
    assert_eq!(world.dies(2), "a/log=5 drain:5");
    world.exits(5);
    assert_eq!(world.tell(Event::Untold(5)), "", "it is gone");
    assert_eq!(world.tell(Event::Untold(3)), "replace:3");
    assert_eq!(world.dies(3), "", "it has no name under which another could be started");
    assert!(world.table.has_ended());
}

#[test]
fn in_the_end_nothing_is_started() {
    let mut world = World::running("a1+ b2?");
    world.look("a1+ b2? c3?");
    world.tell(Event::Shutdown);
    assert_eq!(world.look("a1+ b2 c3 d4"), "");
    assert_eq!(world.exits(1), "drain:2");
    assert_eq!(world.exits(2), "");
    assert_eq!(world.pass(SECOND * 9), "");
}

#[test]
fn in_the_end_vanished_services_stop_too() {
    let mut world = World::running("a1+");
    world.look("");
    assert_eq!(world.tell(Event::Shutdown), "stop:1");
    assert_eq!(world.exits(1), "drain:2");
}

#[test]
fn what_does_not_end_within_ten_seconds_is_killed_again_and_again() {
    let mut world = World::running("a1 b2+");
    world.tell(Event::Shutdown);
    assert_eq!(world.pass(GRACE - Duration::from_millis(1)), "");
    assert_eq!(world.pass(Duration::from_millis(1)), "kill:1 kill:2");
    assert_eq!(world.pass(SECOND - Duration::from_millis(1)), "");
    world.exits(1);
    assert_eq!(world.pass(Duration::from_millis(1)), "kill:2");
}

/// What a service has written until it was killed is still in the pipe.
#[test]
fn a_logger_has_another_second_when_its_service_was_killed() {
    let mut world = World::running("a1+");
    world.tell(Event::Shutdown);
    assert_eq!(world.pass(GRACE), "kill:1");
    assert_eq!(world.exits(1), "drain:2");
    assert_eq!(world.pass(SECOND), "");
    assert_eq!(world.pass(SECOND), "kill:2");
}

#[test]
fn a_supervise_that_goes_on_without_its_service_is_ended_itself() {
    let mut world = World::running("a1+");
    world.tell(Event::Shutdown);
    assert_eq!(world.pass(GRACE + SECOND * 5), ["kill:1"; 6].join(" "));
    assert_eq!(world.pass(SECOND), "replace:1");
    assert_eq!(world.dies(1), "drain:2");
    assert_eq!(world.pass(SECOND * 7), ["kill:2"; 6].join(" "));
    assert_eq!(world.pass(SECOND), "replace:2");
    world.dies(2);
    assert!(world.table.has_ended());
}

#[test]
fn a_service_that_needs_longer_has_longer() {
    let mut world = World::running("a1 b2");
    world.tell(Event::Shutdown);
    world.tell(Event::Grace(2, SECOND * 14));
    assert_eq!(world.pass(GRACE), "kill:1");
    world.exits(1);
    assert_eq!(world.pass(SECOND * 3), "");
    assert!(!world.table.is_late());
    assert_eq!(world.pass(SECOND), "kill:2");
    assert!(world.table.is_late());
}

#[test]
fn a_second_shutdown_changes_nothing() {
    let mut world = World::running("a1");
    world.tell(Event::Shutdown);
    world.pass(SECOND * 6);
    assert_eq!(world.tell(Event::Shutdown), "");
    assert_eq!(world.pass(SECOND * 4), "kill:1", "ten seconds after the first");
}

#[test]
fn without_services_the_end_comes_at_once() {
    let mut world = World::running("a1?");
    assert!(!world.table.has_ended());
    world.look("");
    world.dies(1);
    world.tell(Event::Shutdown);
    assert!(world.table.has_ended());
}

#[test]
fn a_supervise_that_dies_in_the_end_is_replaced_by_one_that_only_ends() {
    let mut world = World::running("a1+ b2");
    assert_eq!(world.tell(Event::Shutdown), "stop:1 stop:3");
    assert_eq!(world.dies(1), "a=4 to end");
    assert!(!world.table.is_draining(), "the service may run");
    assert_eq!(world.exits(3), "");
    assert_eq!(world.exits(4), "drain:2");
    world.exits(2);
    assert!(world.table.has_ended());
}

#[test]
fn a_supervise_that_died_just_before_the_end_is_replaced_in_the_end() {
    let mut world = World::new();
    world.look("a1+ b2");
    assert_eq!((world.dies(1), world.dies(3)), (String::new(), String::new()), "they failed at once");
    assert_eq!(world.tell(Event::Shutdown), "");
    assert!(!world.table.is_draining());
    assert_eq!(world.pass(SOON), "a=4 to end b=5 to end");
    assert_eq!(world.exits(4), "drain:2");
}

#[test]
fn a_supervise_that_was_told_to_exit_just_before_the_end_has_left_nothing() {
    let mut world = World::running("a1+");
    world.exits(1);
    assert_eq!(world.tell(Event::Shutdown), "drain:2");
    world.exits(2);
    assert!(world.table.has_ended());
}

#[test]
fn a_service_has_its_time_whichever_supervise_ends_it() {
    let mut world = World::running("a1");
    world.tell(Event::Shutdown);
    world.tell(Event::Grace(1, SECOND * 14));
    world.pass(SECOND * 5);
    assert_eq!(world.dies(1), "a=2 to end");
    assert_eq!(world.pass(SECOND * 9 - Duration::from_millis(1)), "");
    assert_eq!(world.pass(Duration::from_millis(1)), "kill:2");
}

#[test]
fn supervises_that_fail_at_once_in_the_end_are_given_up() {
    let mut world = World::running("a1+");
    world.tell(Event::Shutdown);
    assert_eq!(world.dies(1), "a=3 to end");
    for (pid, pause) in [(3, SOON), (4, AT_ONCE), (5, AT_ONCE), (6, AT_ONCE)] {
        assert_eq!(world.dies(pid), "");
        assert_eq!(world.pass(pause), format!("a={} to end", pid + 1));
    }
    assert_eq!(world.dies(7), "drain:2");
}

#[test]
fn supervises_that_cannot_be_started_in_the_end_are_given_up() {
    let mut world = World::running("a1+");
    world.tell(Event::Shutdown);
    world.refuse_starts = true;
    assert_eq!(world.dies(1), "a!");
    assert_eq!(world.pass(SECOND * 4), "a! a! a! a! drain:2");
}

#[test]
fn a_supervise_without_a_name_is_not_replaced_in_the_end() {
    let mut world = World::running("a1+");
    world.look("");
    assert_eq!(world.tell(Event::Shutdown), "stop:1");
    assert_eq!(world.dies(1), "drain:2");
}

#[test]
fn a_supervise_that_is_met_in_the_end_is_told_to_stop() {
    let mut world = World::running("a1+");
    world.tell(Event::Shutdown);
    world.dies(1);
    world.dies(3);
    world.running.insert(99, (id(1), Role::Main));
    assert_eq!(world.tell(Event::Met(id(1), Role::Main, 99)), "stop:99");
    assert_eq!(world.exits(99), "drain:2");
}

#[test]
fn the_supervise_of_a_logger_that_dies_in_the_end_is_back_until_all_is_read() {
    let mut world = World::running("a1+");
    world.tell(Event::Shutdown);
    assert_eq!(world.dies(2), "a/log=3", "its service may still write");
    assert_eq!(world.exits(1), "drain:3");
    assert_eq!(world.pipe(1), None);
    world.pass(SECOND);
    assert_eq!(world.dies(3), "a/log=4 drain:4", "there may be something in the pipe");
    assert!(world.piped.contains(&4));
    assert_eq!(world.exits(4), "");
    assert!(world.table.has_ended());
    assert!(world.table.service(id(1)).unwrap().end_of_pipe(Role::Log).is_none());
}

#[test]
fn a_logger_that_was_told_to_exit_stays_away_in_the_end() {
    let mut world = World::running("a1+");
    world.tell(Event::Shutdown);
    assert_eq!(world.exits(2), "");
    assert_eq!(world.exits(1), "");
    assert!(world.table.has_ended());
}

#[test]
fn a_supervise_that_is_killed_because_it_goes_on_is_not_replaced() {
    let mut world = World::running("a1");
    world.tell(Event::Shutdown);
    world.pass(GRACE + SECOND * 6);
    assert_eq!(world.dies(1), "");
    assert!(world.table.has_ended());
}

#[test]
fn a_logger_that_was_killed_while_it_reads_the_rest_is_back_for_what_is_left() {
    let mut world = World::running("a1+");
    world.tell(Event::Shutdown);
    world.exits(1);
    assert_eq!(world.tell(Event::Ended(2, Ending::Unread(500))), "a/log=3 drain:3");
    assert_eq!(world.tell(Event::Ended(3, Ending::Unread(400))), "a/log=4 drain:4");
    assert_eq!(world.exits(4), "");
    assert!(world.table.has_ended());
}

#[test]
fn a_logger_that_reads_nothing_has_one_more_chance() {
    let mut world = World::running("a1+");
    world.tell(Event::Shutdown);
    world.exits(1);
    assert_eq!(world.tell(Event::Ended(2, Ending::Unread(500))), "a/log=3 drain:3");
    assert_eq!(world.tell(Event::Ended(3, Ending::Unread(500))), "");
    assert!(world.table.has_ended());
}

#[test]
fn what_the_end_waits_for_is_said_after_a_while_and_again_when_that_changes() {
    let mut world = World::running("a1 b2+ c3");
    world.tell(Event::Shutdown);
    world.tell(Event::Grace(4, SECOND * 14));
    world.pass(SECOND);
    world.exits(1);
    assert!(world.reports.is_empty());
    world.pass(SECOND);
    let report = |world: &mut World| std::mem::take(&mut world.reports).join("; ");
    let both =
        "told to end 2 seconds ago, still waiting for b (killed in 8 seconds), c (killed in 12 seconds)";
    assert_eq!(report(&mut world), both);
    world.pass(SECOND * 3);
    assert_eq!(report(&mut world), "", "it is the same");
    world.exits(2);
    world.pass(SECOND);
    let one = "told to end 6 seconds ago, still waiting for b/log, c (killed in 8 seconds)";
    assert_eq!(report(&mut world), one);
    world.exits(3);
    world.exits(4);
    world.pass(SECOND * 4);
    assert_eq!(report(&mut world), "", "it waits for nothing");
}

#[test]
fn a_quick_end_says_nothing() {
    let mut world = World::running("a1+");
    world.tell(Event::Shutdown);
    world.pass(SECOND);
    world.exits(1);
    world.exits(2);
    assert!(world.reports.is_empty());
}
