//! A queue as a participant needs it: durable, and with whichever other properties its administrator has chosen.

use crate::address::Address;
use crate::amqp::{Trouble, no_queue};
use crate::callbacks::{Callbacks, Reason};
use crate::closed::Closed;
use amqprs::channel::QueueDeclareArguments;
use amqprs::connection::Connection;
use amqprs::error::Error;

/// Why a queue cannot be used.
pub enum Unusable {
    /// The broker has closed the channel.
    Closed(Closed),
    /// The connection has failed.
    Failed(Error),
}

impl Unusable {
    /// The same for a participant, of which this is the queue.
    pub fn trouble(self, address: &Address, queue: &str) -> Trouble {
        match self {
            Self::Closed(closed) => no_queue(address, queue, &closed),
            Self::Failed(error) => Trouble::Away(format!("{address}: {error}")),
        }
    }

    /// Whether a later attempt may succeed without a change of permissions or of the queue.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Closed(closed) => closed.is_limit(),
            Self::Failed(_) => true,
        }
    }
}

/// Finds a queue, or makes it if there is none.
pub async fn find_or_make(connection: &Connection, queue: &str) -> Result<(), Unusable> {
    match declare(connection, existing(queue)).await {
        Err(Unusable::Closed(closed)) if closed.is_missing() => {
            return declare(connection, durable(queue)).await;
        }
        found => found?,
    }
    // A passive declaration does not tell whether the queue is durable. Another one does: the broker compares this first,
    // and a difference in anything else, or a lack of permission, makes the queue no less usable.
    match declare(connection, durable(queue)).await {
        Err(Unusable::Closed(closed)) if !closed.is_not_durable() => Ok(()),
        compared => compared,
    }
}

/// Declares a queue on a channel of its own, as the broker closes the channel of a declaration that fails.
async fn declare(connection: &Connection, arguments: QueueDeclareArguments) -> Result<(), Unusable> {
    let reason = Reason::default();
    let channel = connection.open_channel(None).await.map_err(Unusable::Failed)?;
    channel.register_callback(Callbacks::only_reason(&reason)).await.map_err(Unusable::Failed)?;
    match channel.queue_declare(arguments).await {
        Ok(_) => channel.close().await.map_err(Unusable::Failed),
        Err(error) => Err(reason.take().map_or(Unusable::Failed(error), Unusable::Closed)),
    }
}

/// A queue that survives a restart of the broker.
fn durable(queue: &str) -> QueueDeclareArguments {
    QueueDeclareArguments::durable_client_named(queue)
}

/// A queue that exists already.
pub fn existing(queue: &str) -> QueueDeclareArguments {
    QueueDeclareArguments::new(queue).passive(true).finish()
}
