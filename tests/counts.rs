//! How many system calls what happens often may take. A clock would tell less: it depends on the machine.
//!
//! Each maximum is what was counted, and a test fails that counts more. Whoever saves a call lowers the maximum.

use crate::support::{Patience, Running, Sandbox, kill, show};
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The service was killed, `run` is started again: read of the signal, wait4, has the directory changed, memory for a
/// stack, clone, and that memory back; wait4.
const RESTART_IN_SUPERVISE: usize = 6;

/// The same in the new process until it is `run`: signal mask, own number, 3 to learn its start time, `instance`, 5 to
/// write `last-exit`, 5 for `status`, execve. The fifth removes what was replaced, because on ext4 that and an exchange
/// cost a tenth of a rename over it.
const RESTART_IN_CHILD: usize = 17;

/// A line that comes alone: poll, read, write.
const LINE: usize = 3;

/// 1000 lines that come at once: poll, read, write.
const BURST: usize = 3;

/// A full `current`: are `current` and `lock` in their places, fsync, rename, open, is it new, close, chmod, stat, link,
/// unlink, 3 to list the archives, unlink of the oldest.
const ROTATION: usize = 15;

/// A service that svscan finds when it starts: 3 stat, 4 on `run`, is it to be taken over, is it not wanted, watch and
/// stat, clone.
const SERVICE_IN_SVSCAN: usize = 12;

/// The same in the new process until it is supervise: robust list, signal mask, 2 to set the limit of files back, execve.
const SERVICE_IN_CHILD: usize = 5;

/// Each service that svscan knows already when a directory comes: is it there, has it got a log.
const KNOWN_SERVICE_IN_SVSCAN: usize = 2;

/// A service that svstat is asked for: to get there, is it normally up, 2 to learn whether it is supervised, 3 for its
/// status, close.
const SERVICE_IN_SVSTAT: usize = 8;

/// Lets a service stay, and be found by its program.
const STAY: &str = "exec sleep 1000";

/// The system calls of a program and its children, one line each, in the order in which they began.
struct Trace<'a> {
    sandbox: &'a Sandbox,
    file: &'static str,
}

/// A call, and the process that made it.
struct Call {
    pid: i32,
    text: String,
}

impl Call {
    fn is(&self, name: &str) -> bool {
        self.text.split('(').next() == Some(name)
    }
}

impl<'a> Trace<'a> {
    /// The command that traces a program; nothing where that is not permitted.
    fn of(sandbox: &'a Sandbox, file: &'static str) -> Option<Self> {
        let may_trace = sandbox.sh("strace -f -qq -o /dev/null true").status.success();
        if !may_trace {
            show("skipped: strace may not trace here");
        }
        may_trace.then_some(Self { sandbox, file })
    }

    fn command(&self, line: &str) -> std::process::Command {
        let mut command = self.sandbox.command("strace");
        command.args(["-f", "-qq", "-s", "100", "-e", "signal=none", "-o", self.file]).args(line.split(' '));
        command
    }

    fn start(&self, line: &str) -> Running {
        self.sandbox.spawn(self.command(line), "messages")
    }

    /// The calls so far, without those of memory, and those by which debug builds check that descriptors are open.
    fn calls(&self) -> Vec<Call> {
        let text = self.sandbox.read(self.file);
        let calls = text.lines().filter_map(|line| {
            let (pid, text) = line.split_once(' ')?;
            Some(Call { pid: pid.parse().ok()?, text: text.trim_start().to_owned() })
        });
        let is_left = |call: &Call| call.text.contains("F_GETFD") || call.text.contains("resumed>");
        let of_memory = ["brk", "mmap", "munmap", "mremap", "madvise", "mprotect"];
        calls.filter(|call| !is_left(call) && !of_memory.iter().any(|name| call.is(name))).collect()
    }

    /// The calls of the process that was started first.
    fn own_calls(&self) -> Vec<Call> {
        let mut calls = self.calls();
        let first = calls.first().map(|call| call.pid);
        calls.retain(|call| Some(call.pid) == first);
        calls
    }

    /// Waits until a program has made all its calls: it makes this one last, and then waits in it.
    fn wait_until_quiet(&self, last: &str) {
        let mut before = 0;
        let mut since = Instant::now();
        self.sandbox.wait_until("the program waits", || {
            let calls = self.own_calls();
            if calls.len() != before {
                before = calls.len();
                since = Instant::now();
            }
            // One that waits alone shows only when it goes on, so the call may not be in the trace yet.
            calls.last().is_some_and(|call| call.is(last)) || since.elapsed() > Duration::from_millis(300)
        });
    }
}

#[track_caller]
fn check(what: &str, calls: &[Call], (repetitions, most): (usize, usize)) {
    let listing: Vec<_> = calls.iter().map(|call| call.text.as_str()).collect();
    let counted = calls.len().div_ceil(repetitions);
    show(&format!("{what}: {counted} system calls, at most {most}"));
    assert!(counted <= most, "{what}: {counted} system calls, at most {most}:\n{}", listing.join("\n"));
}

