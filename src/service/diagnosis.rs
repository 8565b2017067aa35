//! Finding out why a service cannot stay up: from what its supervise has counted, its `run`, its log and its logger.

use super::directory::Directory;
use super::failing::{Failing, LoggerTrouble, explain_end};
use super::last_exit::LastExit;
use super::names::SUPERVISE;
use super::run_file::{Access, HEAD, RunFile, explain, explain_carriage_return};
use super::script::{Demands, find_account};
use super::status::{Status, Want};
use crate::exit::Exit;
use crate::sys::files::{self, Facts, HERE};
use crate::sys::{Errno, clock, peek};
use crate::tai::{LABEL, Stamp};
use crate::text::{clean, cut};
use std::ffi::CString;
use std::fs::File;

/// A run that is older than this has not failed, so what was before does not matter any more.
const BRIEF: u64 = 5;

/// The longest line of a log that is shown, in bytes.
const LINE: usize = 200;

/// How much of the list of accounts is read, in bytes.
const ACCOUNTS: usize = 1 << 20;

/// The files that multilog writes to in a log directory.
const LOG_FILES: [&[u8]; 3] = [b"lock", b"current", b"state"];

/// What there is to say about a service that is not up as it should be; `None` if there is nothing.
pub fn diagnose(directory: &Directory, status: &Status, last: Option<&LastExit>) -> Option<Failing> {
    let age = Stamp::from_unix(clock::wall()).seconds_since(status.since);
    let is_wanted = status.want != Want::Down;
    if !is_wanted || (status.pid.is_some() && age >= BRIEF) {
        return None;
    }
    let run = run_file(directory);
    let access = |name: &[u8]| interpreter(directory, name);
    let Some((last, failures)) = last.and_then(|last| Some((last, last.failures?))) else {
        let is_owed = status.pid.is_none() && status.want == Want::Up;
        let reason = explain(&run, access).filter(|_| is_owed)?;
        return Some(Failing { failures: None, reason, log: None });
    };
    let reason = match failures.error {
        Some(error) => explain(&run, access)
            .unwrap_or_else(|| format!("run cannot be executed: {}", Errno::from_raw(error).text())),
        None => {
            let found = explain_carriage_return(&run).or_else(|| explain_demands(directory, &run, last.how));
            found.map_or_else(|| explain_end(last.how), |found| format!("{}: {found}", last.how))
        }
    };
    let log = log_of(directory).and_then(|log| last_line(&log, failures.since));
    Some(Failing { failures: Some(failures), reason, log })
}

/// What is wrong with the logger of a service, if it has one and something is.
pub fn diagnose_logger(directory: &Directory) -> Option<LoggerTrouble> {
    let logger = Directory::open(directory, c"log").ok()?;
    logger.knock().ok()?;
    let status = logger.status().ok()?;
    if let Some(failing) = diagnose(&logger, &status, logger.more().last_exit.as_ref()) {
        return Some(LoggerTrouble::Failing(failing));
    }
    match status.pid {
        None if status.want == Want::Down => Some(LoggerTrouble::Down),
        None => None,
        Some(_) => log_of(directory).filter(|log| peek::has_full_disk(log)).map(|_| LoggerTrouble::DiskFull),
    }
}

/// What is in the place of `run`.
fn run_file(directory: &Directory) -> RunFile {
    match files::look(directory, c"run") {
        Ok(None) if files::is_there(directory, c"run") => RunFile::Dangling,
        Ok(None) => RunFile::Missing,
        Ok(Some(facts)) if facts.is_directory => RunFile::Directory,
        Ok(Some(facts)) if !facts.is_regular => RunFile::Odd,
        Ok(Some(facts)) if facts.mode & 0o111 == 0 => RunFile::Plain,
        Ok(Some(_)) => {
            let head = peek::open(directory, c"run").and_then(|file| peek::head(&file, HEAD));
            RunFile::Program(head.ok())
        }
        Err(_) => RunFile::Hidden,
    }
}

fn interpreter(directory: &Directory, name: &[u8]) -> Access {
    let Ok(name) = CString::new(name) else { return Access::Granted };
    match files::look(directory, &name) {
        Ok(None) => Access::Missing,
        Ok(Some(facts)) if facts.is_regular && facts.mode & 0o111 != 0 => Access::Granted,
        Ok(Some(_)) => Access::Denied,
        Err(error) if error.is(libc::ENOTDIR) => Access::Missing,
        Err(_) => Access::Granted,
    }
}

