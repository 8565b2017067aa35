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
    assert!(world.table.service(id(1)).is_some());
    assert_eq!(world.dies(2), "");
    assert!(world.table.service(id(1)).is_none());
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

/// A sweep after a look that found this in the place of `a1+ b2`, and what it stopped.
#[track_caller]
fn check_sweep(seen: &str, expected: &str) {
    let mut world = World::running("a1+ b2");
    assert_eq!(world.look(seen), "", "{seen}");
    assert_eq!(world.tell(Event::Sweep), expected, "{seen}");
}

#[test]
fn a_sweep_stops_what_is_not_listed_any_more_and_nothing_else() {
    check_sweep("a1+ b2", "");
    check_sweep("b2", "stop:1");
    check_sweep("", "stop:1 stop:3");
    // A name that cannot be examined may still stand for the service.
    check_sweep("a! b2", "");
    check_sweep("a! b!", "");
    check_sweep("a!", "stop:3");
    check_sweep("c! b2", "stop:1");
    // It may be another name of the same directory, or another directory under the same name.
    check_sweep("a! c1+ b2", "");
    check_sweep("c1+ b2", "");
    check_sweep("a2", "stop:1");
}

#[test]
fn a_service_whose_name_cannot_be_examined_keeps_what_it_has() {
    let mut world = World::running("a1+ b2");
    let pipe = world.pipe(1);
    world.look("a! b2");
    assert_eq!(world.dies(1), "", "under this name, none can be started now");
    assert_eq!(world.dies(2), "");
    assert_eq!(world.pass(60 * SECOND), "");
    assert_eq!(world.look("a1+ b2"), "a=4 a/log=5");
    assert_eq!(world.pipe(1), pipe);
    world.look("a! b2");
    assert_eq!(world.tell(Event::Shutdown), "stop:4 stop:3");
}

#[test]
fn a_name_that_was_gone_does_not_stand_for_the_service_again_before_it_can_be_examined() {
    let mut world = World::running("a1");
    world.look("");
    world.look("a!");
    assert_eq!(world.tell(Event::Sweep), "stop:1");
}

#[test]
fn a_sweep_waits_until_the_directory_rests() {
    let mut world = World::running("a1 b2");
    world.stability = Stability::Changing;
    world.look("b2");
    assert_eq!(world.tell(Event::Sweep), "", "a may have been renamed");
    let looks = world.looks;
    assert_eq!(world.pass(SECOND * 10), "");
    let more = world.looks - looks;
    assert!((10..20).contains(&more), "{more} looks in ten seconds");
    world.stability = Stability::Stable;
    world.directory = "c1 b2".to_string();
    assert_eq!(world.pass(SECOND), "");
    assert_eq!(world.look("b2"), "", "the sweep is over");
    assert_eq!(world.tell(Event::Sweep), "stop:1");
}

#[test]
fn a_sweep_waits_until_the_directory_can_be_read() {
    let mut world = World::running("a1 b2");
    world.look("b2");
    world.is_readable = false;
    world.tell(Event::Changed);
    assert_eq!(world.tell(Event::Sweep), "");
    assert_eq!(world.pass(SECOND * 20), "");
    world.is_readable = true;
    assert_eq!(world.pass(SECOND * 5), "stop:1");
}
