//! One connection to the broker, from its beginning to its end.

use crate::amqp::{self, ENGINE, Trouble};
use crate::broker::Wanted;
use crate::event::Caller;
use amqprs::callbacks::{ChannelCallback, ConnectionCallback};
use amqprs::channel::{
    BasicCancelArguments, BasicConsumeArguments, BasicQosArguments, Channel, ConfirmSelectArguments,
    ConsumerMessage, QueueDeclareArguments,
};
use amqprs::connection::Connection;
use amqprs::error::Error;
use amqprs::{Ack, BasicProperties, Cancel, Close, CloseChannel, Nack, Return};
use async_trait::async_trait;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::UnboundedSender;

/// What happens, and on which connection.
pub type Stamped = (u64, Incoming);

/// What happens.
pub enum Incoming {
    /// The connection is there.
    Linked(Box<Session>),
    /// It is not.
    Trouble(Trouble),
    /// It is no longer.
    Lost(String),
    /// A message.
    Delivery {
        /// What it is acknowledged by.
        tag: u64,
        /// Whether it was delivered before.
        is_again: bool,
        /// What it says.
        body: Vec<u8>,
    },
    /// What was published could not be put into any queue.
    Returned(u64, String),
    /// The broker has what was published.
    Confirmed(u64),
    /// It has not.
    Unconfirmed(u64),
    /// Somebody asks about an item.
    Asked {
        /// The process that it belongs to.
        wfid: String,
        /// Who asks.
        from: Caller,
        /// What.
        body: Vec<u8>,
    },
    /// Somebody can ask about an item of this process.
    Listening(String, Channel),
}

/// A connection with its channels.
pub struct Session {
    connection: Connection,
    /// What work comes from.
    pub consuming: Channel,
    /// What replies go to.
    pub publishing: Channel,
    /// What was published and is not confirmed.
    pub tickets: Tickets,
    /// What was published and has come back.
    pub returned: HashMap<u64, String>,
    /// The processes that somebody can ask about.
    pub listeners: HashMap<String, Option<Channel>>,
    consumer: Option<String>,
}

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
struct Reason(Arc<Mutex<Option<String>>>);

impl Reason {
    fn set(&self, text: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(text.to_string());
    }

    fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What the broker calls us for.
struct Callbacks {
    sender: UnboundedSender<Stamped>,
    epoch: u64,
    tickets: Tickets,
    reason: Reason,
    /// Whether the end of the channel is the end of all.
    is_vital: bool,
}

impl Callbacks {
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

    async fn blocked(&mut self, _: &Connection, _: String) {}

    async fn unblocked(&mut self, _: &Connection) {}

