//! The broker as both a participant and its tools reach it: connecting, and what may be in the way.

use crate::address::{Address, Login, Nodes};
use crate::closed::Closed;
use crate::event::Refusal;
use crate::tls;
use amqprs::channel::{BasicPublishArguments, Channel};
use amqprs::connection::{Connection, OpenConnectionArguments};
use amqprs::error::Error;
use amqprs::security::SecurityCredentials;
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
    HungUp(Box<Address>),
    /// It does not want us.
    Refused(Refusal),
}

impl Trouble {
    /// What counts if all nodes of a broker have been tried: what an administrator has to change, if there is such a thing,
    /// else that a login was not answered, else what is wrong with each.
    pub fn of_all(troubles: Vec<Self>) -> Self {
        let (mut away, mut hung_up) = (Vec::new(), None);
        for trouble in troubles {
            match trouble {
                Self::Refused(refusal) => return Self::Refused(refusal),
                Self::HungUp(address) => hung_up = hung_up.or(Some(address)),
                Self::Away(reason) => away.push(reason),
            }
        }
        hung_up.map_or_else(|| Self::Away(away.join("; ")), Self::HungUp)
    }
}

/// Connects.
pub async fn connect(address: &Address, name: &str) -> Result<Connection, Trouble> {
    let Address { host, port, user, password, vhost, .. } = address;
    let mut arguments = OpenConnectionArguments::new(host, *port, user, &password.0);
    arguments.virtual_host(vhost).connection_name(&format!("exo {name}")).heartbeat(30);
    if address.login == Login::External {
        arguments.credentials(SecurityCredentials::new_external());
    }
    if let Some(tls) = &address.tls {
        let adaptor = tls::adaptor(address, tls).map_err(|text| {
            let text = format!("the broker at {address} cannot be reached by TLS: {text}");
            Trouble::Refused(Refusal { text, pause: PAUSE })
        })?;
        arguments.tls_adaptor(adaptor);
    }
    let start = Instant::now();
    match tokio::time::timeout(PATIENCE, Connection::open(&arguments)).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(Error::NetworkError(text))) if is_hanging_up(&text) => {
            let is_login = start.elapsed() >= HESITATION;
            let address = address.clone();
            Err(if is_login { Trouble::HungUp(Box::new(address)) } else { Trouble::Away(hung_up(&address)) })
        }
        Ok(Err(Error::NetworkError(text))) => Err(no_network(address, &text)),
        Ok(Err(Error::ConnectionOpenError(text))) => Err(not_opened(address, &text)),
        Ok(Err(error)) => Err(Trouble::Away(format!("{address}: {error}"))),
        Err(_) => Err(Trouble::Away(format!("{address} does not answer"))),
    }
}

/// Connects to the first of these that accepts us.
pub async fn connect_to_any(nodes: &Nodes, name: &str) -> Result<(Connection, Address), Trouble> {
    let mut troubles = Vec::new();
    for address in nodes.iter() {
        match connect(address, name).await {
            Ok(connection) => return Ok((connection, address.clone())),
            Err(trouble) => troubles.push(trouble),
        }
    }
    Err(Trouble::of_all(troubles))
}

/// What it means that the network fails. What rustls says is told apart by its text, as amqprs keeps nothing else.
fn no_network(address: &Address, text: &str) -> Trouble {
    let Address { ca_from, certificate_from, .. } = address;
    let text = match text.strip_prefix("network io error: ").unwrap_or(text) {
        text if text.contains("invalid peer certificate") => {
            format!("the broker at {address} has a certificate that is not trusted: {ca_from} ({text})")
        }
        text if text.contains("received fatal alert") => {
            format!("the broker at {address} does not accept us by TLS: {certificate_from} ({text})")
        }
        text => return Trouble::Away(format!("{address}: {text}")),
    };
    Trouble::Refused(Refusal { text, pause: PAUSE })
}

/// Whether the connection was there, and was ended by the broker. amqprs does not ask it to say why.
fn is_hanging_up(text: &str) -> bool {
    ["peer shutdown", "interrupted", "reset by peer", "close_notify"].iter().any(|how| text.contains(how))
}

/// What is said when the login is not answered.
pub fn hung_up(address: &Address) -> String {
    format!("{address} hung up during the login")
}

