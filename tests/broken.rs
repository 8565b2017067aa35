//! Services that are broken, each in another way: `svstat --long` says what is wrong.

use crate::support::machine::skip;
use crate::support::{Running, Sandbox, is_root};
use std::net::TcpListener;

const LOGGER: &str = "exec multilog t ./main";

/// A service `web` in a scan directory.
struct Broken {
    sandbox: Sandbox,
    svscan: Option<Running>,
}

impl Broken {
    /// With this `run`, which is not yet started.
    fn new(run: &str) -> Self {
        let sandbox = Sandbox::for_everybody();
        sandbox.write("new/run", run);
        sandbox.run("chmod 755 new/run");
        Self { sandbox, svscan: None }
    }

    /// The same with a log.
    fn logged(run: &str) -> Self {
        let broken = Self::new(&format!("#!/bin/sh\nexec 2>&1\n{run}\n"));
        broken.sandbox.script("new/log/run", LOGGER);
        broken
    }

    /// What `svstat --long` says is wrong, without the count and the time.
    fn reason(&self) -> String {
        let line = self.sandbox.run("svstat --long service/web");
        let mut words =
            line.trim_end().split_inclusive(' ').skip_while(|word| !["failed ", "the "].contains(word));
        let reason: String = words.by_ref().collect();
        let Some((_, timed)) = reason.strip_prefix("failed ").and_then(|rest| rest.split_once(" since "))
        else {
            return reason;
        };
        // A day, a time, and a colon behind it.
        timed.splitn(3, ' ').nth(2).unwrap_or_default().to_string()
    }

    /// Starts it, and waits until svstat says that this is wrong.
    #[track_caller]
    fn check(&mut self, expected: &str) {
        self.sandbox.run("mkdir service && mv new service/web");
        self.svscan = Some(self.sandbox.start("svscan service", "messages"));
        self.sandbox.wait_until(expected, || self.reason() == expected);
    }
}

#[test]
fn an_interpreter_that_is_missing_is_named() {
    let expected = "the interpreter /no/such/python of run does not exist";
    Broken::new("#!/no/such/python -u\n").check(expected);
}

#[test]
fn a_carriage_return_behind_the_interpreter_is_named_in_words() {
    Broken::new("#!/bin/sh\r\nexec sleep 1000\r\n").check(
        "the first line of run ends with a carriage return (\\r), which counts as a part of /bin/sh: \
         save run with Unix line ends",
    );
    Broken::new("#!/usr/bin/env sh\r\nexec sleep 1000\r\n").check(
        "exit 127: the first line of run ends with a carriage return (\\r), which counts as a part of sh: \
         save run with Unix line ends",
    );
}

#[test]
fn a_run_that_is_not_executable_or_has_no_first_line_for_the_kernel_is_named() {
    let mut broken = Broken::new("#!/bin/sh\nexec sleep 1000\n");
    broken.sandbox.run("chmod 644 new/run");
    broken.check("run is not executable: chmod +x run");
    Broken::new("exec sleep 1000\n").check("the first line of run does not begin with #!");
    let mut broken = Broken::new("");
    broken.sandbox.run("rm new/run");
    broken.check("run does not exist");
}

#[test]
fn a_program_that_is_missing_is_named_by_the_log() {
    Broken::logged("exec /no/such/server").check(
        "exit 127: a program that run names was not found; \
         last line of the log: ./run: 3: exec: /no/such/server: not found",
    );
    // Without a log there is no more to know.
    Broken::new("#!/bin/sh\nexec 2>/dev/null /no/such/server\n")
        .check("exit 127: a program that run names was not found");
}

#[test]
fn a_syntax_error_is_named_by_the_log() {
    let expected = "exit 2; last line of the log: ./run: 3: Syntax error: \"then\" unexpected";
    Broken::logged("if then").check(expected);
}

#[test]
fn a_port_that_is_in_use_is_named_by_the_log() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let program = format!("import socket; socket.socket().bind((\"{}\", {}))", address.ip(), address.port());
    Broken::logged(&format!("exec python3 -ISc '{program}'"))
        .check("exit 1; last line of the log: OSError: [Errno 98] Address already in use");
}

