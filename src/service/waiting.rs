//! Waiting until services are in a state. Nothing is polled: a change of `supervise/status` or `supervise/ready`
//! wakes the wait.

use super::directory::{CONTROL, Directory, OK, SUPERVISE};
use super::goal::{Answer, Expectation, Moment};
use super::observation::Observer;
use super::status::Want;
use crate::sys::watch::{Change, Interest, Watch, Watched};
use crate::sys::{clock, poll};
use std::collections::BTreeMap;
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How long to wait for news at most: a supervise that was killed tells nothing.
const LOOK: Duration = Duration::from_secs(1);

/// One service that is waited for.
#[derive(Debug)]
pub struct Awaited<'a> {
    /// Its directory.
    pub path: &'a CStr,
    directory: Directory,
    expectation: Expectation,
    /// When it is to be looked at again even without news.
    due: Option<Instant>,
    /// Its place in the crowd.
    place: usize,
}

impl<'a> Awaited<'a> {
    /// Begins to watch a service. `ends_the_run` says whether its present run does not count. To be called
    /// before the commands are sent.
    pub fn new(
        crowd: &mut Crowd<'a>,
        (path, directory): (&'a CStr, Directory),
        (expectation, ends_the_run): (Expectation, EndsTheRun),
    ) -> Self {
        let present = directory.status().ok().and_then(|status| status.pid);
        let ended = present.filter(|_| ends_the_run == EndsTheRun::Yes);
        Self { path, directory, expectation: expectation.after(ended), due: None, place: crowd.add(path) }
    }

    /// Whether the service has reached its goal. One without supervise is down.
    fn has_arrived(&mut self, observer: &Observer, now: Instant) -> bool {
        let is_supervised = self.directory.knock().is_ok();
        let status = self.directory.status().ok().filter(|_| is_supervised);
        let is_restless = status.is_some_and(|status| {
            status.pid.is_some() || status.want == Want::Up || self.directory.is_finishing()
        });
        let run = status.and_then(|status| observer.run(&self.directory, &status));
        let moment = Moment { run, is_ready: self.directory.is_ready(), is_restless };
        match self.expectation.see(moment, now) {
            Answer::Reached => true,
            Answer::Pending(due) => {
                self.due = due;
                false
            }
        }
    }
}

/// Whether commands end the present run of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndsTheRun {
    /// They do.
    Yes,
    /// They do not.
    No,
}

/// Waits until all services, each of which is in `crowd`, have reached their goals, or until `deadline`; returns those
/// that have not.
pub fn wait<'a>(
    mut crowd: Crowd<'a>,
    mut awaited: Vec<Awaited<'a>>,
    deadline: Option<Instant>,
) -> Vec<Awaited<'a>> {
    let observer = Observer::new();
    let mut now = clock::monotonic();
    awaited.retain_mut(|service| !service.has_arrived(&observer, now));
    while !awaited.is_empty() && deadline.is_none_or(|deadline| now < deadline) {
        let due = awaited.iter().filter_map(|service| service.due).chain(deadline).min();
        let news = crowd.wait(due);
        now = clock::monotonic();
        let is_late = deadline.is_some_and(|deadline| deadline <= now);
        awaited.retain_mut(|service| {
            let is_due = service.due.is_some_and(|due| due <= now);
            // What has come about at the last moment counts.
            let is_news = is_due || is_late || news.binary_search(&service.place).is_ok();
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
