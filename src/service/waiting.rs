//! Sending commands to services, as soon as their supervises take them, and waiting until they are in a state. Nothing is
//! polled: a change of `supervise/status` or `supervise/ready` wakes the wait.

use super::control::Letters;
use super::directory::{Directory, NoControl};
use super::goal::{Answer, Expectation, Moment, end_the_run};
use super::names::{CONTROL, OK, SUPERVISE};
use super::observation::Observer;
use super::status::Want;
use crate::sys::watch::{Change, Interest, Watch, Watched};
use crate::sys::{Errno, clock, poll};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How long to wait for news at most: a supervise that was killed tells nothing.
const LOOK: Duration = Duration::from_secs(1);

/// How soon to look again at a supervise that is about to begin.
const GLANCE: Duration = Duration::from_millis(10);

/// How soon to try again to write into a fifo that is full.
const RETRY: Duration = Duration::from_millis(100);

/// One service that is waited for.
#[derive(Debug)]
pub struct Awaited<'a> {
    /// Its directory.
    pub path: &'a CStr,
    directory: Directory,
    request: Request<'a>,
    delivery: Delivery,
    expectation: Option<Expectation>,
    /// When it is to be looked at again even without news.
    due: Option<Instant>,
    /// Its place in the crowd.
    place: usize,
}

/// What a service is told, and what is expected of it then.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The commands.
    pub letters: &'a Letters,
    /// What the service is to be like; `None` if only the commands are to be sent.
    pub expectation: Option<Expectation>,
    /// Until when the commands wait for a supervise that is about to come; `None` for as long as the service is waited for.
    pub patience: Option<Instant>,
}

/// What has become of the commands.
#[derive(Debug, Clone, Copy)]
enum Delivery {
    /// Nobody takes them yet; why.
    Due(NoControl),
    /// supervise has them, or will read them.
    Done,
    /// They were given up; why.
    Failed(NoControl),
}

impl<'a> Awaited<'a> {
    /// Begins to watch the service in the directory `path`, and sends it the commands if its supervise is there.
    pub fn new(
        crowd: &mut Crowd<'a>,
        (path, directory): (&'a CStr, Directory),
        request: Request<'a>,
    ) -> Self {
        // What is waited for must be watched before it can happen.
        let place = crowd.add(path);
        let delivery = Delivery::Due(NoControl::Unopened(Errno::from_raw(libc::ENXIO)));
        let expectation = request.expectation;
        let mut awaited = Self { path, directory, request, delivery, expectation, due: None, place };
        awaited.deliver();
        awaited
    }

    /// Why its supervise did not get the commands, if it did not.
    pub const fn failure(&self) -> Option<NoControl> {
        match self.delivery {
            Delivery::Due(why) | Delivery::Failed(why) => Some(why),
            Delivery::Done => None,
        }
    }

    /// Whether its supervise is there, but has not read earlier commands.
    pub const fn is_full(&self) -> bool {
        matches!(self.delivery, Delivery::Due(NoControl::Full))
    }

    /// Sends the commands, unless that is done.
    fn deliver(&mut self) {
        if !matches!(self.delivery, Delivery::Due(_)) {
            return;
        }
        let letters = self.request.letters;
        let present = self.directory.status().ok().and_then(|status| status.pid);
        let ended = present.filter(|_| end_the_run(&letters.bytes()));
        self.delivery = match self.directory.control(letters) {
            Ok(()) => {
                self.expectation = self.request.expectation.map(|expectation| expectation.after(ended));
                Delivery::Done
            }
            // It was there, and has ended without reading them.
            Err(NoControl::Unopened(error)) if self.is_full() && error.is(libc::ENXIO) => {
                Delivery::Failed(NoControl::Unwritten(Errno::from_raw(libc::EPIPE)))
            }
            Err(why) if why.may_pass() => Delivery::Due(why),
            Err(why) => Delivery::Failed(why),
        };
    }

    /// Whether the service has reached its goal. One without supervise is down.
    fn has_arrived(&mut self, observer: &Observer, now: Instant) -> bool {
        self.deliver();
        if let Delivery::Due(why) = self.delivery {
            self.due = if why == NoControl::Full { Some(now + RETRY) } else { self.request.patience };
            if self.due.is_some_and(|patience| patience <= now) {
                self.delivery = Delivery::Failed(why);
            }
        }
        if self.failure().is_some() {
            return false;
        }
        let Some(expectation) = &mut self.expectation else { return true };
        let is_supervised = self.directory.knock().is_ok();
        if !is_supervised && self.directory.takes_commands() {
            self.due = Some(now + GLANCE);
            return false;
        }
        let status = self.directory.status().ok().filter(|_| is_supervised);
        let is_restless = status.is_some_and(|status| {
            status.pid.is_some() || status.want == Want::Up || self.directory.is_finishing()
        });
        let run = status.and_then(|status| observer.run(&self.directory, &status));
        let moment = Moment { run, is_ready: self.directory.is_ready(), is_restless };
        match expectation.see(moment, now) {
            Answer::Reached => true,
            Answer::Pending(due) => {
                self.due = due;
                false
            }
        }
    }
}

/// Waits until all services, each of which is in `crowd`, have got their commands and have reached their goals, or until `deadline`; returns those
/// that have not, in their order.
pub fn wait<'a>(
    crowd: &mut Crowd<'a>,
    mut awaited: Vec<Awaited<'a>>,
    deadline: Option<Instant>,
) -> Vec<Awaited<'a>> {
    if awaited.is_empty() {
        return awaited;
    }
    let observer = Observer::new();
    let mut now = clock::monotonic();
    awaited.retain_mut(|service| !service.has_arrived(&observer, now));
    let is_over = |now| deadline.is_some_and(|deadline| deadline <= now);
    let is_open = |service: &&Awaited<'_>| !matches!(service.delivery, Delivery::Failed(_));
    while !is_over(now) && awaited.iter().any(|service| is_open(&service)) {
        let due = awaited.iter().filter(is_open).filter_map(|service| service.due).chain(deadline).min();
        let news = crowd.wait(due);
        now = clock::monotonic();
        awaited.retain_mut(|service| {
            let is_due = service.due.is_some_and(|due| due <= now);
            // What has come about at the last moment counts.
            let is_news = is_due || is_over(now) || news.binary_search(&service.place).is_ok();
            !is_news || !service.has_arrived(&observer, now)
        });
    }
    awaited
}

