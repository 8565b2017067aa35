//! The broker as both a participant and its tools reach it: connecting, and what may be in the way.

use crate::event::Refusal;
use crate::setup::Address;
use amqprs::channel::{BasicPublishArguments, Channel};
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::error::Error;
use amqprs::{BasicProperties, DELIVERY_MODE_PERSISTENT};
use std::time::{Duration, Instant};

/// The queue of the process engine.
pub const ENGINE: &str = "ruote_workitems";

/// How long connecting may take. The broker itself waits some seconds before it says no.
const PATIENCE: Duration = Duration::from_secs(20);

/// After a login that failed, so that no account is locked.
const PAUSE_AFTER_LOGIN: Duration = Duration::from_secs(10);

/// After another refusal.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a broker takes at least before it hangs up because of a login; RabbitMQ takes 3 seconds. What hangs up sooner
/// has no broker behind it.
const HESITATION: Duration = Duration::from_secs(1);

/// Why there is no connection.
#[derive(Debug)]
pub enum Trouble {
    /// The broker is not there.
    Away(String),
    /// It has hung up during the login: so it refuses an account.
    HungUp,
    /// It does not want us.
    Refused(Refusal),
}

/// That the broker has closed a channel, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The kind of reason.
    pub code: u16,
    /// What it did not like: class and method.
    pub method: (u16, u16),
    /// What it says.
    pub text: String,
}

const ACCESS_REFUSED: u16 = 403;
const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;
const CONSUME: (u16, u16) = (60, 20);
const PUBLISH: (u16, u16) = (60, 40);

impl Closed {
    /// Whether the account lacks the permission. Another consumer that is exclusive has the same code.
    pub fn is_forbidden(&self) -> bool {
        self.code == ACCESS_REFUSED && self.text.contains("refused for user")
    }

    /// Whether a limit that the administrator has set is reached.
    pub fn is_limit(&self) -> bool {
        is_limit(&self.text)
    }

    /// Whether there is no such queue, or none at present because its node is down.
    pub fn is_missing(&self) -> bool {
        self.code == NOT_FOUND
    }

    /// Whether the queue would not survive a restart of the broker.
    pub fn is_not_durable(&self) -> bool {
        self.code == PRECONDITION_FAILED && self.text.contains("inequivalent arg 'durable'")
    }

    /// Whether it may not read from the queue.
    pub fn is_no_reading(&self) -> bool {
        self.is_forbidden() && self.method == CONSUME
    }

    /// Whether it may not write to the process engine.
    pub fn is_no_writing(&self) -> bool {
        self.is_forbidden() && self.method == PUBLISH
    }

    /// How long a message was that is too long: `message size 200 is larger than configured max size 100`.
    pub fn too_long(&self) -> Option<usize> {
        let is_it = self.code == PRECONDITION_FAILED && self.method == PUBLISH;
        let mut numbers = self.text.split(' ').filter_map(|word| word.parse().ok());
        numbers.next().filter(|_| is_it && self.text.contains("size"))
    }
}

/// Connects.
pub async fn connect(address: &Address, name: &str) -> Result<Connection, Trouble> {
    let mut arguments =
        OpenConnectionArguments::new(&address.host, address.port, &address.user, &address.password);
    arguments.virtual_host(&address.vhost).connection_name(&format!("exo {name}")).heartbeat(30);
    let start = Instant::now();
    match tokio::time::timeout(PATIENCE, Connection::open(&arguments)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(Error::NetworkError(text))) if is_hanging_up(&text) => {
            let is_login = start.elapsed() >= HESITATION;
            Err(if is_login { Trouble::HungUp } else { Trouble::Away(hung_up(address)) })
        }
        Ok(Err(Error::ConnectionOpenError(text))) => Err(not_opened(address, &text)),
        Ok(Err(error)) => Err(Trouble::Away(format!("{address}: {error}"))),
        Err(_) => Err(Trouble::Away(format!("{address} does not answer"))),
    }
}

/// Whether the connection was there, and was ended by the broker. amqprs does not ask it to say why.
fn is_hanging_up(text: &str) -> bool {
    ["peer shutdown", "interrupted", "reset by peer"].iter().any(|how| text.contains(how))
}

/// What is said when the login is not answered.
pub fn hung_up(address: &Address) -> String {
    format!("{address} hung up during the login")
}

/// What is said when the broker does not accept the account.
pub fn bad_login(address: &Address) -> Refusal {
    let Address { user, login_from, .. } = address;
    let text =
        format!("the broker at {address} does not accept the user {user} with this password: {login_from}");
    Refusal { text, pause: PAUSE_AFTER_LOGIN }
}

/// Whether the broker speaks of a limit, such as `connection limit (100) is reached` or `has reached the maximum allowed
/// user limit of (5)`.
fn is_limit(text: &str) -> bool {
    text.contains("limit") && text.contains("reached")
}

/// What the broker said when it closed the connection. amqprs shows the whole frame as Rust prints values.
fn reply_text(shown: &str) -> String {
    let quoted = shown.split_once("reply_text: ").and_then(|(_, rest)| rest.split_once('"'));
    let text = quoted.map_or(shown, |(_, rest)| rest.split_once("\")").map_or(rest, |(text, _)| text));
    text.replace("\\\"", "\"")
}

