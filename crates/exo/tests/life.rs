//! The rows of docs/skynet.md, "Life of a participant", with a real broker and under the real supervise.

use crate::scene::node::Node;
use crate::scene::participant::{Participant, directory, item, supervise};
use crate::scene::wire::{ENGINE, Wire};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const WAIT: &str = r#""wait":true"#;

/// What comes back if all is well.
fn done(wfid: &str, fields: &str) -> String {
    let separator = if fields.is_empty() { "" } else { "," };
    item(wfid, &format!(r#"{fields}{separator}"__result__":true"#))
}

#[track_caller]
fn end(pid: Option<i32>, signal: Signal) {
    kill(Pid::from_raw(pid.expect("it runs")), signal).unwrap();
}

#[test]
fn it_takes_one_item_at_a_time_and_acknowledges_it_after_the_reply() {
    let participant = Participant::running("");
    participant.wait_for_count((0, 1));
    participant.put("a", WAIT);
    participant.wait_for_work("a", 1);
    participant.put("b", "");
    participant.wait_for_count((1, 1));
    participant.go();
    assert_eq!(participant.reply(), done("a", WAIT));
    assert_eq!(participant.reply(), done("b", ""));
    participant.wait_for_line("item wfid=b participant=p ms=");
    let log = participant.log();
    assert!(
        log.contains("INFO connected to the broker\n") && log.contains("begin wfid=a participant=p\n"),
        "{log}"
    );
    // What was acknowledged is not there again.
    participant.svc("-d");
    assert_eq!(participant.end(), "exited 0");
    participant.wait_for_count((0, 0));
}

/// The pipe on which it tells so belongs to root.
#[test]
fn o1_an_unprivileged_participant_says_that_it_is_ready() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let mut participant = Participant::new("");
    let sandbox = &participant.sandbox;
    let run = "#!/bin/sh\nexec 2>&1\nexec setuidgid nobody exo config.exo\n";
    sandbox.script("p/run", run);
    for place in ["", "p"] {
        fs::set_permissions(sandbox.path(place), fs::Permissions::from_mode(0o777)).unwrap();
    }
    participant.start();
    participant.wait_until_ready();
    participant.put("a", "");
    assert!(participant.reply().contains(r#""wfid":"a""#));
}

#[test]
fn term_while_idle_ends_it_at_once() {
    let participant = Participant::running("");
    participant.svc("-d");
    assert_eq!(participant.end(), "exited 0");
    assert_eq!(participant.sandbox.read("p/life"), "start\nstop\n");
    participant.svc("-u");
    participant.wait_until_ready();
    participant.svc("-dx");
    participant.sandbox.wait_until("supervise is gone", || {
        !participant.sandbox.command("svok", ".").arg("p").status().unwrap().success()
    });
    assert_eq!(participant.sandbox.read("p/life"), "start\nstop\nstart\nstop\n");
}

#[test]
fn term_while_working_lets_it_finish_and_leaves_the_next_item() {
    let participant = Participant::running("");
    let wire = &participant.wire;
    participant.put("a", WAIT);
    participant.wait_for_work("a", 1);
    participant.put("b", "");
    participant.svc("-d");
    participant.wait_for_count((1, 0));
    assert_eq!(wire.take(ENGINE), None);
    participant.go();
    assert_eq!(participant.reply(), done("a", WAIT));
    assert_eq!(participant.end(), "exited 0");
    participant.wait_for_count((1, 0));
    assert_eq!(wire.take(ENGINE), None);
    assert_eq!(participant.sandbox.read("p/life"), "start\nstop\n");
}

#[test]
fn term_gives_back_at_once_what_was_not_begun() {
    let mut participant = Participant::new("prefetch=5");
    let logic = participant.sandbox.read("p/participant_logic.py").replace("thread_safe = True", "pass");
    participant.sandbox.write("p/participant_logic.py", &logic);
    participant.start();
    participant.wait_until_ready();
    for wfid in ["a", "b", "c"] {
        participant.put(wfid, WAIT);
    }
    participant.wait_for_work("a", 1);
    participant.wait_for_count((0, 1));
    participant.svc("-d");
    participant.wait_for_count((2, 0));
    participant.go();
    assert_eq!(participant.reply(), done("a", WAIT));
    assert_eq!(participant.end(), "exited 0");
    assert_eq!(participant.sandbox.read("p/worked"), "a\n");
    assert_eq!(participant.wire.take(ENGINE), None);
}

#[test]
fn a_second_term_gives_the_item_back() {
    let participant = Participant::running("");
    participant.put("a", WAIT);
    participant.wait_for_work("a", 1);
    participant.svc("-d");
    participant.wait_for_count((0, 0));
    participant.svc("-t");
    assert_eq!(participant.end(), "exited 1");
    participant.wait_for_count((1, 0));
    participant
        .wait_for_line("WARNING [a] told to end a second time: what is in hand goes back to the queue\n");
    assert_eq!(participant.sandbox.read("p/life"), "start\ndie\n");
}

#[test]
fn the_end_of_the_grace_gives_the_item_back() {
    let participant = Participant::running("grace=1");
    participant.put("a", WAIT);
    participant.wait_for_work("a", 1);
    participant.svc("-d");
    assert_eq!(participant.end(), "exited 1");
    participant.wait_for_count((1, 0));
}

#[test]
fn what_was_in_hand_when_exo_was_killed_comes_again() {
    let participant = Participant::running("");
    participant.put("a", WAIT);
    participant.wait_for_work("a", 1);
    end(participant.pid(), Signal::SIGKILL);
    participant.wait_for_work("a", 2);
    participant.go();
    assert_eq!(participant.reply(), done("a", WAIT));
    assert_eq!(participant.end(), "killed KILL");
}

#[test]
fn what_was_in_hand_when_the_logic_died_comes_again() {
    let participant = Participant::running("");
    participant.put("a", WAIT);
    participant.wait_for_work("a", 1);
    end(participant.logic(), Signal::SIGKILL);
    participant.wait_for_work("a", 2);
    participant.go();
    assert_eq!(participant.reply(), done("a", WAIT));
    assert_eq!(participant.end(), "exited 1");
    assert!(
        participant.log().contains("ERROR [a] the logic has ended: killed by SIGKILL\n"),
        "{}",
        participant.log()
    );
}

#[test]
fn the_broker_is_away_at_the_start_and_is_killed_in_the_middle_of_work() {
    let node = Node::new();
    let sandbox = directory(&node, "v0", "");
    let _supervise = supervise(&sandbox);
    sandbox.wait_until("it has noticed", || {
        sandbox.read("p.log").contains("WARNING the broker is away, trying again: ")
    });
    node.start();
    sandbox.wait_until("it is ready", || sandbox.path("p/supervise/ready").exists());
    node.write_down();
    let mut wire = Wire::new(&node, "v0".to_string());
    wire.put("p", item("a", WAIT));
    sandbox.wait_until("a is worked on", || sandbox.read("p/worked") == "a\n");
    wire.put("p", item("b", ""));
    node.kill();
    sandbox.wait_until("it has noticed", || sandbox.read("p.log").contains("WARNING [a] the broker is away"));
    sandbox.write("p/go", "");
    node.start();
    wire.reconnect();
    let describe = || format!("p: {:?}\n{}", wire.count("p"), sandbox.describe());
    let mut replies = [wire.reply(describe), wire.reply(describe)];
    replies.sort();
    assert_eq!(replies, [done("a", WAIT), done("b", "")]);
    sandbox.wait_until("nothing is left", || wire.count("p") == (0, 1));
    // It was the same process all the time, which has worked on each once, and said little about it.
    assert_eq!(sandbox.read("p/starts").lines().count(), 1);
    let mut worked: Vec<String> = sandbox.read("p/worked").lines().map(str::to_string).collect();
    worked.sort();
    assert_eq!(worked, ["a", "b"]);
    let log = sandbox.read("p.log");
    assert_eq!(log.matches("the broker is away").count(), 2, "{log}");
    assert_eq!(log.matches("connected to the broker").count(), 2, "{log}");
}

#[test]
fn d7_a_failure_is_in_the_reply_and_in_the_log() {
    let participant = Participant::running("");
    participant.put("a", r#""bad":1"#);
    let reply = participant.reply();
    assert!(
        reply.contains(
            r#""error":{"class":"Ruote::Amqp::RemoteError","message":"KeyError: 'bad'","trace":["/"#
        ),
        "{reply}"
    );
    participant.wait_for_line("result=error error=KeyError: 'bad'\n");
    let log = participant.log();
    let whole = item("a", r#""bad":1"#);
    for line in
        ["ERROR [a] Traceback (most recent call last):\n", &format!("ERROR [a] the workitem was {whole}\n")]
    {
        assert!(log.contains(line), "{line} is not in {log}");
    }
    participant.put("b", "");
    assert_eq!(participant.reply(), done("b", ""));
    assert_eq!(participant.sandbox.read("p/starts").lines().count(), 1);
}

#[test]
fn a_body_that_is_not_json_is_thrown_away() {
    let participant = Participant::running("");
    participant.wire.put("p", format!("rub\nbish {}", "x".repeat(1000)));
    participant.wire.put("p", "");
    participant.put("a", "");
    assert_eq!(participant.reply(), done("a", ""));
    let told = format!("ERROR a message is no workitem, and thrown away: rub bish {}\n", "x".repeat(191));
    assert!(participant.log().contains(&told), "{}", participant.log());
    participant.svc("-d");
    assert_eq!(participant.end(), "exited 0");
    participant.wait_for_count((0, 0));
}

#[test]
fn the_engine_cancels_while_the_work_goes_on() {
    let participant = Participant::running("prefetch=2");
    participant.put("a", WAIT);
    participant.wait_for_work("a", 1);
    participant.wire.put("p", r#"{"cancel":true,"fei":{"wfid":"a","subid":"s","expid":"0"}}"#);
    participant
        .sandbox
        .wait_until("the logic was told", || participant.sandbox.read("p/asked") == "cancel\n");
    assert_eq!(participant.wire.take(ENGINE), None);
    participant.go();
    assert_eq!(participant.reply(), done("a", WAIT));
    participant.svc("-d");
    assert_eq!(participant.end(), "exited 0");
    participant.wait_for_count((0, 0));
    assert_eq!(participant.wire.take(ENGINE), None);
}

#[test]
fn what_is_to_be_forgotten_gets_no_reply() {
    let participant = Participant::running("");
    participant.put("a", r#""params":{"forget":true}"#);
    participant.put("b", "");
    assert_eq!(participant.reply(), done("b", ""));
    participant.wait_for_line("item wfid=a participant=p ms=");
}

#[test]
fn what_the_logic_wants_to_be_forgotten_gets_no_reply() {
    let participant = Participant::running("");
    participant.put("a", r#""forget":true"#);
    participant.put("b", r#""params":{"forget":true},"forget":false"#);
    assert!(participant.reply().contains(r#""wfid":"b""#));
    participant.wait_for_line("item wfid=a participant=p ms=");
    participant.wait_for_count((0, 1));
    assert_eq!(participant.wire.take(ENGINE), None);
}

#[test]
fn traces_and_dumps_are_in_the_log() {
    let participant = Participant::running("");
    let fields = r#""debug_trace":true,"params":{"debug_dump":true}"#;
    participant.put("a", fields);
    participant.wait_for_line(
        "INFO [a] process=- participant=- expid=0 fields=debug_trace,params params=debug_dump\n",
    );
    participant.wait_for_line(&format!("INFO [a] {}\n", item("a", fields)));
}

#[test]
fn what_the_logic_sends_comes_besides_the_reply() {
    let participant = Participant::running("");
    let fields = r#""send":1"#;
    participant.put("a", fields);
    assert_eq!(participant.reply(), item("a", fields));
    assert_eq!(participant.reply(), done("a", fields));
}

#[test]
fn several_items_at_once_are_answered_in_any_order() {
    let participant = Participant::running("prefetch=3");
    participant.put("a", WAIT);
    participant.put("b", WAIT);
    participant.put("c", "");
    assert_eq!(participant.reply(), done("c", ""));
    participant.go();
    let mut replies = [participant.reply(), participant.reply()];
    replies.sort();
    assert_eq!(replies, [done("a", WAIT), done("b", WAIT)]);
}

#[test]
fn a_body_of_10_mb_goes_through() {
    let participant = Participant::running("");
    let fields = format!(r#""big":"{}""#, "x".repeat(10_000_000));
    participant.put("a", &fields);
    assert!(participant.reply() == done("a", &fields), "{}", participant.log());
}

#[test]
fn an_item_in_hand_is_asked_about_by_its_process() {
    let participant = Participant::running("");
    participant.put("a", WAIT);
    participant.wait_for_work("a", 1);
    participant.wait_until_asked("a");
    for what in ["status", "cancel"] {
        let said = participant.ask("a", what);
        let answer = format!("{{\"asked\":\"{what}\"}}\n");
        assert_eq!((said.code, said.out), (0, answer), "{}", said.err);
    }
    let said = participant.ask("b", "status");
    assert_eq!((said.code, said.err.as_str()), (1, "exo: fatal: p has nothing of b in hand\n"));
    participant.go();
    assert_eq!(participant.reply(), done("a", WAIT));
    // A question that comes before its queue has gone gets no answer.
    participant.sandbox.wait_until("it is forgotten", || participant.ask("a", "status").code == 1);
}

#[test]
fn the_engine_is_told_of_a_participant() {
    let participant = Participant::new("queue=q\nregexp=p.*");
    for (option, step) in
        [("--register", "boss_register"), ("--unregister", "boss_register :action => \\\"unregister\\\"")]
    {
        let said = participant.sandbox.exo("p", &[option, "config.exo"], "");
        assert_eq!(said.code, 0, "{said:?}");
        let definition = format!("Ruote.process_definition do\\n  sequence do\\n    {step}\\n  end\\nend\\n");
        let body = format!(
            r#"{{"definition":"{definition}","fields":{{"name":"p.*","queue":"q"}},"variables":null}}"#
        );
        assert_eq!(participant.reply(), body);
    }
}
