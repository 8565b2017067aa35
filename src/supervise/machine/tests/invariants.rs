//! What holds after any sequence of events.

use super::*;
use proptest::prelude::*;

fn settings() -> impl Strategy<Value = Settings> {
    let seconds = || proptest::option::of((1_u64..9).prop_map(Duration::from_secs));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    (flags, seconds(), seconds(), seconds()).prop_map(
        |((finish, notify, end_leftovers), finish_timeout, kill_timeout, backoff)| Settings {
            finish,
            notify,
            end_leftovers,
            finish_timeout,
            kill_timeout,
            backoff,
            ..Settings::default()
        },
    )
}

#[derive(Debug, Clone)]
enum Step {
    Byte(u8),
    Ends,
    Refuse(bool),
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => proptest::sample::select(crate::service::control::OPTIONS).prop_map(Step::Byte),
        1 => any::<u8>().prop_map(Step::Byte),
        3 => Just(Step::Ends),
        1 => any::<bool>().prop_map(Step::Refuse),
        4 => (0_u64..3_000).prop_map(Step::Pass),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    /// Never two children and no signal to a stranger (asserted by the world); at most one start a second;
    /// everything visible is published; after exit was asked for, the end of the service is the end, unless somebody has
    /// asked for a start that is still to come.
    #[test]
    fn invariants_hold_whatever_happens(has_down: bool, settings in settings(), steps in steps()) {
        let mut world = World::new(if has_down { HasDown::Yes } else { HasDown::No }, settings);
        let mut exit_asked = false;
        for step in steps {
            match step {
                Step::Byte(byte) => {
                    let Some(command) = Command::from_byte(byte) else { continue };
                    exit_asked |= command == Command::Exit;
                    world.event(Event::Command(command));
                }
                Step::Ends if world.child.is_some() => world.event(Event::Ended(Exit::Exited(1))),
                Step::Ends if world.clearing => world.event(Event::Cleared),
                Step::Ends if world.finish.is_some() => world.event(Event::Finished(Exit::Exited(0))),
                Step::Ends => {}
                Step::Refuse(refuse) => world.refuse_starts = refuse,
                Step::Pass(milliseconds) => world.pass(Duration::from_millis(milliseconds)),
            }
            prop_assert_eq!(world.published, world.machine.status);
            prop_assert_eq!(world.finishing, world.is_busy());
            prop_assert_eq!(world.published.pid, world.child);
            prop_assert!(!world.published.paused || world.child.is_some());
            let is_over = world.child.is_none() && !world.is_busy() && !world.machine.ordered;
            prop_assert_eq!(world.exited, exit_asked && is_over);
            if world.exited {
                return Ok(());
            }
            if world.published.want == Want::Up && world.child.is_none() && !world.is_busy() {
                prop_assert!(world.machine.deadline().is_some(), "wanted up and forgotten");
            }
            if world.published.want == Want::Down && world.child.is_none() && !world.is_busy() {
                prop_assert_eq!(world.machine.deadline(), None);
            }
        }
        for pair in world.starts.windows(2) {
            prop_assert!(pair[1] - pair[0] >= PACE, "two starts in a second");
        }
    }
}