    async fn secret_updated(&mut self, _: &Connection) {}
}

#[async_trait]
impl ChannelCallback for Callbacks {
    async fn close(&mut self, _: &Channel, close: CloseChannel) -> Result<(), Error> {
        self.reason.set(close.reply_text());
        if self.is_vital {
            self.send(Incoming::Lost(close.reply_text().clone()));
        }
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), Error> {
        self.send(Incoming::Lost("the queue was deleted".to_string()));
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

impl Session {
    /// Connects, and has the queue.
    pub async fn open(
        wanted: &Wanted,
        sender: &UnboundedSender<Stamped>,
        epoch: u64,
    ) -> Result<Self, Trouble> {
        let connection = amqp::connect(&wanted.address, &wanted.name).await?;
        let prepared = Self::prepare(connection.clone(), wanted, sender, epoch).await;
        if prepared.is_err() {
            tokio::spawn(connection.close());
        }
        prepared
    }

    async fn prepare(
        connection: Connection,
        wanted: &Wanted,
        sender: &UnboundedSender<Stamped>,
        epoch: u64,
    ) -> Result<Self, Trouble> {
        let tickets = Tickets::default();
        let callbacks = |reason: &Reason, is_vital| Callbacks {
            sender: sender.clone(),
            epoch,
            tickets: tickets.clone(),
            reason: reason.clone(),
            is_vital,
        };
        let away = |error: Error| Trouble::Away(format!("{}: {error}", wanted.address));
        let reason = Reason::default();
        connection.register_callback(callbacks(&reason, true)).await.map_err(away)?;
        watch(&connection, sender.clone(), epoch);
        // The process engine may have declared its queue in its own way.
        let engine = connection.open_channel(None).await.map_err(away)?;
        engine.register_callback(callbacks(&reason, false)).await.map_err(away)?;
        let _ = engine.queue_declare(amqp::durable(ENGINE)).await;
        let declaring = connection.open_channel(None).await.map_err(away)?;
        reason.take();
        declaring.register_callback(callbacks(&reason, false)).await.map_err(away)?;
        if let Err(error) = declaring.queue_declare(amqp::durable(&wanted.queue)).await {
            return Err(match reason.take() {
                Some(text) => Trouble::Refused(amqp::bad_queue(&wanted.address, &wanted.queue, &text)),
                None => away(error),
            });
        }
        let consuming = connection.open_channel(None).await.map_err(away)?;
        consuming.register_callback(callbacks(&reason, true)).await.map_err(away)?;
        let qos = BasicQosArguments::new(0, wanted.prefetch, false);
        consuming.basic_qos(qos).await.map_err(away)?;
        let publishing = connection.open_channel(None).await.map_err(away)?;
        publishing.register_callback(callbacks(&reason, true)).await.map_err(away)?;
        publishing.confirm_select(ConfirmSelectArguments::new(false)).await.map_err(away)?;
        let (returned, listeners) = (HashMap::new(), HashMap::new());
        Ok(Self { connection, consuming, publishing, tickets, returned, listeners, consumer: None })
    }

    /// Lets messages come.
    pub async fn consume(
        &mut self,
        wanted: &Wanted,
        sender: &UnboundedSender<Stamped>,
        epoch: u64,
    ) -> Result<(), Error> {
        let tag = format!("exo-{}-{epoch}", std::process::id());
        let arguments = BasicConsumeArguments::new(&wanted.queue, &tag);
        let (tag, mut messages) = self.consuming.basic_consume_rx(arguments).await?;
        self.consumer = Some(tag);
        let sender = sender.clone();
        tokio::spawn(async move {
            while let Some(ConsumerMessage { deliver, content, .. }) = messages.recv().await {
                let Some(deliver) = deliver else { continue };
                let (tag, is_again) = (deliver.delivery_tag(), deliver.redelivered());
                let body = content.unwrap_or_default();
                let _ = sender.send((epoch, Incoming::Delivery { tag, is_again, body }));
            }
        });
        Ok(())
    }

    /// Lets no more come.
    pub async fn cancel_consumer(&mut self) {
        if let Some(tag) = self.consumer.take() {
            let mut arguments = BasicCancelArguments::new(&tag);
            let _ = self.consuming.basic_cancel(arguments.no_wait(true).finish()).await;
        }
    }

    /// Lets somebody ask about items of a process, by a queue that nobody else has.
    pub fn listen(&mut self, name: &str, wfid: String, sender: &UnboundedSender<Stamped>, epoch: u64) {
        let queue = control_queue(name, &wfid);
        if queue.len() > 255 {
            return;
        }
        self.listeners.insert(wfid.clone(), None);
        let (connection, sender) = (self.connection.clone(), sender.clone());
        tokio::spawn(async move {
            // Another item of this process may be in hand elsewhere: then that one is asked about.
            let _ = listen(&connection, &queue, &wfid, &sender, epoch).await;
        });
    }

    /// Somebody can ask now; or too late.
    pub fn listening(&mut self, wfid: &str, channel: Channel) {
        if let Some(listener) = self.listeners.get_mut(wfid) {
            *listener = Some(channel);
        }
    }

    /// Closes the connection, after all that was sent.
    pub async fn close(self) {
        let _ = self.connection.close().await;
    }
}

/// The queue that asks about an item of a process.
pub fn control_queue(name: &str, wfid: &str) -> String {
    format!("{name}.{wfid}.control")
}

async fn listen(
    connection: &Connection,
    queue: &str,
    wfid: &str,
    sender: &UnboundedSender<Stamped>,
    epoch: u64,
) -> Result<(), Error> {
    let channel = connection.open_channel(None).await?;
    let mut declaration = QueueDeclareArguments::new(queue);
    channel.queue_declare(declaration.exclusive(true).auto_delete(true).finish()).await?;
    let mut arguments = BasicConsumeArguments::new(queue, "control");
    arguments.manual_ack(false);
    let (_, mut messages) = channel.basic_consume_rx(arguments).await?;
    let _ = sender.send((epoch, Incoming::Listening(wfid.to_string(), channel)));
    while let Some(ConsumerMessage { basic_properties, content, .. }) = messages.recv().await {
        let properties = basic_properties.unwrap_or_default();
        let Some(reply_to) = properties.reply_to().cloned() else { continue };
        let from = Caller { reply_to, correlation: properties.correlation_id().cloned() };
        let (wfid, body) = (wfid.to_string(), content.unwrap_or_default());
        let _ = sender.send((epoch, Incoming::Asked { wfid, from, body }));
    }
    Ok(())
}

/// Tells when the connection is lost.
fn watch(connection: &Connection, sender: UnboundedSender<Stamped>, epoch: u64) {
    let connection = connection.clone();
    tokio::spawn(async move {
        let already = async {
            if connection.is_open() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            // First, so that nothing is missed between the two.
            biased;
            _ = connection.listen_network_io_failure() => {}
            () = already => {}
        }
        let _ = sender.send((epoch, Incoming::Lost("the connection was lost".to_string())));
    });
}
