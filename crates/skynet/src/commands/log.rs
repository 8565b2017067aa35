//! `skynet log`.

use crate::cli;
use crate::failure::{Failure, Heard, Outcome, complain, print};
use crate::logs::backward::{Backward, Place, Start, starts};
use crate::logs::chain::{Chain, Ends, Until};
use crate::logs::files::{self, Piece};
use crate::logs::follow::{Follow, News};
use crate::logs::label::{self, Label};
use crate::logs::lines::{Lines, Tail};
use crate::logs::merge::Merge;
use crate::logs::progress::Progress;
use crate::logs::show::Show;
use crate::logs::since;
use crate::logs::wanted::Wanted;
use crate::open::Run;
use crate::site::{Participant, Site, Supervision};
use servicedir::service::directory::Directory;
use servicedir::sys::clock;
use servicedir::sys::files::HERE;
use servicedir::sys::limits::{self, Resource};
use std::io::{self, ErrorKind, IsTerminal};
use std::path::PathBuf;
use std::rc::Rc;

/// How many lines to begin with when more are to come.
const LINES: usize = 10;

/// How much is written at once.
const BATCH: usize = 64 * 1024;

/// Carries out `skynet log`.
pub fn run(site: &Site, arguments: &cli::Log) -> Result<Outcome, Failure> {
    clock::load_time_zone();
    let since = since_label(arguments.since.as_deref())?;
    let mut wanted = Wanted::new(since);
    if let Some(wfid) = &arguments.wfid {
        if wfid.is_empty() {
            return Err(Failure::mistake("a wfid is not empty"));
        }
        wanted = wanted.with_process(wfid.as_bytes());
    }
    let follows = arguments.follow || follows_by_itself(arguments);
    let count = arguments.lines.or((follows && since.is_none()).then_some(LINES));
    let (logs, mut is_clean) = logs(site, &arguments.names)?;
    let until = if follows { Until::Follow } else { Until::End };
    let mut stream = Stream::new(wanted, until);
    let mut follow = follows.then(Follow::new);
    let mut found = Vec::new();
    for log in logs {
        let pieces = match &mut follow {
            Some(follow) => watched(follow, found.len(), &log, since),
            None => log.pieces(since),
        };
        match pieces {
            Ok(pieces) => found.push((log, pieces)),
            Err(Trouble::Absent) if follow.is_some() => found.push((log, Vec::new())),
            Err(Trouble::Absent) if log.is_named => {
                complain(format_args!("{} has not logged anything yet", log.name));
                is_clean = false;
            }
            Err(Trouble::Absent) => {}
            Err(Trouble::Told) => is_clean = false,
        }
    }
    let starts = match count {
        Some(count) => stream.starts(&found, count),
        None => vec![(Place::default(), label::NONE); found.len()],
    };
    for ((log, pieces), start) in found.into_iter().zip(starts) {
        stream.add(log, pieces, start);
    }
    let heard = stream.show()?;
    if let (Heard::Yes, Some(follow), false) = (heard, follow, stream.names.is_empty()) {
        stream.follow(follow)?;
    }
    is_clean &= stream.is_clean();
    let is_over = heard == Heard::Yes && !follows && count != Some(0);
    if let (Some(wfid), 0, true) = (&arguments.wfid, stream.shown, is_over) {
        let whose =
            if arguments.names.is_empty() { "any participant".into() } else { stream.names.join(", ") };
        complain(format_args!("There is no line about process {wfid} in the log of {whose}"));
        is_clean = false;
    }
    Ok(if is_clean { Outcome::Done } else { Outcome::NotDone })
}

/// Whether the command goes on although that was not asked for: for a participant on a terminal, as people are used to.
fn follows_by_itself(arguments: &cli::Log) -> bool {
    let cli::Log { names, all: _, lines, follow: _, once, wfid, since } = arguments;
    let is_plain = !once && lines.is_none() && wfid.is_none() && since.is_none();
    let follows = is_plain && !names.is_empty() && io::stdout().is_terminal();
    if follows {
        complain("following the log, ^C ends it: skynet log -o prints all of it and ends");
    }
    follows
}

/// The label of the moment that `--since` means.
pub(super) fn since_label(text: Option<&str>) -> Result<Option<Label>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let label = since::parse(text, clock::wall().as_secs(), clock::local);
    label.map(Some).ok_or_else(|| Failure::mistake(format_args!("--since {text}: it {}", since::HELP)))
}

/// The log of a participant.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) name: String,
    pub(super) directory: PathBuf,
    participant: Participant,
    /// Whether it was asked for by its name.
    pub(super) is_named: bool,
}

/// Why a log cannot be shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is none.
    Absent,
    /// It was said.
    Told,
}

/// The logs of these participants, or of all; says whether each name was one.
pub(super) fn logs(site: &Site, names: &[String]) -> Result<(Vec<Log>, bool), Failure> {
    // Each log takes two or three descriptors.
    if let Ok(hard) = limits::hard(Resource::RLIMIT_NOFILE) {
        let _ = limits::set_soft(Resource::RLIMIT_NOFILE, hard);
    }
    let (participants, found) = site.select(names, names.is_empty())?;
    let found = Outcome::all([found, site.notice_emptiness(&participants, names)]);
    let log = |participant: Participant| {
        let name = participant.name.clone();
        let directory = site.log(&name, &participant.directory);
        Log { name, directory, participant, is_named: !names.is_empty() }
    };
    Ok((participants.into_iter().map(log).collect(), found == Outcome::Done))
}

