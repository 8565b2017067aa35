//! Every row of docs/skynet.md, "Life of a participant" as a table: what happens, at which millisecond, and what is done.

use super::*;
use crate::event::{Caller, Message, Origin, Refusal};
use crate::fault::Fault;
use crate::protocol::Request;
use serde_json::{Map, Value, json};
use skynet_core::workitem::Workitem;

/// Which message is an item, and which is one that was there before.
mod delivering;
/// Coming to the broker, and what it refuses.
mod linking;
/// Items on which the logic ends.
mod refusing;
/// What is asked, cancelled, forgotten, traced, and done besides.
mod requests;
/// Several items in hand, of which the logic works on one.
mod serial;

const A: &str = r#"{"fei":{"wfid":"A","subid":"s","expid":"0"},"fields":{}}"#;
const B: &str = r#"{"fei":{"wfid":"B","subid":"s","expid":"0"},"fields":{}}"#;
const DONE: &str = r#"{"fei":{"wfid":"A","subid":"s","expid":"0"},"fields":{"__result__":true}}"#;

fn settings() -> Settings {
    let (name, config, origin) = ("p".to_string(), Map::new(), Origin::Broker);
    Settings {
        name,
        config,
        prefetch: 1,
        timeout: None,
        grace: None,
        attempts: None,
        is_strict: false,
        origin,
    }
}

fn show(action: &Action) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_string();
    match action {
        Action::Connect(pause) => format!("connect {}", pause.as_secs()),
        Action::Consume => "consume".to_string(),
        Action::CancelConsumer => "cancel consumer".to_string(),
        Action::Publish(ticket, body) => format!("publish {ticket} {}", text(body)),
        Action::Ack(tag) => format!("ack {tag}"),
        Action::Reject(tag) => format!("reject {tag}"),
        Action::Requeue(tag) => format!("requeue {tag}"),
        Action::FindDeadLetters => "find dead letters".to_string(),
        Action::Remember(text) => format!("remember {} attempts", text.lines().count()),
        Action::Listen(wfid) => format!("listen {wfid}"),
        Action::Unlisten(wfid) => format!("unlisten {wfid}"),
        Action::Answer(to, body) => format!("answer {} {}", to.reply_to, text(body)),
        Action::Tell(message) => match message {
            ToLogic::Start { participant, .. } => format!("tell start {participant}"),
            ToLogic::Work { id, workitem } => format!("tell work {id} {}", workitem.wfid()),
            ToLogic::Ask { id, request } => format!("tell {} {id}", request.name()),
            ToLogic::Withdraw { id } => format!("tell withdraw {id}"),
            ToLogic::Control { id, .. } => format!("tell control {id:?}"),
            ToLogic::Stop => "tell stop".to_string(),
            ToLogic::Die => "tell die".to_string(),
        },
        Action::Kill => "kill".to_string(),
        Action::Ready => "ready".to_string(),
        Action::Log(level, wfids, text) => level.lines(wfids, text).trim_end().to_string(),
        Action::Note(line) => line.clone(),
        Action::Exit(code) => format!("exit {code}"),
    }
}

/// A participant, with what has been done.
struct Life(Machine);

impl Life {
    fn new(settings: Settings) -> Self {
        let (machine, actions) = Machine::start(settings, Attempts::default());
        let shown: Vec<String> = actions.iter().map(show).collect();
        assert_eq!(shown, ["tell start p", "connect 0"]);
        Self(machine)
    }

    /// One that consumes.
    fn ready(settings: Settings) -> Self {
        let mut life = Self::new(settings);
        life.at(0, ready(), &[]);
        life.at(0, Event::Linked, &["INFO connected to the broker", "consume"]);
        life.at(0, Event::Consuming, &["ready"]);
        life
    }

    /// One that works on A, which came as 1.
    fn working(settings: Settings) -> Self {
        let mut life = Self::ready(settings);
        life.at(0, delivery(1, A), &["begin wfid=A participant=p", "tell work 1 A"]);
        life
    }

    #[track_caller]
    fn at(&mut self, milliseconds: u64, event: Event, expected: &[&str]) {
        let description = format!("{event:?}");
        let actions = self.0.handle(event, Duration::from_millis(milliseconds));
        let shown: Vec<String> = actions.iter().map(show).collect();
        assert_eq!(shown, expected, "{description}");
    }

    #[track_caller]
    fn deadline(&self, milliseconds: u64) {
        assert_eq!(self.0.deadline(), Some(Duration::from_millis(milliseconds)));
    }
}

fn ready() -> Event {
    Event::FromLogic(FromLogic::Ready { at_once: usize::MAX })
}

fn delivery(tag: u64, body: &str) -> Event {
    Event::Delivery(Message { tag, is_again: false, returns: 0, body: body.into() })
}

fn again(tag: u64, body: &str) -> Event {
    Event::Delivery(Message { tag, is_again: true, returns: 0, body: body.into() })
}