/// What a program does for each of ten more services: the calls with 15 less those with 5.
#[track_caller]
fn check_growth(what: &str, most: usize, calls: impl Fn(usize) -> Option<Vec<Call>>) {
    let (Some(few), Some(many)) = (calls(5), calls(15)) else { return };
    let counted = (many.len() - few.len()).div_ceil(10);
    let listing: Vec<_> = many.iter().map(|call| call.text.as_str()).collect();
    show(&format!("{what}: {} for ten: {counted} system calls, at most {most}", many.len() - few.len()));
    assert!(counted <= most, "{what}: {counted} system calls, at most {most}:\n{}", listing.join("\n"));
}

/// Kills the service when a start is due at once, and returns its next process.
fn restart(sandbox: &Sandbox, pid: i32) -> i32 {
    let begin = Instant::now();
    sandbox.wait_until("a start is due at once", || begin.elapsed() > Duration::from_millis(1100));
    kill(pid);
    sandbox.next_pid("web", pid)
}

#[test]
fn a_restart_takes_few_calls() {
    let sandbox = Sandbox::new();
    let Some(trace) = Trace::of(&sandbox, "trace") else { return };
    sandbox.script("web/run", STAY);
    let _supervise = trace.start("supervise web");
    let first = sandbox.next_pid("web", 0);
    // A directory that was changed a moment ago is looked through each time. With the second restart all is as ever.
    let changed = Instant::now();
    sandbox.wait_until("that is not recent", || changed.elapsed() > Duration::from_millis(2100));
    let before = restart(&sandbox, first);
    let after = restart(&sandbox, before);
    let mut turn = Vec::new();
    sandbox.wait_until("supervise waits again", || {
        let mut calls = trace.own_calls();
        let death =
            calls.iter().rposition(|call| call.is("wait4") && call.text.contains(&format!("= {before}")));
        let Some(death) = death else { return false };
        // From the poll that told of it up to the next, which belongs to what comes next.
        let begin = calls[..death].iter().rposition(|call| call.is("ppoll")).unwrap();
        let end = calls[death..].iter().position(|call| call.is("ppoll"));
        let Some(end) = end else { return false };
        calls.truncate(death + end);
        turn = calls.split_off(begin);
        true
    });
    check("a restart, in supervise", &turn, (1, RESTART_IN_SUPERVISE));
    let mut child = Vec::new();
    sandbox.wait_until("run is started", || {
        child = trace.calls();
        child.retain(|call| call.pid == after);
        let run = child.iter().position(|call| call.is("execve"));
        child.truncate(run.map_or(0, |run| run + 1));
        run.is_some()
    });
    check("a restart, in the child", &child, (1, RESTART_IN_CHILD));
}

/// The calls of multilog from the one that wrote `from` to the one that wrote `to`, without the first. It also wakes
/// when nothing has come for a second, which is a matter of how busy the machine is.
fn between(trace: &Trace<'_>, (from, to): (&str, &str)) -> Vec<Call> {
    let mut calls = trace.own_calls();
    calls.retain(|call| !call.text.ends_with(" = 0 (Timeout)"));
    let wrote = |calls: &[Call], what: &str| {
        calls.iter().position(|call| call.is("write") && call.text.contains(what)).unwrap()
    };
    calls.truncate(wrote(&calls, to) + 1);
    calls.split_off(wrote(&calls, from) + 1)
}

/// Has multilog write each of these before it gets the next, and ends it.
fn log(trace: &Trace<'_>, (script, inputs): (&str, &[String])) {
    let mut command = trace.command(&format!("multilog {script} ./main"));
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    for input in inputs {
        let last = input.lines().last().unwrap();
        child.stdin.as_mut().unwrap().write_all(input.as_bytes()).unwrap();
        // What comes last may be in `current` or, after a rotation, in an archive.
        trace.sandbox.wait_until("the line is in the log", || {
            let logged =
                trace.sandbox.sh(&format!("cat main/current main/@* 2>/dev/null | grep -q ' {last}$'"));
            logged.status.success()
        });
    }
    drop(child.stdin.take());
    let mut patience = Patience::new();
    while child.try_wait().unwrap().is_none() {
        assert!(patience.lasts(), "multilog does not end");
    }
}

#[test]
fn a_line_takes_few_calls() {
    let sandbox = Sandbox::new();
    let Some(trace) = Trace::of(&sandbox, "trace") else { return };
    let lines: Vec<_> = (100..=110).map(|number| format!("line {number}\n")).collect();
    log(&trace, ("t", &lines));
    let mut calls = between(&trace, ("line 100", "line 110"));
    // On a slow machine this takes so long that multilog looks after its files: 2 calls and perhaps a poll every 5 seconds.
    let looks = calls.iter().filter(|call| call.is("newfstatat")).count().div_ceil(2);
    calls.retain(|call| !call.is("newfstatat"));
    calls.truncate(calls.len() - looks);
    check("a line", &calls, (10, LINE));
}

