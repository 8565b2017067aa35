//! Services that cannot stay up: what supervise says and writes down about them.

use crate::support::{Sandbox, Supervised};

/// The second line of `last-exit`, without the time and the number of failures.
fn failures(supervised: &Supervised) -> String {
    let text = supervised.sandbox.read("web/supervise/last-exit");
    let words: Vec<&str> = text.lines().nth(1).unwrap_or_default().split(' ').collect();
    match words[..] {
        ["failures", _, "since", label, ref rest @ ..] if label.starts_with('@') => {
            format!("failures {}", rest.join(" ")).trim_end().to_string()
        }
        _ => text.lines().nth(1).unwrap_or_default().to_string(),
    }
}

#[test]
fn a_service_that_keeps_failing_is_reported_by_name_and_not_each_time() {
    let sandbox = Sandbox::new();
    sandbox.script("service/web/run", "echo x >>starts\nexit 3");
    sandbox.script("service/web/log/run", "kill -SEGV $$");
    let _svscan = sandbox.start("svscan service", "messages");
    let text = "supervise: warning: web: run exited 3, 3 times in ";
    sandbox.wait_until("it is reported", || sandbox.count("messages", text) == 1);
    let text = "supervise: warning: web/log: run was killed by SEGV, 3 times in ";
    sandbox.wait_until("its logger is reported", || sandbox.count("messages", text) == 1);
    let starts = sandbox.count("service/web/starts", "x");
    sandbox.wait_until("it fails again", || sandbox.count("service/web/starts", "x") > starts);
    let reports = sandbox.count("messages", "supervise: warning: web: ");
    assert!(2 * reports < sandbox.count("service/web/starts", "x"), "{}", sandbox.read("messages"));
}

#[test]
fn failures_in_a_row_are_written_down_until_it_is_told_what_to_do() {
    let supervised = Supervised::new(&[("run", ". ./mode"), ("mode", "exit 3")]);
    let sandbox = &supervised.sandbox;
    let wait_for = |how: &str, expected: &str| {
        sandbox.wait_until(&format!("{how}, {expected}"), || {
            (supervised.last_exit().as_str(), failures(&supervised).as_str()) == (how, expected)
        });
    };
    wait_for("exited 3", "failures");
    sandbox.script("web/mode", "exec sleep 1000");
    supervised.wait_for_program("sleep");
    sandbox.run("svc -d --wait=down web");
    wait_for("killed TERM", "");
    // What is done has not failed.
    sandbox.script("web/mode", "exit 0");
    sandbox.run("svc -o web");
    wait_for("exited 0", "");
    // The number is that of "file does not exist".
    sandbox.run("rm web/run; svc -u web");
    wait_for("exited 111", "failures error 2");
    let starting = "supervise: fatal: unable to start web/run: file does not exist";
    sandbox.wait_until("it was tried four times", || sandbox.count("messages", starting) >= 4);
    assert_eq!(sandbox.count("messages", "run exited 111"), 0, "one message each time is enough");
}
