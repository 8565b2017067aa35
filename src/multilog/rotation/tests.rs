//! Rotation against a directory that is a list of steps.

mod repair;

use super::*;
use crate::tai::Stamp;

/// A directory in which every step succeeds unless it is on the list of those that fail.
struct World {
    rotation: Rotation,
    pending: usize,
    now: Instant,
    failing: Option<Step>,
    archives: u64,
    log: Vec<String>,
    /// What the next inspection finds, if something is not in its place.
    sighting: Option<Sighting>,
    /// Whether repairs are not possible.
    is_stuck: bool,
    /// Whether files that are to be archives are not there.
    is_missing: bool,
}

const MAKE_USABLE: &str = "Remove(State); Remove(NewState); Remove(Processed); \
    Archive(Previous, Unfinished, Recovered); Prune; Unlink(Previous); \
    Archive(Current, Unfinished, Recovered); Prune; Unlink(Current); MakeState; Begin";
const ROTATE: &str = "Inspect; Sync; MoveAway; Renew; FinishPrevious; Archive(Previous, Safe, chosen); Prune; \
    Unlink(Previous)";
const SET_ASIDE: &str = "Inspect; Sync; MoveAway; Renew; FinishPrevious; Process";
const QUEUE: &str = "Inspect; Sync; Archive(Current, Unfinished, Now); Prune; Unlink(Current); Renew";
const KEEP: &str = "FinishProcessed; SyncState; Remove(Previous); KeepState; Archive(Processed, Safe, chosen); \
    Prune; Unlink(Processed)";

impl World {
    fn new(processing: Processing) -> Self {
        let rotation = Rotation::new(4096, processing, Found::Clean(0));
        let mut world = Self {
            rotation,
            pending: 0,
            now: Instant::now(),
            failing: None,
            archives: 0,
            log: Vec::new(),
            sighting: None,
            is_stuck: false,
            is_missing: false,
        };
        world.check("Resume");
        world
    }

    /// Does what there is to do, and compares.
    #[track_caller]
    fn check(&mut self, expected: &str) {
        let newlines = vec![b'\n'; 100_000];
        while let Some((track, step)) = self.rotation.next(&newlines[..self.pending], self.now) {
            if self.failing == Some(step)
                || matches!((self.failing, step), (Some(Step::Write(_)), Step::Write(_)))
            {
                self.log.push(format!("{step:?} fails"));
                self.rotation.failed(track, self.now);
                continue;
            }
            self.log.push(match step {
                Step::Archive(source, code, Naming::Chosen(_)) => {
                    format!("Archive({source:?}, {code:?}, chosen)")
                }
                Step::FinishProcessed(_) => "FinishProcessed".to_string(),
                Step::Reclaim(_) => "Reclaim".to_string(),
                step => format!("{step:?}"),
            });
            match step {
                Step::Write(length) => {
                    self.pending -= length;
                    self.rotation.wrote(length);
                }
                Step::Inspect => {
                    let sighting = self.sighting.take().unwrap_or(Sighting::Intact(None));
                    self.rotation.inspected(sighting, self.now);
                }
                Step::Restore | Step::Reopen if self.is_stuck => self.rotation.stayed(self.now),
                Step::Restore => self.rotation.restored(100, self.now),
                Step::Reopen => self.rotation.reopened(Found::Clean(50)),
                Step::Archive(..) if self.is_missing => self.rotation.done(track, None),
                Step::Archive(_, _, Naming::Chosen(archive)) => self.rotation.done(track, Some(archive)),
                Step::Archive(_, code, _) => {
                    let stamp = self.stamp();
                    self.rotation.done(track, Some(Archive { stamp, code }));
                }
                Step::MoveAway => {
                    let stamp = self.stamp();
                    self.rotation.done(track, Some(Archive { stamp, code: Code::Safe }));
                }
                Step::Reclaim(archive) => self.rotation.done(track, Some(archive)),
                _ => self.rotation.done(track, None),
            }
        }
        assert_eq!(std::mem::take(&mut self.log).join("; "), expected);
    }

    /// The next steps, as text; writes and inspections are done.
    fn first_steps(&mut self, number: usize) -> String {
        let pending = vec![b'\n'; self.pending];
        let mut steps = Vec::new();
        for _ in 0..number {
            let Some((_, step)) = self.rotation.next(&pending, self.now) else { break };
            steps.push(format!("{step:?}"));
            if step == Step::Inspect {
                self.rotation.inspected(self.sighting.take().unwrap(), self.now);
            }
        }
        steps.join("; ")
    }

    fn stamp(&mut self) -> Stamp {
        self.archives += 1;
        Stamp::from_unix(Duration::from_secs(self.archives))
    }

