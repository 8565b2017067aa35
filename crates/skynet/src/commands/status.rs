//! `skynet status`: finds out how participants are.

use crate::cli::Status;
use crate::condition::{Condition, Facts, Supervised, table};
use crate::failure::{Failure, Outcome, print};
use crate::logs::files::open;
use crate::site::{Participant, Site, Supervision};
use crate::tally;
use crate::told::Told;
use servicedir::json;
use servicedir::service::directory::Directory;
use servicedir::service::failing::LoggerTrouble;
use servicedir::service::survey::{Depth, survey};
use servicedir::sys::{clock, files, peek, pipes, poll, process};
use servicedir::tai::Stamp;
use std::time::Duration;

/// How much of a log is read, in bytes: as much as multilog writes to a file at most.
const LOG: usize = 1 << 24;

/// A logger may come this many seconds later than its participant.
const BRIEF: u64 = 5;

/// For so long nothing is read by a logger that is blocked. A busy one reads more often.
const STILL: Duration = Duration::from_millis(300);

/// How often is looked meanwhile.
const LOOK: Duration = Duration::from_millis(15);

/// Carries out `skynet status`.
pub(crate) fn run(site: &Site, arguments: &Status) -> Result<Outcome, Failure> {
    let all = arguments.all || arguments.names.is_empty();
    let (participants, found) = site.select(&arguments.names, all)?;
    let conditions: Vec<Condition> = participants.iter().map(|participant| look(site, participant)).collect();
    let text = if arguments.json {
        let now = Stamp::from_unix(clock::wall());
        let objects: Vec<String> = conditions.iter().map(|condition| condition.json(now)).collect();
        json::lines(&objects)
    } else {
        clock::load_time_zone();
        table(&conditions, |stamp| clock::local_text(stamp.to_unix()))
    };
    print(text.as_bytes())?;
    Ok(Outcome::all([found, site.notice_emptiness(&participants, &arguments.names)]))
}

fn look(site: &Site, participant: &Participant) -> Condition {
    Condition {
        name: participant.name.clone(),
        directory: participant.directory.display().to_string(),
        is_enabled: participant.is_enabled,
        is_packaged: participant.is_packaged,
        supervised: ask(site, participant),
    }
}

fn ask(site: &Site, participant: &Participant) -> Supervised {
    match participant.supervision() {
        Supervision::Runs => {}
        Supervision::None => return Supervised::No(participant.unsupervised()),
        Supervision::Hidden(why) => {
            return Supervised::Unknown(format!("unable to look at its supervise: {why}"));
        }
    }
    let mut account = match survey(files::HERE, &participant.service(), Depth::All) {
        Ok(account) => account,
        Err(trouble) => return Supervised::Unknown(trouble),
    };
    let age = Stamp::from_unix(clock::wall()).seconds_since(account.status.since);
    if account.more.logger.is_none() && age >= BRIEF {
        account.more.logger = logger_trouble(participant);
    }
    let is_up = account.status.pid.is_some();
    let log = site.log(&participant.name, &participant.directory).join("current");
    // The log of a participant that does not run is about earlier runs.
    let log = if is_up { open(&log).ok().and_then(|file| peek::tail(&file, LOG).ok()) } else { None };
    Supervised::Yes(Box::new(Facts {
        tells_readiness: participant.tells_readiness(),
        is_told: Told::read(&participant.directory).is_about(&account.status),
        items: log.map(|log| tally::count(&log, account.status.since)),
        account,
    }))
}

/// What is wrong with the logger of a participant, apart from what its supervise knows.
fn logger_trouble(participant: &Participant) -> Option<LoggerTrouble> {
    if !participant.directory.join("log/run").exists() {
        return None;
    }
    match Supervision::of(&participant.logger()) {
        Supervision::Runs => {}
        Supervision::None => return Some(LoggerTrouble::Unsupervised),
        Supervision::Hidden(_) => return None,
    }
    let status = Directory::open(files::HERE, &participant.logger()).ok()?.status().ok()?;
    let pid = i32::try_from(status.pid?.get()).ok()?;
    let begin = clock::monotonic();
    let mut most = pipes::unread_of(pid, 0).filter(|unread| *unread > 0)?;
    let mut now = begin;
    while now < begin + STILL {
        poll::wait([None; 0], now, now.checked_add(LOOK)).ok()?;
        now = clock::monotonic();
        // A logger that reads leaves fewer bytes, even if more are written; one that waits for a processor is about to.
        let unread = pipes::unread_of(pid, 0)?;
        if unread < most || process::look(pid).is_none_or(|facts| facts.is_runnable) {
            return None;
        }
        most = unread;
    }
    Some(LoggerTrouble::Blocked)
}
