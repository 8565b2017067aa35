//! Ends by real-time signals, which have numbers and no names, and children that are gone although nobody was told.

use crate::support::logger::{Logger, archives, logged, numbered};
use crate::support::{Running, Sandbox, Supervised, children, process_state, send, show};
use nix::sys::signal::Signal::{SIGALRM, SIGCONT, SIGSTOP};

/// The first and the last of the real-time signals that the C library leaves to programs.
const REAL_TIME: [i32; 2] = [34, 64];

/// Does not end by itself.
const STAY: &str = "exec sleep 1000";

/// Sends a signal that has no name.
#[track_caller]
fn send_number(sandbox: &Sandbox, pid: i32, signal: i32) {
    sandbox.run(&format!("kill -{signal} {pid}"));
}

#[test]
fn a_service_that_a_real_time_signal_has_ended_is_started_again() {
    for signal in REAL_TIME {
        let supervised = Supervised::new(&[("run", STAY)]);
        let sandbox = &supervised.sandbox;
        let pid = supervised.wait_for_program("sleep");
        send_number(sandbox, pid, signal);
        sandbox.next_pid("web", pid);
        assert_eq!(supervised.last_exit(), format!("killed {signal}"));
        assert!(sandbox.run("svstat --long web").contains(&format!(", last end: killed by {signal}, ")));
        let object = format!(r#""last_exit":{{"how":"killed","signal":"{signal}","at":"#);
        assert!(sandbox.run("svstat --json web").contains(&object));
        supervised.is_silent();
    }
}

#[test]
fn a_service_that_keeps_ending_by_a_real_time_signal_is_reported_with_its_number() {
    let supervised = Supervised::new(&[("run", "kill -34 $$")]);
    let sandbox = &supervised.sandbox;
    let message = "supervise: warning: web: run was killed by 34, 3 times in ";
    sandbox.wait_until("that is reported", || sandbox.count("messages", message) == 1);
    assert!(sandbox.run("svstat --long web").contains(" times in a row since "));
}

#[test]
fn finish_and_notify_are_told_the_number_of_a_real_time_signal() {
    for signal in REAL_TIME {
        let supervised = Supervised::new(&[
            ("run", STAY),
            ("finish", "echo \"$1 $2 $3\" >>ends"),
            ("notify", "echo \"$1 $2 $4\" >>news"),
        ]);
        let pid = supervised.wait_for_program("sleep");
        supervised.wait_for("news", "web start 0\n");
        send_number(&supervised.sandbox, pid, signal);
        supervised.wait_for("ends", &format!("256 {signal} web\n"));
        supervised.wait_for("news", &format!("web start 0\nweb killed {signal}\nweb start 0\n"));
        supervised.is_silent();
    }
}

#[test]
fn a_finish_or_notify_that_a_real_time_signal_ends_does_not_stand_in_the_way() {
    for signal in REAL_TIME {
        let kill = format!("echo $0 >>killed\nkill -{signal} $$");
        let run = "echo start >>starts\n[ $(wc -l <starts) -lt 3 ] || exec sleep 1000";
        let supervised = Supervised::new(&[("run", run), ("finish", &kill), ("notify", &kill)]);
        let sandbox = &supervised.sandbox;
        supervised.wait_for("starts", "start\nstart\nstart\n");
        assert_eq!(sandbox.count("web/killed", "finish"), 2);
        sandbox.wait_until("later news are told, too", || sandbox.count("web/killed", "notify") >= 3);
        sandbox.tell("web", "-dx");
        let mut supervise = supervised.supervise;
        supervise.ends_well();
    }
}

#[test]
fn an_end_by_a_real_time_signal_does_not_hide_another_end() {
    let supervised =
        Supervised::new(&[("run", STAY), ("notify", "[ $2 = start ] && echo $$ >>news && exec sleep 1000")]);
    let sandbox = &supervised.sandbox;
    let pid = supervised.wait_for_program("sleep");
    sandbox.wait_until("notify runs", || sandbox.read("web/news").ends_with('\n'));
    let notify: i32 = sandbox.read("web/news").trim().parse().unwrap();
    let supervise = supervised.supervise.pid();
    // Both have ended when supervise is told, with one signal.
    send(supervise, SIGSTOP);
    sandbox.wait_until("supervise is stopped", || process_state(supervise) == Some('T'));
    for ended in [notify, pid] {
        send_number(sandbox, ended, 34);
        sandbox.wait_until("it has ended", || process_state(ended).is_none());
    }
    send(supervise, SIGCONT);
    sandbox.next_pid("web", pid);
    assert_eq!(supervised.last_exit(), "killed 34");
    sandbox.wait_until("notify is told of the next start", || sandbox.count("web/news", "") == 2);
    sandbox.wait_until("nothing dead is left", || {
        children(supervise).into_iter().all(|child| process_state(child).is_some())
    });
}

/// Kills supervise when it has written how the service ended and ends what that has left; `before` is done before another
/// supervise starts.
#[track_caller]
fn crash_before_finish(before: &str) {
    let mut supervised = Supervised::new(&[
        ("run", "(trap '' TERM; : >deaf; while :; do sleep 1; done) &\nexec sleep 1000"),
        ("finish", "echo \"$1 $2\" >>ends"),
        // supervise is killed while it waits for what the service leaves running.
        ("end-leftovers", ""),
        ("timeout-kill", "600000"),
    ]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("it will leave something", || sandbox.path("web/deaf").exists());
    let pid = supervised.wait_for_program("sleep");
    sandbox.run("cp web/supervise/status web/up");
    send_number(sandbox, pid, 34);
    sandbox.wait_until("its end is written down", || supervised.last_exit() == "killed 34");
    sandbox.wait_until("what it has left is being ended", || {
        sandbox.count("messages", "ending what web has left running") == 1
    });
    crate::support::kill(supervised.supervise.pid());
    supervised.supervise.wait();
    sandbox.run(&format!("rm web/end-leftovers; {before}"));
    let _supervise = sandbox.start("supervise web", "messages");
    supervised.wait_for("ends", "256 34\n");
}

#[test]
fn finish_after_a_crash_of_supervise_is_told_the_number_of_a_real_time_signal() {
    crash_before_finish(":");
}

#[test]
fn finish_is_told_the_end_if_supervise_was_killed_before_it_wrote_the_status() {
    crash_before_finish("cp web/up web/supervise/status");
}

#[test]
fn a_processor_that_a_real_time_signal_has_ended_is_tried_again() {
    for signal in REAL_TIME {
        let processor = format!("'!test -e ../once && exec cat; : >../once; kill -{signal} $$'");
        let mut logger = Logger::start(&format!("s4096 {processor}"));
        let lines = numbered(1..=600);
        logger.feed(&lines);
        logger.wait_for_message("multilog: warning: processor failed in ./main, pausing", 1);
        send(logger.running.pid(), SIGALRM);
        logger.sandbox.wait_until("it is an archive", || !archives(&logger.sandbox).is_empty());
        let sandbox = logger.finish();
        assert_eq!(logged(&sandbox), lines);
        assert_eq!(sandbox.count("messages", "processor crashed in ./main"), 1);
    }
}

#[test]
fn a_supervise_that_a_real_time_signal_has_ended_is_back_at_once() {
    for signal in REAL_TIME {
        let sandbox = Sandbox::new();
        sandbox.script("service/web/run", STAY);
        let _svscan = sandbox.start("svscan service", "messages");
        let pid = sandbox.next_pid("service/web", 0);
        let supervise = sandbox.next_supervise("service/web", 0);
        send_number(&sandbox, supervise, signal);
        sandbox.next_supervise("service/web", supervise);
        assert_eq!(sandbox.pid("service/web"), pid);
        assert_eq!(sandbox.read("messages"), "");
    }
}

#[test]
fn fghack_says_that_its_child_has_crashed_by_a_real_time_signal() {
    let sandbox = Sandbox::new();
    for signal in REAL_TIME {
        let output = sandbox.sh(&format!("fghack sh -c 'kill -{signal} $$'"));
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), &*message), (Some(111), "fghack: fatal: child crashed\n"));
    }
}

