//! Rotation when something is not in its place.

use super::*;

#[test]
fn what_is_written_to_is_looked_after_every_few_seconds_and_an_idle_directory_is_not() {
    let mut world = World::new(Processing::No);
    world.check("");
    assert_eq!(world.rotation.deadline(), None);
    world.pending = 1;
    world.check("Write(1)");
    assert_eq!(world.rotation.deadline(), Some(world.now + INSPECTION));
    world.pending = 1;
    world.check("Write(1)");
    world.now += INSPECTION;
    world.check("Inspect");
    assert_eq!(world.rotation.deadline(), None);
    world.now += INSPECTION;
    world.check("");
    world.pending = 1;
    world.check("Inspect; Write(1)");
}

#[test]
fn what_others_have_written_to_the_file_or_removed_from_it_counts() {
    for (size, expected) in [(4000, "Inspect; Write(96)"), (0, "Inspect; Write(2559)")] {
        let mut world = World::new(Processing::No);
        world.pending = 2000;
        world.check("Write(2000)");
        world.now += INSPECTION;
        world.sighting = Some(Sighting::Intact(Some(size)));
        world.pending = 2559;
        assert_eq!(world.first_steps(2), expected);
    }
}

#[test]
fn a_file_that_was_removed_is_made_again_at_once() {
    let mut world = World::new(Processing::No);
    world.pending = 10;
    world.check("Write(10)");
    world.now += INSPECTION;
    world.sighting = Some(Sighting::OtherCurrent);
    world.check("Inspect; Restore");
    assert!(world.rotation.is_settled());
    world.pending = 3996;
    world.check(&format!("Write(2460); {ROTATE}; Write(1536)"));
}

#[test]
fn a_file_that_was_removed_is_not_moved_away() {
    for processing in [Processing::No, Processing::Yes] {
        let mut world = World::new(processing);
        world.pending = 2560;
        world.sighting = Some(Sighting::OtherCurrent);
        world.check("Write(2560); Inspect; Restore");
        world.pending = 10;
        world.check("Write(10)");
    }
}

#[test]
fn a_directory_that_was_replaced_is_gone_on_with() {
    let mut world = World::new(Processing::Yes);
    world.pending = 2 * 2560;
    world.check(&format!(
        "Write(2560); Inspect; Sync; MoveAway; Renew; FinishPrevious; Write(2560); {QUEUE}; Process"
    ));
    world.now += INSPECTION;
    world.pending = 10;
    world.sighting = Some(Sighting::OtherDirectory);
    world.check("Inspect; Reopen; Restore; Write(10)");
    // What was to be processed is in the other directory.
    world.rotation.close(Closing::Prompt);
    world.check("Inspect; Sync; Close");
}

#[test]
fn what_cannot_be_repaired_goes_on_being_used() {
    for sighting in [Sighting::OtherCurrent, Sighting::OtherDirectory] {
        let mut world = World::new(Processing::No);
        world.is_stuck = true;
        world.pending = 10;
        world.check("Write(10)");
        world.now += INSPECTION;
        world.pending = 10;
        world.sighting = Some(sighting);
        let repair = if sighting == Sighting::OtherCurrent { "Restore" } else { "Reopen" };
        world.check(&format!("Inspect; {repair}; Write(10)"));
        // Whoever wants a new file gets one if that is possible.
        world.sighting = Some(sighting);
        world.rotation.rotate();
        world.check(&format!(
            "Inspect; {repair}; Sync; MoveAway; Renew; FinishPrevious; Archive(Previous, Safe, chosen); Prune; Unlink(Previous)"
        ));
    }
}

#[test]
fn a_repair_that_fails_is_tried_again_after_a_pause() {
    let mut world = World::new(Processing::No);
    world.pending = 2570;
    world.sighting = Some(Sighting::OtherDirectory);
    world.failing = Some(Step::Reopen);
    world.check("Write(2560); Inspect; Reopen fails");
    assert!(!world.rotation.is_settled());
    world.failing = None;
    world.now += PAUSE;
    world.check("Reopen; Restore; Write(10)");
}

#[test]
fn a_step_that_misses_something_is_done_again_after_an_inspection() {
    let mut world = World::new(Processing::No);
    world.pending = 2570;
    world.failing = Some(Step::Renew);
    world.check("Write(2560); Inspect; Sync; MoveAway; Renew fails");
    world.rotation.inspect();
    world.sighting = Some(Sighting::OtherDirectory);
    world.failing = None;
    world.now += PAUSE;
    world.check("Inspect; Reopen; Restore; Write(10)");
}

#[test]
fn a_file_that_cannot_be_moved_away_takes_what_is_left_at_the_end() {
    for closing in [Closing::Prompt, Closing::Patient] {
        let mut world = World::new(Processing::No);
        world.pending = 5000;
        world.failing = Some(Step::MoveAway);
        world.check("Write(2560); Inspect; Sync; MoveAway fails");
        world.rotation.close(closing);
        world.check("MoveAway fails; Write(2440); Inspect; Sync; Close");
        assert!(world.rotation.is_closed());
    }
}

#[test]
fn what_the_processor_has_made_is_made_again_when_it_is_removed() {
    let mut world = World::new(Processing::Yes);
    world.pending = 2 * 2560;
    world.check(&format!(
        "Write(2560); Inspect; Sync; MoveAway; Renew; FinishPrevious; Write(2560); {QUEUE}; Process"
    ));
    world.ends(Verdict::Done);
    world.rotation.vanished();
    world.check("Process");
    world.ends(Verdict::Done);
    world.check(&format!("{KEEP}; Reclaim; Process"));
}

#[test]
fn what_is_not_found_is_not_removed() {
    for processing in [Processing::No, Processing::Yes] {
        let mut world = World::new(processing);
        world.pending = 2560;
        world.is_missing = true;
        if processing == Processing::Yes {
            world.check(&format!("Write(2560); {SET_ASIDE}"));
            world.ends(Verdict::Done);
            world.check(&KEEP.replace("; Prune; Unlink(Processed)", ""));
        } else {
            world.check(&format!("Write(2560); {ROTATE}").replace("; Prune; Unlink(Previous)", ""));
        }
        world.is_missing = false;
        world.pending = 10;
        world.check("Write(10)");
        assert!(world.rotation.is_settled());
    }
}
