//! When the scan directory is looked at, and what of that concerns services that are known.

use super::*;

#[test]
fn two_names_for_a_directory_are_one_service() {
    let mut world = World::running("");
    assert_eq!(world.look("a1 b1"), "a=1");
    assert_eq!(world.look("b1 a1"), "");
    world.pass(SECOND);
    assert_eq!(world.dies(1), "b=2");
}

#[test]
fn a_renamed_service_goes_on() {
    let mut world = World::running("a1");
    assert_eq!(world.look("b1"), "");
    assert_eq!(world.dies(1), "b=2");
}

#[test]
fn a_vanished_service_is_forgotten_when_both_supervises_have_ended() {
    let mut world = World::running("a1+");
    assert_eq!(world.look(""), "", "its supervises are not told");
    assert_eq!(world.dies(1), "");
    assert!(world.table.service((0, 1)).is_some());
    assert_eq!(world.dies(2), "");
    assert!(world.table.service((0, 1)).is_none());
    assert_eq!(world.look("a1+"), "pipe:a a=3 a/log=4");
}

#[test]
fn a_service_that_vanished_for_a_moment_goes_on() {
    let mut world = World::running("a1+");
    let pipe = world.pipe(1);
    world.look("");
    world.dies(1);
    assert_eq!(world.look("a1+"), "a=3");
    assert_eq!(world.pipe(1), pipe);
}

#[test]
fn an_unreadable_directory_forgets_nothing() {
    let mut world = World::running("a1+");
    world.is_readable = false;
    assert_eq!(world.look(""), "");
    assert_eq!(world.dies(1), "a=3", "and what was known goes on");
    assert_eq!(world.pass(60 * SECOND), "");
    world.is_readable = true;
    assert_eq!(world.look("a1+"), "");
}

#[test]
fn there_is_a_look_every_five_seconds_if_nobody_tells_of_changes() {
    let mut world = World::new();
    world.outlook = Outlook::Untold;
    world.pass(Duration::ZERO);
    assert_eq!(world.looks, 1);
    world.pass(SECOND * 4);
    assert_eq!(world.looks, 1);
    world.pass(SECOND);
    assert_eq!(world.looks, 2);
    world.is_readable = false;
    world.pass(SECOND * 10);
    assert_eq!(world.looks, 4);
}

#[test]
fn there_is_a_look_every_five_minutes_if_changes_are_told() {
    let mut world = World::new();
    world.pass(SECOND * 299);
    assert_eq!(world.looks, 1);
    world.pass(SECOND);
    assert_eq!(world.looks, 2);
}

#[test]
fn a_look_that_something_asked_for_delays_the_next() {
    let mut world = World::new();
    world.outlook = Outlook::Untold;
    world.pass(SECOND * 4);
    world.look("");
    let looks = world.looks;
    world.pass(SECOND * 4);
    assert_eq!(world.looks, looks);
    world.pass(SECOND);
    assert_eq!(world.looks, looks + 1);
}

#[test]
fn strangers_that_end_change_nothing() {
    let mut world = World::running("a1");
    assert_eq!(world.dies(999), "");
    assert_eq!(world.look("a1"), "");
}