#[test]
fn a_burst_of_lines_takes_few_calls() {
    let sandbox = Sandbox::new();
    let Some(trace) = Trace::of(&sandbox, "trace") else { return };
    let burst = (0..1000).map(|number| format!("line {number:04}\n")).collect();
    log(&trace, ("t", &["begin\n".into(), burst, "end\n".into()]));
    let mut calls = between(&trace, (" begin", " end"));
    // What comes with the next poll belongs to the line that shows the end of the burst.
    let next = calls.iter().rposition(|call| call.is("ppoll")).unwrap();
    calls.truncate(next);
    check("a burst of 1000 lines", &calls, (1, BURST));
}

#[test]
fn a_rotation_takes_few_calls() {
    let sandbox = Sandbox::new();
    let Some(trace) = Trace::of(&sandbox, "trace") else { return };
    let inputs: Vec<_> = (0..8).map(|number| format!("{}{number}\n", "x".repeat(3000))).collect();
    log(&trace, ("t s4096 n2", &inputs));
    let calls = trace.own_calls();
    // Each is over when something is written again or waited for.
    let turns = calls.split(|call| call.is("write") || call.is("ppoll"));
    let is_rotation = |turn: &&[Call]| {
        turn.iter().any(|call| call.is("fsync")) && turn.iter().any(|call| call.is("linkat"))
    };
    let rotations: Vec<_> = turns.filter(is_rotation).collect();
    assert!(rotations.len() > 3, "{} rotations", rotations.len());
    let longest = rotations.into_iter().max_by_key(|rotation| rotation.len()).unwrap();
    check("a rotation", longest, (1, ROTATION));
}

/// Starts svscan with services, and waits until they are up.
fn scan<'a>(sandbox: &'a Sandbox, services: usize) -> Option<(Trace<'a>, Running)> {
    let trace = Trace::of(sandbox, "trace")?;
    for number in 0..services {
        sandbox.script(&format!("service/web{number:02}/run"), STAY);
    }
    // svscan raises its limit of files, and gives its children the one it had.
    let svscan = trace.start("prlimit --nofile=512: svscan service");
    (0..services).for_each(|number| _ = sandbox.next_pid(&format!("service/web{number:02}"), 0));
    trace.wait_until_quiet("epoll_wait");
    Some((trace, svscan))
}

/// All calls until the process has started the last of its children.
fn until_last_child(mut calls: Vec<Call>) -> Vec<Call> {
    calls.truncate(calls.iter().rposition(|call| call.is("clone")).unwrap() + 1);
    calls
}

#[test]
fn svscan_starts_a_service_with_few_calls() {
    check_growth("a service, in svscan", SERVICE_IN_SVSCAN, |services| {
        let sandbox = Sandbox::new();
        let (trace, _svscan) = scan(&sandbox, services)?;
        Some(until_last_child(trace.own_calls()))
    });
}

#[test]
fn svscan_becomes_supervise_with_few_calls() {
    let sandbox = Sandbox::new();
    let Some((trace, _svscan)) = scan(&sandbox, 1) else { return };
    let mut calls = trace.calls();
    let svscan = calls.first().unwrap().pid;
    let supervise = calls.iter().find(|call| call.pid != svscan).unwrap().pid;
    calls.retain(|call| call.pid == supervise);
    calls.truncate(calls.iter().position(|call| call.is("execve")).unwrap() + 1);
    check("a service, in the child of svscan", &calls, (1, SERVICE_IN_CHILD));
}

#[test]
fn a_new_directory_costs_few_calls_for_each_that_is_known() {
    check_growth("a known service, in svscan", KNOWN_SERVICE_IN_SVSCAN, |services| {
        let sandbox = Sandbox::new();
        let (trace, _svscan) = scan(&sandbox, services)?;
        sandbox.script("new/run", STAY);
        let before = until_last_child(trace.own_calls()).len();
        sandbox.run("mv new service/new");
        sandbox.next_pid("service/new", 0);
        let mut calls = until_last_child(trace.own_calls());
        let calls = calls.split_off(before);
        // What the services tell of themselves comes before that, sooner or later.
        let look = calls.iter().rposition(|call| call.is("openat") && call.text.contains("\".\"")).unwrap();
        Some(calls.into_iter().skip(look).collect())
    });
}

#[test]
fn svstat_takes_few_calls_for_each_service() {
    check_growth("a service, in svstat", SERVICE_IN_SVSTAT, |services| {
        let sandbox = Sandbox::new();
        let mut scanned = scan(&sandbox, services)?;
        scanned.0.file = "svstat.trace";
        let directories: Vec<_> = (0..services).map(|number| format!("service/web{number:02}")).collect();
        let output = scanned.0.command(&format!("svstat {}", directories.join(" "))).output().unwrap();
        let lines = String::from_utf8_lossy(&output.stdout);
        assert_eq!(lines.matches(": up (pid ").count(), services, "{lines}");
        Some(scanned.0.own_calls())
    });
}