/// Many services that are watched with one wait for all of them, each known by its place in the order in which they
/// were added.
#[derive(Debug)]
pub struct Crowd<'a> {
    watch: Option<Watch>,
    services: Vec<&'a CStr>,
    /// Who is at home in a directory; one may have been named twice.
    known: BTreeMap<Watched, Vec<usize>>,
    /// When all are to be looked at again, whatever the news.
    look: Instant,
}

impl<'a> Crowd<'a> {
    /// Watches nothing yet. Where the system refuses to tell of changes, all are looked at once a second.
    pub fn new() -> Self {
        let look = clock::monotonic() + LOOK;
        Self { watch: None, services: Vec::new(), known: BTreeMap::new(), look }
    }

    /// Watches the service in the directory `path`, too, and returns its place. To be called before it is looked at.
    pub fn add(&mut self, path: &'a CStr) -> usize {
        let place = self.services.len();
        if place == 0 {
            self.watch = Watch::new().ok();
        }
        self.services.push(path);
        self.watch_at(place);
        place
    }

    /// Waits for news until `deadline`; says, in order, which services may have changed. At least once a second that is all.
    pub fn wait(&mut self, deadline: Option<Instant>) -> Vec<usize> {
        let until = deadline.map_or(self.look, |deadline| deadline.min(self.look));
        let now = clock::monotonic();
        // A failing poll would be trouble with our own arguments; the caller looks again.
        let _ = poll::wait([self.watch.as_ref().map(AsFd::as_fd)], now, Some(until));
        let changes = self.watch.as_ref().map_or(Vec::new(), Watch::changes);
        let now = clock::monotonic();
        if self.look <= now {
            self.look = now + LOOK;
            return (0..self.services.len()).collect();
        }
        let mut changed: Vec<usize> = Vec::new();
        for change in changes {
            match change {
                Change::Everything => return (0..self.services.len()).collect(),
                Change::Gone(watched) => changed.extend(self.known.remove(&watched).into_iter().flatten()),
                // Whoever looks at a service opens these: taking that for news, a wait would wake itself.
                Change::Name(_, name) if [OK, CONTROL].iter().any(|path| is_name_in(path, &name)) => {}
                Change::Name(watched, name) => {
                    let places = self.known.get(&watched).cloned().unwrap_or_default();
                    if name == "supervise" {
                        // supervise has just made its directory.
                        places.iter().for_each(|&place| self.watch_at(place));
                    }
                    changed.extend(places);
                }
            }
        }
        changed.sort_unstable();
        changed.dedup();
        changed
    }

    /// Watches `supervise/`, and the directory that it may still have to appear in.
    fn watch_at(&mut self, place: usize) {
        let (Some(watch), Some(&path)) = (&self.watch, self.services.get(place)) else { return };
        let supervise =
            CString::new([path.to_bytes(), b"/", SUPERVISE.to_bytes()].concat()).unwrap_or_default();
        for (directory, interest) in [(path, Interest::Arrivals), (&supervise, Interest::Everything)] {
            if let Ok(watched) = watch.add(directory, interest) {
                self.known.entry(watched).or_default().push(place);
            }
        }
    }
}

/// Whether `path` leads to a file that is called `name` in supervise's directory.
fn is_name_in(path: &CStr, name: &OsStr) -> bool {
    let inside = path.to_bytes().strip_prefix(SUPERVISE.to_bytes()).and_then(|rest| rest.strip_prefix(b"/"));
    inside == Some(name.as_encoded_bytes())
}

impl Default for Crowd<'_> {
    fn default() -> Self {
        Self::new()
    }
}
