//! A logic that has several items and works on one after the other.

use super::*;

const BEGIN_B: &str = "begin wfid=B participant=p";
const C: &str = r#"{"fei":{"wfid":"C","subid":"s","expid":"0"},"fields":{}}"#;

/// One that has A and B, and works on A.
fn serial(settings: Settings) -> Life {
    let mut life = Life::new(Settings { prefetch: 3, ..settings });
    life.at(0, Event::FromLogic(FromLogic::Ready { at_once: 1 }), &[]);
    life.at(0, Event::Linked, &["INFO connected to the broker", "consume"]);
    life.at(0, Event::Consuming, &["ready"]);
    life.at(0, delivery(1, A), &["begin wfid=A participant=p", "tell work 1 A"]);
    life.at(1, delivery(2, B), &["tell work 2 B"]);
    life
}

fn waiting(items: usize) -> String {
    WAITING.replace("1 item", &format!("{items} items"))
}

fn withdrawn(id: u64) -> Event {
    Event::FromLogic(FromLogic::Withdrawn { id })
}

#[test]
fn the_time_that_an_item_waits_is_not_that_of_its_work() {
    let mut life = serial(settings());
    life.at(100, reply(1, DONE), &[&format!("publish 3 {DONE}"), BEGIN_B]);
    life.at(100, Event::Confirmed(3), &["item wfid=A participant=p ms=100 result=true", "ack 1"]);
    life.at(107, reply(2, B), &[&format!("publish 4 {B}")]);
    life.at(107, Event::Confirmed(4), &["item wfid=B participant=p ms=7 result=false", "ack 2"]);
}

#[test]
fn lines_of_log_and_questions_are_about_the_item_at_work() {
    let mut life = serial(settings());
    life.at(1, Event::Stderr(b"hello".to_vec()), &["INFO [A] hello"]);
    life.at(300, Event::Tick, &["listen A"]);
    life.at(301, reply(1, DONE), &["unlisten A", &format!("publish 3 {DONE}"), BEGIN_B]);
    life.at(302, Event::Stderr(b"hello".to_vec()), &["INFO [B] hello"]);
    life.deadline(501);
}

#[test]
fn a_timeout_is_that_of_the_item_at_work() {
    let mut life = serial(Settings { timeout: Some(Duration::from_secs(1)), ..settings() });
    life.at(900, reply(1, DONE), &[&format!("publish 3 {DONE}"), BEGIN_B]);
    life.at(1800, Event::Tick, &["listen B"]);
    life.deadline(1900);
}

#[test]
fn term_takes_back_what_was_not_begun() {
    let mut life = serial(settings());
    life.at(2, delivery(3, C), &["tell work 3 C"]);
    life.at(5, Event::Term, &["cancel consumer", "tell withdraw 2", "tell withdraw 3", &waiting(3)]);
    life.at(6, withdrawn(2), &["INFO [B] not begun, and goes back to the queue", "requeue 2"]);
    // It had begun that one already.
    life.at(7, reply(1, DONE), &[&format!("publish 4 {DONE}"), "begin wfid=C participant=p"]);
    life.at(8, Event::Confirmed(4), &["item wfid=A participant=p ms=7 result=true", "ack 1"]);
    life.at(9, reply(3, C), &[&format!("publish 5 {C}")]);
    life.at(9, Event::Confirmed(5), &["item wfid=C participant=p ms=2 result=false", "ack 3", "tell stop"]);
    life.at(9, withdrawn(3), &["WARNING the logic gave back 3, which is not in hand"]);
    life.at(9, ended(), &["exit 0"]);

    // Nor does it come back while the connection is away.
    let mut life = serial(settings());
    life.at(5, lost(), &[LOST_A, "connect 1"]);
    life.at(6, Event::Term, &["tell withdraw 2", &waiting(2)]);
    life.at(7, withdrawn(2), &["INFO [B] not begun, and goes back to the queue"]);
}

#[test]
fn the_end_of_the_logic_is_the_fault_of_the_item_at_work() {
    let mut life = serial(Settings { attempts: Some(3), ..settings() });
    drop(life.0.handle(ended(), Duration::ZERO));
    assert_eq!((life.0.attempts.get(A.as_bytes()), life.0.attempts.get(B.as_bytes())), (Some(1), None));
}
