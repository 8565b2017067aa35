//! Command bytes: the machine survives any sequence of them, and of ends and pauses in between.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::service::control::Command;
use servicedir::service::sentence::HasDown;
use servicedir::supervise::machine::{Action, Actions, Event, Machine, Now};
use servicedir::tai::Stamp;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

struct World {
    machine: Machine,
    start: Instant,
    elapsed: Duration,
    child: Option<NonZeroU32>,
    last_start: Option<Duration>,
    exited: bool,
}

impl World {
    fn feed(&mut self, event: Event) {
        if event == Event::Ended {
            self.child = None;
        }
        let now = Now { instant: self.start + self.elapsed, stamp: Stamp::from_unix(self.elapsed) };
        let actions = self.machine.handle(event, now);
        self.perform(actions);
    }

    fn perform(&mut self, actions: Actions) {
        for action in actions {
            assert!(!self.exited);
            match action {
                Action::Start => {
                    assert!(self.child.is_none());
                    assert!(self.last_start.is_none_or(|last| self.elapsed - last >= Duration::from_secs(1)));
                    self.last_start = Some(self.elapsed);
                    self.child = NonZeroU32::new(7);
                    self.feed(Event::Started(self.child.unwrap()));
                }
                Action::Send(pid, _) => assert_eq!(Some(pid), self.child),
                Action::Exit => self.exited = true,
                Action::Publish(_) | Action::WarnRefused(..) => {}
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let start = Instant::now();
    let now = Now { instant: start, stamp: Stamp::default() };
    let (machine, actions) = Machine::new(HasDown::No, now);
    let elapsed = Duration::ZERO;
    let mut world = World { machine, start, elapsed, child: None, last_start: None, exited: false };
    world.perform(actions);
    for &byte in data {
        if world.exited {
            return;
        }
        match byte {
            0..=31 => world.elapsed += Duration::from_millis(u64::from(byte) * 100),
            b'.' if world.child.is_some() => world.feed(Event::Ended),
            byte => {
                if let Some(command) = Command::from_byte(byte) {
                    world.feed(Event::Command(command));
                }
            }
        }
        if !world.exited {
            world.feed(Event::Deadline);
        }
    }
});
