//! The pipe from a service to its logger belongs to svscan: it outlives both, with all that is in it.

use crate::support::{Sandbox, kill, process_state, send};
use nix::libc;
use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
use std::fs;
use std::os::unix::fs::PermissionsExt;

const KILLS: usize = 20;

/// Prints a number a line, about 700 a second, and keeps the next one in a file. That is replaced after the line
/// was printed: a service that is killed in between prints the number again, but never leaves one out.
const COUNTER: &str = r#"#!/usr/bin/env python3
import os, time
try:
    number = int(open("next").read())
except FileNotFoundError:
    number = 1
while True:
    os.write(1, b"%d\n" % number)
    number += 1
    with open("next.new", "w") as file:
        file.write(str(number))
    os.rename("next.new", "next")
    time.sleep(0.001)
"#;

#[test]
fn no_line_is_lost_when_service_and_logger_are_killed_again_and_again() {
    let sandbox = Sandbox::new();
    sandbox.write("new/count/run", COUNTER);
    fs::set_permissions(sandbox.path("new/count/run"), fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.script("new/count/log/run", "exec multilog t n1000 s16777215 ./main");
    sandbox.run("mkdir service && mv new/count service/count");
    let _svscan = sandbox.start("svscan service", "messages");

    let mut service = sandbox.next_pid("service/count", 0);
    let mut logger = sandbox.next_pid("service/count/log", 0);
    for round in 0..KILLS {
        // A different time since the last start in each round, measured in numbers: now within the second
        // before which nothing is started again, now after it; and different times between the two deaths.
        wait_for_progress(&sandbox, 30 * (round as u64 * 7 % 20));
        if round % 2 == 0 {
            kill(service);
            kill_idle(&sandbox, logger);
        } else {
            kill_idle(&sandbox, logger);
            wait_for_progress(&sandbox, 10 * round as u64);
            kill(service);
        }
        service = sandbox.next_pid("service/count", service);
        logger = sandbox.next_pid("service/count/log", logger);
    }
    wait_for_progress(&sandbox, 100);
    sandbox.run("svc -d service/count");
    sandbox.wait_for_status("service/count", ": down ");

    let last = next_number(&sandbox) - 1;
    sandbox.wait_until("the last number is in the logs", || logged_numbers(&sandbox).last() >= Some(&last));
    // A logger that was just starting may have renamed files while they were read.
    let numbers = logged_numbers(&sandbox);
    assert_eq!(numbers.first(), Some(&1));
    let gaps: Vec<_> =
        numbers.windows(2).filter(|pair| pair[1] != pair[0] && pair[1] != pair[0] + 1).collect();
    assert!(gaps.is_empty(), "of {last} numbers, not in sequence: {gaps:?}");
}

/// Kills a multilog that has written all it has read. multilog, like the original, holds what it has read in
/// memory for some microseconds until it has written it, and that is lost with it; what this test is about is
/// the pipe. So multilog is stopped, and looked at: a process that was stopped in poll had nothing left to do but
/// wait for more.
#[track_caller]
fn kill_idle(sandbox: &Sandbox, logger: i32) {
    sandbox.wait_until("the logger is caught waiting for input", || {
        send(logger, SIGSTOP);
        sandbox.wait_until("the logger is stopped", || process_state(logger) == Some('T'));
        let waits = is_in_poll(logger);
        if !waits {
            send(logger, SIGCONT);
        }
        waits
    });
    kill(logger);
}

/// Whether the system call that a stopped process was in is the one that waits for input.
fn is_in_poll(pid: i32) -> bool {
    #[cfg(any(target_arch = "x86_64", target_arch = "x86", target_arch = "arm"))]
    const POLLS: [libc::c_long; 2] = [libc::SYS_poll, libc::SYS_ppoll];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "x86", target_arch = "arm")))]
    const POLLS: [libc::c_long; 1] = [libc::SYS_ppoll];
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap();
    let number = call.split_whitespace().next().and_then(|number| number.parse().ok());
    number.is_some_and(|number| POLLS.contains(&number))
}

/// The number that the service prints next.
fn next_number(sandbox: &Sandbox) -> u64 {
    sandbox.read("service/count/next").parse().unwrap_or(1)
}

/// Waits until the service has printed so many more numbers.
#[track_caller]
fn wait_for_progress(sandbox: &Sandbox, numbers: u64) {
    let mut next = next_number(sandbox);
    let goal = next + numbers;
    while next < goal {
        // However slow it is: as long as it prints, there is nothing wrong.
        sandbox.wait_until("the service prints on", || next_number(sandbox) > next);
        next = next_number(sandbox);
    }
}

/// All that was logged, in the order of the names of the files.
fn logged_numbers(sandbox: &Sandbox) -> Vec<u64> {
    // The pattern is replaced by sorted names, and `current` comes after `@`.
    let lines = sandbox.run("cd service/count/log/main && cat @* current 2>/dev/null || :");
    let number = |line: &str| line.split(' ').nth(1).and_then(|number| number.parse().ok()).expect(line);
    lines.lines().map(number).collect()
}
