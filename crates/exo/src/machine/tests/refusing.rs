//! Items on which the logic ends again and again.

use super::*;

const ENDED: &str = "ERROR [A] the logic has ended: exited 3";
const BEGIN: [&str; 2] = ["begin wfid=A participant=p", "tell work 1 A"];
const AFTER_3: &str = "LogicEnded: the logic has ended 3 times while it worked on this item";

fn limited(prefetch: usize) -> Settings {
    Settings { attempts: Some(3), prefetch, ..settings() }
}

/// A participant that remembers what one before it has.
fn restarted(settings: Settings, attempts: &Attempts) -> Life {
    let mut life = Life::ready(settings);
    life.0.attempts = Attempts::parse(&attempts.to_string());
    life
}

fn known(counts: &[(&str, u16)]) -> Attempts {
    let mut attempts = Attempts::default();
    counts.iter().for_each(|(body, count)| attempts.set(body.as_bytes(), *count));
    attempts
}

/// The logic ends on A, for which so much is known, and goes back.
#[track_caller]
fn ends_on_a(before: &Attempts, told: &str) -> Attempts {
    let mut life = restarted(limited(1), before);
    life.at(0, again(1, A), &BEGIN);
    let told = format!("WARNING [A] the logic has ended while it worked on this, {told}");
    let back = "WARNING [A] goes back to the queue";
    let expected = [ENDED, &told, "remember 1 attempts", back, "requeue 1", "cancel consumer", "exit 1"];
    life.at(1, ended(), &expected);
    life.0.attempts
}

#[test]
fn an_item_on_which_the_logic_has_ended_three_times_is_answered_with_an_error() {
    let once = ends_on_a(&Attempts::default(), "1 of 3 times");
    let twice = ends_on_a(&once, "2 of 3 times");
    assert_eq!(twice, known(&[(A, 2)]));
    let mut life = restarted(limited(1), &twice);
    life.at(0, again(1, A), &BEGIN);
    life.at(1, ended(), &[ENDED, "find dead letters", "remember 1 attempts", "cancel consumer"]);
    let error =
        format!(r#""error":{{"class":"Ruote::Amqp::RemoteError","message":"{AFTER_3}","trace":[]}}}}"#);
    let body = A.replace(r#""fields":{}}"#, &format!(r#""fields":{{}},{error}"#));
    let (whole, publish) = (format!("ERROR [A] the workitem was {A}"), format!("publish 2 {body}"));
    life.at(2, Event::DeadLetters(false), &[&format!("ERROR [A] {AFTER_3}"), &whole, &publish]);
    let note = format!("item wfid=A participant=p ms=2 result=error error={AFTER_3}");
    life.at(3, Event::Confirmed(2), &[&note, "remember 0 attempts", "ack 1", "exit 1"]);
}

#[test]
fn it_is_rejected_if_the_broker_keeps_it() {
    let mut life = restarted(limited(1), &known(&[(A, 2)]));
    life.at(0, again(1, A), &BEGIN);
    life.at(1, ended(), &[ENDED, "find dead letters", "remember 1 attempts", "cancel consumer"]);
    let told = format!("ERROR [A] {AFTER_3}: it goes to the dead letters");
    let whole = format!("ERROR [A] the workitem was {A}");
    let note = format!("item wfid=A participant=p ms=2 result=error error={AFTER_3}");
    let expected = [&told, &whole, &note, "reject 1", "remember 0 attempts", "exit 1"];
    life.at(2, Event::DeadLetters(true), &expected);
}

#[test]
fn it_is_refused_at_once_if_the_last_end_could_not_be_told() {
    // The connection was lost.
    let mut life = restarted(limited(1), &known(&[(A, 2)]));
    life.at(0, again(1, A), &BEGIN);
    life.at(0, lost(), &[LOST_A, "connect 1"]);
    let told = "WARNING [A] the logic has ended while it worked on this, 3 of 3 times";
    let back = "WARNING [A] goes back to the queue";
    life.at(1, ended(), &[ENDED, told, "remember 1 attempts", back, "exit 1"]);
    let mut life = restarted(limited(1), &life.0.attempts);
    life.at(0, again(1, A), &["find dead letters"]);
    // The logic goes on with others meanwhile, and when the connection is lost, it comes again.
    life.at(0, delivery(2, B), &["begin wfid=B participant=p", "tell work 2 B"]);
    life.at(0, lost(), &["WARNING [B] the broker is away, trying again: gone", "connect 1"]);
    life.at(0, Event::Linked, &["INFO [B] connected to the broker", "consume"]);
    life.at(0, again(1, A), &["find dead letters"]);
}

#[test]
fn what_is_answered_is_forgiven() {
    let mut life = restarted(limited(1), &known(&[(B, 1), (A, 2)]));
    life.at(0, again(1, A), &BEGIN);
    life.at(1, reply(1, DONE), &[&format!("publish 2 {DONE}")]);
    let note = "item wfid=A participant=p ms=1 result=true";
    life.at(1, Event::Confirmed(2), &[note, "remember 1 attempts", "ack 1"]);
    assert_eq!(life.0.attempts, known(&[(B, 1)]));
}

#[test]
fn of_several_each_is_tried_alone_before_one_is_refused() {
    let mut life = restarted(limited(2), &Attempts::default());
    life.at(0, delivery(1, A), &BEGIN);
    life.at(0, delivery(2, B), &["begin wfid=B participant=p", "tell work 2 B"]);
    drop(life.0.handle(ended(), Duration::ZERO));
    assert_eq!(life.0.attempts, known(&[(A, 1), (B, 1)]));
    for before in [life.0.attempts, known(&[(A, 2), (B, 2)])] {
        let mut life = restarted(limited(2), &before);
        life.at(0, again(1, A), &BEGIN);
        life.at(0, again(2, B), &[]);
        let publish = format!("publish 3 {DONE}");
        life.at(1, reply(1, DONE), &[&publish, "begin wfid=B participant=p", "tell work 2 B"]);
        // Nor does a good one join it.
        life.at(2, delivery(3, A), &[]);
    }
    // However often it was among others, that alone does not refuse it.
    let mut life = restarted(Settings { attempts: Some(1), ..limited(2) }, &Attempts::default());
    life.at(0, delivery(1, A), &BEGIN);
    life.at(0, delivery(2, B), &["begin wfid=B participant=p", "tell work 2 B"]);
    drop(life.0.handle(ended(), Duration::ZERO));
    assert_eq!(life.0.attempts, known(&[(A, 0), (B, 0)]));
}

#[test]
fn the_broker_may_count_but_the_last_end_has_to_be_seen() {
    let from = |returns: u64| Event::Delivery(Message { tag: 1, is_again: true, returns, body: A.into() });
    for (returns, is_last) in [(0, false), (1, false), (2, true), (50, true)] {
        let mut life = restarted(limited(1), &Attempts::default());
        life.at(0, from(returns), &BEGIN);
        let actions = life.0.handle(ended(), Duration::ZERO);
        assert_eq!(actions.contains(&Action::FindDeadLetters), is_last, "{returns}");
    }
}

#[test]
fn without_a_limit_it_comes_for_ever() {
    let mut life = restarted(settings(), &known(&[(A, 9)]));
    life.at(0, again(1, A), &BEGIN);
    let back = "WARNING [A] goes back to the queue";
    life.at(1, ended(), &[ENDED, back, "requeue 1", "cancel consumer", "exit 1"]);
}
