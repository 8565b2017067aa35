//! Local mode, and the logic as a process: what needs no broker.

use crate::scene::{Background, Said, Sandbox};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::process::Stdio;

/// A participant in the directory `p`, whose logic is a shell script. Its messages have blanks nowhere.
fn participant(config: &str, logic: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("p/config.exo", &format!("[participant]\ncode=logic\n{config}\n"));
    sandbox.script("p/logic", &format!("#!/bin/sh\n{logic}\n"));
    sandbox
}

/// Answers each item with what it is, and ends when it is told to.
const ECHO: &str = r#"echo '{"type":"ready"}'
while read -r line; do
    case $line in
    *'"type":"work"'*) echo "$line" | sed 's/"type":"work"/"type":"reply"/' ;;
    *'"type":"stop"'*) exit 0 ;;
    esac
done"#;

fn item(wfid: &str) -> String {
    format!("{{\"fei\":{{\"wfid\":\"{wfid}\",\"expid\":\"0\"}},\"odd\":1.50}}\n")
}

#[track_caller]
fn has(said: &Said, texts: &[&str]) {
    for text in texts {
        assert!(said.err.contains(text), "{text} is not in {}", said.err);
    }
}

#[test]
fn d6_items_of_standard_input_are_answered_on_standard_output() {
    let sandbox = participant("", ECHO);
    let said = sandbox.exo("p", &["--local", "config.exo"], &(item("a") + "rubbish\n\n" + &item("b")));
    assert_eq!((said.code, said.out.as_str()), (0, (item("a") + &item("b")).as_str()), "{said:?}");
    has(
        &said,
        &["begin wfid=a participant=p\n", "ERROR a message is no workitem, and thrown away: rubbish\n"],
    );
    has(&said, &["item wfid=b participant=p ms="]);
}

#[test]
fn d6_items_of_a_directory_come_in_the_order_of_their_names() {
    let sandbox = participant("prefetch=3", ECHO);
    for name in ["2", "1", "3"] {
        sandbox.write(&format!("items/{name}.json"), &item(name));
    }
    sandbox.write("items/4.txt", "no item");
    let said = sandbox.exo("p", &["--local", "config.exo", "../items"], "");
    assert_eq!(
        (said.code, said.out.as_str()),
        (0, (item("1") + &item("2") + &item("3")).as_str()),
        "{said:?}"
    );
}

