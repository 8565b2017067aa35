//! Items on which the logic ends each time, with a real broker, and supervise above it.

use crate::scene::participant::{Participant, item};
use crate::scene::wire::ENGINE;
use amqprs::FieldValue;
use std::collections::BTreeSet;

const REFUSED: &str = r#""error":{"class":"Ruote::Amqp::RemoteError","message":"LogicEnded: the logic has ended 3 times while it worked on this item","trace":[]}"#;

fn starts(participant: &Participant) -> usize {
    participant.sandbox.read("p/starts").lines().count()
}

/// The replies that have come, until there are so many.
#[track_caller]
fn replies(participant: &Participant, count: usize) -> Vec<String> {
    let mut found = Vec::new();
    participant.sandbox.wait_until("all are answered", || {
        found.extend(participant.wire.take_all(ENGINE));
        found.len() >= count
    });
    found
}

/// Puts 100 items into the queue of which the 11th ends the logic; the others are answered, and the logic ends three times.
#[track_caller]
fn check(config: &str, most_starts: usize) {
    let mut participant = Participant::new(config);
    let items = (0..100).map(|number| {
        let fields = if number == 10 { r#""die":true"# } else { "" };
        ("p", item(&format!("w{number}"), fields))
    });
    participant.wire.put_all(items);
    participant.start();
    let found = replies(&participant, 100);
    let starts = starts(&participant);
    assert!((4..=most_starts).contains(&starts), "{starts}: {}", participant.log());
    let is_failed = |reply: &&String| reply.contains(r#""error""#);
    let failed: Vec<&String> = found.iter().filter(is_failed).collect();
    assert!(matches!(failed.as_slice(), [one] if one.contains(REFUSED) && one.contains(r#""wfid":"w10""#)));
    let good: BTreeSet<&String> = found.iter().filter(|reply| !is_failed(reply)).collect();
    assert_eq!(good.len(), 99);
    participant.wait_for_count((0, 1));
    assert!(!participant.sandbox.path("p/attempts").exists());
}

#[test]
fn the_good_items_behind_a_poisonous_one_are_done_after_three_restarts() {
    check("", 4);
}

#[test]
fn with_several_in_hand_only_the_poisonous_one_is_refused() {
    check("prefetch=10", 5);
}

/// A participant of `user`, whose queue is made with these arguments by another account.
fn with_queue(user: &str, config: &str, arguments: &[(&str, FieldValue)]) -> Participant {
    let participant = Participant::new(&format!("{config}\nqueue=odd\n[boss]\namqp_user={user}"));
    participant.wire.declare_with("odd", arguments);
    participant
}

/// The item that ends the logic goes to the dead letters of its queue, which has these arguments, too.
#[track_caller]
fn check_dead_letters(user: &str, config: &str, more: &[(&str, FieldValue)]) {
    let mut arguments = more.to_vec();
    arguments.push(("x-dead-letter-exchange", "".into()));
    arguments.push(("x-dead-letter-routing-key", "dead".into()));
    let mut participant = with_queue(user, &format!("attempts=2\n{config}"), &arguments);
    participant.wire.declare("dead", true);
    for (wfid, fields) in [("a", r#""die":true"#), ("b", "")] {
        participant.wire.put("odd", item(wfid, fields));
    }
    participant.start();
    let reply = participant.reply();
    assert!(reply.contains(r#""wfid":"b""#), "{reply}");
    let dead = participant.sandbox.wait_for("it is kept", || participant.wire.take("dead"));
    assert_eq!(dead, item("a", r#""die":true"#));
    participant.wait_for_line(
        "ERROR [a] LogicEnded: the logic has ended 2 times while it worked on this item: it goes to the dead letters\n",
    );
    assert_eq!((participant.wire.take(ENGINE), starts(&participant)), (None, 3));
}

#[test]
fn a_poisonous_item_goes_to_the_dead_letters_if_the_settings_say_that_there_are_some() {
    check_dead_letters("noconf", "dead_letters=yes", &[]);
}

#[test]
fn dead_letters_of_which_only_the_queue_knows_are_found() {
    check_dead_letters("boss", "", &[]);
    check_dead_letters(
        "boss",
        "",
        &[("x-queue-type", "quorum".into()), ("x-delivery-limit", FieldValue::l(20))],
    );
    let lazy = ("x-queue-mode", "lazy".into());
    let limits = [("x-message-ttl", FieldValue::l(3_600_000)), ("x-max-priority", FieldValue::l(9)), lazy];
    check_dead_letters("boss", "", &limits);
}

#[test]
fn the_count_of_a_quorum_queue_is_believed() {
    let mut participant = with_queue("noconf", "", &[("x-queue-type", "quorum".into())]);
    participant.wire.put("odd", item("a", r#""die":true"#));
    // Two other hosts have had it.
    participant.wire.touch("odd");
    participant.wire.touch("odd");
    participant.start();
    let reply = participant.reply();
    assert!(reply.contains(REFUSED), "{reply}");
    assert_eq!(participant.sandbox.read("p/worked"), "a\n");
}