/// What is said when the broker does not accept the account.
pub fn bad_login(address: &Address) -> Refusal {
    let Address { user, login_from, .. } = address;
    let who = match address.login {
        Login::Plain => format!("the user {user} with this password"),
        Login::External => "this certificate as the name of a user".to_string(),
    };
    let text = format!("the broker at {address} does not accept {who}: {login_from}");
    Refusal { text, pause: PAUSE_AFTER_LOGIN }
}

/// What the broker said when it closed the connection. amqprs shows the whole frame as Rust prints values.
fn reply_text(shown: &str) -> String {
    let quoted = shown.split_once("reply_text: ").and_then(|(_, rest)| rest.split_once('"'));
    let text = quoted.map_or(shown, |(_, rest)| rest.split_once("\")").map_or(rest, |(text, _)| text));
    text.replace("\\\"", "\"")
}

/// What it means that the broker does not open the connection after the login.
fn not_opened(address: &Address, shown: &str) -> Trouble {
    let Address { vhost, vhost_from, .. } = address;
    let text = reply_text(shown);
    let text = match text {
        text if text.ends_with("not found") => format!(
            "the broker at {address} has no virtual host {vhost}: {vhost_from}, or rabbitmqctl add_vhost {vhost}"
        ),
        // Without a reason behind it: that would be a limit, or a virtual host that is down.
        text if refused_user(&text).is_some() => format!(
            "the broker at {address} does not let {} into the virtual host {vhost}: {vhost_from}, or {}",
            user(address, &text),
            permissions(address, &text)
        ),
        text if text.contains("is not supported by server") => {
            format!("the broker at {address} knows no such login: {}, or {text}", address.login_from)
        }
        text => return Trouble::Away(format!("{address}: {text}")),
    };
    Trouble::Refused(Refusal { text, pause: PAUSE })
}

/// The user that the broker has refused something to, if that is all that it says.
fn refused_user(text: &str) -> Option<&str> {
    let (_, user) = text.split_once("refused for user '")?;
    user.strip_suffix('\'').filter(|user| !user.contains("': "))
}

/// The user that the broker speaks of: after a login by certificate, only it knows the name.
fn user<'a>(address: &'a Address, text: &'a str) -> &'a str {
    refused_user(text).unwrap_or(&address.user)
}

/// What the administrator is told to do for the account.
fn permissions(address: &Address, text: &str) -> String {
    let (vhost, user) = (&address.vhost, user(address, text));
    let quote = if user.contains(' ') { "'" } else { "" };
    format!("rabbitmqctl set_permissions -p {vhost} {quote}{user}{quote} '.*' '.*' '.*'")
}

/// What it means that the queue cannot be had.
pub fn no_queue(address: &Address, queue: &str, closed: &Closed) -> Trouble {
    let (Address { queue_from, .. }, text) = (address, &closed.text);
    let user = user(address, text);
    let text = match closed {
        closed if closed.is_not_durable() => format!(
            "the broker at {address} has a queue {queue} that is not durable, so its items would be lost with the \
             broker: {queue_from}, or have it made durable ({text})"
        ),
        closed if closed.is_forbidden() => format!(
            "the broker at {address} does not let {user} make the queue {queue}: {}, or make it as another user \
             ({text})",
            permissions(address, text)
        ),
        _ => return Trouble::Away(format!("{address}: {text}")),
    };
    Trouble::Refused(Refusal { text, pause: PAUSE })
}

/// What is said when the queue may not be read.
pub fn no_reading(address: &Address, queue: &str, text: &str) -> Refusal {
    let (user, permissions) = (user(address, text), permissions(address, text));
    let text = format!(
        "the broker at {address} does not let {user} read from the queue {queue}: {permissions} ({text})"
    );
    Refusal { text, pause: PAUSE }
}

/// What is said when nothing can be sent to the process engine.
pub fn no_writing(address: &Address, text: &str) -> String {
    let (user, permissions) = (user(address, text), permissions(address, text));
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
    fn what_the_broker_said_is_found_in_the_frame() {
        let shown = r#"failed: Close(H, Close { reply_code: 530, reply_text: ShortStr(9, "NOT_ALLOWED - \"a\" not found"), class_id: 10 })"#;
        assert_eq!(reply_text(shown), r#"NOT_ALLOWED - "a" not found"#);
        assert_eq!(reply_text("no frame"), "no frame");
    }
}
