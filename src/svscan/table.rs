//! What svscan decides: which directories are services, when a supervise is to be started, and in which order
//! everything ends (docs/compatibility.md 1.2, docs/decisions.md 6, 7 and 8).
//!
//! A service is a directory, not a name: two names for one directory are one service, and a service that is
//! renamed is the same. The pipe from a service to its logger lives as long as its entry here, through every
//! restart of either, so that nothing in it is lost.
#![forbid(unsafe_code)]

use super::ending::{End, Unfinished};
use super::event::{Action, Ending, Event, FirstStart, Found, Logging, Outlook, Snapshot, Stability};
use super::role::Role;
use super::service::{Presence, Service};
use super::waiting::{Awaited, Waiting};
use crate::file_id::FileId;
use std::collections::{BTreeMap, btree_map};
use std::ffi::CString;
use std::time::{Duration, Instant};

/// From one look at the scan directory to the next if something may come without anybody telling.
const RESCAN: Duration = Duration::from_secs(5);

/// The same if svscan is told of whatever comes: a safety net.
const SAFETY_NET: Duration = Duration::from_secs(300);

/// From one look at a scan directory that changes to the next, if services are to be swept: at first, and at most.
const REST: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// All services that svscan knows.
#[derive(Debug)]
pub struct Table<P> {
    services: BTreeMap<FileId, Service<P>>,
    /// Which service a supervise belongs to.
    supervises: BTreeMap<i32, (FileId, Role)>,
    next_look: Instant,
    /// How far apart first starts are at boot.
    stagger: Duration,
    /// The directory was read once.
    looked: bool,
    /// What the last look has missed is gone.
    stability: Stability,
    /// Services that have vanished are to be stopped, as soon as it is certain which; the pause before the next look.
    sweep: Option<Duration>,
    /// The end, once it has begun.
    end: Option<End>,
}

impl<P> Table<P> {
    /// Knows nothing yet; the first look is due at once. The first starts of what is there then are `stagger` apart.
    pub const fn new(now: Instant, stagger: Duration) -> Self {
        Self {
            services: BTreeMap::new(),
            supervises: BTreeMap::new(),
            next_look: now,
            stagger,
            looked: false,
            stability: Stability::Changing,
            sweep: None,
            end: None,
        }
    }

