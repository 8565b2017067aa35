//! What an administrator has to know: each kind of trouble has its message and its exit, and none a crash loop faster than
//! supervise's.

use crate::scene::Said;
use crate::scene::node::{LONGEST, Node};
use crate::scene::participant::{Participant, item};
use crate::scene::proxy::Proxy;
use std::time::{Duration, Instant};

/// Runs exo with these settings; it must end with this code and this line.
#[track_caller]
fn check(participant: &Participant, boss: &str, more: &str, code: i32, line: &str) -> Said {
    let port = Node::shared().port;
    let vhost = &participant.wire.vhost;
    let boss =
        format!("[boss]\namqp_host=127.0.0.1:{port}\namqp_vhost={vhost}\n{boss}\n[participant]\n{more}\n");
    participant.sandbox.write("p/config.exo", &boss);
    let said = participant.sandbox.exo("p", &["config.exo"], "");
    let line = line.replace("FILE", participant.sandbox.path("p/config.exo").to_str().unwrap());
    assert_eq!(said.code, code, "{said:?}");
    assert!(said.out.contains(&line), "{line}: {said:?}");
    said
}

#[test]
fn a_wrong_virtual_host() {
    let participant = Participant::new("");
    let line =
        "has no virtual host gone: change amqp_vhost in [boss] of FILE, or rabbitmqctl add_vhost gone\n";
    check(&participant, "amqp_vhost=gone", "", 111, line);
}

#[test]
fn a_wrong_password() {
    let participant = Participant::new("");
    let line = "does not accept the user boss with this password: set amqp_user in [boss] of FILE, change amqp_pwd in [boss] of FILE\n";
    let start = std::time::Instant::now();
    check(&participant, "amqp_pwd=wrong", "", 111, line);
    assert!(start.elapsed().as_secs() >= 10, "an account could be locked");
}

#[test]
fn a_queue_of_another_durability() {
    let participant = Participant::new("");
    participant.wire.declare("fleeting", false);
    let line = "has a queue fleeting that is not durable, so its items would be lost with the broker: change queue in [participant] of FILE, or have it made durable (PRECONDITION_FAILED - inequivalent arg 'durable'";
    let said = check(&participant, "", "queue=fleeting", 111, line);
    assert!(!said.out.contains("delete"), "{said:?}");
}