    fn ends(&mut self, verdict: Verdict) {
        self.rotation.processor_ended(verdict, self.now);
    }
}

#[test]
fn a_directory_that_was_left_cleanly_is_gone_on_with() {
    let mut world = World::new(Processing::No);
    world.pending = 10;
    world.check("Write(10)");
    assert!(world.rotation.is_settled());
}

#[test]
fn a_directory_that_was_not_is_made_usable_first() {
    let mut world = World::new(Processing::No);
    world.rotation = Rotation::new(4096, Processing::No, Found::Unclean(Processed::Incomplete));
    assert!(!world.rotation.is_settled());
    world.check(MAKE_USABLE);
    assert!(world.rotation.is_settled());
    world.rotation = Rotation::new(4096, Processing::Yes, Found::Unclean(Processed::Complete));
    world.check(
        "Remove(State); Remove(NewState); Remove(Previous); \
         Archive(Processed, Safe, Recovered); Prune; Unlink(Processed); \
         Archive(Current, Unfinished, Recovered); Prune; Unlink(Current); MakeState; Begin",
    );
}

#[test]
fn a_full_file_is_moved_away_in_the_middle_of_the_pending_bytes() {
    let mut world = World::new(Processing::No);
    world.pending = 5000;
    world.check(&format!("Write(2560); {ROTATE}; Write(2440); {ROTATE}"));
}

#[test]
fn rotating_on_demand_leaves_an_empty_file_alone() {
    let mut world = World::new(Processing::No);
    world.rotation.rotate();
    world.check("");
    world.pending = 1;
    world.check("Write(1)");
    world.rotation.rotate();
    world.check(ROTATE);
    world.rotation.rotate();
    world.check("");
}

#[test]
fn what_fails_is_tried_again_after_a_pause_and_nothing_is_skipped() {
    let mut world = World::new(Processing::No);
    world.pending = 5000;
    world.failing = Some(Step::Write(0));
    world.check("Write(2560) fails");
    assert!(!world.rotation.is_settled());
    world.check("");
    assert_eq!(world.rotation.deadline(), Some(world.now + PAUSE));
    world.now += PAUSE;
    world.failing = Some(Step::Renew);
    world.check("Inspect; Write(2560); Inspect; Sync; MoveAway; Renew fails");
    world.check("");
    world.now += PAUSE;
    world.check("Renew fails");
    world.now += PAUSE;
    world.failing = None;
    world.check(&format!("Renew; FinishPrevious; Archive(Previous, Safe, chosen); Prune; Unlink(Previous); Inspect; Write(2440); {ROTATE}"));
    assert_eq!(world.rotation.deadline(), None);
}

#[test]
fn an_alarm_cuts_a_pause_short() {
    let mut world = World::new(Processing::No);
    world.pending = 10;
    world.failing = Some(Step::Write(0));
    world.check("Write(10) fails");
    world.failing = None;
    world.rotation.rotate();
    world.check("Write(10)");
}

#[test]
fn a_processed_file_becomes_an_archive() {
    let mut world = World::new(Processing::Yes);
    world.pending = 2560;
    world.check(&format!("Write(2560); {SET_ASIDE}"));
    assert!(world.rotation.is_settled());
    world.pending = 10;
    world.check("Write(10)");
    world.ends(Verdict::Done);
    world.check(KEEP);
}

#[test]
fn a_processor_that_fails_runs_again_and_again_while_input_goes_on() {
    let mut world = World::new(Processing::Yes);
    world.pending = 2560;
    world.check(&format!("Write(2560); {SET_ASIDE}"));
    for _ in 0..3 {
        world.ends(Verdict::Failed);
        world.pending = 1;
        world.check("Write(1)");
        world.now += PAUSE;
        world.check("Inspect; Process");
    }
    world.ends(Verdict::Done);
    world.check(KEEP);
}

#[test]
fn files_that_fill_up_meanwhile_wait_their_turn() {
    let mut world = World::new(Processing::Yes);
    world.pending = 3 * 2560;
    world.check(&format!("Write(2560); Inspect; Sync; MoveAway; Renew; FinishPrevious; Write(2560); {QUEUE}; Write(2560); {QUEUE}; Process"));
    world.ends(Verdict::Done);
    world.check(&format!("{KEEP}; Reclaim; Process"));
    world.ends(Verdict::Done);
    world.check(&format!("{KEEP}; Reclaim; Process"));
    world.ends(Verdict::Done);
    world.check(KEEP);
    world.pending = 2560;
    world.check(&format!("Write(2560); {SET_ASIDE}"));
}

