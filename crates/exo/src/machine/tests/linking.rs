//! The broker that is away, that hangs up, and that does not take what it is sent.

use super::*;

const CONNECTED: &str = "INFO connected to the broker";

fn refusal() -> Event {
    Event::Refused(Refusal { text: "no".to_string(), pause: Duration::from_secs(10) })
}

#[test]
fn a_broker_that_is_away_is_told_once_and_tried_again_ever_less_often() {
    let mut life = Life::new(settings());
    life.at(0, ready(), &[]);
    life.at(0, lost(), &[LOST, "connect 1"]);
    for pause in [2, 4, 8, 16, 30, 30, 30, 30, 30, 30, 30, 30] {
        life.at(0, lost(), &[&format!("connect {pause}")]);
        assert!(pause <= 30, "it comes back by itself half a minute after the broker");
    }
    life.at(100_000, Event::Linked, &[CONNECTED, "consume"]);
    life.at(100_000, Event::Consuming, &["ready"]);
    life.at(110_000, lost(), &[LOST, "connect 1"]);
    life.at(110_000, lost(), &["connect 2"]);
    life.at(112_000, Event::Linked, &[CONNECTED, "consume"]);
    life.at(112_000, Event::Consuming, &[]);
}

#[test]
fn a_broker_that_is_away_for_a_minute_is_found_again_with_few_attempts() {
    let mut life = Life::working(settings());
    let (mut now, mut attempts) = (60_000, 0);
    life.at(now, Event::Tick, &["listen A"]);
    life.at(now, lost(), &[LOST_A, "connect 1"]);
    life.at(now + 500, reply(1, DONE), &[]);
    // Nothing is to be done until an attempt has failed.
    assert_eq!(life.0.deadline(), None);
    let mut pause = 1;
    while now + pause * 1000 <= 120_000 {
        (now, attempts) = (now + pause * 1000, attempts + 1);
        pause = (pause * 2).min(30);
        life.at(now, lost(), &[&format!("connect {pause}")]);
    }
    assert_eq!(attempts, 5);
    let publish = format!("publish 2 {DONE}");
    life.at(now + pause * 1000, Event::Linked, &[CONNECTED, "consume", &publish]);
}

#[test]
fn a_connection_that_does_not_last_is_made_ever_less_often() {
    let mut life = Life::ready(settings());
    life.at(0, lost(), &[LOST, "connect 1"]);
    let mut now = 1000;
    for pause in [2, 4, 8, 16, 30, 30] {
        life.at(now, Event::Linked, &[CONNECTED, "consume"]);
        life.at(now + 100, lost(), &[LOST, &format!("connect {pause}")]);
        now += pause * 1000 + 100;
    }
}

#[test]
fn nobody_is_woken_for_what_cannot_be_sent() {
    let mut life = Life::working(settings());
    life.at(9, reply(1, DONE), &[&format!("publish 2 {DONE}")]);
    let told = "WARNING [A] the broker did not take a reply, which is sent again: full";
    life.at(10, Event::Unconfirmed(2, "full".to_string()), &[told]);
    life.deadline(1010);
    life.at(11, lost(), &[LOST, "connect 1"]);
    assert_eq!(life.0.deadline(), None);
    life.at(5000, Event::Linked, &[CONNECTED, "consume", &format!("publish 2 {DONE}")]);
    assert_eq!(life.0.deadline(), None);
}

#[test]
fn a_broker_that_refuses_is_not_tried_too_soon() {
    let mut life = Life::new(settings());
    life.at(0, refusal(), &["ERROR no"]);
    life.deadline(10_000);
    life.at(10_000, Event::Tick, &["exit 111"]);
}

#[test]
fn a_broker_that_refuses_us_the_queue_ends_us_before_we_are_ready() {
    let mut life = Life::new(settings());
    life.at(0, ready(), &[]);
    life.at(0, Event::Linked, &[CONNECTED, "consume"]);
    life.at(1, refusal(), &["ERROR no"]);
    life.deadline(10_001);
    life.at(10_001, Event::Tick, &["exit 111"]);
}

#[test]
fn a_refusal_does_not_end_the_work_in_hand() {
    let mut life = Life::working(settings());
    life.at(5, lost(), &[LOST_A, "connect 1"]);
    life.at(6, refusal(), &["ERROR [A] no", "connect 10"]);
    life.at(9, reply(1, DONE), &[]);
    life.at(10, refusal(), &["ERROR no", "connect 10"]);
    life.at(20, Event::Linked, &[CONNECTED, "consume", &format!("publish 2 {DONE}")]);
    life.at(21, Event::Confirmed(2), &["item wfid=A participant=p ms=9 result=true"]);
    life.at(22, lost(), &[LOST, "connect 8"]);
    // There is nothing to lose any more.
    life.at(23, refusal(), &["ERROR no"]);
    life.deadline(10_023);
}

#[test]
fn a_reply_that_is_too_long_becomes_an_error() {
    let long = DONE.replace("true", &format!("\"{}\"", "x".repeat(300)));
    let mut life = Life::working(settings());
    life.at(9, reply(1, &long), &[&format!("publish 2 {long}")]);
    let size = long.len();
    let message =
        format!("the reply is too long: {size} bytes are more than the broker takes: size {size} > 300");
    let too_long = |size: usize| Event::TooLong(size, format!("size {size} > 300"));
    life.at(10, too_long(size), &[&format!("ERROR [A] TooLong: {message}")]);
    life.at(10, lost(), &[LOST, "connect 1"]);
    let error = format!(
        r#""error":{{"class":"Ruote::Amqp::RemoteError","message":"TooLong: {message}","trace":[]}}}}"#
    );
    let body = A.replace(r#""fields":{}}"#, &format!(r#""fields":{{}},{error}"#));
    life.at(20, Event::Linked, &[CONNECTED, "consume", &format!("publish 2 {body}")]);
    let note = format!("item wfid=A participant=p ms=9 result=error error=TooLong: {message}");
    life.at(21, Event::Confirmed(2), &[&note]);

    // If that is too long as well, it is done with.
    let mut life = Life::working(settings());
    life.at(9, reply(1, &long), &[&format!("publish 2 {long}")]);
    life.at(10, too_long(size), &[&format!("ERROR [A] TooLong: {message}")]);
    let told = format!(
        "ERROR [A] {} bytes are more than the broker takes, and the process engine does not get them: size 9 > 300",
        body.len()
    );
    life.at(11, too_long(9), &[&told, &note, "ack 1"]);
    life.at(12, lost(), &[LOST, "connect 1"]);
    life.at(13, Event::Linked, &[CONNECTED, "consume"]);
    life.at(14, again(1, A), &["INFO [A] delivered again, and answered already", "ack 1"]);

    // What is short enough stays; what belongs to no item is dropped.
    let mut life = Life::working(settings());
    let send = Event::FromLogic(FromLogic::Send(Workitem::parse(long.as_bytes()).unwrap()));
    life.at(1, send, &[&format!("publish 2 {long}")]);
    life.at(2, reply(1, DONE), &[&format!("publish 3 {DONE}")]);
    let told = format!(
        "ERROR {size} bytes are more than the broker takes, and the process engine does not get them: size {size} > 300"
    );
    life.at(3, too_long(size), &[&told]);
    life.at(4, Event::Confirmed(3), &["item wfid=A participant=p ms=2 result=true", "ack 1"]);
}
