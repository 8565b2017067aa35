//! multilog's loop: signals, standard input, and what the directories have to do.

use super::PROGRAM;
use super::directory::{LogDirectory, out_of_memory};
use super::line::{Assembler, Piece};
use super::rotation::Closing;
use super::script::{Route, Script, alert};
use super::status_files::StatusFiles;
use crate::report::Failure;
use crate::signal::Signal;
use crate::sys::signals::Inbox;
use crate::sys::startup::{self, say};
use crate::sys::{clock, files, memory, pipes, poll, process};
use crate::tai::Stamp;
use std::ffi::CStr;
use std::ops::Range;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How much is read at a time, and how much the pipe may hold. So large a buffer takes memory only as far as something
/// was read into it; where memory is refused at the start, it is smaller.
const CHUNK: i32 = 256 * 1024;

/// More than this at a time is a burst.
const LITTLE: usize = 4096;

/// How long after a burst its memory is given back.
const CALM: Duration = Duration::from_secs(1);

/// Logs standard input as `arguments` say, until its end or a TERM.
pub fn run(arguments: &[&CStr]) -> Result<u8, Failure> {
    startup::occupy_standard_descriptors();
    process::protect_new_files();
    let script = Script::parse(arguments);
    let signals = Inbox::open(&[Signal::TERM, Signal::ALRM, Signal::CHLD])
        .map_err(|error| Failure::fatal(PROGRAM, &[b"unable to receive signals: ", error.bytes()]))?;
    let status_files = StatusFiles::open(&script.status_files)?;
    let mut multilog = Multilog {
        assembler: Assembler::new(script.labels),
        signals,
        sinks: Sinks { script: &script, status_files, directories: Vec::new(), route: Route::default() },
        input: Input::Open,
        terms: 0,
        buffer: memory::buffer(usize::try_from(CHUNK).unwrap_or(LITTLE)).ok_or_else(out_of_memory)?,
        unhandled: 0..0,
        had_burst: false,
    };
    for rules in &script.directories {
        multilog.sinks.directories.push(LogDirectory::open(rules)?);
        multilog.work_until_settled()?;
    }
    pipes::widen_input(CHUNK);
    multilog.main()
}

struct Multilog<'a> {
    assembler: Assembler,
    signals: Inbox,
    sinks: Sinks<'a>,
    input: Input,
    /// How many TERM signals have come.
    terms: u32,
    /// What is read goes through here.
    buffer: Vec<u8>,
    /// What of it was not handled yet, because there is no room where it is to go.
    unhandled: Range<usize>,
    /// There was a burst whose memory was not given back yet.
    had_burst: bool,
}

/// What becomes of standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    /// It is read.
    Open,
    /// It is read to the end of the present line, and what follows is left to others.
    ToLineEnd,
    /// It is not read any more.
    Closed,
}

/// Where lines go.
struct Sinks<'a> {
    script: &'a Script,
    status_files: StatusFiles<'a>,
    directories: Vec<LogDirectory<'a>>,
    /// Where the present line goes.
    route: Route,
}

