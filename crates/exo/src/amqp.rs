//! The broker as both a participant and its tools reach it: connecting, and what may be in the way.

use crate::event::Refusal;
use crate::setup::Address;
use amqprs::channel::{BasicPublishArguments, Channel, QueueDeclareArguments};
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::error::Error;
use amqprs::{BasicProperties, DELIVERY_MODE_PERSISTENT};
use std::time::Duration;

/// The queue of the process engine.
pub const ENGINE: &str = "ruote_workitems";

/// How long connecting may take. The broker itself waits some seconds before it says no.
const PATIENCE: Duration = Duration::from_secs(20);

/// After a login that failed, so that no account is locked.
const PAUSE_AFTER_LOGIN: Duration = Duration::from_secs(10);

/// After another refusal.
const PAUSE: Duration = Duration::from_secs(1);

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

/// Connects.
pub async fn connect(address: &Address, name: &str) -> Result<Connection, Trouble> {
    let mut arguments =
        OpenConnectionArguments::new(&address.host, address.port, &address.user, &address.password);
    arguments.virtual_host(&address.vhost).connection_name(&format!("exo {name}")).heartbeat(30);
    match tokio::time::timeout(PATIENCE, Connection::open(&arguments)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(Error::NetworkError(text))) if is_hanging_up(&text) => Err(Trouble::HungUp),
        Ok(Err(Error::ConnectionOpenError(text))) => Err(Trouble::Refused(not_opened(address, &text))),
        Ok(Err(error)) => Err(Trouble::Away(format!("{address}: {error}"))),
        Err(_) => Err(Trouble::Away(format!("{address} does not answer"))),
    }
}

/// Whether the connection was there, and was ended by the broker. amqprs does not ask it to say why.
fn is_hanging_up(text: &str) -> bool {
    ["peer shutdown", "interrupted", "reset by peer"].iter().any(|how| text.contains(how))
}

/// What is said when the broker does not accept the account.
pub fn bad_login(address: &Address) -> Refusal {
    let Address { user, login_from, .. } = address;
    let text =
        format!("the broker at {address} does not accept the user {user} with this password: {login_from}");
    Refusal { text, pause: PAUSE_AFTER_LOGIN }
}

fn not_opened(address: &Address, text: &str) -> Refusal {
    let Address { user, vhost, vhost_from, .. } = address;
    let text = match text {
        text if text.contains("not found") => {
            format!(
                "the broker at {address} has no virtual host {vhost}: {vhost_from}, or rabbitmqctl add_vhost {vhost}"
            )
        }
        text if text.contains("refused") => format!(
            "the broker at {address} does not let {user} into the virtual host {vhost}: {vhost_from}, or rabbitmqctl \
             set_permissions -p {vhost} {user} '.*' '.*' '.*'"
        ),
        text => format!("the broker at {address} refuses the connection: {text}"),
    };
    Refusal { text, pause: PAUSE }
}

/// What is said when the queue cannot be had; `text` is the broker's.
pub fn bad_queue(address: &Address, queue: &str, text: &str) -> Refusal {
    let Address { queue_from, .. } = address;
    let text = format!(
        "the broker at {address} has a queue {queue} that is not as a participant needs it: {queue_from}, or \
         rabbitmqctl delete_queue {queue} ({text})"
    );
    Refusal { text, pause: PAUSE }
}

/// A queue that survives the broker.
pub fn durable(queue: &str) -> QueueDeclareArguments {
    QueueDeclareArguments::durable_client_named(queue)
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
