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
    assert!(world.table.service((0, 2)).is_none());
}

#[test]
fn a_sweep_ends_a_logger_after_its_service() {
    let mut world = World::running("a1+ b2+");
    world.look("b2+");
    assert_eq!(world.tell(Event::Sweep), "stop:1");
    assert_eq!(world.exits(1), "drain:2");
    assert_eq!(world.pipe(1), None, "or the logger would never come to the end of its input");
    world.exits(2);
    assert!(world.table.service((0, 1)).is_none());
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
fn in_the_end_nothing_is_started() {
    let mut world = World::running("a1+ b2?");
    world.look("a1+ b2? c3?");
    world.tell(Event::Shutdown);
    assert_eq!(world.look("a1+ b2 c3 d4"), "");
    assert_eq!(world.dies(1), "drain:2");
    assert_eq!(world.dies(2), "");
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
    world.dies(1);
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
