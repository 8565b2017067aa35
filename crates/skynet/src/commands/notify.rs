//! `skynet notify`, which the script `notify` of a participant runs in its directory: tells somebody about a crash, by the
//! command that the settings have as `[skynet] notify`. It is a shell command. The message is its standard input; its
//! environment has the name of the participant (`PARTICIPANT`), how it has ended (`HOW`), the last lines of its log (`LOG`)
//! and how many crashes were not told of (`SUPPRESSED`).

use crate::carry::{DRAIN, DRAINING, has_unread};
use crate::cli::Notify;
use crate::crash::{Crash, Message, Told, Whole, judge, last_lines};
use crate::failure::{Failure, Outcome, complain};
use crate::logs::files::open;
use crate::site::Site;
use servicedir::service::directory::Directory;
use servicedir::service::names::{LONGEST_RECORD, SUPERVISE};
use servicedir::sys::confined::Confined;
use servicedir::sys::files::{self, HERE};
use servicedir::sys::process::Handle;
use servicedir::sys::{Errno, clock, locks, peek, poll};
use servicedir::tai::Stamp;
use servicedir::tai::lines::Translator;
use std::ffi::CStr;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What was told, a file in `supervise/`.
const TOLD: &CStr = c"notified";
/// The same while it is being written.
const TOLD_NEW: &CStr = c"notified.new";
/// Locked while it is being changed.
const LOCK: &CStr = c"notified.lock";

/// How long to wait for another report of a crash.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many lines of the log are told, and how much of it at most: less than a pipe holds.
const LINES: usize = 20;
const LENGTH: u64 = 16_384;

/// How long the logger may take to write what it has read.
const WRITING: Duration = Duration::from_millis(200);

/// The command is ended after so long, because while it runs supervise tells nothing new.
const LIMIT: Duration = Duration::from_secs(50);

/// Carries out `skynet notify`.
pub(crate) fn run(site: &Site, arguments: &Notify) -> Result<Outcome, Failure> {
    // supervise is given a path, or a name by svscan.
    let name = Path::new(&arguments.name).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let status = Directory::open(HERE, c".").ok().and_then(|directory| directory.status().ok());
    let Some(want) = status.map(|status| status.want) else {
        return Err(Failure::mistake(
            "notify is for the script of that name in the directory of a participant",
        ));
    };
    let Some(crash) = judge(&arguments.what, arguments.pid, arguments.code, want) else {
        return Ok(Outcome::Done);
    };
    let here = std::env::current_dir().map_err(|error| Failure::system("find this directory", &error))?;
    let config = site.config(&name, &here)?;
    let command = config.get("skynet", "notify");
    if command.is_empty() {
        return Ok(Outcome::Done);
    }
    let now = Stamp::from_unix(clock::wall());
    let suppressed = count(now).map_err(|error| {
        Failure::mistake(format_args!("unable to write down what was told about {name}: {}", error.text()))
    })?;
    let Some(suppressed) = suppressed else { return Ok(Outcome::Done) };
    wait_for_log();
    clock::load_time_zone();
    let log = read_log(&site.log(&name, &here).join("current")).unwrap_or_default();
    let host = nix::unistd::gethostname().unwrap_or_default().to_string_lossy().into_owned();
    let when = clock::local_text(now.to_unix());
    let message = Message { name: &name, host: &host, when: &when, crash: &crash, suppressed, log: &log };
    let told = tell(command, &message);
    told.map_err(|error| Failure::system(format_args!("tell about {name} by {command}"), &error))
}

/// Writes down that there was a crash. Returns how many nobody was told of, if it is time to tell.
fn count(now: Stamp) -> Result<Option<u64>, Errno> {
    let supervise = Confined::open(HERE, SUPERVISE)?;
    let lock = supervise.lock(LOCK)?;
    locks::take_within(&lock, PATIENCE)?;
    let known = supervise.read(TOLD).and_then(|file| peek::head(&file, LONGEST_RECORD)).ok();
    let (suppressed, told) = Told::next(known.and_then(|content| Told::decode(&content)), now);
    let file = supervise.create(TOLD_NEW)?;
    files::write_all(file.as_fd(), &told.encode())?;
    supervise.replace(TOLD_NEW, TOLD)?;
    Ok(suppressed)
}

/// Waits until the logger has what the participant said last; on a busy machine it is behind.
fn wait_for_log() {
    let pause = |pause| {
        let _ = poll::wait([None], clock::monotonic(), Some(clock::monotonic() + pause));
    };
    let logger = Directory::open(HERE, c"log").ok().and_then(|logger| logger.status().ok());
    let end = clock::monotonic() + DRAIN;
    let is_behind = |now| now < end && has_unread(logger.and_then(|status| status.pid), now);
    while is_behind(clock::monotonic()) {
        pause(DRAINING);
    }
    pause(WRITING);
}

/// The last lines of a log, with readable times.
fn read_log(path: &Path) -> io::Result<String> {
    let mut file = open(path)?;
    let length = file.metadata()?.len();
    let skipped = length.saturating_sub(LENGTH);
    file.seek(SeekFrom::Start(skipped))?;
    let mut text = Vec::new();
    file.take(LENGTH).read_to_end(&mut text)?;
    let is_whole = if skipped == 0 { Whole::Yes } else { Whole::No };
    let mut readable = Vec::new();
    let show = |stamp: Stamp, output: &mut Vec<u8>| {
        output.extend_from_slice(clock::local_text(stamp.to_unix()).as_bytes());
        true
    };
    Translator::default().feed(last_lines(&text, is_whole, LINES), show, &mut readable);
    Ok(String::from_utf8_lossy(&readable).replace('\0', " "))
}

/// Runs the command once.
#[expect(clippy::disallowed_methods, reason = "the command is the shell, and signals are to be as ever")]
fn tell(command: &str, message: &Message<'_>) -> io::Result<Outcome> {
    let Message { name, crash: Crash { how, .. }, suppressed, log, .. } = message;
    let mut child = Command::new("/bin/sh")
        .args(["-c", command, "notify"])
        .env("PARTICIPANT", name)
        .env("HOW", how.to_string())
        .env("LOG", log)
        .env("SUPPRESSED", suppressed.to_string())
        .stdin(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // Who does not want to read it need not.
        let _ = input.write_all(message.text().as_bytes());
    }
    let process = i32::try_from(child.id()).ok().and_then(|pid| Handle::open(pid).ok());
    let start = clock::monotonic();
    let ended = poll::wait([process.as_ref().map(AsFd::as_fd)], start, Some(start + LIMIT));
    if process.is_some() && ended == Ok([false]) {
        let _ = child.kill();
        complain(format_args!("{name}: {command} was ended, because it ran for {} seconds", LIMIT.as_secs()));
    }
    let status = child.wait()?;
    if !status.success() {
        complain(format_args!("{name}: nobody may know of the crash: {command} has ended with {status}"));
        return Ok(Outcome::NotDone);
    }
    Ok(Outcome::Done)
}
