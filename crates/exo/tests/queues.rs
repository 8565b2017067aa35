//! Queues as administrators have made them, and limits that they have set.

use crate::scene::node::{Node, ONE_CHANNEL, ONE_CONNECTION, TWO_QUEUES};
use crate::scene::participant::{Participant, directory, item, supervise};
use amqprs::FieldValue;

fn number(key: &str, value: i32) -> (&str, FieldValue) {
    (key, FieldValue::I(value))
}

fn text<'a>(key: &'a str, value: &str) -> (&'a str, FieldValue) {
    (key, FieldValue::S(value.try_into().unwrap()))
}

/// Makes a queue with these arguments; a participant with this account then works on an item from it.
#[track_caller]
fn check(queue: &str, user: &str, arguments: Vec<(&str, FieldValue)>) {
    let participant = Participant::at(Node::shared(), "queues", "");
    participant.wire.declare_with(queue, &arguments);
    let config = format!("queue={queue}\n[boss]\namqp_user={user}");
    let sandbox = directory(Node::shared(), "queues", &config);
    let _supervise = supervise(&sandbox);
    sandbox.wait_until(&format!("a participant of {queue} is ready"), || {
        sandbox.path("p/supervise/ready").exists()
    });
    participant.wire.put(queue, item(queue, ""));
    let reply = participant.wire.reply(|| sandbox.describe());
    assert!(reply.contains(&format!(r#""wfid":"{queue}""#)), "{queue}: {reply}");
    let log = sandbox.read("p.log");
    assert!(!log.contains("WARNING") && !log.contains("ERROR"), "{queue}: {log}");
}

#[test]
fn a_durable_queue_is_used_as_it_was_made() {
    check("plain", "boss", vec![]);
    check("quorum", "boss", vec![text("x-queue-type", "quorum"), number("x-delivery-limit", 5)]);
    check("ttl", "boss", vec![number("x-message-ttl", 3_600_000)]);
    let dead = vec![text("x-dead-letter-exchange", "dead"), text("x-dead-letter-routing-key", "p")];
    check("dead", "boss", dead);
    check("priorities", "boss", vec![number("x-max-priority", 10)]);
    check("lazy", "boss", vec![text("x-queue-mode", "lazy")]);
    check("expires", "boss", vec![number("x-expires", 3_600_000)]);
    check("single", "boss", vec![("x-single-active-consumer", true.into())]);
    check("long", "boss", vec![number("x-max-length", 1000), text("x-overflow", "reject-publish")]);
    check("noconf-plain", "noconf", vec![]);
    check("noconf-quorum", "noconf", vec![text("x-queue-type", "quorum")]);
}

#[test]
fn a_missing_queue_is_made() {
    let participant = Participant::running("queue=made");
    participant.wire.put("made", item("a", ""));
    assert!(participant.reply().contains(r#""wfid":"a""#));
}

#[test]
fn a_limit_of_queues_is_told_with_the_text_of_the_broker_and_tried_again() {
    let mut participant = Participant::at(Node::shared(), TWO_QUEUES, "queue=other");
    participant.start();
    participant.wait_for_line("trying again: 127.0.0.1:");
    let log = participant.log();
    assert!(
        log.contains("PRECONDITION_FAILED - cannot declare queue 'other'") && log.contains("limit"),
        "{log}"
    );
    assert!(!log.contains("permissions"), "{log}");
    participant.wire.delete("p");
    participant.wait_until_ready();
    assert_eq!(participant.sandbox.read("p/starts").lines().count(), 1);
}

#[test]
fn a_limit_of_connections_is_told_with_the_text_of_the_broker_and_tried_again() {
    let mut participant = Participant::at(Node::shared(), ONE_CONNECTION, "");
    participant.start();
    participant.wait_for_line(": connection limit (1) is reached\n");
    assert!(!participant.log().contains("permissions"), "{}", participant.log());
    participant.wire.disconnect();
    participant.wait_until_ready();
    assert_eq!(participant.sandbox.read("p/starts").lines().count(), 1);
}

#[test]
fn a_limit_of_channels_is_told_with_the_text_of_the_broker_and_tried_again() {
    let mut participant = Participant::new(&format!("[boss]\namqp_user={ONE_CHANNEL}"));
    participant.start();
    participant.wait_for_line("has reached the maximum allowed user limit of (1)\n");
    assert!(!participant.log().contains("permissions"), "{}", participant.log());
    assert_eq!(participant.sandbox.read("p/starts").lines().count(), 1);
}

#[test]
fn a_queue_that_another_consumer_has_to_itself_is_no_matter_of_permissions() {
    let mut participant = Participant::new("");
    let holder = participant.wire.hold_exclusively("p");
    participant.start();
    participant.wait_for_line("in exclusive use\n");
    assert!(!participant.log().contains("permissions"), "{}", participant.log());
    participant.wire.let_go(holder);
    participant.wait_until_ready();
    assert_eq!(participant.sandbox.read("p/starts").lines().count(), 1);
}
