//! Supervises that an earlier svscan has left.

use super::*;

#[test]
fn supervises_that_an_earlier_svscan_left_running_are_adopted() {
    let mut world = World::running("b1 a2+");
    world.crash();
    assert_eq!(world.look("b1 a2+"), "adopt:1 adopt:2 adopt:3 pipe:a@2,3");
    assert_eq!(world.pass(60 * SECOND), "");
    assert_eq!(world.dies(1), "b=4");
    assert_eq!(world.dies(2), "a=5");
}

#[test]
fn the_supervise_that_is_missing_is_started_on_the_pipe_of_the_other() {
    let mut world = World::running("a1+");
    world.crash();
    world.running.remove(&1);
    assert_eq!(world.look("a1+"), "adopt:2 pipe:a@-,2 a=3");
    world.pass(SECOND);
    world.crash();
    world.running.remove(&2);
    assert_eq!(world.look("a1+"), "adopt:3 pipe:a@3,- a/log=4");
}

#[test]
fn a_supervise_without_the_pipe_to_a_logger_that_was_added_meanwhile_is_replaced() {
    let mut world = World::running("a1");
    world.crash();
    assert_eq!(world.look("a1+"), "adopt:1 pipe:a@1,- a/log=2");
    assert_eq!(world.pass(PATIENCE), "replace:1");
    assert_eq!(world.dies(1), "a=3");
    assert_eq!(world.pass(60 * SECOND), "");
}

#[test]
fn an_adopted_supervise_without_the_pipe_that_was_told_to_exit_before_is_not_replaced() {
    let mut world = World::running("a1");
    world.crash();
    world.look("a1+");
    world.pass(SECOND);
    assert_eq!(world.exits(1), "");
    assert_eq!(world.pass(60 * SECOND), "a=3");
}

#[test]
fn what_runs_already_is_not_waited_for() {
    let mut world = World::running("a1+");
    world.crash();
    assert_eq!(world.look("a1+?"), "adopt:1 adopt:2 pipe:a@1,2");
}

#[test]
fn a_supervise_that_ends_in_the_moment_of_its_adoption_is_started_again_on_the_one_pipe() {
    let mut world = World::running("a1+");
    world.crash();
    world.elusive = vec![1];
    let first = world.next_pipe;
    world.look("a1+");
    assert_eq!(world.pipe(1), Some(first), "it may be asked for twice, but there is only one");
    assert_eq!(world.pass(SOON), "a=3");
}

#[test]
fn a_vanished_service_whose_logger_was_adopted_while_it_was_incomplete_waits_for_nothing() {
    let mut world = World::running("a1+");
    world.crash();
    world.running.remove(&1);
    world.look("a1+?");
    world.look("");
    assert_eq!(world.pass(60 * SECOND), "");
}

/// Another svscan comes after these services have lost their names.
#[track_caller]
fn check_strays(before: &str, (now, adopted): (&str, &str), swept: &str) {
    let mut world = World::running(before);
    world.crash();
    world.look(now);
    assert_eq!(world.find_strays(), adopted, "{before}");
    assert_eq!(world.pass(60 * SECOND), "", "{before}");
    world.tell(Event::Changed);
    assert_eq!(world.tell(Event::Sweep), swept, "{before}");
}

#[test]
fn services_that_vanished_while_no_svscan_ran_are_stopped_by_a_sweep() {
    check_strays("a1", ("", "adopt:1"), "stop:1");
    check_strays("a1 b2", ("b2", "adopt:1"), "stop:1");
    check_strays("a1+", ("", "adopt:1 adopt:2"), "stop:1");
    check_strays("a1 b2", ("c2", "adopt:1"), "stop:1");
    check_strays("a1 b2", ("a1 b2", ""), "");
    // Its name may still be there, and cannot be examined.
    check_strays("a1", ("a! z!", "adopt:1"), "");
}

#[test]
fn a_stray_ends_before_its_logger_and_is_forgotten() {
    let mut world = World::running("a1+");
    world.crash();
    world.look("");
    world.find_strays();
    world.tell(Event::Sweep);
    assert_eq!(world.exits(1), "drain:2");
    world.exits(2);
    assert!(world.table.service(id(1)).is_none());
    assert_eq!(world.look("a1+"), "pipe:a a=3 a/log=4");
}

#[test]
fn a_logger_alone_may_be_a_stray() {
    let mut world = World::running("a1+");
    world.exits(1);
    world.crash();
    world.look("");
    assert_eq!(world.find_strays(), "adopt:2");
    assert_eq!(world.tell(Event::Sweep), "drain:2");
}

#[test]
fn a_stray_that_has_a_name_again_goes_on() {
    let mut world = World::running("a1+");
    world.crash();
    world.look("");
    world.find_strays();
    assert_eq!(world.look("a1+"), "pipe:a@1,2");
    assert_eq!(world.pass(60 * SECOND), "");
    assert_eq!(world.tell(Event::Sweep), "");
}

#[test]
fn a_stray_that_was_only_being_renamed_goes_on() {
    let mut world = World::running("a1+ b2");
    world.crash();
    world.look("b2");
    world.directory = "b2 c1+".to_string();
    assert_eq!(world.find_strays(), "adopt:1 adopt:2 pipe:c@1,2");
}

#[test]
fn strays_are_stopped_in_the_end() {
    let mut world = World::running("a1+ b2");
    world.crash();
    world.look("b2");
    world.find_strays();
    assert_eq!(world.tell(Event::Shutdown), "stop:1 stop:3");
    assert_eq!(world.exits(1), "drain:2");
}
