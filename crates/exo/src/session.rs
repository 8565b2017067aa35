//! One connection to the broker, from its beginning to its end.

use crate::address::Nodes;
use crate::amqp::{self, ENGINE, Trouble};
use crate::callbacks::{Callbacks, Reason, Tickets};
use crate::dead_letters;
use crate::event::Message;
use crate::incoming::{Incoming, Stamped};
use crate::listening::{Listener, Place, control_queue};
use crate::queue;
use amqprs::channel::{
    BasicCancelArguments, BasicConsumeArguments, BasicQosArguments, Channel, ConfirmSelectArguments,
    ConsumerMessage,
};
use amqprs::connection::Connection;
use amqprs::error::Error;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot::{Receiver, Sender, channel};
use tokio::time::{sleep, timeout};

/// How long the broker may take before messages come.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is asked whether there is work that it does not deliver.
const LOOK: Duration = Duration::from_secs(15);

/// What a participant needs of its broker.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where it is.
    pub nodes: Nodes,
    /// What the participant is called.
    pub name: String,
    /// The queue that its work comes from.
    pub queue: String,
    /// How many items it works on at once.
    pub prefetch: u16,
    /// Whether the broker keeps what is rejected, if the settings say so.
    pub dead_letters: Option<bool>,
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
    pub listeners: HashMap<String, Listener>,
    /// How many messages the broker was told about.
    pub told: Arc<AtomicU64>,
    consumer: Option<Consumer>,
}

struct Consumer {
    tag: String,
    /// Ends what looks after it.
    _end: Sender<()>,
}

impl Session {
    /// Connects, and has the queue.
    pub async fn open(
        wanted: &Wanted,
        sender: &UnboundedSender<Stamped>,
        epoch: u64,
    ) -> Result<Self, Trouble> {
        let connection = amqp::connect(&wanted.nodes.current, &wanted.name).await?;
        let preparing = {
            let (connection, wanted, sender) = (connection.clone(), wanted.clone(), sender.clone());
            // A task of its own, as amqprs does not survive that a call is given up.
            tokio::spawn(async move { Self::prepare(connection, &wanted, &sender, epoch).await })
        };
        let prepared = match timeout(PATIENCE, preparing).await {
            Ok(Ok(prepared)) => prepared,
            // A node that has lost the majority of its cluster, say.
            _ => Err(Trouble::Away(format!("{} does not answer about queues", wanted.nodes.current))),
        };
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
        let callbacks = Callbacks {
            sender: sender.clone(),
            epoch,
            tickets: Tickets::default(),
            reason: Reason::default(),
            is_vital: true,
        };
        let away = |error: Error| Trouble::Away(format!("{}: {error}", wanted.nodes.current));
        connection.register_callback(callbacks.clone()).await.map_err(away)?;
        watch(&connection, sender.clone(), epoch);
        let open = async |callbacks: Callbacks| {
            let channel = connection.open_channel(None).await?;
            channel.register_callback(callbacks).await?;
            Ok(channel)
        };
        // Without the engine's queue replies wait for it, and the broker says so.
        match queue::find_or_make(&connection, ENGINE).await {
            Err(unusable) if unusable.may_pass() => {
                return Err(unusable.trouble(&wanted.nodes.current, ENGINE));
            }
            _ => {}
        }
        let found = queue::find_or_make(&connection, &wanted.queue).await;
        found.map_err(|unusable| unusable.trouble(&wanted.nodes.current, &wanted.queue))?;
        let consuming = open(callbacks.clone()).await.map_err(away)?;
        let qos = BasicQosArguments::new(0, wanted.prefetch, false);
        consuming.basic_qos(qos).await.map_err(away)?;
        let publishing = open(callbacks.clone()).await.map_err(away)?;
        publishing.confirm_select(ConfirmSelectArguments::new(false)).await.map_err(away)?;
        Ok(Self {
            connection,
            consuming,
            publishing,
            tickets: callbacks.tickets,
            returned: HashMap::new(),
            listeners: HashMap::new(),
            told: Arc::default(),
            consumer: None,
        })
    }

