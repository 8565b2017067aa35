//! Command bytes: the machine survives any sequence of them, and of ends and pauses in between, with any settings.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::exit::Exit;
use servicedir::service::control::{Command, Scope};
use servicedir::service::sentence::HasDown;
use servicedir::supervise::event::{Action, Actions, Event};
use servicedir::supervise::machine::Machine;
use servicedir::supervise::now::Now;
use servicedir::supervise::settings::Settings;
use servicedir::tai::Stamp;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

struct World {
    machine: Machine,
    settings: Settings,
    start: Instant,
    elapsed: Duration,
    child: Option<NonZeroU32>,
    finish: Option<NonZeroU32>,
    clearing: bool,
    last_start: Option<Duration>,
    exited: bool,
}

impl World {
    fn feed(&mut self, event: Event) {
        match event {
            Event::Ended(_) => self.child = None,
            Event::Finished(_) => self.finish = None,
            Event::Cleared => self.clearing = false,
            _ => {}
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
                    assert!(self.child.is_none() && self.finish.is_none() && !self.clearing);
                    assert!(self.last_start.is_none_or(|last| self.elapsed - last >= Duration::from_secs(1)));
                    self.last_start = Some(self.elapsed);
                    self.child = NonZeroU32::new(7);
                    self.feed(Event::Settings(self.settings));
                    self.feed(Event::Started(self.child.unwrap()));
                }
                Action::Finish(_) => {
                    assert!(self.child.is_none() && !self.clearing);
                    self.finish = NonZeroU32::new(8);
                    self.feed(Event::Finishing(self.finish.unwrap()));
                }
                Action::EndLeftovers(_) => self.clearing = true,
                Action::Send(pid, _, scope) => {
                    let own = scope == Scope::Process && Some(pid) == self.finish;
                    assert!(own || Some(pid) == self.child);
                }
                Action::Exit => self.exited = true,
                Action::KillLeftovers => assert!(self.clearing),
                _ => {}
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let [flags, data @ ..] = data else { return };
    let has = |bit: u8| flags & bit != 0;
    let seconds = |bit: u8| has(bit).then(|| Duration::from_secs(2));
    let settings = Settings {
        finish: has(1),
        notify: has(2),
        end_leftovers: has(4),
        kill_timeout: seconds(8),
        finish_timeout: seconds(16),
        backoff: seconds(32),
        ..Settings::default()
    };
    let start = Instant::now();
    let now = Now { instant: start, stamp: Stamp::default() };
    let delay = seconds(64).unwrap_or_default();
    let (machine, actions) = Machine::new(if has(128) { HasDown::Yes } else { HasDown::No }, delay, now);
    let mut world = World {
        machine,
        settings,
        start,
        elapsed: Duration::ZERO,
        child: None,
        finish: None,
        clearing: false,
        last_start: None,
        exited: false,
    };
    world.perform(actions);
    for &byte in data {
        if world.exited {
            return;
        }
        match byte {
            0..=31 => world.elapsed += Duration::from_millis(u64::from(byte) * 100),
            b'.' if world.child.is_some() => world.feed(Event::Ended(Exit::Exited(0))),
            b'.' if world.clearing => world.feed(Event::Cleared),
            b'.' | b'!' if world.finish.is_some() => {
                let code = if byte == b'!' { 125 } else { 0 };
                world.feed(Event::Finished(Exit::Exited(code)));
            }
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
