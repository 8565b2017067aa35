//! Letting people ask about an item in hand, by a queue that nobody else has.

use crate::event::Caller;
use crate::incoming::{Incoming, Stamped};
use amqprs::channel::{BasicConsumeArguments, Channel, ConsumerMessage, QueueDeclareArguments};
use amqprs::connection::Connection;
use amqprs::error::Error;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot::{Sender, channel};

/// How long to wait before the queue is tried again that somebody else has.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Somebody can ask until this is dropped.
pub struct Listener(#[expect(dead_code, reason = "its end is what counts")] Sender<()>);

impl Listener {
    /// For items of a process, by that queue.
    pub fn start(place: Place, sender: UnboundedSender<Stamped>, epoch: u64) -> Self {
        let (end, mut ended) = channel();
        tokio::spawn(async move {
            loop {
                // Another item of this process may be in hand elsewhere: that one is asked about until it is done with.
                if let Ok((_channel, mut messages)) = place.listen().await {
                    // amqprs does not survive that a call is given up, so the end is waited for in between.
                    loop {
                        let message = tokio::select! {
                            _ = &mut ended => return,
                            message = messages.recv() => message,
                        };
                        let Some(message) = message else { break };
                        if let Some(asked) = place.asked(message) {
                            let _ = sender.send((epoch, asked));
                        }
                    }
                }
                tokio::select! {
                    _ = &mut ended => return,
                    () = tokio::time::sleep(AGAIN_AFTER) => {}
                }
            }
        });
        Self(end)
    }
}

/// Where questions come from.
pub struct Place {
    /// The connection.
    pub connection: Connection,
    /// The queue.
    pub queue: String,
    /// The process.
    pub wfid: String,
}

impl Place {
    async fn listen(&self) -> Result<(Channel, UnboundedReceiver<ConsumerMessage>), Error> {
        let channel = self.connection.open_channel(None).await?;
        let mut declaration = QueueDeclareArguments::new(&self.queue);
        channel.queue_declare(declaration.exclusive(true).auto_delete(true).finish()).await?;
        let mut arguments = BasicConsumeArguments::new(&self.queue, "control");
        let (_, messages) = channel.basic_consume_rx(arguments.manual_ack(false).finish()).await?;
        Ok((channel, messages))
    }

    fn asked(&self, message: ConsumerMessage) -> Option<Incoming> {
        let properties = message.basic_properties.unwrap_or_default();
        let reply_to = properties.reply_to().cloned()?;
        let from = Caller { reply_to, correlation: properties.correlation_id().cloned() };
        let body = message.content.unwrap_or_default();
        Some(Incoming::Asked { wfid: self.wfid.clone(), from, body })
    }
}

/// The queue that asks about an item of a process.
pub fn control_queue(name: &str, wfid: &str) -> String {
    format!("{name}.{wfid}.control")
}
