//! The participant's connection to the broker: what is done through it, and what happens on it.

use crate::amqp::{self, ENGINE, Trouble};
use crate::closed::Closed;
use crate::event::{Caller, Event};
use crate::flow::Flow;
use crate::incoming::{Incoming, Stamped};
use crate::session::{Session, Wanted};
use amqprs::BasicProperties;
use amqprs::channel::{BasicAckArguments, BasicNackArguments, BasicPublishArguments, BasicRejectArguments};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How long closing the connection may take.
const FAREWELL: Duration = Duration::from_secs(3);

/// How long no reply may be confirmed before it is told.
const OVERDUE: Duration = Duration::from_secs(10);

/// The connection.
pub struct Broker {
    wanted: Wanted,
    session: Option<Session>,
    /// Which connection it is. What comes from an earlier one is nobody's business.
    epoch: u64,
    /// Whether there has been one that was accepted.
    was_linked: bool,
    hung_up_before: bool,
    /// What is wrong with the nodes that have been tried since the last attempt began.
    troubles: Vec<Trouble>,
    /// Whether it was told that the broker takes nothing.
    is_blocked: bool,
    /// Whether an [`Incoming::Overdue`] is on its way.
    is_watched: bool,
    /// Whether work flows.
    flow: Flow,
    sender: UnboundedSender<Stamped>,
    receiver: UnboundedReceiver<Stamped>,
    /// The new connections, each until [`Incoming::Linked`] tells of it.
    opened: Arc<Mutex<HashMap<u64, Session>>>,
}

impl Broker {
    /// Not connected yet.
    pub fn new(wanted: Wanted) -> Self {
        let (sender, receiver) = unbounded_channel();
        let flow = Flow::new(wanted.prefetch);
        Self {
            wanted,
            session: None,
            epoch: 0,
            was_linked: false,
            hung_up_before: false,
            troubles: Vec::new(),
            is_blocked: false,
            is_watched: false,
            flow,
            sender,
            receiver,
            opened: Arc::default(),
        }
    }

