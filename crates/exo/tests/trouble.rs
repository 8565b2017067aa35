//! What an administrator has to know: each kind of trouble has its message and its exit, and none a crash loop faster than
//! supervise's.

use crate::scene::node::Node;
use crate::scene::participant::Participant;

/// Runs exo with these settings; it must end with this code and this line.
#[track_caller]
fn check(participant: &Participant, boss: &str, more: &str, code: i32, line: &str) {
    let port = Node::shared().port;
    let vhost = &participant.wire.vhost;
    let boss =
        format!("[boss]\namqp_host=127.0.0.1:{port}\namqp_vhost={vhost}\n{boss}\n[participant]\n{more}\n");
    participant.sandbox.write("p/config.exo", &boss);
    let said = participant.sandbox.exo("p", &["config.exo"], "");
    let line = line.replace("FILE", participant.sandbox.path("p/config.exo").to_str().unwrap());
    assert_eq!(said.code, code, "{said:?}");
    assert!(said.out.contains(&line), "{line}: {said:?}");
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
    let line = "has a queue fleeting that is not as a participant needs it: change queue in [participant] of FILE, or rabbitmqctl delete_queue fleeting (PRECONDITION_FAILED - inequivalent arg 'durable'";
    check(&participant, "", "queue=fleeting", 111, line);
}

#[test]
fn a_queue_that_is_deleted_comes_back() {
    let participant = Participant::running("");
    participant.wire.delete("p");
    participant.wait_for_line("the broker is away, trying again: the queue was deleted\n");
    participant.sandbox.wait_until("it consumes", || participant.wire.count("p") == (0, 1));
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