#[test]
fn a_waiting_file_that_was_removed_is_passed_over() {
    let mut rotation = Rotation::new(4096, Processing::Yes, Found::Clean(0));
    let archive = Archive { stamp: Stamp::default(), code: Code::Unfinished };
    rotation.done(Track::Writer, None);
    rotation.waiting.extend([archive, archive]);
    rotation.process_waiting();
    rotation.done(Track::Processor, None);
    assert_eq!(rotation.next(b"", Instant::now()), Some((Track::Processor, Step::Reclaim(archive))));
    rotation.done(Track::Processor, Some(archive));
    assert_eq!(rotation.next(b"", Instant::now()), Some((Track::Processor, Step::Process)));
}

#[test]
fn closing_writes_what_is_pending_and_marks_the_file() {
    for closing in [Closing::Patient, Closing::Prompt] {
        let mut world = World::new(Processing::Yes);
        world.pending = 10;
        world.rotation.close(closing);
        world.check("Write(10); Inspect; Sync; Close");
        assert!(world.rotation.is_closed());
    }
}

#[test]
fn a_patient_end_waits_for_the_processor() {
    let mut world = World::new(Processing::Yes);
    world.pending = 2560;
    world.check(&format!("Write(2560); {SET_ASIDE}"));
    world.rotation.close(Closing::Patient);
    world.check("");
    world.ends(Verdict::Failed);
    world.check("");
    world.now += PAUSE;
    world.check("Process");
    world.ends(Verdict::Done);
    world.check(&format!("{KEEP}; Sync; Close"));
}

#[test]
fn a_prompt_end_leaves_the_unprocessed_as_a_crash_would() {
    let mut world = World::new(Processing::Yes);
    world.pending = 2560;
    world.check(&format!("Write(2560); {SET_ASIDE}"));
    world.rotation.close(Closing::Prompt);
    world.check("Abandon; Sync; Leave");
    assert!(world.rotation.is_closed());

    let mut world = World::new(Processing::Yes);
    world.pending = 2560;
    world.check(&format!("Write(2560); {SET_ASIDE}"));
    world.ends(Verdict::Failed);
    world.rotation.close(Closing::Prompt);
    world.check("Sync; Leave");
    assert!(world.rotation.is_closed());
}

#[test]
fn a_prompt_end_keeps_what_cannot_be_written_until_it_can() {
    let mut world = World::new(Processing::No);
    world.pending = 10;
    world.failing = Some(Step::Write(0));
    world.check("Write(10) fails");
    world.rotation.close(Closing::Prompt);
    world.check("Write(10) fails");
    assert!(!world.rotation.is_closed());
    world.failing = None;
    world.now += PAUSE;
    world.check("Inspect; Write(10); Inspect; Sync; Close");
    assert!(world.rotation.is_closed());
}

#[test]
fn archives_that_cannot_be_removed_hold_up_nothing() {
    for processing in [Processing::No, Processing::Yes] {
        let mut world = World::new(processing);
        world.failing = Some(Step::Prune);
        world.pending = 2570;
        let is_processing = processing == Processing::Yes;
        world.check(&if is_processing {
            "Write(2560); Inspect; Sync; MoveAway; Renew; FinishPrevious; Write(10); Process".to_owned()
        } else {
            format!("Write(2560); {ROTATE}; Write(10)").replace("Prune", "Prune fails")
        });
        if is_processing {
            world.ends(Verdict::Done);
            world.check(&KEEP.replace("Prune", "Prune fails"));
        }
        assert!(world.rotation.is_settled());
        assert_eq!(world.rotation.deadline(), Some(world.now + PAUSE));
        world.now += PAUSE;
        world.check("Prune fails; Inspect");
        world.failing = None;
        world.now += PAUSE;
        world.check("Prune");
        assert_eq!(world.rotation.deadline(), None);
    }
}

#[test]
fn the_end_does_not_wait_for_archives_that_cannot_be_removed() {
    let mut world = World::new(Processing::No);
    world.failing = Some(Step::Prune);
    world.pending = 2560;
    world.check(&format!("Write(2560); {ROTATE}").replace("Prune", "Prune fails"));
    world.rotation.close(Closing::Prompt);
    world.check("Prune fails; Sync; Close");
    assert!(world.rotation.is_closed());
}

#[test]
fn a_failed_removal_in_one_track_does_not_concern_the_other() {
    let mut world = World::new(Processing::Yes);
    world.pending = 2560;
    world.check(&format!("Write(2560); {SET_ASIDE}"));
    world.failing = Some(Step::Prune);
    world.pending = 2560;
    world.check(&format!("Write(2560); {QUEUE}").replace("Prune", "Prune fails"));
    world.failing = None;
    world.ends(Verdict::Done);
    world.check(&format!("{KEEP}; Reclaim; Process"));
}
