//! When a supervise starts, and starts again.

use super::*;

#[test]
fn services_start_in_the_order_of_the_directory_and_once() {
    let mut world = World::new();
    assert_eq!(world.look("b2 a1+"), "b=1 pipe:a a=2 a/log=3");
    assert_eq!(world.look("b2 a1+"), "");
    assert_eq!(world.pass(60 * SECOND), "");
}

#[test]
fn the_first_look_is_due_at_once() {
    let mut world = World::new();
    world.directory = "a1".to_string();
    assert_eq!(world.pass(Duration::ZERO), "a=1");
}

#[test]
fn first_starts_at_boot_keep_their_distance_in_the_order_of_the_directory() {
    let mut world = World::new();
    world.table = Table::new(world.base, SECOND * 3);
    assert_eq!(world.look("a1 b2-+ c3+ d4?"), "a=1 pipe:b b=2 b/log=3 pipe:c c=4+3 c/log=5");
    world.pass(SECOND);
    assert_eq!(world.look("a1 b2-+ c3+ d4"), "d=6+5", "what is late keeps its place");
    assert_eq!(world.dies(4), "c=7+2");
    world.pass(SECOND * 2);
    assert_eq!(world.dies(7), "c=8");
    assert_eq!(world.look("a1 b2-+ c3+ d4 e5 f6"), "e=9 f=10", "and what is new has none");
}

#[test]
fn a_supervise_that_dies_is_back_at_once_on_the_same_pipe() {
    let mut world = World::running("a1+");
    let pipe = world.pipe(1);
    assert!(pipe.is_some());
    assert_eq!(world.dies(1), "a=3");
    assert_eq!(world.dies(2), "a/log=4");
    world.pass(SECOND);
    assert_eq!((world.dies(3), world.dies(4)), ("a=5".to_string(), "a/log=6".to_string()));
    assert_eq!(world.pipe(1), pipe);
}

#[test]
fn a_supervise_that_fails_at_once_is_back_later_and_later() {
    let mut world = World::new();
    world.look("a1");
    for (pid, pause) in [(1, 100), (2, 1000), (3, 5000), (4, 5000), (5, 5000)] {
        let pause = Duration::from_millis(pause);
        assert_eq!(world.dies(pid), "");
        assert_eq!(world.pass(pause - Duration::from_millis(1)), "", "after failure {pid}");
        assert_eq!(world.pass(Duration::from_millis(1)), format!("a={}", pid + 1));
    }
    // One that has not failed at once is the end of the series.
    world.pass(SECOND);
    assert_eq!(world.dies(6), "a=7");
    assert_eq!(world.dies(7), "");
    assert_eq!(world.pass(SOON), "a=8");
}

#[test]
fn the_failures_of_one_supervise_do_not_delay_the_other() {
    let mut world = World::new();
    world.look("a1+");
    for (pid, pause) in [(1, SOON), (3, AT_ONCE), (4, ABSENCE)] {
        world.dies(pid);
        world.pass(pause);
    }
    assert_eq!(world.dies(2), "a/log=6");
}

#[test]
fn a_supervise_that_was_told_to_exit_stays_away_for_five_seconds() {
    let mut world = World::running("a1+");
    assert_eq!(world.exits(1), "");
    assert_eq!(world.pass(SECOND * 4), "");
    // Nor does a look bring it back before.
    assert_eq!(world.look("a1+"), "");
    assert_eq!(world.pass(SECOND), "a=3");
    assert_eq!(world.exits(2), "");
    assert_eq!(world.exits(3), "");
    assert_eq!(world.pass(SECOND * 5), "a=4 a/log=5");
}

#[test]
fn a_supervise_that_was_told_to_exit_never_comes_back_when_its_directory_is_gone() {
    let mut world = World::running("a1");
    world.exits(1);
    world.look("");
    assert_eq!(world.pass(60 * SECOND), "");
    assert_eq!(world.look("a1"), "a=2", "and if it comes back it is a new one");
}

#[test]
fn a_refused_pipe_is_asked_for_again() {
    let mut world = World::new();
    world.refuse_pipes = true;
    assert_eq!(world.look("b2 a1+"), "b=1 pipe:a!");
    assert_eq!(world.look("b2 a1+"), "", "but not at every opportunity");
    world.refuse_pipes = false;
    assert_eq!(world.pass(ABSENCE), "pipe:a a=2 a/log=3");
}

#[test]
fn a_refused_pipe_for_a_late_logger_leaves_the_service_alone() {
    let mut world = World::running("a1");
    world.refuse_pipes = true;
    assert_eq!(world.look("a1+"), "pipe:a@1,-!");
    world.refuse_pipes = false;
    assert_eq!(world.pass(ABSENCE), "pipe:a@1,- a/log=2 replace:1");
}

#[test]
fn a_refused_start_is_asked_for_again() {
    let mut world = World::new();
    world.refuse_starts = true;
    assert_eq!(world.look("a1+"), "pipe:a a! a/log!");
    assert_eq!(world.pass(SECOND * 4), "");
    world.refuse_starts = false;
    assert_eq!(world.pass(SECOND), "a=1 a/log=2");
}