#[test]
fn a_queue_that_is_deleted_comes_back() {
    let participant = Participant::running("");
    participant.wire.delete("p");
    participant
        .wait_for_line("the broker is away, trying again: the queue was deleted, or its node is down\n");
    participant.wait_for_count((0, 1));
    participant.put("a", "");
    assert!(participant.reply().contains(r#""wfid":"a""#));
}

#[test]
fn a_reply_that_no_queue_takes_waits_for_one() {
    let participant = Participant::running("");
    participant.wire.delete("ruote_workitems");
    participant.put("a", "");
    participant.wait_for_line(
        "WARNING [a] the broker did not take a reply, which is sent again: ruote_workitems NO_ROUTE\n",
    );
    participant.wire.declare("ruote_workitems", true);
    assert!(participant.reply().contains(r#""wfid":"a""#));
}

#[test]
fn a_logic_that_ends_at_once_is_started_again_once_a_second() {
    let mut participant = Participant::new("");
    participant.sandbox.write("p/participant_logic.py", "raise SystemExit(3)\n");
    let start = std::time::Instant::now();
    participant.start();
    let starts = || participant.sandbox.read("p/starts").lines().count();
    participant.sandbox.wait_until("it was started four times", || starts() >= 4);
    // However late each of them was, none came before its second.
    assert!(start.elapsed().as_secs() >= 3, "{:?}", start.elapsed());
    participant.wait_for_line("ERROR the logic ended before it was ready: exited ");
}

#[test]
fn an_account_that_may_not_read_is_never_ready() {
    let participant = Participant::new("");
    let vhost = &participant.wire.vhost;
    let line = format!(
        "does not let noread read from the queue p: rabbitmqctl set_permissions -p {vhost} noread '.*' '.*' '.*' (ACCESS_REFUSED"
    );
    let said = check(&participant, "amqp_user=noread", "", 111, &line);
    assert!(!said.out.contains("is away"), "{said:?}");
}

#[test]
fn an_account_that_may_not_make_queues_uses_one_that_is_there() {
    let participant = Participant::new("");
    let vhost = &participant.wire.vhost;
    let line = format!(
        "does not let noconf make the queue other: rabbitmqctl set_permissions -p {vhost} noconf '.*' '.*' '.*', or make it"
    );
    check(&participant, "amqp_user=noconf", "queue=other", 111, &line);
    let participant = Participant::running("[boss]\namqp_user=noconf");
    participant.put("a", "");
    assert!(participant.reply().contains(r#""wfid":"a""#));
}

#[test]
fn an_account_that_may_not_write_tries_ever_less_often() {
    let participant = Participant::running("[boss]\namqp_user=nowrite");
    let start = Instant::now();
    participant.put("a", "");
    let told = "WARNING the broker is away, trying again: 127.0.0.1:";
    let count = || participant.log().matches(told).count();
    participant.sandbox.wait_until("it has tried three times", || count() >= 3);
    assert!(start.elapsed() >= Duration::from_secs(3), "{:?}", start.elapsed());
    let log = participant.log();
    assert!(
        log.contains(" does not let nowrite write to ruote_workitems: rabbitmqctl set_permissions "),
        "{log}"
    );
    assert_eq!(participant.sandbox.read("p/worked"), "a\n");
}

#[test]
fn a_reply_that_is_too_long_becomes_an_error() {
    let participant = Participant::running("");
    let fields = format!(r#""grow":{LONGEST}"#);
    participant.put("a", &fields);
    participant.put("b", "");
    let reply = participant.reply();
    assert!(
        reply.contains(
            r#""error":{"class":"Ruote::Amqp::RemoteError","message":"TooLong: the reply is too long: 12"#
        ),
        "{reply}"
    );
    assert!(reply.contains(&fields) && !reply.contains("xx"), "{reply}");
    assert!(participant.reply().contains(r#""wfid":"b""#));
    participant.wait_for_count((0, 1));
    assert_eq!(participant.sandbox.read("p/worked"), "a\nb\n");
}

/// One whose broker is behind a proxy.
fn behind(proxy: &Proxy) -> Participant {
    let mut participant = Participant::new(&format!("[boss]\namqp_host=127.0.0.1:{}", proxy.port));
    participant.start();
    participant
}

#[test]
fn what_hangs_up_in_front_of_a_broker_at_the_start_says_nothing_about_the_password() {
    let proxy = Proxy::new(Node::shared().port);
    let participant = behind(&proxy);
    participant.sandbox.wait_until("it has tried three times", || proxy.refused() >= 3);
    proxy.open();
    participant.wait_until_ready();
    assert_eq!(participant.sandbox.read("p/starts").lines().count(), 1, "{}", participant.log());
}

#[test]
fn what_hangs_up_in_front_of_a_broker_does_not_end_the_work() {
    let proxy = Proxy::new(Node::shared().port);
    proxy.open();
    let participant = behind(&proxy);
    participant.put("a", r#""wait":true"#);
    participant.wait_for_work("a", 1);
    proxy.close();
    participant.sandbox.wait_until("it has tried twice", || proxy.refused() >= 2);
    participant.go();
    proxy.open();
    assert!(participant.reply().contains(r#""wfid":"a""#));
    assert_eq!(participant.sandbox.read("p/starts").lines().count(), 1, "{}", participant.log());
    assert_eq!(participant.sandbox.read("p/worked"), "a\n");
}

#[test]
fn a_new_message_of_a_step_that_was_answered_is_a_new_item_also_if_another_had_it() {
    let proxy = Proxy::new(Node::shared().port);
    proxy.open();
    let participant = behind(&proxy);
    for wfid in ["a", "b"] {
        participant.put(wfid, "");
        assert!(participant.reply().contains(&format!(r#""wfid":"{wfid}""#)));
    }
    participant.wait_for_count((0, 1));
    proxy.close();
    participant.wait_for_count((0, 0));
    participant.put("a", "");
    participant.wire.touch("p");
    proxy.open();
    assert!(participant.reply().contains(r#""wfid":"a""#));
    participant.wait_for_count((0, 1));
    assert_eq!(participant.sandbox.read("p/worked"), "a\nb\na\n", "{}", participant.log());
}

#[test]
fn an_item_without_a_name_is_recognised_when_it_comes_again() {
    let proxy = Proxy::new(Node::shared().port);
    proxy.open();
    let participant = behind(&proxy);
    participant.wire.put("p", r#"{"fields":{"wait":true}}"#);
    participant.sandbox.wait_until("it is worked on", || !participant.sandbox.read("p/worked").is_empty());
    proxy.close();
    participant.wait_for_count((1, 0));
    proxy.open();
    participant.wait_for_line("delivered again, and in hand already\n");
    participant.go();
    participant.reply();
    participant.wait_for_count((0, 1));
    assert_eq!(participant.sandbox.read("p/worked"), "None\n");
}

#[test]
fn a_control_queue_that_somebody_has_is_had_later() {
    let participant = Participant::running("");
    participant.wire.occupy("p.a.control");
    participant.put("a", r#""wait":true"#);
    participant.wait_for_work("a", 1);
    let start = Instant::now();
    participant.sandbox.wait_until("it has been refused", || start.elapsed() >= Duration::from_secs(1));
    participant.wire.delete("p.a.control");
    participant.wait_until_asked("a");
    participant.go();
    assert!(participant.reply().contains(r#""wfid":"a""#));
}

#[test]
fn work_that_the_broker_does_not_deliver_makes_it_connect_anew() {
    let mut participant = Participant::new("queue=held\n[boss]\namqp_user=noconf");
    let holder = participant.wire.hold("held");
    participant.start();
    participant.wait_until_ready();
    for wfid in ["a", "b"] {
        participant.wire.put("held", item(wfid, ""));
    }
    participant
        .wait_for_line("WARNING the broker is away, trying again: it has work, and does not deliver it: 1\n");
    participant.wire.let_go(holder);
    let replies = [participant.reply(), participant.reply()].concat();
    assert!(replies.contains(r#""wfid":"a""#) && replies.contains(r#""wfid":"b""#), "{replies}");
}
