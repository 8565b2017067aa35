//! What holds after any sequence of events.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    /// A look that finds these.
    Look(String),
    /// One of the supervises that run ends.
    Ends(proptest::sample::Index, bool),
    /// All that were told to end do.
    Obey,
    Refuse(bool, bool),
    Readable(bool),
    Pass(u64),
    Crash,
    Sweep,
    Shutdown,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let service = |number: usize| {
        proptest::sample::select(vec!["", "", "?", "+", "+?"]).prop_flat_map(move |flags| {
            let name = ["a", "b", "c"][number - 1];
            prop_oneof![
                3 => Just(format!("{name}{number}{flags}")),
                1 => Just(format!("{name}{number}{flags} z{number}{flags}")),
                2 => Just(String::new()),
            ]
        })
    };
    let look = (service(1), service(2), service(3)).prop_map(|(a, b, c)| Step::Look(format!("{a} {b} {c}")));
    let step = prop_oneof![
        50 => look,
        50 => (any::<proptest::sample::Index>(), any::<bool>()).prop_map(|(which, told)| Step::Ends(which, told)),
        20 => Just(Step::Obey),
        10 => (any::<bool>(), any::<bool>()).prop_map(|(starts, pipes)| Step::Refuse(starts, pipes)),
        10 => any::<bool>().prop_map(Step::Readable),
        50 => (0_u64..8_000).prop_map(Step::Pass),
        8 => Just(Step::Crash),
        8 => Just(Step::Sweep),
        1 => Just(Step::Shutdown),
    ];
    proptest::collection::vec(step, 0..60)
}

proptest! {
    /// Never two supervises for one role of one service, never a start in the end, no word to a stranger, no
    /// deadline that changes nothing (all asserted by the world). Whatever happened: when the trouble is over,
    /// everything that is in the directory runs soon; or, in the end, nothing does.
    #[test]
    fn invariants_hold_whatever_happens(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Look(names) => drop(world.look(&names)),
                Step::Ends(which, told) => {
                    let running: Vec<i32> = world.running.keys().copied().collect();
                    if !running.is_empty() {
                        let pid = *which.get(&running);
                        if told { world.exits(pid) } else { world.dies(pid) };
                    }
                }
                Step::Obey => while let Some(&pid) = world.told.first() {
                    world.exits(pid);
                },
                Step::Refuse(starts, pipes) => {
                    (world.refuse_starts, world.refuse_pipes) = (starts, pipes);
                }
                Step::Readable(readable) => world.is_readable = readable,
                Step::Pass(milliseconds) => drop(world.pass(Duration::from_millis(milliseconds))),
                Step::Crash => world.crash(),
                Step::Sweep => drop(world.tell(Event::Sweep)),
                Step::Shutdown => drop(world.tell(Event::Shutdown)),
            }
            let latest = world.now() + if world.table.is_ending() { GRACE } else { SAFETY_NET };
            prop_assert!(world.table.deadline().is_some_and(|deadline| deadline <= latest));
        }

        (world.refuse_starts, world.refuse_pipes, world.is_readable) = (false, false, true);
        world.tell(Event::Changed);
        if world.table.is_ending() {
            world.pass(GRACE);
            while let Some(&pid) = world.told.first() {
                world.exits(pid);
            }
            prop_assert!(world.table.has_ended(), "{:?} run on", world.running);
            return Ok(());
        }
        // What was told to exit by now does so; then it may be away for five seconds, twice if it is looked for
        // while something else is awaited.
        for _ in 0..3 {
            while let Some(&pid) = world.told.first() {
                world.exits(pid);
            }
            world.pass(ABSENCE + PATIENCE);
        }
        for found in world.found() {
            let mut roles = vec![Role::Main];
            roles.extend((found.logging == Logging::Logged).then_some(Role::Log));
            for role in roles {
                let count = world.running.values().filter(|of| **of == (found.identity, role)).count();
                prop_assert_eq!(count, 1, "{:?} {:?}", found, role);
            }
        }
        prop_assert!(world.told.is_empty(), "{:?} are told to end again and again", world.told);
    }
}