#[test]
fn a_log_directory_that_cannot_be_written_is_named() {
    let mut broken = Broken::logged("exec sleep 1000");
    let sandbox = &broken.sandbox;
    sandbox.run("mkdir new/log/main");
    let expected = if is_root() {
        sandbox.script("new/log/run", "exec setuidgid nobody multilog t ./main");
        "exit 111: the account nobody may not write to ./main".to_string()
    } else {
        sandbox.run("chmod 555 new/log/main");
        let number = sandbox.run("id -u");
        format!("exit 111: the account with the number {} may not write to ./main", number.trim())
    };
    broken.check(&expected);
    broken.sandbox.wait_until("the service is up, and its logger fails", || {
        let line = broken.sandbox.run("svstat --long service/web");
        line.starts_with("service/web: up ") && line.contains(", its logger failed ")
    });

    let mut broken = Broken::logged("exec sleep 1000");
    broken.sandbox.write("new/log/main", "");
    broken.check("exit 111: ./main is not a directory");
}

#[test]
fn a_disk_that_is_full_is_named() {
    let mut broken = Broken::logged("exec cp /bin/sh full/file");
    broken.sandbox.run("mkdir -p new/full new/log/main");
    if !broken.sandbox.sh("mount -t tmpfs -o size=64k none new/full").status.success() {
        return skip("it needs root and a tmpfs");
    }
    broken.check("exit 1; last line of the log: cp: error writing 'full/file': No space left on device");
    // Now the disk of the log is full, and the service waits for its logger.
    broken.sandbox.run("svc -dx --wait=down service/web/log && umount service/web/full");
    broken.sandbox.script("service/web/run", "exec yes");
    broken.sandbox.run("mount -t tmpfs -o size=64k none service/web/log/main");
    broken.sandbox.wait_until("it is said", || broken.reason() == "the disk of its log is full");
    broken.sandbox.run("svc -dxk --wait=down service/web service/web/log; umount service/web/log/main");
}

#[test]
fn a_service_that_ends_at_once_again_and_again_is_told_how() {
    Broken::new("#!/bin/sh\nexit 3\n").check("exit 3");
    Broken::new("#!/bin/sh\nkill -SEGV $$\n").check("killed by SEGV");
    Broken::new("#!/bin/sh\nsleep 1000 &\n").check("exit 0: has run put itself into the background?");
}

#[test]
fn an_account_that_does_not_exist_is_named() {
    Broken::new("#!/bin/sh\nexec setuidgid no-such-account sleep 1000\n")
        .check("exit 111: the account no-such-account, which run names, is not in /etc/passwd");
}

#[test]
fn a_service_that_has_recovered_or_was_told_to_be_down_is_not_failing() {
    let mut broken = Broken::logged("exit 3");
    broken.check("exit 3");
    let sandbox = &broken.sandbox;
    sandbox.wait_until("its logger has a supervise", || sandbox.sh("svok service/web/log").status.success());
    sandbox.run("svc -d --wait=down service/web; svc -d service/web/log");
    let is = |end: &str| sandbox.run("svstat --long service/web").trim_end().ends_with(end);
    sandbox.wait_until("only its logger is told of", || is(", its logger is down"));
    assert!(!sandbox.run("svstat --long service/web").contains("failed"));
    sandbox.script("service/web/run", "exec sleep 1000");
    sandbox.run("svc -u service/web service/web/log; svc --wait=up --for=5.5 service/web");
    assert_eq!(broken.reason(), "");
    let program = "import json, sys; s = json.load(sys.stdin)[0]; print(s[\"failing\"], s[\"logger\"])";
    assert_eq!(
        broken.sandbox.run(&format!("svstat --json service/web | python3 -ISc '{program}'")),
        "None None\n"
    );
}

/// What others can write does not control the terminal of who looks.
#[test]
fn nothing_that_others_write_reaches_the_terminal_as_it_is() {
    let mut broken = Broken::logged("printf 'no \\033[2J\\r port\\n'; exit 3");
    broken.check("exit 3; last line of the log: no ?[2J? port");
    let long = "x".repeat(400);
    Broken::logged(&format!("echo {long}; exit 3"))
        .check(&format!("exit 3; last line of the log: {}...", "x".repeat(197)));
    Broken::new("#!/no/\u{1b}[2J\n").check("the interpreter /no/?[2J of run does not exist");
    // A record that was forged says nothing.
    let sandbox = &broken.sandbox;
    sandbox.run("svc -d --wait=down service/web");
    let label = "@400000006b49d20a075bcbf4";
    sandbox.write("service/web/supervise/last-exit", &format!("{label} killed \u{1b}[2J\n"));
    assert!(!sandbox.run("svstat --long service/web").contains("last end"));
}
