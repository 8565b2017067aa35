//! Characters that control a terminal, or begin a line, in what others have named or written.

use crate::support::{Sandbox, Supervised, send};
use nix::sys::signal::Signal::SIGTERM;

/// For printf of a shell: a sequence that clears the screen, and a line that looks like one of ours.
const EVIL: &str = r"x\033[2J\nfake";

/// What is shown of it.
const HARMLESS: &str = "x?[2J?fake";

/// Fails if `text` has a control character other than the newlines of lines that begin so.
#[track_caller]
fn check(text: &str, begin: &str) {
    assert!(text.lines().all(|line| line.starts_with(begin) && !line.contains(char::is_control)), "{text:?}");
}

#[test]
fn the_name_of_a_process_that_is_left_running_is_harmless() {
    let leftover = format!("printf '{EVIL}' >/proc/self/comm; : >named; while :; do sleep 1; done");
    for has_file in [false, true] {
        let run = format!("exec pgrphack sh -c \"({leftover}) & exec sleep 1000\"");
        let mut files = vec![("run", run.as_str())];
        files.extend(has_file.then_some(("end-leftovers", "")));
        let supervised = Supervised::new(&files);
        let sandbox = &supervised.sandbox;
        sandbox.wait_until("the process has its name", || sandbox.path("web/named").exists());
        sandbox.run("svc -d web");
        sandbox.wait_until("it is reported", || sandbox.count("messages", &format!("({HARMLESS})")) == 1);
        supervised.wait_until_down();
        check(&sandbox.read("messages"), "supervise: warning: ");
    }
}

/// svscan takes names from the directory, and gives them to supervise.
#[test]
fn the_name_of_a_service_is_harmless_in_messages_that_the_original_does_not_have() {
    let sandbox = Sandbox::new();
    sandbox.script("made/run", "trap '' TERM\n: >deaf\nwhile :; do sleep 0.1; done");
    sandbox.run(&format!(r#"mkdir service && mkfifo made/backoff && mv made "service/$(printf '{EVIL}')""#));
    let mut svscan = sandbox.start("svscan service", "messages");
    let deaf = format!(r#"test -e "service/$(printf '{EVIL}')/deaf""#);
    sandbox.wait_until("it does not obey", || sandbox.sh(&deaf).status.success());
    send(svscan.pid(), SIGTERM);
    let waits = format!(" seconds ago, still waiting for {HARMLESS} (");
    sandbox.wait_until("svscan says what it waits for", || sandbox.count("messages", &waits) == 1);
    sandbox.run(&format!(r#"svc -k "service/$(printf '{EVIL}')""#));
    svscan.ends_well();
    let ignored = format!("supervise: warning: {HARMLESS}/backoff is ignored: it is not a regular file");
    assert_eq!(sandbox.count("messages", &ignored), 1);
    check(&sandbox.read("messages"), "s");
}

/// A script of the administrator may look for them.
#[test]
fn messages_of_the_original_have_the_bytes_that_were_given() {
    let sandbox = Sandbox::new();
    sandbox.run(&format!(r#"mkdir "$(printf '{EVIL}')""#));
    let _supervise = sandbox.start(&format!(r#"supervise "$(printf '{EVIL}')""#), "messages");
    let message = "supervise: fatal: unable to start x\u{1b}[2J\nfake/run: file does not exist\n";
    sandbox.wait_until("run is missed", || sandbox.read("messages").starts_with(message));
}

#[test]
fn svstat_shows_nothing_that_controls_a_terminal() {
    let sandbox = Sandbox::new();
    sandbox.logged_service("web", &format!("printf '{EVIL}\\n'; exit 1"));
    let _logger = sandbox.start("sh -c 'supervise web | supervise web/log'", "messages");
    let told = "supervise: warning: web: run exited 1, 3 times in ";
    sandbox.wait_until("web keeps failing", || sandbox.count("messages", told) == 1);
    check(&sandbox.run("svstat --long web"), "web: ");
    // Both are read anew by each svstat.
    sandbox.run(r"printf '#!/no/\033[2J\n' >web/new && chmod 755 web/new && mv web/new web/run");
    let interpreter = "the interpreter /no/?[2J of run does not exist";
    sandbox
        .wait_until("the interpreter is missed", || sandbox.run("svstat --long web").contains(interpreter));
    check(&sandbox.run("svstat --long web"), "web: ");
    sandbox.tell("web", "-d");
    sandbox.run(r"printf '@400000006b0b080428b63bcc killed \033[31mKILL\a\n' >web/supervise/last-exit");
    check(&sandbox.run("svstat --long web"), "web: down ");
}