fn reply(id: u64, text: &str) -> Event {
    Event::FromLogic(FromLogic::Reply { id, workitem: Workitem::parse(text.as_bytes()).unwrap() })
}

fn ended() -> Event {
    Event::LogicEnded("exited 3".to_string())
}

fn lost() -> Event {
    Event::Lost("gone".to_string())
}

const WAITING: &str = "INFO [A] waiting for the logic to finish 1 item; the next signal ends this at once";
const LOST: &str = "WARNING the broker is away, trying again: gone";
const LOST_A: &str = "WARNING [A] the broker is away, trying again: gone";

#[test]
fn start_consumes_when_broker_and_logic_are_there() {
    let mut life = Life::new(settings());
    life.at(0, Event::Linked, &["INFO connected to the broker"]);
    life.at(0, ready(), &["consume"]);
    life.at(0, Event::Consuming, &["ready"]);
    assert_eq!(life.0.deadline(), None);
}

#[test]
fn an_item_is_acknowledged_after_its_reply_is_confirmed() {
    let mut life = Life::working(settings());
    life.at(120, reply(1, DONE), &[&format!("publish 2 {DONE}")]);
    life.at(130, Event::Confirmed(2), &["item wfid=A participant=p ms=120 result=true", "ack 1"]);
    life.at(130, delivery(2, B), &["begin wfid=B participant=p", "tell work 3 B"]);
    life.at(140, reply(3, B), &[&format!("publish 4 {B}")]);
    life.at(140, Event::Confirmed(4), &["item wfid=B participant=p ms=10 result=false", "ack 2"]);
}

#[test]
fn term_while_idle() {
    let mut life = Life::ready(settings());
    life.at(5, Event::Term, &["cancel consumer", "tell stop"]);
    life.deadline(5005);
    life.at(6, delivery(1, A), &["requeue 1"]);
    life.at(7, ended(), &["exit 0"]);
}

#[test]
fn term_while_idle_and_the_logic_does_not_end() {
    let mut life = Life::ready(settings());
    life.at(0, Event::Term, &["cancel consumer", "tell stop"]);
    life.at(5000, Event::Tick, &["WARNING the logic did not end after stop, and is killed", "kill"]);
    life.at(5001, ended(), &["exit 0"]);
}

#[test]
fn term_before_the_broker_is_there() {
    let mut life = Life::new(settings());
    life.at(0, lost(), &[LOST, "connect 1"]);
    life.at(0, Event::Term, &["tell stop"]);
    life.at(0, ended(), &["exit 0"]);
}

#[test]
fn term_while_working() {
    let mut life = Life::working(settings());
    life.at(5, Event::Term, &["cancel consumer", WAITING]);
    life.at(9, reply(1, DONE), &[&format!("publish 2 {DONE}")]);
    life.at(9, Event::Confirmed(2), &["item wfid=A participant=p ms=9 result=true", "ack 1", "tell stop"]);
    life.at(9, ended(), &["exit 0"]);
}

const BACK: &str = "what is in hand goes back to the queue";

#[test]
fn a_second_term_and_the_end_of_the_grace() {
    let mut life = Life::working(settings());
    life.at(5, Event::Term, &["cancel consumer", WAITING]);
    let told = format!("WARNING [A] told to end a second time: {BACK}");
    life.at(6, Event::Term, &[&told, "tell die", "exit 1"]);

    let mut life = Life::working(Settings { grace: Some(Duration::from_secs(2)), ..settings() });
    let waiting = WAITING.replace("waiting", "waiting for up to 2 s");
    life.at(200, Event::Term, &["cancel consumer", &waiting, "listen A"]);
    life.deadline(2200);
    let told = format!("WARNING [A] the grace is over: {BACK}");
    life.at(2200, Event::Tick, &[&told, "tell die", "exit 1"]);
}

#[test]
fn the_logic_dies() {
    let mut life = Life::working(settings());
    let told = "ERROR [A] the logic has ended: exited 3";
    life.at(
        5,
        ended(),
        &[told, "WARNING [A] goes back to the queue", "requeue 1", "cancel consumer", "exit 1"],
    );

    // A reply that is on its way arrives.
    let mut life = Life::working(settings());
    life.at(5, reply(1, DONE), &[&format!("publish 2 {DONE}")]);
    life.at(6, ended(), &["ERROR the logic has ended: exited 3", "cancel consumer"]);
    life.deadline(5006);
    life.at(7, Event::Confirmed(2), &["item wfid=A participant=p ms=5 result=true", "ack 1", "exit 1"]);

    let mut life = Life::new(settings());
    life.at(0, ended(), &["ERROR the logic ended before it was ready: exited 3", "exit 1"]);
}