    /// Lets messages come.
    pub async fn consume(
        &mut self,
        wanted: &Wanted,
        sender: &UnboundedSender<Stamped>,
        epoch: u64,
    ) -> Result<(), String> {
        let tag = format!("exo-{}-{epoch}", std::process::id());
        let arguments = BasicConsumeArguments::new(&wanted.queue, &tag);
        let consumed = timeout(PATIENCE, self.consuming.basic_consume_rx(arguments)).await;
        let (tag, mut messages) = consumed
            .map_err(|_| "the broker does not answer".to_string())?
            .map_err(|error| error.to_string())?;
        let (end, ended) = channel();
        self.consumer = Some(Consumer { tag, _end: end });
        let _ = sender.send((epoch, Incoming::Consuming));
        let asked = Asked { queue: wanted.queue.clone(), told: Arc::clone(&self.told) };
        tokio::spawn(look(self.consuming.clone(), asked, (sender.clone(), epoch), ended));
        let sender = sender.clone();
        tokio::spawn(async move {
            while let Some(ConsumerMessage { deliver, content, basic_properties, .. }) = messages.recv().await
            {
                let Some(deliver) = deliver else { continue };
                let (tag, is_again) = (deliver.delivery_tag(), deliver.redelivered());
                let body = content.unwrap_or_default();
                let returns = basic_properties.as_ref().map_or(0, dead_letters::returns);
                let message = Message { tag, is_again, returns, body };
                let _ = sender.send((epoch, Incoming::Delivery(message)));
            }
            let _ = sender.send((epoch, Incoming::Silent));
        });
        Ok(())
    }

    /// Whether messages should come.
    pub fn is_consuming(&self) -> bool {
        self.consumer.is_some()
    }

    /// Lets no more come.
    pub async fn cancel_consumer(&mut self) {
        if let Some(Consumer { tag, .. }) = self.consumer.take() {
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
        let place = Place { connection: self.connection.clone(), queue, wfid: wfid.clone() };
        self.listeners.insert(wfid, Listener::start(place, sender.clone(), epoch));
    }

    /// Asks whether the broker keeps what is rejected.
    pub fn find_dead_letters(&self, queue: String, sender: &UnboundedSender<Stamped>, epoch: u64) {
        let (connection, sender) = (self.connection.clone(), sender.clone());
        let (tickets, reason) = (Tickets::default(), Reason::default());
        let callbacks = Callbacks { sender: sender.clone(), epoch, tickets, reason, is_vital: false };
        tokio::spawn(async move {
            let are_kept = dead_letters::are_kept(&connection, &queue, &callbacks).await;
            let _ = sender.send((epoch, Incoming::DeadLetters(are_kept)));
        });
    }

    /// Closes the connection, after all that was sent.
    pub async fn close(self) {
        let _ = self.connection.close().await;
    }
}

/// What is asked about.
struct Asked {
    queue: String,
    told: Arc<AtomicU64>,
}

/// Looks now and then whether there is work that the broker does not deliver. It asks on the channel that work comes from:
/// the broker answers when it has acted on all that came before on this channel.
async fn look(
    channel: Channel,
    asked: Asked,
    (sender, epoch): (UnboundedSender<Stamped>, u64),
    mut ended: Receiver<()>,
) {
    loop {
        tokio::select! {
            _ = &mut ended => return,
            () = sleep(LOOK) => {}
        }
        // However long it takes: a broker that is short of memory does not listen to who publishes.
        let told = asked.told.load(Ordering::SeqCst);
        let incoming = match channel.queue_declare(queue::existing(&asked.queue)).await {
            Ok(found) => Incoming::Answer { waiting: found.map_or(0, |(_, waiting, _)| waiting), told },
            Err(error) => Incoming::Lost(error.to_string()),
        };
        let _ = sender.send((epoch, incoming));
    }
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
