//! What svstat tells beyond the original: a longer line for people, JSON for programs.

use crate::support::{Sandbox, Supervised};

fn supervised(run: &str) -> Supervised {
    Supervised::new(&[("run", run), ("notification-fd", "3")])
}

/// The value of an expression of Python about the array that `svstat --json web` prints.
fn ask(supervised: &Supervised, expression: &str) -> String {
    let script = format!("import json, sys; s = json.load(sys.stdin)[0]; print({expression})");
    let script = format!("svstat --json web | python3 -ISc '{script}'");
    supervised.sandbox.run(&script).trim().to_string()
}

#[test]
fn json_tells_all_that_is_known() {
    let supervised = supervised("[ -e once ] || { : >once; exit 3; }\necho >&3\nexec sleep 1000");
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("it is ready", || ask(&supervised, "s[\"ready\"]") == "True");
    assert_eq!(ask(&supervised, "s[\"pid\"]"), sandbox.pid("web").to_string());
    assert_eq!(
        ask(
            &supervised,
            "s[\"service\"], s[\"state\"], s[\"want\"], s[\"normally\"], s[\"paused\"], s[\"restarts\"]"
        ),
        "web up up up False 1"
    );
    assert_eq!(ask(&supervised, "s[\"last_exit\"][\"how\"], s[\"last_exit\"][\"code\"]"), "exited 3");
    // The moments are such that a program can compute with them.
    let order = "from datetime import datetime as d; t = lambda m: d.fromisoformat(m[:23].rstrip(\"Z\")); ";
    let order = format!(
        "svstat --json web | python3 -ISc 'import json, sys; {order}s = json.load(sys.stdin)[0]; \
         print(t(s[\"last_exit\"][\"at\"]) <= t(s[\"since\"]) <= t(s[\"ready_since\"]), s[\"seconds\"] >= 0)'"
    );
    assert_eq!(sandbox.run(&order), "True True\n");
    sandbox.run("svc -dk --wait=down --timeout=60 web");
    assert_eq!(
        ask(
            &supervised,
            "s[\"state\"], s[\"pid\"], s[\"want\"], s[\"ready\"], s[\"ready_since\"], s[\"restarts\"]"
        ),
        "down None down False None 1"
    );
    assert!(["TERM", "KILL"].contains(&ask(&supervised, "s[\"last_exit\"][\"signal\"]").as_str()));
}

/// A service may ask about itself, and who sees it run may ask about it.
#[test]
fn run_finds_itself_supervised_and_up() {
    let sandbox = Sandbox::new();
    for number in 0..20 {
        let name = format!("web{number}");
        let run = "{ svok . && svstat . && echo $$; } >new 2>&1; mv new asked; exec sleep 1000";
        sandbox.script(&format!("{name}/run"), run);
        let _supervise = sandbox.start(&format!("supervise {name}"), "messages");
        sandbox.wait_until("it has asked", || sandbox.path(&format!("{name}/asked")).exists());
        let asked = sandbox.read(&format!("{name}/asked"));
        let pid = asked.lines().nth(1).unwrap_or_default();
        assert!(asked.starts_with(&format!(".: up (pid {pid}) ")), "{asked}");
    }
}

#[test]
fn the_long_line_begins_like_the_short_one() {
    let supervised = supervised("exec sleep 1000");
    let sandbox = &supervised.sandbox;
    let short = sandbox.wait_for_status("web", ": up (pid ");
    let line = sandbox.run("svstat --long web");
    let pid = short.split(") ").next().unwrap();
    assert!(line.starts_with(pid) && line.contains(" seconds, since 20"), "{line}");
    assert!(line.ends_with(", 0 restarts\n"), "{line}");
}

#[test]
fn trouble_with_one_service_is_part_of_the_answer() {
    let supervised = supervised("exec sleep 1000");
    let sandbox = &supervised.sandbox;
    sandbox.run("mkdir -p 'no\"ne/supervise'");
    let last = sandbox.run("svstat --json web 'no\"ne'");
    let expected = r#"{"service":"no\"ne","state":"unknown","error":"unable to open supervise/ok: file does not exist"}"#;
    assert_eq!(last.lines().nth(2), Some(expected));
    assert_eq!(sandbox.run("svstat --json"), "[]\n");
    assert_eq!(sandbox.run("svstat --long none"), "none: unable to chdir: file does not exist\n");
}

#[test]
fn one_form_at_a_time() {
    let sandbox = Sandbox::new();
    for words in ["--json --long", "--json=1"] {
        let output = sandbox.sh(&format!("svstat {words} web"));
        assert_eq!(output.status.code(), Some(100));
        assert_eq!(output.stderr, b"svstat: usage: svstat [--long|--json] dirs...\n");
    }
    let output = sandbox.sh("exec svstat --lnog web");
    assert_eq!(output.status.code(), Some(100));
    assert_eq!(output.stdout, b"");
    assert_eq!(
        output.stderr,
        b"svstat: unknown option --lnog\nsvstat: usage: svstat [--long|--json] dirs...\n"
    );
    // It is an operand where the original would find something to tell.
    sandbox.run("mkdir ./--other");
    let other = "--other: unable to open supervise/ok: file does not exist\n";
    assert_eq!(sandbox.run("svstat --other"), other);
    assert_eq!(sandbox.run("svstat -- --other"), other);
    assert_eq!(sandbox.run("svstat -- --json"), "--json: unable to chdir: file does not exist\n");
}
