//! Items that are cancelled, forgotten or traced, several at once, and questions about them.

use super::*;

#[test]
fn a_cancellation_while_the_work_goes_on() {
    let mut life = Life::working(Settings { prefetch: 2, ..settings() });
    let cancel = r#"{"cancel":true,"fei":{"wfid":"A","subid":"s","expid":"0"}}"#;
    let told = "INFO [A] the process engine has cancelled this";
    life.at(1, delivery(2, cancel), &[told, "tell control Some(1)", "ack 2"]);
    let other = cancel.replace('A', "B");
    let told = told.replace('A', "B");
    life.at(1, delivery(3, &other), &[&told, "tell control None", "ack 3"]);
}

#[test]
fn what_is_to_be_forgotten_gets_no_reply() {
    let forget = r#"{"fei":{"wfid":"A"},"fields":{"params":{"forget":true}}}"#;
    let mut life = Life::ready(settings());
    life.at(0, delivery(1, forget), &["begin wfid=A participant=p", "tell work 1 A"]);
    life.at(3, reply(1, forget), &["item wfid=A participant=p ms=3 result=false", "ack 1"]);
}

#[test]
fn whether_a_reply_is_wanted_counts_as_it_is_after_the_work() {
    let with = |params: &str| format!(r#"{{"fei":{{"wfid":"A"}},"fields":{{"params":{params}}}}}"#);
    let failed = |reply: &str| {
        let workitem = Workitem::parse(reply.as_bytes());
        Event::FromLogic(FromLogic::Failure { id: 1, error: Fault::own("E", "no".to_string()), workitem })
    };
    let (forget, keep, none) = (r#"{"forget":true}"#, r#"{"forget":false}"#, "{}");
    for (before, after, is_sent) in [
        (none, none, true),
        (none, forget, false),
        (forget, forget, false),
        (forget, keep, true),
        (forget, none, true),
        (keep, forget, false),
    ] {
        for event in [reply(1, &with(after)), failed(&with(after))] {
            let mut life = Life::ready(settings());
            life.at(0, delivery(1, &with(before)), &["begin wfid=A participant=p", "tell work 1 A"]);
            let actions = life.0.handle(event, Duration::ZERO);
            let sent = actions.iter().filter(|action| matches!(action, Action::Publish(..))).count();
            assert_eq!(
                (sent == 1, actions.contains(&Action::Ack(1))),
                (is_sent, !is_sent),
                "{before} {after}"
            );
        }
    }
}

#[test]
fn traces_and_dumps() {
    let mut life = Life::ready(settings());
    let traced = r#"{"fei":{"wfid":"A","expid":"0"},"fields":{"debug_trace":true}}"#;
    let summary = "INFO [A] process=- participant=- expid=0 fields=debug_trace params=";
    life.at(0, delivery(1, traced), &["begin wfid=A participant=p", summary, "tell work 1 A"]);
    let mut life = Life::ready(settings());
    let dumped = r#"{"fei":{"wfid":"A"},"fields":{"params":{"debug_dump":true}}}"#;
    let whole = format!("INFO [A] {dumped}");
    life.at(0, delivery(1, dumped), &["begin wfid=A participant=p", &whole, "tell work 1 A"]);
}

#[test]
fn several_items_at_once_are_answered_in_any_order() {
    let mut life = Life::working(Settings { prefetch: 2, ..settings() });
    life.at(1, delivery(2, B), &["begin wfid=B participant=p", "tell work 2 B"]);
    life.at(2, Event::Stderr(b"hello".to_vec()), &["INFO [A B] hello"]);
    life.at(3, reply(2, B), &[&format!("publish 3 {B}")]);
    life.at(4, reply(1, DONE), &[&format!("publish 4 {DONE}")]);
    life.at(5, Event::Confirmed(4), &["item wfid=A participant=p ms=4 result=true", "ack 1"]);
    life.at(5, Event::Confirmed(3), &["item wfid=B participant=p ms=2 result=false", "ack 2"]);
}

#[test]
fn every_line_meanwhile_has_the_process() {
    let mut life = Life::working(settings());
    life.at(0, Event::Stderr(b"a".to_vec()), &["INFO [A] a"]);
    let log = FromLogic::Log { level: Level::Debug, message: "b".to_string(), id: Some(1) };
    life.at(0, Event::FromLogic(log), &["DEBUG [A] b"]);
    let told = "WARNING [A] the logic printed what is not of the protocol: c";
    life.at(0, Event::Rubbish(b"c".to_vec()), &[told]);
    let told = "WARNING [A] the logic replied to 9, which is not in hand";
    life.at(0, reply(9, A), &[told]);
}

#[test]
fn what_the_logic_sends_goes_at_once() {
    let mut life = Life::working(settings());
    let send = || Event::FromLogic(FromLogic::Send(Workitem::parse(B.as_bytes()).unwrap()));
    life.at(0, send(), &[&format!("publish 2 {B}")]);
    life.at(0, Event::Confirmed(2), &[]);
    life.at(0, lost(), &[LOST_A, "connect 1"]);
    life.at(0, send(), &[]);
    let publish = format!("publish 3 {B}");
    life.at(0, Event::Linked, &["INFO [A] connected to the broker", "consume", &publish]);
}

fn asks(who: &str, what: &str) -> Event {
    let body = json!({"msgID": who, "args": [what]}).to_string().into_bytes();
    let from = Caller { reply_to: who.to_string(), correlation: None };
    Event::Asked { wfid: "A".to_string(), from, body }
}

fn answers(request: Request, value: Value) -> Event {
    Event::FromLogic(FromLogic::Answer { id: 1, request, value })
}

#[test]
fn questions_about_an_item_in_hand_are_answered() {
    let mut life = Life::working(settings());
    life.deadline(200);
    life.at(200, Event::Tick, &["listen A"]);
    life.at(201, asks("x", "status"), &["tell status 1"]);
    life.at(202, asks("y", "cancel"), &["tell cancel 1"]);
    let answer = r#"answer x {"msgID":"x","return":{"percent":7}}"#;
    life.at(203, answers(Request::Status, json!({"percent": 7})), &[answer]);
    let told = r#"WARNING [A] a question that is neither status nor cancel: {"msgID":"z","args":["dance"]}"#;
    life.at(204, asks("z", "dance"), &[told]);
    let publish = format!("publish 2 {DONE}");
    let unanswered = r#"answer y {"msgID":"y","return":null}"#;
    life.at(205, reply(1, DONE), &[unanswered, "unlisten A", &publish]);
    life.at(206, asks("x", "status"), &[r#"answer x {"msgID":"x","return":null}"#]);
}

#[test]
fn what_the_end_waits_for_is_said() {
    let mut life = Life::working(Settings { prefetch: 2, ..settings() });
    life.at(1, delivery(2, B), &["begin wfid=B participant=p", "tell work 2 B"]);
    life.at(2, lost(), &["WARNING [A B] the broker is away, trying again: gone", "connect 1"]);
    life.at(2, reply(1, DONE), &[]);
    let told = "INFO [B] waiting for the logic to finish 1 item and the broker to take 1 reply; the next signal ends this at once";
    life.at(3, Event::Term, &[told]);
}

#[test]
fn an_item_that_fails_is_told_by_the_exit_code_if_it_is_to_be() {
    let failure = || Event::FromLogic(FromLogic::Failure { id: 1, error: Fault::default(), workitem: None });
    for (events, expected) in [
        (vec![reply(1, A)], 0),
        (vec![failure()], 1),
        (vec![Event::Unreadable("no".to_string()), reply(1, A)], 1),
        (vec![reply(1, A), Event::Confirmed(2), delivery(2, "rubbish")], 1),
    ] {
        for is_strict in [true, false] {
            let mut life = Life::working(Settings { is_strict, ..settings() });
            let last = [Event::Confirmed(2), Event::Drained, ended()];
            let happened = events.iter().cloned().chain(last);
            let actions = happened.flat_map(|event| life.0.handle(event, Duration::ZERO));
            let exit = actions.filter(|action| matches!(action, Action::Exit(_))).last();
            assert_eq!(exit, Some(Action::Exit(if is_strict { expected } else { 0 })), "{events:?}");
        }
    }
}

#[test]
fn without_more_items_it_ends() {
    let mut life = Life::working(settings());
    life.at(1, reply(1, DONE), &[&format!("publish 2 {DONE}")]);
    life.at(1, Event::Confirmed(2), &["item wfid=A participant=p ms=1 result=true", "ack 1"]);
    life.at(1, Event::Drained, &["cancel consumer", "tell stop"]);
    life.at(1, ended(), &["exit 0"]);
}

#[test]
fn an_answer_that_cannot_be_read_fails_the_only_item() {
    let mut life = Life::working(settings());
    let printed = |line: &str| format!("WARNING [A] the logic printed what is not of the protocol: {line}");
    let broken = r#"{"type":"reply","id":1,"workitem":{"n":NaN}}"#;
    life.at(1, Event::Rubbish(broken.into()), &[&printed(broken)]);
    life.at(1, Event::Rubbish(b"hello\n".to_vec()), &[&printed("hello")]);
    let message = "Unreadable: the logic replied with what is not JSON";
    let error =
        format!(r#""error":{{"class":"Ruote::Amqp::RemoteError","message":"{message}","trace":[]}}}}"#);
    let body = A.replace(r#""fields":{}}"#, &format!(r#""fields":{{}},{error}"#));
    let whole = format!("ERROR [A] the workitem was {A}");
    let told = "ERROR [A] Unreadable: the logic replied with what is not JSON";
    let publish = format!("publish 2 {body}");
    let line = || Event::Rubbish(format!("{broken}\n").into());
    life.at(2, line(), &[&printed(broken), told, &whole, &publish]);
    // Nothing is in hand any more.
    life.at(3, line(), &[&printed(broken).replace("[A] ", "")]);

    // Of several, nobody knows which.
    let mut life = Life::working(Settings { prefetch: 2, ..settings() });
    life.at(1, delivery(2, B), &["begin wfid=B participant=p", "tell work 2 B"]);
    life.at(2, line(), &[&printed(broken).replace("[A]", "[A B]")]);
}

#[test]
fn a_logic_that_says_no_more_is_killed() {
    let mut life = Life::working(settings());
    life.at(200, Event::LogicMute, &["listen A"]);
    life.deadline(1200);
    let told = "ERROR [A] the logic has closed its standard output, and is killed";
    life.at(1200, Event::Tick, &[told, "kill"]);
    life.at(1201, Event::Tick, &[]);
    let told = "ERROR [A] the logic has ended: exited 3";
    let back = "WARNING [A] goes back to the queue";
    life.at(1201, ended(), &[told, back, "requeue 1", "cancel consumer", "exit 1"]);

    // Who has been told to stop may take its time.
    let mut life = Life::ready(settings());
    life.at(0, Event::Term, &["cancel consumer", "tell stop"]);
    life.at(0, Event::LogicMute, &[]);
    life.deadline(5000);
    life.at(2000, Event::Tick, &[]);
    life.at(2001, ended(), &["exit 0"]);
}

#[test]
fn what_serde_cannot_read_is_an_item() {
    let mut life = Life::ready(settings());
    let odd = r#"{"fei":{"wfid":"A"},"fields":{"half":"\ud83d"}}"#;
    life.at(0, delivery(1, odd), &["begin wfid=A participant=p", "tell work 1 A"]);
}

#[test]
fn a_reply_with_an_error_of_its_own_is_a_failure() {
    let with = |error: &str| A.replace(r#""fields":{}}"#, &format!(r#""fields":{{}},"error":{error}}}"#));
    let mut life = Life::working(settings());
    let body = with(r#"{"class":"Ruote::Amqp::RemoteError","message":"no","trace":[]}"#);
    let whole = format!("ERROR [A] the workitem was {A}");
    let publish = format!("publish 2 {body}");
    life.at(4, reply(1, &with("\"no\"")), &["ERROR [A] no", &whole, &publish]);
    let note = "item wfid=A participant=p ms=4 result=error error=no";
    life.at(5, Event::Confirmed(2), &[note, "ack 1"]);

    // One that an earlier step has left there, and one that is no error.
    for error in ["\"old\"", "null", "false"] {
        let mut life = Life::ready(settings());
        life.at(0, delivery(1, &with("\"old\"")), &["begin wfid=A participant=p", "tell work 1 A"]);
        let publish = format!("publish 2 {}", with(error));
        life.at(1, reply(1, &with(error)), &[&publish]);
    }
}