/// What it means that the broker does not open the connection after the login.
fn not_opened(address: &Address, shown: &str) -> Trouble {
    let Address { user, vhost, vhost_from, .. } = address;
    let text = reply_text(shown);
    let refused = format!("refused for user '{user}'");
    let text = match text {
        text if text.ends_with("not found") => format!(
            "the broker at {address} has no virtual host {vhost}: {vhost_from}, or rabbitmqctl add_vhost {vhost}"
        ),
        text if text.ends_with(&refused) => format!(
            "the broker at {address} does not let {user} into the virtual host {vhost}: {vhost_from}, or {}",
            permissions(address)
        ),
        // A limit, or a virtual host that is down.
        text => return Trouble::Away(format!("{address}: {text}")),
    };
    Trouble::Refused(Refusal { text, pause: PAUSE })
}

/// What the administrator is told to do for the account.
fn permissions(address: &Address) -> String {
    let Address { user, vhost, .. } = address;
    format!("rabbitmqctl set_permissions -p {vhost} {user} '.*' '.*' '.*'")
}

/// What it means that the queue cannot be had.
pub fn no_queue(address: &Address, queue: &str, closed: &Closed) -> Trouble {
    let (Address { user, queue_from, .. }, text) = (address, &closed.text);
    let text = match closed {
        closed if closed.is_not_durable() => format!(
            "the broker at {address} has a queue {queue} that is not durable, so its items would be lost with the \
             broker: {queue_from}, or have it made durable ({text})"
        ),
        closed if closed.is_forbidden() => format!(
            "the broker at {address} does not let {user} make the queue {queue}: {}, or make it as another user \
             ({text})",
            permissions(address)
        ),
        _ => return Trouble::Away(format!("{address}: {text}")),
    };
    Trouble::Refused(Refusal { text, pause: PAUSE })
}

/// What is said when the queue may not be read.
pub fn no_reading(address: &Address, queue: &str, text: &str) -> Refusal {
    let (user, permissions) = (&address.user, permissions(address));
    let text = format!(
        "the broker at {address} does not let {user} read from the queue {queue}: {permissions} ({text})"
    );
    Refusal { text, pause: PAUSE }
}

/// What is said when nothing can be sent to the process engine.
pub fn no_writing(address: &Address, text: &str) -> String {
    let (user, permissions) = (&address.user, permissions(address));
    format!("{address} does not let {user} write to {ENGINE}: {permissions} ({text})")
}

/// Publishes to a queue. The broker says so if there is none.
pub async fn publish(channel: &Channel, queue: &str, id: &str, body: Vec<u8>) -> Result<(), Error> {
    let mut properties = BasicProperties::default();
    properties.with_content_type("application/json").with_delivery_mode(DELIVERY_MODE_PERSISTENT);
    properties.with_message_id(id);
    let mut arguments = BasicPublishArguments::new("", queue);
    arguments.mandatory(true);
    channel.basic_publish(properties, body, arguments).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_channel_says_how_long_is_too_long() {
        let check = |code, method, text: &str, expected| {
            assert_eq!(Closed { code, method, text: text.to_string() }.too_long(), expected, "{text}");
        };
        let text = "PRECONDITION_FAILED - message size 2000000 is larger than configured max size 1000000";
        check(406, PUBLISH, text, Some(2_000_000));
        check(406, PUBLISH, "PRECONDITION_FAILED - message size 7 larger than max size 5", Some(7));
        check(403, PUBLISH, text, None);
        check(406, CONSUME, text, None);
        check(406, PUBLISH, "PRECONDITION_FAILED - invalid expiration 5", None);
    }

    #[test]
    fn limits_permissions_and_other_users_are_not_confused() {
        #[track_caller]
        fn check(code: u16, text: &str, expected: [bool; 3]) {
            let closed = Closed { code, method: CONSUME, text: text.to_string() };
            assert_eq!(
                [closed.is_forbidden(), closed.is_limit(), closed.is_not_durable()],
                expected,
                "{text}"
            );
        }
        let permission = [true, false, false];
        check(403, "ACCESS_REFUSED - access to queue 'p' in vhost 'v' refused for user 'u'", permission);
        check(403, "ACCESS_REFUSED - read access to queue 'p' in vhost 'v' refused for user 'u'", permission);
        check(403, "ACCESS_REFUSED - queue 'p' in vhost 'v' in exclusive use", [false; 3]);
        let limit = [false, true, false];
        let text = "PRECONDITION_FAILED - cannot declare queue 'p': queue limit in vhost 'v' (2) is reached";
        check(406, text, limit);
        check(
            530,
            "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed user limit of (5)",
            limit,
        );
        let text = "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'p' in vhost 'v': received 'true' but current is 'false'";
        check(406, text, [false, false, true]);
        let text = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'p' in vhost 'v': received none but current is the value 'quorum'";
        check(406, text, [false; 3]);
    }

    #[test]
    fn what_the_broker_said_is_found_in_the_frame() {
        let shown = r#"failed: Close(H, Close { reply_code: 530, reply_text: ShortStr(9, "NOT_ALLOWED - \"a\" not found"), class_id: 10 })"#;
        assert_eq!(reply_text(shown), r#"NOT_ALLOWED - "a" not found"#);
        assert_eq!(reply_text("no frame"), "no frame");
    }
}
