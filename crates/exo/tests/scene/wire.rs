//! The other side of the broker: who sends work, and gets the replies.

use super::Patience;
use super::node::Node;
use amqprs::callbacks::ChannelCallback;
use amqprs::channel::{
    BasicAckArguments, BasicConsumeArguments, BasicGetArguments, BasicPublishArguments, BasicQosArguments,
    Channel, ConfirmSelectArguments, QueueDeclareArguments, QueueDeleteArguments,
};
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::error::Error;
use amqprs::{Ack, BasicProperties, Cancel, CloseChannel, FieldTable, FieldValue, Nack, Return};
use async_trait::async_trait;
use std::collections::BTreeSet;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// The queue of the process engine.
pub const ENGINE: &str = "ruote_workitems";

/// A connection to a virtual host.
pub struct Wire {
    // Before the runtime, so that they are dropped in it.
    connection: Option<Connection>,
    runtime: Runtime,
    port: u16,
    pub vhost: String,
}

impl Wire {
    /// To a virtual host of a node that runs.
    pub fn new(node: &Node, vhost: String) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut wire = Self { connection: None, runtime, port: node.port, vhost };
        wire.reconnect();
        wire
    }

    /// The same, after the node has been restarted.
    pub fn reconnect(&mut self) {
        let mut arguments = OpenConnectionArguments::new("127.0.0.1", self.port, "boss", "boss");
        arguments.virtual_host(&self.vhost);
        let _inside = self.runtime.enter();
        // A node that has just been started may hang up on the first who come.
        let mut patience = Patience::new();
        self.connection = loop {
            match self.runtime.block_on(Connection::open(&arguments)) {
                Ok(connection) => break Some(connection),
                Err(error) => assert!(patience.lasts(), "the broker does not let us in: {error}"),
            }
        };
    }

    fn channel(&self) -> Channel {
        self.runtime.block_on(self.connection.as_ref().unwrap().open_channel(None)).unwrap()
    }

    /// Does something with a channel of its own.
    fn with<T>(&self, body: impl AsyncFnOnce(&Channel) -> T) -> T {
        let channel = self.channel();
        self.runtime.block_on(async {
            let result = body(&channel).await;
            let _ = channel.close().await;
            result
        })
    }

    /// Makes a queue.
    pub fn declare(&self, queue: &str, is_durable: bool) {
        let mut arguments = QueueDeclareArguments::new(queue);
        let arguments = arguments.durable(is_durable).finish();
        self.with(async |channel| channel.queue_declare(arguments).await.unwrap());
    }

    /// Makes a durable queue with these arguments.
    pub fn declare_with(&self, queue: &str, arguments: &[(&str, FieldValue)]) {
        let mut table = FieldTable::new();
        for (name, value) in arguments {
            table.insert((*name).try_into().unwrap(), value.clone());
        }
        let declaration = QueueDeclareArguments::new(queue).durable(true).arguments(table).finish();
        self.with(async |channel| channel.queue_declare(declaration).await.unwrap());
    }

    /// Makes a queue that all nodes of a cluster have.
    pub fn declare_quorum(&self, queue: &str) {
        self.declare_with(queue, &[("x-queue-type", FieldValue::S("quorum".try_into().unwrap()))]);
    }

    /// Hangs up.
    pub fn disconnect(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.runtime.block_on(connection.close()).unwrap();
        }
    }

    /// Makes a queue that nobody else may use.
    pub fn occupy(&self, queue: &str) {
        let mut arguments = QueueDeclareArguments::new(queue);
        let arguments = arguments.exclusive(true).finish();
        self.with(async |channel| channel.queue_declare(arguments).await.unwrap());
    }

    /// Makes a queue that delivers to one consumer alone, and is that consumer until the channel is dropped.
    pub fn hold(&self, queue: &str) -> Channel {
        let mut table = FieldTable::new();
        table.insert("x-single-active-consumer".try_into().unwrap(), true.into());
        let declaration = QueueDeclareArguments::new(queue).durable(true).arguments(table).finish();
        let channel = self.channel();
        self.runtime.block_on(async {
            channel.queue_declare(declaration).await.unwrap();
            channel.basic_qos(BasicQosArguments::new(0, 1, false)).await.unwrap();
            channel.basic_consume_rx(BasicConsumeArguments::new(queue, "holder")).await.unwrap();
        });
        channel
    }

    /// Is the only consumer that a queue may have, until the channel is dropped.
    pub fn hold_exclusively(&self, queue: &str) -> Channel {
        let channel = self.channel();
        let mut arguments = BasicConsumeArguments::new(queue, "holder");
        let arguments = arguments.exclusive(true).finish();
        self.runtime.block_on(channel.basic_consume_rx(arguments)).unwrap();
        channel
    }

    /// Lets go of a queue.
    pub fn let_go(&self, channel: Channel) {
        self.runtime.block_on(channel.close()).unwrap();
    }

    /// Deletes a queue.
    pub fn delete(&self, queue: &str) {
        let arguments = QueueDeleteArguments::new(queue);
        self.with(async |channel| channel.queue_delete(arguments).await.unwrap());
    }

    /// Puts a message into a queue, which has it for good then.
    pub fn put(&self, queue: &str, body: impl Into<Vec<u8>>) {
        let properties = BasicProperties::default().with_delivery_mode(2).finish();
        let arguments = BasicPublishArguments::new("", queue);
        let (sender, mut confirmed) = unbounded_channel();
        self.with(async |channel| {
            channel.register_callback(Confirmed(sender)).await.unwrap();
            channel.confirm_select(ConfirmSelectArguments::default()).await.unwrap();
            channel.basic_publish(properties, body.into(), arguments).await.unwrap();
            confirmed.recv().await.unwrap();
        });
    }

    /// Puts many messages into queues, which have them for good then.
    pub fn put_all(&self, messages: impl Iterator<Item = (&'static str, String)>) {
        let (sender, mut confirmed) = unbounded_channel();
        self.with(async |channel| {
            channel.register_callback(Confirmed(sender)).await.unwrap();
            channel.confirm_select(ConfirmSelectArguments::default()).await.unwrap();
            let mut pending = BTreeSet::new();
            for (queue, body) in messages {
                let properties = BasicProperties::default().with_delivery_mode(2).finish();
                let arguments = BasicPublishArguments::new("", queue);
                channel.basic_publish(properties, body.into(), arguments).await.unwrap();
                pending.insert(u64::try_from(pending.len() + 1).unwrap());
            }
            while !pending.is_empty() {
                let (tag, is_multiple) = confirmed.recv().await.unwrap();
                pending.retain(|at| *at != tag && !(is_multiple && *at < tag));
            }
        });
    }

    /// Takes all messages out of a queue.
    pub fn take_all(&self, queue: &str) -> Vec<String> {
        self.with(async |channel| {
            let mut bodies = Vec::new();
            while let Ok(Some((got, _, body))) = channel.basic_get(BasicGetArguments::new(queue)).await {
                channel.basic_ack(BasicAckArguments::new(got.delivery_tag(), false)).await.unwrap();
                bodies.push(String::from_utf8(body).unwrap());
            }
            bodies
        })
    }

    /// Takes a message out of a queue, and gives it back: the broker says then that it was delivered before.
    pub fn touch(&self, queue: &str) {
        let arguments = BasicGetArguments::new(queue);
        self.with(async |channel| channel.basic_get(arguments).await.unwrap().unwrap());
    }

    /// How many messages wait in a queue, and how many consumers it has.
    pub fn count(&self, queue: &str) -> (u32, u32) {
        let mut arguments = QueueDeclareArguments::new(queue);
        let arguments = arguments.passive(true).finish();
        self.with(async |channel| channel.queue_declare(arguments).await)
            .ok()
            .flatten()
            .map_or((0, 0), |(_, messages, consumers)| (messages, consumers))
    }

    /// Takes a message out of a queue, if there is one.
    pub fn take(&self, queue: &str) -> Option<String> {
        let arguments = BasicGetArguments::new(queue);
        let message = self.with(async |channel| {
            let (got, _, body) = channel.basic_get(arguments).await.unwrap()?;
            channel.basic_ack(BasicAckArguments::new(got.delivery_tag(), false)).await.unwrap();
            Some(body)
        });
        message.map(|body| String::from_utf8(body).unwrap())
    }

    /// Waits for a message of the process engine's queue.
    #[track_caller]
    pub fn reply(&self, describe: impl Fn() -> String) -> String {
        let mut patience = Patience::new();
        loop {
            if let Some(body) = self.take(ENGINE) {
                return body;
            }
            assert!(patience.lasts(), "no reply came\n{}", describe());
        }
    }
}

/// Tells which message the broker has confirmed, and whether all before it, too.
struct Confirmed(UnboundedSender<(u64, bool)>);

#[async_trait]
impl ChannelCallback for Confirmed {
    async fn close(&mut self, _: &Channel, _: CloseChannel) -> Result<(), Error> {
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), Error> {
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &Channel, ack: Ack) {
        let _ = self.0.send((ack.delivery_tag(), ack.mutiple()));
    }

    async fn publish_nack(&mut self, _: &Channel, _: Nack) {}

    async fn publish_return(&mut self, _: &Channel, _: Return, _: BasicProperties, _: Vec<u8>) {}
}

impl Drop for Wire {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        self.connection = None;
    }
}