/// For a `run` that has ended as setuidgid and multilog do when they cannot begin: what it asks for in vain.
fn explain_demands(directory: &Directory, run: &RunFile, how: Exit) -> Option<String> {
    let RunFile::Program(Some(head)) = run else { return None };
    let demands = Demands::read(head);
    if how != Exit::Exited(111) || demands == Demands::default() {
        return None;
    }
    let (label, uid) = match &demands.account {
        Some(name) => {
            let accounts =
                peek::open(HERE, c"/etc/passwd").and_then(|file| peek::head(&file, ACCOUNTS)).ok()?;
            let label = format!("the account {}", cut(name, LINE));
            match find_account(&accounts, name) {
                Some(uid) => (label, uid),
                None => return Some(format!("{label}, which run names, is not in /etc/passwd")),
            }
        }
        None => {
            let uid = files::look(directory, SUPERVISE).ok()??.owner;
            (format!("the account with the number {uid}"), uid)
        }
    };
    let refused = demands.directories.iter().find_map(|path| refuse(directory, path, uid))?;
    Some(match refused {
        Refused::Written(path) => format!("{label} may not write to {path}"),
        Refused::Made(path) => format!("{label} may not make {path}"),
        Refused::Odd(path) => format!("{path} is not a directory"),
        Refused::Full(path) => format!("the disk of {path} is full"),
    })
}

/// What multilog cannot do.
enum Refused {
    Written(String),
    Made(String),
    Odd(String),
    Full(String),
}

/// What the account with the number `uid` cannot do with the log directory `path`, as far as modes tell.
fn refuse(directory: &Directory, path: &[u8], uid: u32) -> Option<Refused> {
    let look = |path: &[u8]| files::look(directory, &CString::new(path).ok()?).ok();
    let shown = |path: &[u8]| cut(path, LINE);
    let Some(facts) = look(path)? else {
        let parent = path
            .iter()
            .rposition(|&byte| byte == b'/')
            .map_or(&b"."[..], |end| path.get(..=end).unwrap_or_default());
        let is_refused = look(parent)?.is_none_or(|facts| !may(&facts, uid, 0o3));
        return is_refused.then(|| Refused::Made(shown(path)));
    };
    if !facts.is_directory {
        return Some(Refused::Odd(shown(path)));
    }
    if !may(&facts, uid, 0o3) {
        return Some(Refused::Written(shown(path)));
    }
    let place = files::open_place(directory, &CString::new(path).ok()?).ok()?;
    let mut names = LOG_FILES.iter().map(|name| [path, b"/", name].concat());
    let refused = names.find(|name| look(name).flatten().is_some_and(|facts| !may(&facts, uid, 0o2)));
    refused
        .map(|name| Refused::Written(shown(&name)))
        .or_else(|| peek::has_full_disk(place).then(|| Refused::Full(shown(path))))
}

/// Whether an account has all these permissions, each a bit. Its groups are not known, so what any group may do, it may.
fn may(facts: &Facts, uid: u32, bits: libc::mode_t) -> bool {
    let has = |shift: u32| (facts.mode >> shift) & bits == bits;
    match (uid == 0, uid == facts.owner) {
        (true, _) => true,
        (false, true) => has(6),
        (false, false) => has(3) || has(0),
    }
}

/// The log of a service: what its logger has open as `current`, or what is called so in the usual directory.
fn log_of(directory: &Directory) -> Option<File> {
    let logger = Directory::open(directory, c"log").ok()?;
    let pid = logger.status().ok().and_then(|status| i32::try_from(status.pid?.get()).ok());
    pid.and_then(|pid| peek::open_of(pid, c"current")).or_else(|| peek::open(&logger, c"main/current").ok())
}

/// The last line of a log, without its label, if something was written to it since.
fn last_line(log: &File, since: Stamp) -> Option<String> {
    let since = u64::try_from(since.to_unix()).ok()?;
    peek::written(log).filter(|written| written.as_secs() >= since)?;
    let end = peek::tail(log, HEAD).ok()?;
    let line = end.split(|&byte| byte == b'\n').rfind(|line| !clean(line).trim().is_empty())?;
    let unlabelled = line.split_at_checked(LABEL).filter(|(label, _)| {
        label.strip_prefix(b"@").is_some_and(|digits| Stamp::from_digits(digits).is_some())
    });
    let text = unlabelled.map_or(line, |(_, text)| text.strip_prefix(b" ").unwrap_or(text));
    Some(cut(text, LINE)).filter(|text| !text.is_empty())
}
