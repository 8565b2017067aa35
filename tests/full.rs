//! A control fifo that is full, because no supervise reads it.

use crate::support::scanned::Scanned;
use crate::support::tree::{LOG, WEB};
use crate::support::{ENDLESS_GRACE, Sandbox, Supervised, process_state, send};
use nix::libc::O_NONBLOCK;
use nix::sys::signal::Signal::{SIGCONT, SIGHUP, SIGSTOP, SIGTERM};
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Output;

const STAY: &str = "exec sleep 1000";

/// Stops a supervise, and fills the fifo that it does not read any more with bytes that are no commands.
#[track_caller]
fn block(sandbox: &Sandbox, service: &str) -> i32 {
    let supervise = sandbox.next_supervise(service, 0);
    send(supervise, SIGSTOP);
    sandbox.wait_until("supervise is stopped", || process_state(supervise) == Some('T'));
    let path = sandbox.path(service).join("supervise/control");
    let mut fifo = File::options().write(true).custom_flags(O_NONBLOCK).open(path).unwrap();
    for length in [4096, 1] {
        while fifo.write(&vec![b'.'; length]).is_ok() {}
    }
    supervise
}

/// svc exited so, and said this.
#[track_caller]
fn said(output: &Output, code: i32, expected: &str) {
    assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    assert_eq!(output.status.code(), Some(code));
}

#[test]
fn svc_says_what_it_waits_for_and_waits_no_longer_than_it_may() {
    let supervised = Supervised::new(&[("run", STAY)]);
    let sandbox = &supervised.sandbox;
    sandbox.script("other/run", STAY);
    let _other = sandbox.start("supervise other", "messages");
    sandbox.next_pid("other", 0);
    sandbox.wait_until("the other takes commands", || sandbox.is_served("other"));
    let supervise = block(sandbox, "web");
    // Those that take commands get them at once.
    let late = "svc: warning: unable to control web: supervise/control is full\n";
    said(&sandbox.sh("exec svc -d --timeout=0.2 web other"), 99, late);
    sandbox.wait_until_down("other");
    said(&sandbox.sh("exec svc -u --wait=up --timeout=0.2 web"), 99, late);
    // Without commands, nothing is written.
    said(&sandbox.sh("exec svc web"), 0, "");
    let mut plain = sandbox.start("svc -p web", "plain");
    let mut waiting = sandbox.start("svc -u --wait=up web", "waiting");
    let word = "svc: warning: waiting to control web: supervise/control is full\n";
    for file in ["plain", "waiting"] {
        sandbox.wait_until("svc says what it waits for", || sandbox.read(file) == word);
    }
    assert!(!plain.has_ended() && !waiting.has_ended());
    send(supervise, SIGCONT);
    assert_eq!((plain.wait().code(), waiting.wait().code()), (Some(0), Some(0)));
    sandbox.wait_for_status("web", "paused");
    assert_eq!((sandbox.read("plain"), sandbox.read("waiting")), (word.to_owned(), word.to_owned()));
}

#[test]
fn svc_gives_up_when_the_supervise_with_a_full_fifo_ends() {
    let mut supervised = Supervised::new(&[("run", STAY)]);
    block(&supervised.sandbox, "web");
    let mut svc = supervised.sandbox.start("svc -d --check web", "said");
    supervised.sandbox.wait_until("svc waits", || supervised.sandbox.read("said").contains("waiting"));
    crate::support::kill(supervised.supervise.pid());
    supervised.supervise.wait();
    assert_eq!(svc.wait().code(), Some(111));
    let last = supervised.sandbox.read("said").lines().last().map(str::to_owned);
    assert_eq!(last.as_deref(), Some("svc: warning: error writing commands to web: broken pipe"));
}

#[test]
fn svscan_does_not_wait_for_a_supervise_that_does_not_read() {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    for name in ["full", "good"] {
        sandbox.script(&format!("new/{name}/run"), ": >started\nexec sleep 1000");
        let service = format!("service/{name}");
        scanned.timed(&service, || {
            fs::rename(sandbox.path(&format!("new/{name}")), sandbox.path(&service)).unwrap();
        });
    }
    let [full, good] = ["full", "good"].map(|name| sandbox.next_pid(&format!("service/{name}"), 0));
    let supervise = block(sandbox, "service/full");
    fs::create_dir(sandbox.path("away")).unwrap();
    for name in ["full", "good"] {
        fs::rename(sandbox.path(&format!("service/{name}")), sandbox.path(&format!("away/{name}"))).unwrap();
    }
    send(scanned.svscan.pid(), SIGHUP);
    sandbox.wait_until("the other one is stopped", || process_state(good).is_none());
    scanned.has_looked();
    assert!(process_state(full).is_some());
    // It is told as soon as it reads.
    send(supervise, SIGCONT);
    sandbox.wait_until("it is stopped, too", || process_state(full).is_none());
}

/// A supervise that comes back under the name before it has read anything is not stopped any more.
#[test]
fn a_service_that_has_come_back_is_not_told_what_it_was_to_be_told() {
    let scanned = Scanned::new();
    let sandbox = &scanned.sandbox;
    sandbox.script("new/run", ": >started\nexec sleep 1000");
    scanned.timed("service/web", || fs::rename(sandbox.path("new"), sandbox.path("service/web")).unwrap());
    let web = sandbox.next_pid("service/web", 0);
    let supervise = block(sandbox, "service/web");
    fs::rename(sandbox.path("service/web"), sandbox.path("new")).unwrap();
    send(scanned.svscan.pid(), SIGHUP);
    scanned.has_looked();
    fs::rename(sandbox.path("new"), sandbox.path("service/web")).unwrap();
    scanned.has_looked();
    send(supervise, SIGCONT);
    sandbox.wait_until_obeyed("service/web");
    scanned.has_looked();
    assert_eq!(sandbox.pid("service/web"), web);
}

#[test]
fn the_end_comes_although_supervises_do_not_read() {
    let sandbox = Sandbox::new();
    let run = "trap 'echo last words; exit' TERM\necho started\nwhile :; do sleep 0.02; done";
    sandbox.logged_service(WEB, run);
    sandbox.write(&format!("{WEB}/timeout-kill"), ENDLESS_GRACE);
    let mut svscan = sandbox.start("svscan service", "messages");
    sandbox.wait_until("it runs", || sandbox.log_of(WEB).contains("started\n"));
    sandbox.script("service/good/run", STAY);
    let good = sandbox.next_pid("service/good", 0);
    for name in [WEB, LOG] {
        block(&sandbox, name);
    }
    send(svscan.pid(), SIGTERM);
    sandbox.wait_until("the other one is stopped", || process_state(good).is_none());
    assert_eq!(svscan.wait().code(), Some(0));
    assert_eq!(sandbox.processes(), []);
    assert_eq!(sandbox.log_of(WEB), "started\nlast words\n", "it has ended in good order");
}