#[test]
fn a_logic_that_hangs_is_killed() {
    let mut life = Life::working(Settings { timeout: Some(Duration::from_secs(3)), ..settings() });
    life.at(200, Event::Tick, &["listen A"]);
    life.deadline(3000);
    let told = "ERROR [A] the logic has worked longer than 3 s, and is killed";
    life.at(3000, Event::Tick, &[told, "kill"]);
    life.at(3001, Event::Tick, &[]);
    let told = "ERROR [A] the logic has ended: exited 3";
    life.at(
        3002,
        ended(),
        &[told, "WARNING [A] goes back to the queue", "requeue 1", "cancel consumer", "exit 1"],
    );
}

#[test]
fn the_broker_restarts_while_working() {
    let mut life = Life::working(settings());
    life.at(5, lost(), &[LOST_A, "connect 1"]);
    life.at(9, reply(1, DONE), &[]);
    life.at(10, Event::Linked, &["INFO connected to the broker", "consume", &format!("publish 2 {DONE}")]);
    // It comes again before the confirmation, and is not worked on again.
    life.at(11, again(1, A), &["INFO [A] delivered again, and in hand already"]);
    life.at(12, Event::Confirmed(2), &["item wfid=A participant=p ms=9 result=true", "ack 1"]);

    // It comes again after the confirmation.
    let mut life = Life::working(settings());
    life.at(5, lost(), &[LOST_A, "connect 1"]);
    life.at(9, reply(1, DONE), &[]);
    life.at(10, Event::Linked, &["INFO connected to the broker", "consume", &format!("publish 2 {DONE}")]);
    life.at(12, Event::Confirmed(2), &["item wfid=A participant=p ms=9 result=true"]);
    life.at(13, again(1, A), &["INFO [A] delivered again, and answered already", "ack 1"]);

    // It comes again while the work goes on; another has to wait.
    let mut life = Life::working(settings());
    life.at(5, lost(), &[LOST_A, "connect 1"]);
    life.at(6, Event::Linked, &["INFO [A] connected to the broker", "consume"]);
    life.at(7, delivery(1, B), &[]);
    life.at(8, again(2, A), &["INFO [A] delivered again, and in hand already"]);
    life.at(
        9,
        reply(1, DONE),
        &[&format!("publish 3 {DONE}"), "begin wfid=B participant=p", "tell work 2 B"],
    );
    life.at(9, Event::Confirmed(3), &["item wfid=A participant=p ms=9 result=true", "ack 2"]);
}

#[test]
fn an_acknowledgement_that_was_lost_is_given_again() {
    let mut life = Life::working(settings());
    life.at(9, reply(1, DONE), &[&format!("publish 2 {DONE}")]);
    life.at(9, Event::Confirmed(2), &["item wfid=A participant=p ms=9 result=true", "ack 1"]);
    life.at(9, lost(), &[LOST, "connect 1"]);
    life.at(9, Event::Linked, &["INFO connected to the broker", "consume"]);
    life.at(9, again(1, A), &["INFO [A] delivered again, and answered already", "ack 1"]);
    // What is sent anew is done anew, and what is delivered again a second time.
    life.at(9, delivery(2, A), &["begin wfid=A participant=p", "tell work 3 A"]);
}

#[test]
fn the_confirmation_was_lost() {
    let mut life = Life::working(settings());
    life.at(9, reply(1, DONE), &[&format!("publish 2 {DONE}")]);
    life.at(9, lost(), &[LOST, "connect 1"]);
    let publish = format!("publish 2 {DONE}");
    life.at(9, Event::Linked, &["INFO connected to the broker", "consume", &publish]);
}

#[test]
fn a_reply_that_the_broker_does_not_take_is_sent_again() {
    let mut life = Life::working(settings());
    life.at(9, reply(1, DONE), &[&format!("publish 2 {DONE}")]);
    let told = "WARNING [A] the broker did not take a reply, which is sent again: full";
    life.at(10, Event::Unconfirmed(2, "full".to_string()), &[told]);
    life.deadline(1010);
    life.at(1010, Event::Tick, &[&format!("publish 2 {DONE}")]);
}

#[test]
fn the_logic_raises() {
    let mut life = Life::working(settings());
    let error = Fault::from_value(&json!({"class": "E", "message": "no", "trace": "line 1\nline 2\n"}));
    let failure = Event::FromLogic(FromLogic::Failure { id: 1, error, workitem: None });
    let error =
        r#""error":{"class":"Ruote::Amqp::RemoteError","message":"E: no","trace":["line 1","line 2"]}}"#;
    let body = A.replace(r#""fields":{}}"#, &format!(r#""fields":{{}},{error}"#));
    let whole = format!("ERROR [A] the workitem was {A}");
    let trace = "ERROR [A] line 1\nERROR [A] line 2";
    life.at(4, failure, &[trace, &whole, &format!("publish 2 {body}")]);
    let note = "item wfid=A participant=p ms=4 result=error error=E: no";
    life.at(5, Event::Confirmed(2), &[note, "ack 1"]);
}

#[test]
fn a_body_that_is_not_json() {
    let mut life = Life::ready(settings());
    let told = "ERROR a message is no workitem, and thrown away: rub bish";
    life.at(0, delivery(1, "rub\nbish"), &[told, "reject 1"]);
}
