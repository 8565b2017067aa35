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
