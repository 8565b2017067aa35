//! Which bytes have one outcome. Everything that may happen is followed at once: the service may die any time after
//! a deadly signal, and may be started at once or, for the pace's sake, later.

use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// It lives on after each signal that it can catch.
    Deaf,
    /// It dies of each signal.
    Mortal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Process {
    Runs,
    /// It has been told to stop, but a deadly signal may overtake that.
    Stopping,
    Stopped,
    /// It dies as soon as it is continued.
    Doomed,
    Dying,
    None,
    /// There will be one.
    Owed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    process: Process,
    paused: bool,
    want: u8,
    exiting: bool,
    /// supervise has ended; nothing happens any more.
    over: bool,
}

impl State {
    fn is_up(self) -> bool {
        !matches!(self.process, Process::None | Process::Owed)
    }

    /// What may happen next by itself.
    fn next(self) -> Option<Self> {
        match self.process {
            _ if self.over => None,
            Process::Dying => {
                let process = if self.want == b'u' { Process::Owed } else { Process::None };
                Some(Self { process, paused: false, over: self.exiting, ..self })
            }
            Process::Stopping => Some(Self { process: Process::Stopped, ..self }),
            Process::Owed => Some(Self { process: Process::Runs, paused: false, ..self }),
            _ => None,
        }
    }

    fn signal(&mut self, kills: bool) {
        self.process = match self.process {
            Process::Runs | Process::Stopping if kills => Process::Dying,
            Process::Stopped if kills => Process::Doomed,
            same => same,
        };
    }

    fn obey(&mut self, service: Service, byte: u8) {
        let kills = service == Service::Mortal;
        match byte {
            _ if self.over => {}
            b'u' | b'o' => {
                self.want = if byte == b'u' { b'u' } else { 0 };
                if self.process == Process::None {
                    self.process = Process::Owed;
                }
            }
            b'd' => {
                self.want = b'd';
                self.paused = false;
                self.signal(kills);
                self.proceed();
                if self.process == Process::Owed {
                    self.process = Process::None;
                }
            }
            b'x' => {
                self.exiting = true;
                self.over = !self.is_up();
            }
            b'p' => {
                // Which process a pause meets makes a difference in any case.
                self.paused = self.is_up();
                if self.process == Process::Runs {
                    self.process = Process::Stopping;
                }
            }
            b'c' => {
                self.paused = false;
                self.proceed();
            }
            b'k' if self.is_up() => self.process = Process::Dying,
            b'a' | b'h' | b't' | b'i' => self.signal(kills),
            _ => {}
        }
    }

    fn proceed(&mut self) {
        self.process = match self.process {
            Process::Stopping | Process::Stopped => Process::Runs,
            Process::Doomed => Process::Dying,
            same => same,
        };
    }
}

/// All states that these may turn into, themselves included.
fn closure(states: BTreeSet<State>) -> BTreeSet<State> {
    let mut all = states.clone();
    let mut new: Vec<State> = states.into_iter().collect();
    while let Some(state) = new.pop() {
        new.extend(state.next().filter(|next| all.insert(*next)));
    }
    all
}

/// Whether it is a matter of chance if the service can say which signals it got before it is stopped or killed.
fn has_signal_before_stop(piece: &[u8]) -> bool {
    let last = piece.iter().rposition(|byte| b"pk".contains(byte));
    piece[..last.unwrap_or(0)].iter().any(|byte| b"ahtidc".contains(byte))
}

/// Whether each of these pieces has one outcome.
pub(super) fn is_determined<'a>(
    service: Service,
    down: bool,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> bool {
    let process = if down { Process::None } else { Process::Runs };
    let want = if down { b'd' } else { b'u' };
    let mut state = State { process, paused: false, want, exiting: false, over: false };
    let mut starts = 0;
    for piece in pieces {
        let mut states = BTreeSet::from([state]);
        for &byte in piece {
            let obey = |mut state: State| {
                state.obey(service, byte);
                state
            };
            states = closure(states.into_iter().map(obey).collect());
        }
        // A service that has not yet said which signals it catches would die of them.
        let started = states.iter().any(|state| state.process == Process::Owed);
        starts += usize::from(started);
        if service == Service::Deaf && started {
            return false;
        }
        states.retain(|state| state.next().is_none());
        let mut states = states.into_iter();
        match (states.next(), states.next()) {
            (Some(only), None) => state = only,
            _ => return false,
        }
        if service == Service::Deaf && state.process != Process::Runs && has_signal_before_stop(piece) {
            return false;
        }
    }
    // Each takes the original a second.
    starts <= 3
}
