//! Random bytes for a running supervise, several at once. Only such are sent whose outcome does not depend on when
//! the service gets to die: a small model of what may happen finds out which these are, not what they do.

use super::run::{Bytes, SIDES, Side};
use super::{Generator, Verdict};
use crate::support::{Patience, Running, Sandbox, process_state};
use model::{Service, is_determined};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

/// Which bytes have one outcome.
mod model;

/// How long both sides must be still and the same.
const STILL: Duration = Duration::from_millis(60);

#[derive(Debug, Clone)]
struct Case {
    service: Service,
    /// Whether there is a file `down`.
    down: bool,
    /// What is written, each in one piece when the one before has had its effect.
    pieces: Vec<Bytes>,
}

/// Letters that only our supervise obeys are left out.
fn case() -> impl Strategy<Value = Case> {
    let byte = prop_oneof![
        12 => select(&b"udopchaitk"[..]),
        1 => Just(b'x'),
        2 => select(&b"\0\n -UDXbefgjlmnrsvyz\xff\xe4"[..]),
    ];
    let piece = vec(byte, 1..9).prop_map(Bytes);
    let start = select(&[(Service::Deaf, false), (Service::Mortal, false), (Service::Mortal, true)][..]);
    (start, vec(piece, 1..6)).prop_map(|((service, down), pieces)| {
        let mut case = Case { service, down, pieces: Vec::new() };
        // Of each piece so much that the outcome is determined.
        for Bytes(mut piece) in pieces {
            while !piece.is_empty() {
                let before = case.pieces.iter().map(|piece| &piece.0[..]);
                if is_determined(service, down, before.chain([&piece[..]])) {
                    case.pieces.push(Bytes(piece));
                    break;
                }
                piece.pop();
            }
        }
        case
    })
}

/// One side's supervise and service.
struct Supervised<'a> {
    sandbox: &'a Sandbox,
    side: Side,
    supervise: Running,
    /// The reading end of `supervise/control`, to see when nothing is left in it.
    control: Option<File>,
}

/// What can be seen from outside when all is still.
#[derive(Debug, Clone, PartialEq, Eq)]
struct View {
    /// How supervise ended, if it did.
    end: Option<String>,
    /// Whether there is a process, whether it is paused, and what is wanted.
    status: Option<(bool, u8, u8)>,
    /// Which signals the service got.
    signals: BTreeSet<String>,
    messages: String,
}

impl<'a> Supervised<'a> {
    fn start(sandbox: &'a Sandbox, side: Side, case: &Case) -> Self {
        let name = side.letter();
        let script = match case.service {
            Service::Mortal => "#!/bin/sh\nexec sleep 1000",
            Service::Deaf => {
                "#!/bin/sh\nfor signal in HUP INT TERM ALRM CONT; do trap \"echo $signal >>signals\" $signal; done\n\
                echo ready >>signals\nsleep 1000 & while :; do wait; done"
            }
        };
        // Written by another process: what this one writes, a child of another test may still hold open.
        let run = format!("mkdir {name} && cat >{name}/run <<'EOF' && chmod 755 {name}/run\n{script}\nEOF\n");
        sandbox.run(&run);
        if case.down {
            sandbox.write(&format!("{name}/down"), "");
        }
        let mut command = sandbox.command(side.program("supervise").to_str().unwrap());
        command.arg(name);
        let supervise = sandbox.spawn(command, &format!("messages.{name}"));
        let mut supervised = Self { sandbox, side, supervise, control: None };
        sandbox.wait_until("supervise runs", || supervised.status().is_some() && supervised.open().is_ok());
        supervised
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.sandbox.path(self.side.letter()).join(file)
    }

    fn status(&self) -> Option<Vec<u8>> {
        fs::read(self.path("supervise/status")).ok().filter(|status| status.len() == 18)
    }

    fn open(&mut self) -> std::io::Result<()> {
        let mut options = File::options();
        options.read(true).custom_flags(nix::libc::O_NONBLOCK);
        self.control = Some(options.open(self.path("supervise/control"))?);
        Ok(())
    }

    fn write(&self, bytes: &[u8]) {
        let mut options = File::options();
        options.write(true).custom_flags(nix::libc::O_NONBLOCK);
        options.open(self.path("supervise/control")).unwrap().write_all(bytes).unwrap();
    }

