//! What the broker calls us for on a connection.

use crate::closed::Closed;
use crate::incoming::{Incoming, Stamped};
use amqprs::callbacks::{ChannelCallback, ConnectionCallback};
use amqprs::channel::Channel;
use amqprs::connection::Connection;
use amqprs::error::Error;
use amqprs::{Ack, BasicProperties, Cancel, Close, CloseChannel, Nack, Return};
use async_trait::async_trait;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// What was published and is not confirmed, in the order in which the broker counts it.
#[derive(Clone, Default)]
pub struct Tickets(Arc<Mutex<Published>>);

#[derive(Default)]
struct Published {
    count: u64,
    pending: VecDeque<(u64, u64)>,
}

impl Tickets {
    fn lock(&self) -> MutexGuard<'_, Published> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This is published next.
    pub fn push(&self, ticket: u64) {
        let mut published = self.lock();
        published.count += 1;
        let count = published.count;
        published.pending.push_back((count, ticket));
    }

    /// How many messages are confirmed; none if all are.
    pub fn confirmed_of_some(&self) -> Option<u64> {
        let published = self.lock();
        let pending = u64::try_from(published.pending.len()).unwrap_or(u64::MAX);
        (pending > 0).then(|| published.count.saturating_sub(pending))
    }

    /// Takes out what the broker speaks of.
    fn take(&self, number: u64, is_multiple: bool) -> Vec<u64> {
        let pending = &mut self.lock().pending;
        let is_meant = |at: u64| at == number || (is_multiple && (at < number || number == 0));
        let meant = pending.iter().filter(|(at, _)| is_meant(*at)).map(|(_, ticket)| *ticket).collect();
        pending.retain(|(at, _)| !is_meant(*at));
        meant
    }
}

/// Why the broker has closed a channel: it says so before the call fails that it did not like.
#[derive(Clone, Default)]
pub struct Reason(Arc<Mutex<Option<Closed>>>);

impl Reason {
    fn set(&self, closed: Closed) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(closed);
    }

    /// Why the last one was closed.
    pub fn take(&self) -> Option<Closed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What the broker calls us for.
#[derive(Clone)]
pub struct Callbacks {
    /// Who is told.
    pub sender: UnboundedSender<Stamped>,
    /// Which connection it is.
    pub epoch: u64,
    /// What was published on it.
    pub tickets: Tickets,
    /// Why a channel was closed.
    pub reason: Reason,
    /// Whether the end of the channel is the end of all.
    pub is_vital: bool,
}

impl Callbacks {
    /// Those of a channel of which only the reason of its end is of interest.
    pub fn only_reason(reason: &Reason) -> Self {
        let (sender, _) = unbounded_channel();
        let reason = reason.clone();
        Self { sender, epoch: 0, tickets: Tickets::default(), reason, is_vital: false }
    }

    fn send(&self, incoming: Incoming) {
        let _ = self.sender.send((self.epoch, incoming));
    }
}

#[async_trait]
impl ConnectionCallback for Callbacks {
    async fn close(&mut self, _: &Connection, close: Close) -> Result<(), Error> {
        self.send(Incoming::Lost(close.reply_text().clone()));
        Ok(())
    }

    async fn blocked(&mut self, _: &Connection, reason: String) {
        self.send(Incoming::Blocked(reason));
    }

    async fn unblocked(&mut self, _: &Connection) {
        self.send(Incoming::Unblocked);
    }

    async fn secret_updated(&mut self, _: &Connection) {}
}

#[async_trait]
impl ChannelCallback for Callbacks {
    async fn close(&mut self, _: &Channel, close: CloseChannel) -> Result<(), Error> {
        let closed = Closed {
            code: close.reply_code(),
            method: (close.class_id(), close.method_id()),
            text: close.reply_text().clone(),
        };
        if self.is_vital {
            self.send(Incoming::Closed(closed.clone()));
        }
        self.reason.set(closed);
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), Error> {
        self.send(Incoming::Lost("the queue was deleted, or its node is down".to_string()));
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &Channel, ack: Ack) {
        for ticket in self.tickets.take(ack.delivery_tag(), ack.mutiple()) {
            self.send(Incoming::Confirmed(ticket));
        }
    }

    async fn publish_nack(&mut self, _: &Channel, nack: Nack) {
        for ticket in self.tickets.take(nack.delivery_tag(), nack.multiple()) {
            self.send(Incoming::Unconfirmed(ticket));
        }
    }

    async fn publish_return(&mut self, _: &Channel, why: Return, properties: BasicProperties, _: Vec<u8>) {
        let ticket = properties.message_id().and_then(|id| id.parse().ok());
        if let Some(ticket) = ticket {
            let reason = format!("{} {}", why.routing_key(), why.reply_text());
            self.send(Incoming::Returned(ticket, reason));
        }
    }
}
