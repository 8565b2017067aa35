//! What happens on a connection to the broker.

use crate::amqp::Trouble;
use crate::closed::Closed;
use crate::event::{Caller, Message};

/// What happens, with the number of the connection on which it does.
pub type Stamped = (u64, Incoming);

/// What happens.
pub enum Incoming {
    /// The connection is there, and was handed over.
    Linked,
    /// No connection was made.
    Trouble(Trouble),
    /// The connection is gone.
    Lost(String),
    /// The broker has closed one of its channels.
    Closed(Closed),
    /// Messages come from now on.
    Consuming,
    /// Messages come no more.
    Silent,
    /// The broker has answered on the channel that work comes from.
    Answer {
        /// How many messages wait.
        waiting: u32,
        /// How many it had been told about before it was asked.
        told: u64,
    },
    /// A message.
    Delivery(Message),
    /// Whether the broker keeps what is rejected.
    DeadLetters(bool),
    /// What was published could not be put into any queue.
    Returned(u64, String),
    /// The broker has what was published.
    Confirmed(u64),
    /// The broker does not have what was published.
    Unconfirmed(u64),
    /// The broker takes nothing that is published, as it says.
    Blocked(String),
    /// The broker takes again what is published.
    Unblocked,
    /// It is time to see whether the broker has confirmed more than so many messages.
    Overdue(u64),
    /// A client asks about an item.
    Asked {
        /// The process that it belongs to.
        wfid: String,
        /// The client.
        from: Caller,
        /// The question.
        body: Vec<u8>,
    },
}