impl Multilog<'_> {
    /// Opens the directory that was added last: its first steps may have to be tried again and again.
    fn work_until_settled(&mut self) -> Result<(), Failure> {
        loop {
            self.sinks.work(&self.signals)?;
            if self.sinks.is_settled() {
                return Ok(());
            }
            self.wait(Input::Closed)?;
            if self.terms > 0 {
                return Err(Failure::silent(0));
            }
        }
    }

    fn main(mut self) -> Result<u8, Failure> {
        loop {
            self.handle()?;
            if self.input == Input::Closed && self.sinks.is_closed() {
                return Ok(0);
            }
            let is_ready = self.unhandled.is_empty() && self.sinks.is_settled();
            let wanted = if is_ready { self.input } else { Input::Closed };
            if self.wait(wanted)? {
                self.read();
            }
        }
    }

    /// Does all that can be done with what was read.
    fn handle(&mut self) -> Result<(), Failure> {
        loop {
            self.feed();
            self.sinks.work(&self.signals)?;
            if self.unhandled.is_empty() {
                // What comes of it may be the end.
                self.obey_term();
                return self.sinks.work(&self.signals);
            }
            if !self.sinks.is_settled() {
                return Ok(());
            }
        }
    }

    /// Hands over as much of what was read as there is room for. A little is not worth a write.
    fn feed(&mut self) {
        let sinks = &mut self.sinks;
        while !self.unhandled.is_empty() {
            let fitting = self.assembler.fitting(sinks.room());
            if fitting < LITTLE.min(self.unhandled.len()) && !sinks.are_empty() {
                return;
            }
            let end = self.unhandled.end.min(self.unhandled.start.saturating_add(fitting.max(1)));
            let chunk = self.buffer.get(self.unhandled.start..end).unwrap_or_default();
            self.assembler.feed(chunk, || Stamp::from_unix(clock::wall()), |piece| sinks.take(piece));
            self.unhandled.start = end;
        }
    }

    /// Waits for whatever comes first and handles signals; says whether there is input to be read, if it is
    /// wanted.
    fn wait(&mut self, wanted: Input) -> Result<bool, Failure> {
        let input = (wanted != Input::Closed).then(files::input);
        let descriptors = [Some(self.signals.as_fd()), input];
        let now = clock::monotonic();
        let calm = self.had_burst.then(|| now + CALM);
        let deadline = [self.sinks.deadline(), calm].into_iter().flatten().min();
        // A failing poll would be trouble with our own arguments; the next turn tries again.
        let [signalled, readable] = poll::wait(descriptors, now, deadline).unwrap_or_default();
        if !readable && self.unhandled.is_empty() && calm.is_some_and(|calm| calm <= clock::monotonic()) {
            self.had_burst = false;
            memory::give_back_bytes(&mut self.buffer);
            self.sinks.release();
        }
        if signalled {
            self.handle_signals()?;
        }
        Ok(readable && self.input == wanted)
    }

    fn handle_signals(&mut self) -> Result<(), Failure> {
        let terms = self.terms;
        while let Some(signal) = self.signals.next() {
            match signal {
                Signal::TERM => self.terms += 1,
                // What was read belongs into the present file.
                Signal::ALRM if self.unhandled.is_empty() => self.sinks.rotate(),
                Signal::ALRM => self.sinks.hurry(),
                _ => self.sinks.bury(clock::monotonic()),
            }
        }
        if self.terms > terms { self.terminate() } else { Ok(()) }
    }

    /// A TERM: no more input but the rest of the line. A second one: no more waiting for what cannot be written.
    fn terminate(&mut self) -> Result<(), Failure> {
        if self.terms > 1 {
            let unhandled = self.unhandled.len();
            if let Some(failure) =
                self.sinks.directories.iter().find_map(|directory| directory.give_up(unhandled))
            {
                return Err(failure);
            }
        }
        self.sinks.hurry();
        if self.input == Input::Closed {
            self.sinks.close(Closing::Prompt);
        } else if self.unhandled.is_empty() {
            self.obey_term();
        }
        Ok(())
    }

    /// After a TERM, the end of the line is the end.
    fn obey_term(&mut self) {
        let is_within_line = self.assembler.is_within_line();
        match self.input {
            Input::Open if self.terms > 0 && is_within_line => self.input = Input::ToLineEnd,
            Input::Open if self.terms > 0 => self.close(Closing::Prompt),
            Input::ToLineEnd if !is_within_line => self.close(Closing::Prompt),
            Input::Open | Input::ToLineEnd | Input::Closed => {}
        }
    }

    fn close(&mut self, closing: Closing) {
        self.input = Input::Closed;
        self.sinks.close(closing);
    }

    /// Reads what is there; the end and trouble are the same. Once told to end it reads byte by byte, so that
    /// what follows the line stays where it is.
    fn read(&mut self) {
        let room = if self.input == Input::ToLineEnd { 1 } else { self.buffer.len() };
        let buffer = self.buffer.get_mut(..room).unwrap_or_default();
        let length = files::read_from(files::input(), buffer).unwrap_or(0);
        if length == 0 {
            let sinks = &mut self.sinks;
            self.assembler.finish(|piece| sinks.take(piece));
            let closing = if self.terms > 0 { Closing::Prompt } else { Closing::Patient };
            return self.close(closing);
        }
        self.unhandled = 0..length;
        self.had_burst |= length > LITTLE;
    }
}

impl Sinks<'_> {
    /// Sends a piece of a line where the script wants it.
    fn take(&mut self, piece: Piece<'_>) {
        let bytes = match piece {
            Piece::Head(head) => {
                self.script.route(head, &mut self.route);
                (0..self.route.alerts).for_each(|_| say(&alert(head)));
                self.route.status_files.iter().for_each(|&index| self.status_files.take(index, head));
                head
            }
            Piece::Rest(rest) => rest,
            Piece::End => b"\n",
        };
        for &index in &self.route.directories {
            if let Some(directory) = self.directories.get_mut(index) {
                directory.take(bytes);
            }
        }
    }

    fn work(&mut self, signals: &Inbox) -> Result<(), Failure> {
        let now = clock::monotonic();
        self.status_files.work(now);
        self.directories.iter_mut().try_for_each(|directory| directory.work(now, signals))
    }

    fn is_settled(&self) -> bool {
        self.status_files.is_settled() && self.directories.iter().all(LogDirectory::is_settled)
    }

    /// Whether all that the directories were given is written.
    fn are_empty(&self) -> bool {
        self.directories.iter().all(LogDirectory::is_empty)
    }

    /// How many bytes each directory can take.
    fn room(&self) -> usize {
        self.directories.iter().map(LogDirectory::room).min().unwrap_or(usize::MAX)
    }

    fn is_closed(&self) -> bool {
        self.status_files.is_settled() && self.directories.iter().all(LogDirectory::is_closed)
    }

    fn deadline(&self) -> Option<Instant> {
        let directories = self.directories.iter().map(LogDirectory::deadline);
        directories.chain([self.status_files.deadline()]).flatten().min()
    }

    fn release(&mut self) {
        self.directories.iter_mut().for_each(LogDirectory::release);
    }

    fn hurry(&mut self) {
        self.status_files.hurry();
        self.directories.iter_mut().for_each(LogDirectory::hurry);
    }

    fn rotate(&mut self) {
        self.status_files.hurry();
        self.directories.iter_mut().for_each(LogDirectory::rotate);
    }

    fn close(&mut self, closing: Closing) {
        self.directories.iter_mut().for_each(|directory| directory.close(closing));
    }

    fn bury(&mut self, now: Instant) {
        while let Some(ended) = process::reap() {
            self.directories.iter_mut().for_each(|directory| directory.child_ended(ended, now));
        }
        self.directories.iter_mut().for_each(|directory| directory.ask_after_processor(now));
    }
}