/// Starts a program for which the system twice denies that it has children: once when it asks for any, and once when it
/// asks for the one that it waits for. `None` where strace may not trace.
fn start_deceived(sandbox: &Sandbox, program: &str) -> Option<Running> {
    let deceived = "strace -qq -o /dev/null -e trace=wait4 -e inject=wait4:error=ECHILD:when=1..2";
    if !sandbox.sh(&format!("{deceived} true")).status.success() {
        show("skipped: strace may not trace here");
        return None;
    }
    Some(sandbox.start(&format!("{deceived} {program}"), "messages"))
}

#[test]
fn a_service_that_is_gone_without_a_word_is_started_again() {
    let sandbox = Sandbox::new();
    sandbox.script("web/run", "echo start >>starts\n[ -e again ] && exec sleep 1000\n: >again");
    let Some(_supervise) = start_deceived(&sandbox, "supervise web") else { return };
    sandbox.wait_until("it is started again", || sandbox.count("web/starts", "") == 2);
    let last = sandbox.read("web/supervise/last-exit");
    assert!(last.lines().next().unwrap().ends_with(" unknown"), "{last}");
}

#[test]
fn a_processor_that_is_gone_without_a_word_is_tried_again() {
    let sandbox = Sandbox::new();
    let lines = numbered(1..=600);
    sandbox.write("input", &lines);
    let command = "sh -c \"exec multilog s4096 '!exec cat' ./main <input\"";
    let Some(mut multilog) = start_deceived(&sandbox, command) else { return };
    multilog.ends_well();
    assert_eq!(logged(&sandbox), lines);
    assert_eq!(sandbox.read("messages"), "multilog: warning: processor failed in ./main, pausing\n");
}
