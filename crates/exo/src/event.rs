//! What happens to a participant, and what is done about it.
#![forbid(unsafe_code)]

use crate::level::Level;
use crate::protocol::{FromLogic, ToLogic};
use serde_json::{Map, Value};
use std::time::Duration;

/// The settings that its life depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What it is called.
    pub name: String,
    /// What the logic is told at its start.
    pub config: Map<String, Value>,
    /// How many items it works on at once.
    pub prefetch: usize,
    /// How long the logic may work on one; no limit without.
    pub timeout: Option<Duration>,
    /// How long work may go on after TERM; no limit without.
    pub grace: Option<Duration>,
    /// How often the logic may end on an item; no limit without.
    pub attempts: Option<u16>,
    /// Whether the exit code tells that an item has failed.
    pub is_strict: bool,
    /// Where work comes from.
    pub origin: Origin,
}

/// Where work comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A broker.
    Broker,
    /// A file.
    Local,
}

impl Origin {
    /// What becomes of an item that was not answered.
    pub fn fate(self) -> &'static str {
        match self {
            Self::Broker => "goes back to the queue",
            Self::Local => "stays undone",
        }
    }
}

/// A message of the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The number by which it is acknowledged, on this connection.
    pub tag: u64,
    /// Whether it was delivered before.
    pub is_again: bool,
    /// How often it has come back, as the broker counts; 0 if it does not count.
    pub returns: u64,
    /// Its content.
    pub body: Vec<u8>,
}

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The broker is there, and has the queue.
    Linked,
    /// It is not there, or no longer; why.
    Lost(String),
    /// It does not want us.
    Refused(Refusal),
    /// Messages come from now on.
    Consuming,
    /// The broker has a message for us.
    Delivery(Message),
    /// Whether the broker keeps what is rejected, as it was asked.
    DeadLetters(bool),
    /// The broker has acted on the first so many acknowledgements, rejections and returns of this connection.
    Known(u64),
    /// The broker has what was published as this ticket.
    Confirmed(u64),
    /// It has not; why.
    Unconfirmed(u64, String),
    /// It takes nothing that has so many bytes or more, and closes the connection because of that; what it says.
    TooLong(usize, String),
    /// The broker takes no replies at present; why.
    Blocked(String),
    /// It takes them again.
    Unblocked,
    /// A client asks about an item in hand.
    Asked {
        /// The process that it belongs to.
        wfid: String,
        /// The client.
        from: Caller,
        /// The question.
        body: Vec<u8>,
    },
    /// The logic has printed a message.
    FromLogic(FromLogic),
    /// It has printed something else, with the newline at the end unless it was cut off.
    Rubbish(Vec<u8>),
    /// It has printed a line on standard error.
    Stderr(Vec<u8>),
    /// It has closed its standard output.
    LogicMute,
    /// It has ended; how.
    LogicEnded(String),
    /// What should be an item cannot be read; why.
    Unreadable(String),
    /// TERM has come.
    Term,
    /// No more work comes, because there is none: end when all is done.
    Drained,
    /// Time has passed.
    Tick,
}

/// Why the broker does not want us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the administrator has to know.
    pub text: String,
    /// How long to wait, so that trying again is not taken for an attack.
    pub pause: Duration,
}

/// Who has asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The queue that the answer goes to.
    pub reply_to: String,
    /// What it is recognised by.
    pub correlation: Option<String>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Connect to the broker, after that time.
    Connect(Duration),
    /// Let messages come.
    Consume,
    /// Let no more come.
    CancelConsumer,
    /// Send something to the process engine; it is to be confirmed by its ticket.
    Publish(u64, Vec<u8>),
    /// This message is done with.
    Ack(u64),
    /// This message is of no use to anybody.
    Reject(u64),
    /// This message is for somebody else.
    Requeue(u64),
    /// Ask the broker whether it keeps what is rejected.
    FindDeadLetters,
    /// Keep this text for the next start.
    Remember(String),
    /// Let somebody ask about an item of this process.
    Listen(String),
    /// No longer.
    Unlisten(String),
    /// Answer who has asked.
    Answer(Caller, Vec<u8>),
    /// Tell the logic.
    Tell(ToLogic),
    /// End the logic and all that it has started.
    Kill,
    /// Tell supervise that we are ready.
    Ready,
    /// Log a text about these processes.
    Log(Level, String, String),
    /// Log a line in any case: one that a program reads, or somebody wants to see.
    Note(String),
    /// End.
    Exit(u8),
}