    /// Connects after a while; [`Event::Linked`], [`Event::Lost`] or [`Event::Refused`] tells what came of it.
    pub fn connect(&mut self, pause: Duration) {
        self.epoch += 1;
        let (wanted, sender, epoch) = (self.wanted.clone(), self.sender.clone(), self.epoch);
        let opened = Arc::clone(&self.opened);
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let incoming = match Session::open(&wanted, &sender, epoch).await {
                Ok(session) => {
                    opened.lock().unwrap_or_else(PoisonError::into_inner).insert(epoch, session);
                    Incoming::Linked
                }
                Err(trouble) => Incoming::Trouble(trouble),
            };
            let _ = sender.send((epoch, incoming));
        });
    }

    /// What happens next.
    pub async fn next(&mut self) -> Event {
        loop {
            let Some((epoch, incoming)) = self.receiver.recv().await else {
                return std::future::pending().await;
            };
            if matches!(incoming, Incoming::Linked) {
                self.take_over(epoch);
            }
            if epoch == self.epoch {
                if let Some(event) = self.event(incoming) {
                    return event;
                }
            }
        }
    }

    /// Takes a new connection, or closes it if it is wanted no more: else it would stay at the broker for as long as we do.
    fn take_over(&mut self, epoch: u64) {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).remove(&epoch);
        match opened {
            Some(session) if epoch == self.epoch => self.session = Some(session),
            Some(session) => drop(tokio::spawn(session.close())),
            None => {}
        }
    }

    fn event(&mut self, incoming: Incoming) -> Option<Event> {
        match incoming {
            Incoming::Linked => {
                (self.was_linked, self.hung_up_before) = (true, false);
                (self.is_blocked, self.is_watched) = (false, false);
                self.troubles.clear();
                self.flow.begin();
                Some(Event::Linked)
            }
            Incoming::Trouble(trouble) => self.not_linked(trouble),
            // Before the connection could be used.
            Incoming::Lost(text) | Incoming::Closed(Closed { text, .. }) if self.session.is_none() => {
                let text = format!("{}: {text}", self.wanted.nodes.current);
                self.not_linked(Trouble::Away(text))
            }
            Incoming::Lost(reason) => Some(self.lost(reason)),
            Incoming::Closed(closed) => Some(self.closed(closed)),
            Incoming::Blocked(reason) => self.blocked(reason),
            Incoming::Unblocked => std::mem::take(&mut self.is_blocked).then_some(Event::Unblocked),
            Incoming::Overdue(confirmed) => self.overdue(confirmed),
            Incoming::Consuming => Some(Event::Consuming),
            Incoming::Silent => {
                let is_odd = self.session.as_ref()?.is_consuming();
                is_odd.then(|| self.lost("it delivers no more".to_string()))
            }
            Incoming::Answer { waiting, told } => {
                let is_odd = self.session.is_some() && self.flow.has_stopped(waiting);
                let text = || format!("it has work, and does not deliver it: {waiting}");
                Some(if is_odd { self.lost(text()) } else { Event::Known(told) })
            }
            Incoming::DeadLetters(are_kept) => Some(Event::DeadLetters(are_kept)),
            Incoming::Delivery(message) => {
                self.flow.delivered();
                Some(Event::Delivery(message))
            }
            Incoming::Returned(ticket, reason) => {
                self.session.as_mut()?.returned.insert(ticket, reason);
                None
            }
            Incoming::Confirmed(ticket) => {
                if self.is_blocked {
                    let _ = self.sender.send((self.epoch, Incoming::Unblocked));
                }
                let returned = self.session.as_mut()?.returned.remove(&ticket);
                Some(returned.map_or(Event::Confirmed(ticket), |why| Event::Unconfirmed(ticket, why)))
            }
            Incoming::Unconfirmed(ticket) => Some(Event::Unconfirmed(ticket, "it says so".to_string())),
            Incoming::Asked { wfid, from, body } => Some(Event::Asked { wfid, from, body }),
        }
    }

    /// One of the nodes cannot be used: the next one is tried at once, until all have been.
    fn not_linked(&mut self, trouble: Trouble) -> Option<Event> {
        self.epoch += 1;
        self.wanted.nodes.turn();
        self.troubles.push(trouble);
        if self.troubles.len() < self.wanted.nodes.count() {
            self.connect(Duration::ZERO);
            return None;
        }
        let troubles = std::mem::take(&mut self.troubles);
        Some(self.trouble(Trouble::of_all(troubles)))
    }

    fn trouble(&mut self, trouble: Trouble) -> Event {
        match trouble {
            Trouble::Away(reason) => Event::Lost(reason),
            Trouble::Refused(refusal) => Event::Refused(refusal),
            // A broker that is being stopped hangs up as well, but not twice; and what stands in front of it may do so at
            // any time, but knows this account to be good once there was a connection.
            Trouble::HungUp(address) if self.hung_up_before && !self.was_linked => {
                Event::Refused(amqp::bad_login(&address))
            }
            Trouble::HungUp(address) => {
                self.hung_up_before = true;
                Event::Lost(amqp::hung_up(&address))
            }
        }
    }

    fn lost(&mut self, reason: String) -> Event {
        let nodes = &mut self.wanted.nodes;
        let reason = if nodes.count() > 1 { format!("{}: {reason}", nodes.current) } else { reason };
        nodes.turn();
        self.give_up();
        Event::Lost(reason)
    }

    fn blocked(&mut self, reason: String) -> Option<Event> {
        let is_new = !std::mem::replace(&mut self.is_blocked, true);
        is_new.then_some(Event::Blocked(reason))
    }

    /// amqprs does not ask the broker to say that it blocks who publishes. That nothing is confirmed says so, too.
    fn overdue(&mut self, confirmed: u64) -> Option<Event> {
        self.is_watched = false;
        let now = self.session.as_ref()?.tickets.confirmed_of_some()?;
        self.watch_confirmations();
        if now > confirmed {
            return None;
        }
        let text = "none was confirmed for 10 seconds, so it may be out of memory or disk space";
        self.blocked(format!("{text}: rabbitmq-diagnostics alarms"))
    }

    fn watch_confirmations(&mut self) {
        let Some(session) = self.session.as_ref().filter(|_| !self.is_watched) else { return };
        self.is_watched = true;
        let (sender, epoch) = (self.sender.clone(), self.epoch);
        let confirmed = session.tickets.confirmed_of_some().unwrap_or_default();
        tokio::spawn(async move {
            tokio::time::sleep(OVERDUE).await;
            let _ = sender.send((epoch, Incoming::Overdue(confirmed)));
        });
    }

    /// What else comes from this connection is of no interest.
    fn give_up(&mut self) {
        self.epoch += 1;
        if let Some(session) = self.session.take() {
            tokio::spawn(session.close());
        }
    }

    fn closed(&mut self, closed: Closed) -> Event {
        let Wanted { nodes, queue, .. } = &self.wanted;
        let address = &nodes.current;
        if closed.is_no_reading() {
            let refusal = amqp::no_reading(address, queue, &closed.text);
            self.give_up();
            return Event::Refused(refusal);
        }
        if closed.is_no_writing() {
            let reason = amqp::no_writing(address, &closed.text);
            return self.lost(reason);
        }
        if let Some(size) = closed.too_long() {
            let _ = self.sender.send((self.epoch, Incoming::Lost(closed.text.clone())));
            return Event::TooLong(size, closed.text);
        }
        self.lost(closed.text)
    }

    /// Lets messages come.
    pub async fn consume(&mut self) {
        let result = match &mut self.session {
            Some(session) => session.consume(&self.wanted, &self.sender, self.epoch).await,
            None => Ok(()),
        };
        self.check(result);
    }

    /// Lets no more come.
    pub async fn cancel_consumer(&mut self) {
        if let Some(session) = &mut self.session {
            session.cancel_consumer().await;
        }
    }

    /// Sends something to the process engine.
    pub async fn publish(&mut self, ticket: u64, body: Vec<u8>) {
        let Some(session) = &mut self.session else { return };
        session.tickets.push(ticket);
        let result = amqp::publish(&session.publishing, ENGINE, &ticket.to_string(), body).await;
        self.watch_confirmations();
        self.check(result.map_err(|error| error.to_string()));
    }

    /// A message is done with.
    pub async fn ack(&mut self, tag: u64) {
        let Some(session) = &self.session else { return };
        self.flow.settled();
        let result = session.consuming.basic_ack(BasicAckArguments::new(tag, false)).await;
        session.told.fetch_add(1, Ordering::SeqCst);
        self.check(result.map_err(|error| error.to_string()));
    }

    /// A message is of no use to anybody.
    pub async fn reject(&mut self, tag: u64) {
        let Some(session) = &self.session else { return };
        self.flow.settled();
        let result = session.consuming.basic_reject(BasicRejectArguments::new(tag, false)).await;
        session.told.fetch_add(1, Ordering::SeqCst);
        self.check(result.map_err(|error| error.to_string()));
    }

    /// A message is for somebody else.
    pub async fn requeue(&mut self, tag: u64) {
        let Some(session) = &self.session else { return };
        self.flow.settled();
        let result = session.consuming.basic_nack(BasicNackArguments::new(tag, false, true)).await;
        session.told.fetch_add(1, Ordering::SeqCst);
        self.check(result.map_err(|error| error.to_string()));
    }

    /// Asks whether the broker keeps what is rejected; [`Event::DeadLetters`] tells.
    pub fn find_dead_letters(&self) {
        match (self.wanted.dead_letters, &self.session) {
            (Some(are_kept), _) => {
                let _ = self.sender.send((self.epoch, Incoming::DeadLetters(are_kept)));
            }
            (None, Some(session)) => {
                session.find_dead_letters(self.wanted.queue.clone(), &self.sender, self.epoch);
            }
            (None, None) => {}
        }
    }

    /// Lets somebody ask about an item of a process.
    pub fn listen(&mut self, wfid: String) {
        if let Some(session) = &mut self.session {
            session.listen(&self.wanted.name, wfid, &self.sender, self.epoch);
        }
    }

    /// No longer.
    pub fn unlisten(&mut self, wfid: &str) {
        if let Some(session) = &mut self.session {
            session.listeners.remove(wfid);
        }
    }

    /// Answers who has asked.
    pub async fn answer(&mut self, to: Caller, body: Vec<u8>) {
        let Some(session) = &self.session else { return };
        let mut properties = BasicProperties::default();
        properties.with_content_type("application/json");
        if let Some(correlation) = &to.correlation {
            properties.with_correlation_id(correlation);
        }
        let arguments = BasicPublishArguments::new("", &to.reply_to);
        let result = session.consuming.basic_publish(properties, body, arguments).await;
        self.check(result.map_err(|error| error.to_string()));
    }

    /// Something that could not be sent means that the connection is lost; if it has not said so, it does now.
    fn check(&self, result: Result<(), String>) {
        if let Err(reason) = result {
            let _ = self.sender.send((self.epoch, Incoming::Lost(reason)));
        }
    }

    /// Closes the connection, after all that was sent.
    pub async fn close(&mut self) {
        if let Some(session) = self.session.take() {
            let _ = tokio::time::timeout(FAREWELL, session.close()).await;
        }
    }
}