    /// When [`Event::Deadline`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        let next = self.end.as_ref().map_or(self.next_look, End::deadline);
        self.services.values().filter_map(Service::deadline).chain([next]).min()
    }

    /// Whether the scan directory was read once.
    pub const fn has_looked(&self) -> bool {
        self.looked
    }

    /// How many services there are.
    pub fn count(&self) -> usize {
        self.services.len()
    }

    /// A service by its identity.
    pub fn service(&self, identity: FileId) -> Option<&Service<P>> {
        self.services.get(&identity)
    }

    /// Whether the end has begun.
    pub const fn is_ending(&self) -> bool {
        self.end.is_some()
    }

    /// Whether what has not ended by now is to be killed.
    pub fn is_late(&self) -> bool {
        self.end.as_ref().is_some_and(End::is_late)
    }

    /// Whether this is a supervise of a service.
    pub fn knows(&self, pid: i32) -> bool {
        self.supervises.contains_key(&pid)
    }

    /// Which service a supervise belongs to: the name of that, which of its two it is, and what identifies it.
    pub fn whereabouts(&self, pid: i32) -> Option<(&CString, Role, FileId)> {
        let (identity, role) = *self.supervises.get(&pid)?;
        Some((self.services.get(&identity)?.name(), role, identity))
    }

    /// The end to read from of the pipe that the logger under this supervise is to empty before it ends.
    pub fn draining(&self, pid: i32) -> Option<&P> {
        let (identity, role) = self.supervises.get(&pid)?;
        self.services.get(identity).filter(|_| *role == Role::Log)?.draining()
    }

    /// The services that have a logger which has not ended yet, by name.
    pub fn logged(&self) -> impl Iterator<Item = &CString> {
        self.services.values().filter(|service| service.is_unfinished(Role::Log)).map(Service::name)
    }

    /// What has not ended yet.
    fn unfinished(&self) -> impl Iterator<Item = Unfinished> {
        self.services.iter().flat_map(|(&identity, service)| {
            let roles = [Role::Main, Role::Log].into_iter().filter(|&role| service.is_unfinished(role));
            roles.map(move |role| (identity, role, service.pid(role)))
        })
    }

    /// Whether all services have ended; loggers may still be busy.
    pub fn is_draining(&self) -> bool {
        self.is_ending() && self.unfinished().all(|(_, role, _)| role == Role::Log)
    }

    /// Whether everything has ended.
    pub fn has_ended(&self) -> bool {
        self.is_ending() && self.unfinished().next().is_none()
    }

    /// Takes note of what happened and decides what to do.
    pub fn handle(&mut self, event: Event<P>, now: Instant) -> Vec<Action> {
        match event {
            Event::Deadline => self.act_in_time(now),
            Event::Changed if self.is_ending() => Vec::new(),
            Event::Changed => vec![Action::Scan],
            Event::Scanned(..) | Event::Strays(..) | Event::Unreadable if self.is_ending() => Vec::new(),
            Event::Scanned(snapshot) => {
                self.next_look = now + if snapshot.outlook == Outlook::Told { SAFETY_NET } else { RESCAN };
                self.stability = snapshot.stability;
                let mut actions = self.compare(snapshot, now);
                actions.extend(self.stop_vanished(now));
                actions
            }
            Event::Strays(strays) => self.enter_strays(strays, now),
            Event::Unreadable => {
                self.next_look = now + RESCAN;
                self.stability = Stability::Changing;
                Vec::new()
            }
            Event::Piped(identity, pipe, have) => match self.services.get_mut(&identity) {
                Some(service) => {
                    service.connect(pipe, have, now);
                    service.missing(identity, now)
                }
                None => Vec::new(),
            },
            Event::Started(identity, role, pid) | Event::Met(identity, role, pid) => {
                let Some(service) = self.services.get_mut(&identity) else { return Vec::new() };
                service.started(role, pid, now);
                self.supervises.insert(pid, (identity, role));
                // One that was started to end a service does so without being told.
                let is_told = role == Role::Main && matches!(event, Event::Started(..));
                service.catch_up(role).filter(|_| !is_told).into_iter().collect()
            }
            Event::Refused(identity, role) => {
                if let Some(service) = self.services.get_mut(&identity) {
                    service.refused(role, now);
                }
                self.go_on(identity, role, now)
            }
            Event::Ended(pid, how) => self.bury(pid, how, now),
            // The next one is started to end the service, and has to read nothing for that.
            Event::Untold(pid) if self.is_ending() && self.knows(pid) => vec![Action::Replace(pid)],
            // As long as there is no hurry, it may yet come to it.
            Event::Untold(_) => Vec::new(),
            Event::Sweep if self.is_ending() => Vec::new(),
            Event::Sweep => {
                let (first, _) = REST;
                self.sweep = Some(first);
                self.stop_vanished(now)
            }
            Event::Shutdown => self.begin_end(now),
            Event::Grace(pid, grace) => {
                if let (Some(end), Some((identity, _))) = (&mut self.end, self.supervises.get(&pid)) {
                    end.grant(*identity, grace);
                }
                Vec::new()
            }
        }
    }

    fn act_in_time(&mut self, now: Instant) -> Vec<Action> {
        let mut actions: Vec<Action> = self
            .services
            .iter_mut()
            .flat_map(|(identity, service)| service.missing(*identity, now))
            .collect();
        let left: Vec<Unfinished> = if self.is_ending() { self.unfinished().collect() } else { Vec::new() };
        if let Some(end) = &mut self.end {
            let awaited = end.report(&left, now).into_iter().filter_map(|(identity, role, killed_in)| {
                let name = self.services.get(&identity)?.name().clone();
                Some(Awaited { name, role, killed_in })
            });
            let waiting = Waiting { since: end.since(now), awaited: awaited.collect() };
            actions.extend((!waiting.awaited.is_empty()).then_some(Action::Report(waiting)));
            actions.extend(end.act(left.into_iter(), now));
            for action in &actions {
                let Action::Replace(pid) = action else { continue };
                let Some((identity, role)) = self.supervises.get(pid) else { continue };
                self.services.get_mut(identity).into_iter().for_each(|service| service.give_up(*role));
            }
        } else if self.next_look <= now {
            actions.push(Action::Scan);
        }
        actions
    }

    /// Stops the services that have vanished, if that is wanted. While the directory changes, it is looked at again first.
    fn stop_vanished(&mut self, now: Instant) -> Vec<Action> {
        let Some(pause) = self.sweep else { return Vec::new() };
        if self.stability == Stability::Changing {
            let (_, most) = REST;
            self.next_look = self.next_look.min(now + pause);
            self.sweep = Some((pause * 2).min(most));
            return Vec::new();
        }
        self.sweep = None;
        let vanished = self.services.values_mut().filter(|service| service.presence == Presence::Gone);
        vanished.filter_map(|service| service.stop(now)).collect()
    }

    /// Enters services that no name led to, and asks for another look: perhaps they are only being renamed, or their names
    /// are there and cannot be examined.
    fn enter_strays(&mut self, strays: Vec<Found>, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        for Found { name, identity, completeness, running, .. } in strays {
            let btree_map::Entry::Vacant(place) = self.services.entry(identity) else { continue };
            place.insert(Service::new(name, completeness, running, now)).presence = Presence::Unexamined;
            actions.extend(adopt(&mut self.supervises, identity, running));
        }
        let look = (!actions.is_empty()).then_some(Action::Scan);
        actions.extend(look);
        actions
    }

    /// Enters what is new, starts what is missing, forgets what is gone.
    fn compare(&mut self, snapshot: Snapshot, now: Instant) -> Vec<Action> {
        let Snapshot { found, unexamined, .. } = snapshot;
        self.services.values_mut().for_each(|service| service.miss(&unexamined));
        let mut slot = now;
        let mut actions = Vec::new();
        for Found { name, identity, logging, completeness, running, first_start } in found {
            let service = match self.services.entry(identity) {
                // A second name for the same directory.
                btree_map::Entry::Occupied(known) if known.get().presence == Presence::Listed => continue,
                btree_map::Entry::Occupied(known) => {
                    let known = known.into_mut();
                    known.find(name, logging, completeness, now);
                    known
                }
                btree_map::Entry::Vacant(place) => {
                    let mut service = Service::new(name, completeness, running, now);
                    actions.extend(adopt(&mut self.supervises, identity, running));
                    if logging == Logging::Logged {
                        service.find_logger(now);
                    }
                    if !self.looked && first_start == FirstStart::Due {
                        service.start_first_at(slot);
                        slot += self.stagger;
                    }
                    place.insert(service)
                }
            };
            actions.extend(service.missing(identity, now));
        }
        self.looked = true;
        self.services.retain(|_, service| !service.is_gone());
        actions
    }

    fn bury(&mut self, pid: i32, how: Ending, now: Instant) -> Vec<Action> {
        let Some((identity, role)) = self.supervises.remove(&pid) else { return Vec::new() };
        if let Some(service) = self.services.get_mut(&identity) {
            service.ended(role, how, now);
        }
        self.go_on(identity, role, now)
    }

    /// What comes after the end of a supervise.
    fn go_on(&mut self, identity: FileId, role: Role, now: Instant) -> Vec<Action> {
        let Some(service) = self.services.get_mut(&identity) else { return Vec::new() };
        let mut actions = Vec::new();
        if role == Role::Main && service.is_stopping() && !service.is_unfinished(Role::Main) {
            actions.extend(service.drain());
        }
        actions.extend(service.missing(identity, now));
        if !self.is_ending() {
            self.services.retain(|_, service| !service.is_gone());
        }
        actions
    }

    /// Stops the services; loggers go on until their services have ended.
    fn begin_end(&mut self, now: Instant) -> Vec<Action> {
        if self.is_ending() {
            return Vec::new();
        }
        self.end = Some(End::new(now));
        let stop = |(identity, service): (&FileId, &mut Service<P>)| {
            let told = service.stop(now);
            told.into_iter().chain(service.missing(*identity, now)).collect::<Vec<_>>()
        };
        self.services.iter_mut().flat_map(stop).collect()
    }
}

/// Takes note of the two supervises of a service that run already, and asks for them to be watched.
fn adopt(
    supervises: &mut BTreeMap<i32, (FileId, Role)>,
    identity: FileId,
    running: [Option<i32>; 2],
) -> impl Iterator<Item = Action> {
    let roles = running.into_iter().zip([Role::Main, Role::Log]);
    supervises.extend(roles.filter_map(|(pid, role)| Some((pid?, (identity, role)))));
    running.into_iter().flatten().map(Action::Adopt)
}

#[cfg(test)]
mod tests;