#[test]
fn the_logic_is_told_its_settings() {
    let logic = format!("read -r line; echo \"$PARTICIPANT got $line\" >&2\n{ECHO}");
    let sandbox = participant("[obs]\napi=https://x", &logic);
    let said = sandbox.exo("p", &["--local", "config.exo"], "");
    let config = r#"{"obs":{"api":"https://x"},"participant":{"code":"logic"}}"#;
    has(&said, &[&format!(r#"INFO p got {{"type":"start","participant":"p","config":{config}}}"#)]);
}

#[test]
fn rubbish_of_the_logic_is_told_and_life_goes_on() {
    let sandbox = participant("", &format!("echo hello; echo '{{\"type\":\"dance\"}}'\n{ECHO}"));
    let said = sandbox.exo("p", &["--local", "config.exo"], &item("a"));
    assert_eq!((said.code, said.out.as_str()), (0, item("a").as_str()));
    has(
        &said,
        &["WARNING the logic printed what is not of the protocol: hello\n", r#"protocol: {"type":"dance"}"#],
    );
}

#[test]
fn an_unchanged_python_participant_runs() {
    let sandbox = Sandbox::new();
    sandbox.write("p/config.exo", "[participant]\nprefetch=1\n");
    let logic = "from SkyNET import WorkItemCtrl, ParticipantCtrl, Workitem
class ParticipantHandler(object):
    def handle_wi(self, wi):
        print('hello')
        if wi.fields.bad:
            raise KeyError('bad')
        wi.fields.seen = wi.params.who
        wi.result = True
    def handle_wi_control(self, ctrl):
        pass
    def handle_lifecycle_control(self, ctrl):
        self.log.info('told %s' % ctrl.message)
";
    sandbox.write("p/participant_logic.py", logic);
    let good = r#"{"fei":{"wfid":"a"},"fields":{"params":{"who":"x"}}}"#;
    let bad = r#"{"fei":{"wfid":"b"},"fields":{"bad":1}}"#;
    let said = sandbox.exo("p", &["--local", "config.exo"], &format!("{good}\n{bad}\n"));
    assert_eq!(said.code, 0, "{said:?}");
    let mut lines = said.out.lines();
    let answer = r#"{"fei":{"wfid":"a"},"fields":{"params":{"who":"x"},"seen":"x","__result__":true}}"#;
    assert_eq!(lines.next(), Some(answer));
    let failed = lines.next().unwrap();
    assert!(
        failed.contains(
            r#""error":{"class":"Ruote::Amqp::RemoteError","message":"KeyError: 'bad'","trace":["/"#
        ),
        "{failed}"
    );
    has(&said, &["INFO told start\n", "INFO [a] hello\n", "ERROR [b] KeyError: 'bad'\n", "INFO told stop\n"]);
    has(&said, &["item wfid=a participant=p ms=", "result=error error=KeyError: 'bad'\n"]);
}

#[test]
fn a_participant_in_python_is_adapted_whether_or_not_it_could_be_executed() {
    let sandbox = participant("", ECHO);
    let body = "class ParticipantHandler(object):\n    def handle_wi(self, wi):\n        wi.result = True\n";
    let answer = r#"{"fei":{"wfid":"a","expid":"0"},"odd":1.5,"fields":{"__result__":true}}"#;
    for first in ["#!/usr/bin/python2 -tt\n", "#!/gone\n", "#! /usr/bin/env python\n", "", "\u{feff}"] {
        sandbox.script("p/logic", &format!("{first}{body}"));
        let said = sandbox.exo("p", &["--local", "config.exo"], &item("a"));
        assert_eq!((said.code, said.out.trim_end()), (0, answer), "{first}: {said:?}");
    }
    // Nor has it to be one that ends in .py.
    sandbox.write("p/plain", &format!("{body}# {}\n", "x".repeat(100)));
    sandbox.write("p/config.exo", "[participant]\ncode=plain\n");
    let said = sandbox.exo("p", &["--local", "config.exo"], &item("a"));
    assert_eq!((said.code, said.out.trim_end()), (0, answer), "{said:?}");
    // A program that only speaks of it is a program.
    sandbox.script("p/plain", &format!("#!/bin/sh\n# class ParticipantHandler\n{ECHO}\n"));
    let said = sandbox.exo("p", &["--local", "config.exo"], &item("a"));
    assert_eq!((said.code, said.out), (0, item("a")), "{}", said.err);
}

#[test]
fn logic_runs_by_its_name_alone() {
    let sandbox = participant("[obs]\napi=x", ECHO);
    let body = "class ParticipantHandler(object):\n    def handle_wi(self, wi):\n        self.log.info(wi.fields.x)\n";
    let config = "    def handle_lifecycle_control(self, ctrl):\n        if ctrl.start():\n            \
                  self.log.info('obs %s', ctrl.config.has_section('obs'))\n";
    // Nothing is beside it.
    sandbox.write("alone/build.py", &format!("{body}{config}"));
    let said = sandbox.exo(".", &["--local", "alone/build.py"], &item("a"));
    assert_eq!(said.code, 0, "{said:?}");
    has(&said, &["begin wfid=a participant=build\n", "INFO obs False\n", "INFO [a] None\n"]);
    // Settings are, which name other logic.
    sandbox.write("p/build.py", &format!("{body}{config}"));
    let said = sandbox.exo("p", &["--local", "build.py"], &item("a"));
    has(&said, &["begin wfid=a participant=p\n", "INFO obs True\n"]);
    let said = sandbox.exo("p", &["--local", "logic"], &item("a"));
    assert_eq!((said.code, said.out), (0, item("a")), "{}", said.err);
    sandbox.write("items/1.json", &item("b"));
    let said = sandbox.exo("p", &["--local", "logic", "../items"], "");
    assert_eq!((said.code, said.out), (0, item("b")), "{}", said.err);
    let said = sandbox.exo("p", &["--local", "gone.py"], "");
    assert_eq!(said.code, 100, "{said:?}");
    has(&said, &["gone.py: there is no such file"]);
}

#[test]
fn an_item_that_failed_is_told_by_the_exit_code() {
    let sandbox = participant("", ECHO);
    let check = |options: &[&str], input: &str, code: i32| {
        let said = sandbox.exo("p", &[options, &["logic"]].concat(), input);
        assert_eq!(said.code, code, "{options:?}: {said:?}");
    };
    check(&["--local", "--fail"], &item("a"), 0);
    check(&["--local", "--fail"], &(item("a") + "rubbish\n" + &item("b")), 1);
    check(&["--local"], "rubbish\n", 0);
    check(&["--fail"], "", 100);
    check(&["--local", "--fail", "--fail"], "", 100);
    let with_error = r#"{"fei":{"wfid":"a"},"error":"old"}"#;
    check(&["--local", "--fail"], with_error, 0);
    let fails = ECHO.replace(r#""type":"reply"/"#, r#""type":"failure","error":"no"/"#);
    sandbox.script("p/logic", &format!("#!/bin/sh\n{fails}\n"));
    check(&["--local", "--fail"], &item("a"), 1);
}

#[test]
fn int_says_what_it_waits_for() {
    let logic =
        format!("trap '' INT\n{}", ECHO.replace("echo \"$line\" |", "read -r go <fifo; echo \"$line\" |"));
    let sandbox = participant("", &logic);
    nix::unistd::mkfifo(&sandbox.path("p/fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut command = sandbox.command("exo", "p");
    let log = fs::File::create(sandbox.path("log")).unwrap();
    let exo = command.args(["--local", "logic"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
    let mut exo = Background(exo.spawn().unwrap());
    std::io::Write::write_all(exo.0.stdin.as_mut().unwrap(), item("a").as_bytes()).unwrap();
    sandbox.wait_until("it works", || sandbox.read("log").contains("begin wfid=a"));
    kill(Pid::from_raw(i32::try_from(exo.0.id()).unwrap()), Signal::SIGINT).unwrap();
    let line = "INFO [a] waiting for the logic to finish 1 item; the next signal ends this at once\n";
    sandbox.wait_until("it says so", || sandbox.read("log").contains(line));
    fs::write(sandbox.path("p/fifo"), "go\n").unwrap();
    assert_eq!(exo.0.wait().unwrap().code(), Some(0), "{}", sandbox.read("log"));
}

#[test]
fn a_logic_that_cannot_be_run_is_a_mistake_that_is_named() {
    let sandbox = participant("", ECHO);
    let check = |config: &str, code: i32, text: &str| {
        sandbox.write("p/config.exo", config);
        let said = sandbox.exo("p", &["--local", "config.exo"], &item("a"));
        assert_eq!(said.code, code, "{config}: {said:?}");
        has(&said, &[text]);
    };
    check("[participant]\ncode=gone.py\n", 100, "there is no logic ");
    check("[participant]\ncode=config.exo\n", 100, "is neither executable nor in Python");
    sandbox.write("p/bad.py", "def (:\n");
    check("[participant]\ncode=bad.py\n", 1, "SkyNET.adapter: fatal: unable to load ");
    check("[participant]\ncode=bad.py\n", 1, "ERROR the logic ended before it was ready: exited 1\n");
    sandbox.script("p/ends", "#!/bin/sh\nexit 7\n");
    check("[participant]\ncode=ends\n", 1, "ERROR the logic ended before it was ready: exited 7\n");
    check(
        "[participant]\ncode=logic\nprefetch=x\n",
        100,
        "x is no number up to 65535: change prefetch in [participant] of ",
    );
    check(
        "[participant]\ncode=logic\nnonsense\n",
        0,
        "config.exo:3: this is neither [section] nor key=value",
    );
    check("[boss]\namqp_host=h:x\n", 100, "h:x is no HOST:PORT: change amqp_host in [boss] of ");
    let said = sandbox.exo("p", &["--local", "gone.exo"], "");
    assert_eq!(said.code, 100, "{said:?}");
    assert_eq!(sandbox.exo("p", &["--dance"], "").code, 100);
}

#[test]
fn a_logic_that_hangs_is_killed_with_all_that_it_has_started() {
    let sandbox = participant(
        "timeout=1",
        "echo '{\"type\":\"ready\"}'; read -r a; read -r b; sleep 1000 & echo $! >sleeper; wait",
    );
    let said = sandbox.exo("p", &["--local", "config.exo"], &item("a"));
    assert_eq!((said.code, said.out.as_str()), (1, ""), "{said:?}");
    has(&said, &["ERROR [a] the logic has worked longer than 1 s, and is killed\n"]);
    has(&said, &["ERROR [a] the logic has ended: killed by SIGKILL\n", "WARNING [a] stays undone\n"]);
    let sleeper = sandbox.read("p/sleeper");
    sandbox.wait_until("its child has ended", || is_gone(&sleeper));
}

/// Whether a process has ended; one that nobody has waited for is no more than a number.
fn is_gone(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

/// Runs a command of the shell beside the participant; it must end, and this is what its last program exits with.
#[track_caller]
fn ends(sandbox: &Sandbox, script: &str) -> Option<i32> {
    let mut command = sandbox.command("sh", "p");
    let mut shell = Background(command.args(["-c", script]).spawn().unwrap());
    sandbox.wait_for("it has ended", || shell.0.try_wait().unwrap()).code()
}

const LOCAL: &str = "exo --local config.exo <items >replies 2>log";

#[test]
fn a_logic_that_does_not_end_after_stop_is_killed() {
    let sandbox = participant("", &ECHO.replace("exit 0", "sleep 1000"));
    sandbox.write("p/items", &item("a"));
    assert_eq!(ends(&sandbox, LOCAL), Some(0), "{}", sandbox.read("p/log"));
    let log = sandbox.read("p/log");
    assert!(log.ends_with("WARNING the logic did not end after stop, and is killed\n"), "{log}");
}

#[test]
fn what_the_logic_has_left_behind_keeps_nobody() {
    let chatter = "setsid sh -c 'while echo chat >&2; do sleep 0.1; done' &";
    let sandbox = participant("", &format!("{chatter}\n{ECHO}"));
    sandbox.write("p/items", &item("a"));
    assert_eq!(ends(&sandbox, LOCAL), Some(0), "{}", sandbox.read("p/log"));
    assert_eq!(sandbox.read("p/replies"), item("a"));
}

#[test]
fn a_logic_that_has_closed_its_output_is_killed() {
    let sandbox = participant("", "echo '{\"type\":\"ready\"}'; read -r a; read -r b; exec >&-; sleep 1000");
    sandbox.write("p/items", &item("a"));
    assert_eq!(ends(&sandbox, LOCAL), Some(1), "{}", sandbox.read("p/log"));
    let log = sandbox.read("p/log");
    assert!(log.contains("ERROR [a] the logic has closed its standard output, and is killed\n"), "{log}");
    assert!(log.contains("WARNING [a] stays undone\n"), "{log}");
}

#[test]
fn without_a_reader_of_its_replies_it_ends() {
    let sandbox = participant("prefetch=3", ECHO);
    sandbox.write("p/items", &item("a"));
    let script = "while cat items; do :; done | { exo --local config.exo 2>log; echo $? >code; } | head -1";
    assert_eq!(ends(&sandbox, script), Some(0), "{}", sandbox.read("p/log"));
    assert_eq!(sandbox.read("p/code"), "0\n", "{}", sandbox.read("p/log"));
}

#[test]
fn the_logic_does_not_outlive_exo() {
    let sandbox = participant("", &format!("echo $$ >pid; trap '' TERM\n{ECHO}\nsleep 1000"));
    let mut command = sandbox.command("exo", "p");
    let piped = command
        .args(["--local", "config.exo"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let exo = Background(piped.spawn().unwrap());
    sandbox.wait_until("the logic runs", || sandbox.read("p/pid").ends_with('\n'));
    let pid = sandbox.read("p/pid");
    assert!(!is_gone(&pid));
    kill(Pid::from_raw(i32::try_from(exo.0.id()).unwrap()), Signal::SIGKILL).unwrap();
    sandbox.wait_until("the logic has ended", || is_gone(&pid));
}

#[test]
fn json_that_is_seldom_goes_through() {
    let sandbox = participant("", ECHO);
    let deep = format!("{{\"a\":{}{}}}\n", "[".repeat(350), "]".repeat(350));
    let half = r#"{"fei":{"wfid":"h"},"half":"\ud83d"}"#;
    let said = sandbox.exo("p", &["--local", "config.exo"], &format!("{deep}{half}\n"));
    let expected = deep + &half.replace("\\ud83d", "\u{fffd}") + "\n";
    assert_eq!((said.code, said.out), (0, expected), "{}", said.err);
    // The logic may write so, too.
    let logic = ECHO.replace("s/\"type\":\"work\"/", "s/H/\\\\udc00/;s/\"type\":\"work\"/");
    let sandbox = participant("", &logic);
    let said = sandbox.exo("p", &["--local", "config.exo"], "{\"half\":\"H\"}\n");
    assert_eq!((said.code, said.out.as_str()), (0, "{\"half\":\"\u{fffd}\"}\n"), "{}", said.err);
}

#[test]
fn an_answer_that_is_no_json_fails_the_item() {
    let sandbox =
        participant("", &ECHO.replace("s/\"type\":\"work\"/", "s/\"BAD\"/NaN/;s/\"type\":\"work\"/"));
    let bad = "{\"fei\":{\"wfid\":\"a\"},\"is\":\"BAD\"}";
    let said = sandbox.exo("p", &["--local", "config.exo"], &format!("{bad}\n{}", item("b")));
    let message = "the logic replied with what is not JSON";
    let error = format!(
        r#","error":{{"class":"Ruote::Amqp::RemoteError","message":"Unreadable: {message}","trace":[]}}}}"#
    );
    let expected = bad.replace("\"BAD\"}", &format!("\"BAD\"{error}")) + "\n" + &item("b");
    assert_eq!((said.code, said.out), (0, expected), "{}", said.err);
}

#[test]
fn a_body_of_10_mb_goes_through() {
    let sandbox = participant("", "");
    let logic = "#!/usr/bin/env python3\nimport json, sys\nprint('{\"type\":\"ready\"}', flush=True)\n\
        for line in sys.stdin:\n    message = json.loads(line)\n    if message['type'] == 'work':\n\
        \x20       message['type'] = 'reply'; print(json.dumps(message), flush=True)\n    elif message['type'] == 'stop': break\n";
    sandbox.script("p/logic", logic);
    let body =
        format!("{{\"fei\":{{\"wfid\":\"a\"}},\"fields\":{{\"big\":\"{}\"}}}}\n", "x".repeat(10_000_000));
    let said = sandbox.exo("p", &["--local", "config.exo"], &body);
    assert_eq!((said.code, said.out.len()), (0, body.len()), "{}", said.err);
}

#[test]
fn settings_of_a_mini_skynet_hold_unless_the_participant_has_its_own() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("BOSS/service")).unwrap();
    sandbox.write("BOSS/boss.conf", "[boss]\namqp_host=h:x\n");
    sandbox.write("BOSS/participants/p/config.exo", "[participant]\ncode=logic\n");
    sandbox.script("BOSS/participants/p/logic", &format!("#!/bin/sh\n{ECHO}\n"));
    let check = |code: i32, text: &str| {
        let said = sandbox.exo("BOSS/participants/p", &["--local", "config.exo"], "");
        assert_eq!(said.code, code, "{said:?}");
        has(&said, &[text]);
    };
    check(100, "h:x is no HOST:PORT: change amqp_host in [boss] of ");
    check(100, "/BOSS/boss.conf");
    sandbox.write("BOSS/conf.d/more.conf", "[boss]\namqp_host=h\n");
    check(0, "");
}

#[test]
fn lines_below_the_level_are_left_out_but_not_what_the_logic_complains() {
    let logic = format!(
        "echo complaint >&2; echo '{{\"type\":\"log\",\"level\":\"INFO\",\"message\":\"chat\"}}'\n{ECHO}"
    );
    let sandbox = participant("[skynet]\nlog_level=WARNING", &logic);
    let said = sandbox.exo("p", &["--local", "config.exo"], &item("a"));
    assert_eq!(said.code, 0, "{said:?}");
    has(&said, &["INFO complaint\n", "item wfid=a participant=p ms="]);
    assert!(!said.err.contains("chat"), "{}", said.err);
}
