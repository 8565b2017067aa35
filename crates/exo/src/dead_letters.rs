//! What becomes of a message that is rejected: the broker keeps it if its queue has a dead-letter exchange, and throws it
//! away otherwise.
//!
//! AMQP has no question for that. But the broker refuses to make a queue that is there with other arguments, and says then
//! which argument differs, and what it is. An exchange that a policy gives to the queue does not show in this.

use crate::callbacks::Callbacks;
use amqprs::channel::QueueDeclareArguments;
use amqprs::connection::Connection;
use amqprs::{BasicProperties, FieldTable, FieldValue};

const EXCHANGE: &str = "x-dead-letter-exchange";

/// How many arguments of a queue may come before that one.
const MOST_ARGUMENTS: usize = 16;

/// How often a message has come back, as the broker counts for some kinds of queues.
pub fn returns(properties: &BasicProperties) -> u64 {
    let key = "x-delivery-count".try_into();
    let count = properties.headers().zip(key.ok()).and_then(|(headers, key)| headers.get(&key));
    let count = match count {
        Some(FieldValue::l(count)) => u64::try_from(*count).ok(),
        Some(FieldValue::I(count)) => u64::try_from(*count).ok(),
        Some(FieldValue::i(count)) => Some(u64::from(*count)),
        Some(FieldValue::s(count)) => u64::try_from(*count).ok(),
        Some(FieldValue::b(count)) => u64::try_from(*count).ok(),
        Some(FieldValue::B(count)) => Some(u64::from(*count)),
        _ => None,
    };
    count.unwrap_or_default()
}

/// Whether the broker keeps what is rejected; false if it cannot be found out.
pub async fn are_kept(connection: &Connection, queue: &str, callbacks: &Callbacks) -> bool {
    let mut arguments = FieldTable::new();
    for _ in 0..MOST_ARGUMENTS {
        let text = match refusal((connection, callbacks), queue, &arguments).await {
            Some(text) => text,
            // It is the queue that is there.
            None => return false,
        };
        match Difference::parse(&text) {
            Some(Difference { name: EXCHANGE, .. }) => return true,
            Some(Difference { name, value }) => {
                let Ok(name) = name.try_into() else { return false };
                arguments.insert(name, value);
            }
            None => return false,
        }
    }
    false
}

/// What the broker says against a queue with these arguments; `None` if nothing.
async fn refusal(
    (connection, callbacks): (&Connection, &Callbacks),
    queue: &str,
    arguments: &FieldTable,
) -> Option<String> {
    let channel = connection.open_channel(None).await.ok()?;
    channel.register_callback(callbacks.clone()).await.ok()?;
    let mut declaration = QueueDeclareArguments::durable_client_named(queue);
    declaration.arguments(arguments.clone());
    if channel.queue_declare(declaration).await.is_ok() {
        let _ = channel.close().await;
        return None;
    }
    callbacks.reason.take().map(|closed| closed.text)
}

/// How an argument of a queue differs from what was asked for.
#[derive(Debug, PartialEq)]
struct Difference<'a> {
    name: &'a str,
    value: FieldValue,
}

impl<'a> Difference<'a> {
    /// Reads `... inequivalent arg 'NAME' for queue ... but current is the value 'VALUE' of type 'TYPE'`.
    fn parse(text: &'a str) -> Option<Self> {
        let (_, rest) = text.split_once("inequivalent arg '")?;
        let (name, rest) = rest.split_once('\'')?;
        let (_, current) = rest.rsplit_once("but current is the value '")?;
        let (value, kind) = current.rsplit_once("' of type '")?;
        let value = match kind.trim_end_matches('\'') {
            "longstr" => value.into(),
            "bool" => (value == "true").into(),
            _ => FieldValue::l(value.parse().ok()?),
        };
        Some(Self { name, value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_refuses_says_what_differs() {
        let check = |text: &str, expected: Option<(&str, FieldValue)>| {
            let expected = expected.map(|(name, value)| Difference { name, value });
            assert_eq!(Difference::parse(text), expected, "{text}");
        };
        let text = |name: &str, rest: &str| {
            format!(
                "PRECONDITION_FAILED - inequivalent arg '{name}' for queue 'p' in vhost '/': received {rest}"
            )
        };
        let current = "none but current is the value 'dead' of type 'longstr'";
        check(&text(EXCHANGE, current), Some((EXCHANGE, "dead".into())));
        let current = "none but current is the value '5000' of type 'signedint'";
        check(&text("x-message-ttl", current), Some(("x-message-ttl", FieldValue::l(5000))));
        let current = "none but current is the value 'true' of type 'bool'";
        check(&text("x-single-active-consumer", current), Some(("x-single-active-consumer", true.into())));
        let current =
            "the value 'classic' of type 'longstr' but current is the value 'quorum' of type 'longstr'";
        check(&text("x-queue-type", current), Some(("x-queue-type", "quorum".into())));
        check(&text("x-queue-type", "the value 'quorum' of type 'longstr' but current is none"), None);
        check(&text("durable", "'true' but current is 'false'"), None);
        check("ACCESS_REFUSED - access to queue 'p' in vhost '/' refused for user 'noconf'", None);
    }
}