impl Log {
    /// What is known of the present run of its participant.
    pub(super) fn run(&self) -> Run {
        match self.participant.supervision() {
            Supervision::Hidden(_) => return Run::Unknown,
            Supervision::Runs | Supervision::None => {}
        }
        let directory = Directory::open(HERE, &self.participant.service()).ok();
        let since = directory.and_then(|directory| directory.status().ok()).map(|status| status.since);
        match self.participant.process() {
            Some(_) => since.map_or(Run::Unknown, Run::Since),
            None => Run::Down,
        }
    }

    /// Its files, without the archives that ended before `since`.
    pub(super) fn pieces(&self, since: Option<Label>) -> Result<Vec<Piece>, Trouble> {
        let mut pieces = match files::pieces(&self.directory) {
            Ok(found) => found.pieces,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Trouble::Absent),
            Err(error) => {
                let whose =
                    files::access(&self.directory).map_or(String::new(), |whose| format!(" ({whose})"));
                let path = self.directory.display();
                complain(format_args!("unable to read the log of {} in {path}: {error}{whose}", self.name));
                return Err(Trouble::Told);
            }
        };
        let since = since.and_then(|since| label::stamp(&since));
        pieces
            .retain(|piece| piece.kind.ended().is_none_or(|ended| since.is_none_or(|since| ended >= since)));
        Ok(pieces)
    }
}

/// The logs as one stream of lines, and where it goes.
struct Stream {
    merge: Merge<Lines<Chain>>,
    names: Vec<String>,
    wanted: Wanted,
    until: Until,
    progress: Rc<Progress>,
    show: Show<fn(i64) -> String>,
    /// How many lines were shown.
    shown: u64,
}

impl Stream {
    fn new(wanted: Wanted, until: Until) -> Self {
        Self {
            merge: Merge::new(),
            names: Vec::new(),
            wanted,
            until,
            progress: Rc::new(Progress::new()),
            show: Show::new(clock::local_text, io::stdout().is_terminal()),
            shown: 0,
        }
    }

    fn tail(&self) -> Tail {
        if self.until == Until::Follow { Tail::Held } else { Tail::Shown }
    }

    /// Where the last `count` lines begin.
    fn starts(&self, found: &[(Log, Vec<Piece>)], count: usize) -> Vec<Start> {
        let ends = found.iter().map(|(_, pieces)| Ends::new(pieces));
        starts(ends.map(|ends| Backward::new(ends, self.wanted.clone(), self.tail())).collect(), count)
    }

    fn add(&mut self, log: Log, pieces: Vec<Piece>, (start, label): Start) {
        let sizes: u64 = pieces.iter().skip(start.file).map(|piece| piece.size).sum();
        self.progress.expect(sizes.saturating_sub(start.offset));
        let chain = Chain::new(log.directory, (pieces, start), self.until, Rc::clone(&self.progress));
        self.names.push(log.name);
        self.merge.add(Lines::new(chain, self.wanted.clone(), self.tail()).behind(label));
    }

    fn is_clean(&self) -> bool {
        self.merge.sources().iter().all(|lines| lines.bytes().is_clean())
    }

    /// Shows the lines that are there.
    fn show(&mut self) -> Result<Heard, Failure> {
        let mut output = Vec::with_capacity(2 * BATCH);
        while let Some((number, lines)) = self.merge.next() {
            let name = self.names.get(number).map_or("", String::as_str);
            self.show.line(name, lines.label(), lines.line(), &mut output);
            self.shown += 1;
            if output.len() >= BATCH && write(&mut output, &self.progress)? == Heard::No {
                return Ok(Heard::No);
            }
        }
        write(&mut output, &self.progress)
    }

    /// Shows lines as they come, until nobody reads them.
    fn follow(&mut self, mut follow: Follow) -> Result<(), Failure> {
        self.progress.stop();
        while let News::Changed(numbers) = follow.wait()? {
            numbers.into_iter().for_each(|number| self.merge.wake(number));
            if self.show()? == Heard::No {
                break;
            }
        }
        Ok(())
    }
}

/// Watches a log before its files are looked at, so that nothing can happen in between.
fn watched(
    follow: &mut Follow,
    number: usize,
    log: &Log,
    since: Option<Label>,
) -> Result<Vec<Piece>, Trouble> {
    follow.add(&log.directory, number);
    let pieces = log.pieces(since);
    if pieces.as_ref().is_err_and(|trouble| *trouble == Trouble::Told) {
        follow.forget(number);
    }
    pieces
}

/// Writes what there is to standard output.
fn write(output: &mut Vec<u8>, progress: &Progress) -> Result<Heard, Failure> {
    if output.is_empty() {
        return Ok(Heard::Yes);
    }
    progress.erase();
    let written = print(output);
    output.clear();
    written
}