    /// Whether every byte has been read and nothing is on its way any more: no signal to the service but such as
    /// wait until it is continued, no news of its end, no start.
    fn is_still(&mut self) -> bool {
        if self.supervise.has_ended() {
            return true;
        }
        if !self.has_read_all() || process_state(self.supervise.pid()) != Some('S') {
            return false;
        }
        let Some(status) = self.status() else { return false };
        let pid = i32::from_le_bytes([status[12], status[13], status[14], status[15]]);
        match process_state(pid) {
            _ if pid == 0 => status[17] != b'u',
            Some('T') => true,
            Some('S') => fs::read_to_string(format!("/proc/{pid}/status")).is_ok_and(|status| {
                let mut pending = status.lines().filter(|line| line.contains("Pnd:"));
                pending.all(|line| line.ends_with("0000000000000000"))
            }),
            _ => false,
        }
    }

    /// Whether every byte has been read.
    fn has_read_all(&self) -> bool {
        use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
        use std::os::fd::AsFd;
        let control = self.control.as_ref().unwrap();
        poll(&mut [PollFd::new(control.as_fd(), PollFlags::POLLIN)], PollTimeout::ZERO).unwrap() == 0
    }

    fn view(&mut self) -> View {
        let name = self.side.letter();
        let end = self.supervise.wait_at_most(Duration::ZERO).map(|end| end.to_string());
        let status = self.status().map(|status| (status[12..16] != [0; 4], status[16], status[17]));
        let signals = self.sandbox.read(&format!("{name}/signals"));
        let signals = signals.lines().map(str::to_owned).collect();
        View { end, status, signals, messages: self.sandbox.read(&format!("messages.{name}")) }
    }

    /// svstat's line, without numbers.
    fn line(&self) -> String {
        let name = self.side.letter();
        let svstat = self.side.program("svstat");
        let output = self.sandbox.command(svstat.to_str().unwrap()).arg(name).output().unwrap();
        let line = String::from_utf8_lossy(&output.stdout).into_owned();
        let words: Vec<_> = line
            .trim_start_matches(name)
            .split(' ')
            .map(|word| if word.trim_end_matches(')').parse::<u32>().is_ok() { "N" } else { word })
            .collect();
        words.join(" ")
    }
}

/// Waits until both are still and show the same for a while; says what they show if they never do.
fn settle(sides: &mut [Supervised<'_>; 2], is_ready: impl Fn(&View) -> bool) -> Result<View, String> {
    let mut patience = Patience::new();
    let mut same_since: Option<(Instant, View)> = None;
    loop {
        let [ours, theirs] = sides.each_mut().map(Supervised::view);
        let are_still = sides.iter_mut().all(Supervised::is_still);
        if !(are_still && ours == theirs && is_ready(&ours)) {
            if !patience.lasts() {
                return Err(format!("never the same\nours:   {ours:?}\ntheirs: {theirs:?}"));
            }
            same_since = None;
        } else if let Some((since, view)) = same_since.take_if(|(_, view)| *view == ours) {
            if since.elapsed() > STILL {
                return Ok(view);
            }
            same_since = Some((since, view));
        } else {
            same_since = Some((Instant::now(), ours));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn check(case: &Case) -> Verdict {
    let sandbox = Sandbox::new();
    let mut sides = SIDES.map(|side| Supervised::start(&sandbox, side, case));
    let is_up = |view: &View| case.down || case.service == Service::Mortal || view.signals.contains("ready");
    let view =
        settle(&mut sides, |view| is_up(view) && view.status.is_some_and(|status| status.0 != case.down))
            .map_err(|difference| format!("after the start: {difference}"))?;
    let mut seen = vec![view];
    for piece in &case.pieces {
        sides.iter().for_each(|side| side.write(&piece.0));
        let after = |difference| format!("after {piece:?}: {difference}\nbefore: {seen:#?}");
        let view = settle(&mut sides, |_| true).map_err(after)?;
        let lines = sides.each_ref().map(Supervised::line);
        super::run::same(&format!("line of svstat after {piece:?}"), [&lines[0], &lines[1]])?;
        let is_over = view.end.is_some();
        seen.push(view);
        if is_over {
            break;
        }
    }
    Ok(())
}

#[test]
fn commands_have_the_outcome_that_they_have_with_the_original() {
    // A death that comes a moment later can change what follows, in the original as in ours: a difference counts
    // if it shows each time.
    let reproduced = |case: &Case| check(case).or_else(|_| check(case)).or_else(|_| check(case));
    Generator { name: "supervise", cases: 40, workers: 8 }.compare(case, reproduced);
}
