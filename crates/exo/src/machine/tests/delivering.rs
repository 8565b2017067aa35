//! Messages that the broker delivers again, and messages that only look like them.

use super::*;

const AGAIN: &str = "delivered again, and answered already";
const NAMELESS: &str = r#"{"fields":{"n":1}}"#;

/// What the participant has of an item when a message of it comes.
#[derive(Debug, Clone, Copy)]
enum Before {
    /// It was answered as message 1 just before the connection was lost.
    Answered,
    /// So it was, and the broker has shown since that it knows of that.
    Known,
    /// The same, shown by its next delivery.
    Followed,
    /// It was answered while the connection was away.
    AnsweredAway,
    /// The logic works on it since before the connection was lost.
    InHand,
}

#[derive(Debug, PartialEq, Eq)]
enum Taken {
    NewItem,
    Duplicate,
    SameItem,
}

fn prepare(body: &str, before: Before) -> Life {
    let mut life = Life::ready(settings());
    let mut handle = |event: Event| drop(life.0.handle(event, Duration::ZERO));
    handle(delivery(1, body));
    let answer = |handle: &mut dyn FnMut(Event)| {
        handle(reply(1, body));
        handle(Event::Confirmed(2));
    };
    match before {
        Before::Answered => answer(&mut handle),
        Before::Known => {
            answer(&mut handle);
            handle(Event::Known(1));
        }
        Before::Followed => {
            answer(&mut handle);
            handle(delivery(2, B));
            handle(reply(3, B));
            handle(Event::Confirmed(4));
        }
        Before::AnsweredAway | Before::InHand => {}
    }
    handle(lost());
    if matches!(before, Before::AnsweredAway) {
        handle(reply(1, body));
    }
    handle(Event::Linked);
    if matches!(before, Before::AnsweredAway) {
        handle(Event::Confirmed(2));
    }
    life
}

#[track_caller]
fn check(body: &str, before: Before, message: Event, expected: &Taken) {
    let mut life = prepare(body, before);
    let description = format!("{body}, {before:?}: {message:?}");
    let count = life.0.hand.iter().count();
    let actions: Vec<String> =
        life.0.handle(message, Duration::ZERO).iter().map(show).collect::<Vec<String>>();
    let taken = match actions.join("; ") {
        text if text.contains(AGAIN) && text.ends_with("ack 1") => Taken::Duplicate,
        text if text.contains("delivered again, and in hand already") => Taken::SameItem,
        _ => Taken::NewItem,
    };
    assert_eq!(&taken, expected, "{description}: {actions:?}");
    let more = usize::from(taken == Taken::NewItem);
    assert_eq!(life.0.hand.iter().count(), count + more, "{description}");
}

#[test]
fn no_message_is_thrown_away_unless_it_is_the_same_delivery() {
    use Before::{Answered, AnsweredAway, Followed, InHand, Known};
    let changed = A.replace(r#""fields":{}"#, r#""fields":{"n":1}"#);
    for body in [A, NAMELESS] {
        check(body, Answered, again(1, body), &Taken::Duplicate);
        check(body, AnsweredAway, again(1, body), &Taken::Duplicate);
        check(body, InHand, again(1, body), &Taken::SameItem);
        // The broker knows that it was answered: another instance has had a new message.
        check(body, Known, again(1, body), &Taken::NewItem);
        check(body, Followed, again(1, body), &Taken::NewItem);
        for before in [Answered, Known, Followed, AnsweredAway, InHand] {
            check(body, before, delivery(1, body), &Taken::NewItem);
            check(body, before, again(1, &changed), &Taken::NewItem);
        }
    }
    // The last answer alone is in doubt.
    check(A, Followed, again(1, B), &Taken::Duplicate);
}

#[test]
fn as_many_answers_are_in_doubt_as_may_be_in_hand() {
    let mut life = Life::ready(Settings { prefetch: 2, ..settings() });
    let item = |number: u64| A.replace("\"A\"", &format!("\"{number}\""));
    let mut handle = |event: Event| drop(life.0.handle(event, Duration::ZERO));
    // Items and tickets share their numbers.
    for number in 1..=4 {
        handle(delivery(number, &item(number)));
        handle(reply(2 * number - 1, A));
        handle(Event::Confirmed(2 * number));
    }
    handle(lost());
    handle(Event::Linked);
    let log = |number: u64| format!("INFO [{number}] {AGAIN}");
    life.at(0, again(1, &item(4)), &[&log(4), "ack 1"]);
    life.at(0, again(2, &item(3)), &[&log(3), "ack 2"]);
    life.at(0, again(3, &item(2)), &["begin wfid=2 participant=p", "tell work 9 2"]);
}

#[test]
fn messages_that_went_back_count_as_heard_of() {
    let mut life = Life::ready(settings());
    life.at(
        0,
        delivery(1, "rubbish"),
        &["ERROR a message is no workitem, and thrown away: rubbish", "reject 1"],
    );
    life.at(0, delivery(2, A), &["begin wfid=A participant=p", "tell work 1 A"]);
    life.at(0, reply(1, DONE), &[&format!("publish 2 {DONE}")]);
    life.at(0, Event::Confirmed(2), &["item wfid=A participant=p ms=0 result=true", "ack 2"]);
    life.at(0, Event::Known(1), &[]);
    life.at(0, lost(), &[LOST, "connect 1"]);
    life.at(0, Event::Linked, &["INFO connected to the broker", "consume"]);
    life.at(0, again(1, A), &[&format!("INFO [A] {AGAIN}"), "ack 1"]);
}
