//! Directories that are incomplete, and loggers that come later.

use super::*;

#[test]
fn an_incomplete_service_waits_until_it_is_complete() {
    let mut world = World::new();
    assert_eq!(world.look("a1? b2"), "b=1");
    assert!(world.table.service(id(1)).unwrap().is_awaited());
    assert_eq!(world.pass(SECOND), "");
    assert_eq!(world.look("a1 b2"), "a=2");
    assert!(!world.table.service(id(1)).unwrap().is_awaited());
}

#[test]
fn an_incomplete_service_with_a_logger_waits_for_both() {
    let mut world = World::new();
    assert_eq!(world.look("a1?"), "");
    world.pass(SECOND);
    assert_eq!(world.look("a1+?"), "");
    world.pass(SECOND);
    assert_eq!(world.look("a1+"), "pipe:a a=1 a/log=2");
}

#[test]
fn a_service_that_remains_incomplete_is_started_after_five_seconds_as_it_is() {
    let mut world = World::new();
    world.look("a1? b2+?");
    assert_eq!(world.pass(SECOND * 5 - Duration::from_millis(1)), "");
    assert_eq!(world.pass(Duration::from_millis(1)), "a=1 pipe:b b=2 b/log=3");
}

/// Another look may have come in between: what counts is when it was first seen.
#[test]
fn the_patience_with_an_incomplete_service_is_not_prolonged() {
    let mut world = World::new();
    world.look("a1+?");
    world.pass(SECOND * 3);
    assert_eq!(world.look("a1+?"), "");
    assert_eq!(world.pass(SECOND * 2), "pipe:a a=1 a/log=2");
}

#[test]
fn a_service_that_is_broken_later_is_not_waited_for() {
    let mut world = World::running("a1");
    assert_eq!(world.look("a1?"), "");
    assert_eq!(world.dies(1), "a=2");
}

#[test]
fn an_incomplete_service_that_vanishes_is_forgotten() {
    let mut world = World::new();
    world.look("a1?");
    world.look("");
    assert!(world.table.service(id(1)).is_none());
    assert_eq!(world.pass(60 * SECOND), "");
}

#[test]
fn a_late_logger_is_taken_up_by_a_new_supervise_of_the_same_service() {
    let mut world = World::running("a1");
    assert_eq!(world.look("a1+"), "pipe:a@1,- a/log=2 replace:1");
    let pipe = world.pipe(1);
    assert!(pipe.is_some());
    assert_eq!(world.look("a1+"), "", "once");
    assert_eq!(world.dies(1), "a=3");
    assert_eq!(world.pipe(1), pipe);
}

#[test]
fn a_late_logger_waits_until_it_is_complete() {
    let mut world = World::running("a1");
    assert_eq!(world.look("a1+?"), "");
    assert_eq!(world.dies(1), "a=2", "that does not delay the service");
    world.pass(SECOND);
    assert_eq!(world.look("a1+"), "pipe:a@2,- a/log=3 replace:2");
}

#[test]
fn a_late_logger_that_remains_incomplete_is_started_as_it_is() {
    let mut world = World::running("a1");
    world.look("a1+?");
    // The look that may be due just before finds it incomplete, too.
    let done = format!("{} {}", world.pass(SECOND * 5), world.pass(SECOND * 5));
    assert_eq!(done.trim(), "pipe:a@1,- a/log=2 replace:1");
}

#[test]
fn a_late_logger_of_a_service_whose_supervise_is_away_needs_no_replacement() {
    let mut world = World::running("a1");
    world.exits(1);
    assert_eq!(world.look("a1+"), "pipe:a a/log=2");
    assert_eq!(world.pass(ABSENCE), "a=3");
}
