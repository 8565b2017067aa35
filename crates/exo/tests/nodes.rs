//! Several nodes of a broker, and one that takes nothing for a while.

use crate::scene::node::Node;
use crate::scene::participant::{Participant, item};
use crate::scene::proxy::Proxy;

#[test]
fn hosts_are_tried_in_turn() {
    let closed = Proxy::new(1);
    let port = Node::shared().port;
    let participant =
        Participant::running(&format!("[boss]\namqp_host=127.0.0.1:{}, 127.0.0.1:{port}", closed.port));
    assert_eq!(closed.refused(), 1);
    assert!(!participant.log().contains("away"), "{}", participant.log());
    participant.put("a", "");
    assert!(participant.reply().contains(r#""wfid":"a""#));
}

#[test]
fn a_broker_of_which_no_host_is_there_is_told_with_all_of_them() {
    let (one, two) = (Proxy::new(1), Proxy::new(1));
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", one.port, two.port);
    let mut participant = Participant::new(&format!("[boss]\namqp_host={hosts}"));
    participant.start();
    participant.wait_for_line(&format!(
        "WARNING the broker is away, trying again: 127.0.0.1:{} hung up during the login; 127.0.0.1:{} hung up during the login\n",
        one.port, two.port
    ));
    participant.sandbox.wait_until("both are tried again", || one.refused() >= 2 && two.refused() >= 2);
}

#[test]
fn the_work_goes_on_at_another_node_of_the_cluster() {
    let first = Node::new();
    first.start();
    let second = Node::beside(&first);
    second.start();
    let hosts = format!("[boss]\namqp_host=127.0.0.1:{},127.0.0.1:{}", first.port, second.port);
    // Its queues are on the second node, as they are made by it.
    let mut participant = Participant::of(&second, &hosts);
    participant.start();
    participant.wait_until_ready();
    participant.put("a", r#""wait":true"#);
    participant.wait_for_work("a", 1);
    first.kill();
    participant.wait_for_line(&format!("the broker is away, trying again: 127.0.0.1:{}: ", first.port));
    participant.put("b", "");
    participant.go();
    let replies = [participant.reply(), participant.reply()].concat();
    assert!(replies.contains(r#""wfid":"a""#) && replies.contains(r#""wfid":"b""#), "{replies}");
    participant.wait_for_count((0, 1));
    let read = |name: &str| participant.sandbox.read(name);
    assert_eq!((read("p/worked").as_str(), read("p/starts").lines().count()), ("a\nb\n", 1));
}

#[test]
fn a_quorum_queue_that_has_lost_its_majority_is_waited_for() {
    let first = Node::new();
    first.start();
    let second = Node::beside(&first);
    second.start();
    let hosts = format!("queue=q\n[boss]\namqp_host=127.0.0.1:{},127.0.0.1:{}", first.port, second.port);
    let mut participant = Participant::of(&second, &hosts);
    participant.wire.declare_quorum("q");
    participant.start();
    participant.wait_until_ready();
    participant.wire.put("q", item("a", ""));
    assert!(participant.reply().contains(r#""wfid":"a""#));
    first.kill();
    participant.wait_for_line(&format!("the broker is away, trying again: 127.0.0.1:{}: ", first.port));
    first.start();
    participant.wire.put("q", item("b", ""));
    // A node that is killed may have forgotten an acknowledgement, so the first item may come again.
    participant.sandbox.wait_until("b is answered", || participant.reply().contains(r#""wfid":"b""#));
    assert_eq!(participant.sandbox.read("p/starts").lines().count(), 1, "{}", participant.log());
}

#[test]
fn a_broker_that_blocks_who_publishes_is_told_and_holds_up_the_end() {
    let node = Node::new();
    node.start();
    let mut participant = Participant::of(&node, "");
    participant.start();
    participant.wait_until_ready();
    participant.put("a", r#""wait":true"#);
    participant.wait_for_work("a", 1);
    node.control(&["set_vm_memory_high_watermark", "absolute", "1MB"]);
    participant.sandbox.wait_until("the alarm is raised", || {
        std::fs::read_dir(node.directory.join("log")).is_ok_and(|files| {
            files.flatten().any(|file| {
                std::fs::read_to_string(file.path())
                    .is_ok_and(|text| text.contains("Publishers will be blocked"))
            })
        })
    });
    participant.go();
    participant
        .wait_for_line("WARNING the broker takes no replies at present: none was confirmed for 10 seconds");
    participant.svc("-d");
    participant
        .wait_for_line("INFO waiting for the broker to take 1 reply; the next signal ends this at once\n");
    node.control(&["set_vm_memory_high_watermark", "0.9"]);
    participant.wait_for_line("the broker takes replies again\n");
    assert_eq!(participant.end(), "exited 0");
    assert!(participant.reply().contains(r#""wfid":"a""#));
}

#[test]
fn term_says_what_it_waits_for() {
    let participant = Participant::running("prefetch=2\ngrace=600");
    participant.wire.put("p", item("a", r#""wait":true"#));
    participant.wire.put("p", item("b", r#""wait":true"#));
    participant.wait_for_work("a", 1);
    participant.wait_for_work("b", 1);
    participant.svc("-d");
    participant.wait_for_line("INFO [a b] waiting for up to 600 s for the logic to finish 2 items; the next signal ends this at once\n");
    participant.go();
    assert_eq!(participant.end(), "exited 0");
}
