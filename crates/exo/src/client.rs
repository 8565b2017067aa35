//! What `skynet register`, `unregister` and `item` call: one message to the broker, and its answer.

use crate::address::Address;
use crate::amqp::{self, ENGINE, Trouble};
use crate::listening::control_queue;
use crate::protocol::Request;
use crate::queue::{self, Unusable};
use crate::setup::Setup;
use amqprs::callbacks::ChannelCallback;
use amqprs::channel::{BasicConsumeArguments, BasicPublishArguments, Channel, QueueDeclareArguments};
use amqprs::connection::Connection;
use amqprs::error::Error;
use amqprs::{Ack, BasicProperties, Cancel, CloseChannel, Nack, Return};
use async_trait::async_trait;
use serde_json::{Value, json};
use skynet_core::failure::Failure;
use skynet_core::workitem::{Registration, registration};
use std::io::Write;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::sleep;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long an item may be in hand before it can be asked about.
const HESITATION: Duration = Duration::from_millis(1000);

async fn connect(setup: &Setup) -> Result<(Connection, Address), Failure> {
    amqp::connect_to_any(&setup.nodes, &setup.name).await.map_err(refused)
}

fn refused(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Away(reason) => Failure::trouble(format_args!("unable to use the broker: {reason}")),
        Trouble::HungUp(address) => Failure::trouble(amqp::bad_login(&address).text),
        Trouble::Refused(refusal) => Failure::trouble(refusal.text),
    }
}

fn failed(error: Error) -> Failure {
    Failure::trouble(format_args!("the broker has failed: {error}"))
}

/// Tells the process engine about a participant.
pub async fn register(setup: &Setup, which: Registration) -> Result<u8, Failure> {
    let Setup { name, regexp, queue, .. } = setup;
    let (connection, address) = connect(setup).await?;
    match queue::find_or_make(&connection, ENGINE).await {
        // The engine has made it in its own way.
        Err(Unusable::Closed(closed)) if closed.is_not_durable() => {}
        found => found.map_err(|unusable| refused(unusable.trouble(&address, ENGINE)))?,
    }
    let channel = connection.open_channel(None).await.map_err(failed)?;
    let body = registration(regexp, queue, which).into_bytes();
    amqp::publish(&channel, ENGINE, "0", body).await.map_err(failed)?;
    // The answer to what comes later means that the broker has this.
    channel.queue_declare(QueueDeclareArguments::exclusive_server_named()).await.map_err(failed)?;
    connection.close().await.map_err(failed)?;
    let text = match which {
        Registration::Register => {
            format!("{name} is registered: the process engine calls it by {regexp}, queue {queue}")
        }
        Registration::Unregister => {
            format!("{name} is unregistered: the process engine no longer knows {regexp}")
        }
    };
    say(&text);
    Ok(0)
}

/// Asks about an item in hand.
pub async fn ask(setup: &Setup, wfid: &str, request: Request) -> Result<u8, Failure> {
    let queue = control_queue(&setup.name, wfid);
    if queue.len() > 255 {
        return Err(Failure::mistake(format_args!("{wfid} is too long for a process")));
    }
    let (connection, _) = connect(setup).await?;
    let channel = connection.open_channel(None).await.map_err(failed)?;
    let mine = QueueDeclareArguments::exclusive_server_named();
    let (mine, ..) = channel.queue_declare(mine).await.map_err(failed)?.unwrap_or_default();
    let mut arguments = BasicConsumeArguments::new(&mine, "answer");
    arguments.manual_ack(false);
    let (_, mut answers) = channel.basic_consume_rx(arguments).await.map_err(failed)?;
    let (sender, mut returned) = unbounded_channel();
    channel.register_callback(Returned(sender)).await.map_err(failed)?;
    let start = Instant::now();
    question(&channel, &queue, &mine, request).await.map_err(failed)?;
    let body = loop {
        tokio::select! {
            Some(answer) = answers.recv() => break answer.content.unwrap_or_default(),
            Some(()) = returned.recv() => {
                // What has just been begun can be asked about in a moment.
                if start.elapsed() >= HESITATION {
                    let _ = connection.close().await;
                    let text = format!("{} has nothing of {wfid} in hand", setup.name);
                    return Err(Failure { code: 1, ..Failure::mistake(text) });
                }
                sleep(Duration::from_millis(100)).await;
                question(&channel, &queue, &mine, request).await.map_err(failed)?;
            }
            () = sleep(PATIENCE) => {
                let text = format!("{} does not answer within {} s", setup.name, PATIENCE.as_secs());
                return Err(Failure::trouble(text));
            }
        }
    };
    let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
    say(&answer.get("return").unwrap_or(&Value::Null).to_string());
    let _ = connection.close().await;
    Ok(0)
}

/// Tells of messages that nobody wants.
struct Returned(UnboundedSender<()>);

#[async_trait]
impl ChannelCallback for Returned {
    async fn close(&mut self, _: &Channel, _: CloseChannel) -> Result<(), Error> {
        Ok(())
    }

    async fn cancel(&mut self, _: &Channel, _: Cancel) -> Result<(), Error> {
        Ok(())
    }

    async fn flow(&mut self, _: &Channel, active: bool) -> Result<bool, Error> {
        Ok(active)
    }

    async fn publish_ack(&mut self, _: &Channel, _: Ack) {}

    async fn publish_nack(&mut self, _: &Channel, _: Nack) {}

    async fn publish_return(&mut self, _: &Channel, _: Return, _: BasicProperties, _: Vec<u8>) {
        let _ = self.0.send(());
    }
}

async fn question(channel: &Channel, queue: &str, mine: &str, request: Request) -> Result<(), Error> {
    let id = std::process::id().to_string();
    let body = json!({"msgID": id, "args": [request.name()]}).to_string().into_bytes();
    let mut properties = BasicProperties::default();
    properties.with_content_type("application/json").with_reply_to(mine).with_correlation_id(&id);
    let mut arguments = BasicPublishArguments::new("", queue);
    arguments.mandatory(true);
    channel.basic_publish(properties, body, arguments).await
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
