//! What takes too long for every day: `make soak`. Nothing grows, nothing wakes.

use crate::support::{DEADLINE, Running, Sandbox, process_state, send, show};
use nix::sys::signal::Signal::SIGALRM;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// At most one start a second: so many services together are started again 10,000 times in two minutes.
const RESTARTED: usize = 100;

#[test]
#[ignore = "takes two minutes"]
fn ten_thousand_restarts_cost_no_memory() {
    const RESTARTS: u64 = 10_000;
    let sandbox = Sandbox::new();
    let svscan = scan(&sandbox, RESTARTED, "#!/bin/sh\nexit 1\n");
    let supervises = supervises(&sandbox, RESTARTED);
    let starts = || {
        let instances = (0..RESTARTED).filter_map(|number| sandbox.instance(&service(number)));
        instances.map(|instance| instance.starts).sum::<u64>()
    };
    let restarted = |count: u64| {
        let start = Instant::now();
        while starts() < count {
            assert!(start.elapsed() < 10 * MINUTE, "only {} starts", starts());
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    restarted(RESTARTS / 10);
    let before = memory(&supervises);
    restarted(RESTARTS);
    let after = memory(&supervises);
    show(&format!("{RESTARTS} restarts: private memory of {RESTARTED} supervises {before} -> {after} KiB"));
    assert!(after <= before + 4, "{before} -> {after} KiB");
    drop(svscan);
}

#[test]
#[ignore = "takes a minute"]
fn ten_gigabytes_through_multilog_cost_no_memory() {
    const BLOCK: usize = 1 << 20;
    let sandbox = Sandbox::new();
    let mut multilog = Command::new(crate::support::ours().join("multilog"));
    multilog.args(["t", "s16777215", "n3", "./main"]).current_dir(sandbox.path("."));
    let mut multilog = multilog.stdin(Stdio::piped()).spawn().unwrap();
    let pid = i32::try_from(multilog.id()).unwrap();
    let line = format!("{:99}\n", "a line of text");
    let block = line.repeat(BLOCK / line.len());
    let mut input = multilog.stdin.take().unwrap();
    let mut before = 0;
    for written in 0..(10 << 30) / BLOCK {
        input.write_all(block.as_bytes()).unwrap();
        if written == 1 << 10 {
            before = memory(&[pid]);
        }
    }
    let after = memory(&[pid]);
    drop(input);
    assert!(multilog.wait().unwrap().success());
    show(&format!("10 GiB: private memory of multilog {before} -> {after} KiB"));
    assert!(after <= before + 4, "{before} -> {after} KiB");
}

/// A week of looks at the scan directory: one every five minutes, and as many as if it were every five seconds.
#[test]
#[ignore = "takes a minute"]
fn a_week_of_looks_costs_no_memory() {
    const LOOKS: usize = 7 * 24 * 3600 / 5;
    let sandbox = Sandbox::new();
    let svscan = scan(&sandbox, 10, "#!/bin/sh\nexec sleep 100000\n");
    supervises(&sandbox, 10);
    let mut before = 0;
    for look in 0..LOOKS {
        // A look is over when svscan sleeps again; a signal that comes before that would be the same look.
        send(svscan.pid(), SIGALRM);
        let start = Instant::now();
        while process_state(svscan.pid()) != Some('S') || is_pending(svscan.pid()) {
            assert!(start.elapsed() < DEADLINE, "svscan does not come to rest");
            std::thread::yield_now();
        }
        if look == LOOKS / 100 {
            before = memory(&[svscan.pid()]);
        }
    }
    let after = memory(&[svscan.pid()]);
    show(&format!("{LOOKS} looks: private memory of svscan {before} -> {after} KiB"));
    assert!(after <= before + 4, "{before} -> {after} KiB");
}

#[test]
#[ignore = "takes more than a minute"]
fn an_idle_tree_of_a_hundred_services_wakes_nobody_in_a_minute() {
    const SERVICES: usize = 100;
    let sandbox = Sandbox::new();
    let svscan = scan(&sandbox, SERVICES, "#!/bin/sh\nexec sleep 100000\n");
    let mut all = supervises(&sandbox, SERVICES);
    all.push(svscan.pid());
    // What has just been started may still have to find out that nothing else comes.
    std::thread::sleep(MINUTE / 6);
    let before: Vec<u64> = all.iter().map(|&pid| switches(pid)).collect();
    std::thread::sleep(MINUTE);
    let woken: u64 = all.iter().zip(before).map(|(&pid, before)| switches(pid) - before).sum();
    show(&format!("{SERVICES} idle services: {woken} wake-ups of svscan and supervises in 60 s"));
    assert_eq!(woken, 0);
}

#[test]
#[ignore = "takes some seconds of both processors"]
fn a_thousand_links_that_come_at_once_all_run() {
    const LINKS: usize = 1000;
    let sandbox = Sandbox::new();
    let svscan = scan(&sandbox, 0, "");
    for number in 0..LINKS {
        sandbox.script(&format!("store/{number}/run"), "exec sleep 100000");
    }
    let start = Instant::now();
    for number in 0..LINKS {
        symlink(format!("../store/{number}"), sandbox.path(&service(number))).unwrap();
    }
    for number in 0..LINKS {
        sandbox.next_pid(&service(number), 0);
    }
    show(&format!("{LINKS} links: all run after {:?}", start.elapsed()));
    assert_eq!(sandbox.read("messages"), "");
    drop(svscan);
}

#[test]
#[ignore = "takes 40 seconds"]
fn a_crash_loop_backs_off_and_begins_anew_after_a_long_run() {
    let sandbox = Sandbox::new();
    let run = "date +%s.%N >>starts\n[ \"$(wc -l <starts)\" != 7 ] || sleep 9\nexit 1";
    sandbox.script("service/web/run", run);
    sandbox.write("service/web/backoff", "8\n");
    let svscan = sandbox.start("svscan service", "messages");
    let start = Instant::now();
    while sandbox.count("service/web/starts", "") < 9 {
        assert!(start.elapsed() < MINUTE, "{}", sandbox.read("service/web/starts"));
        std::thread::sleep(Duration::from_millis(50));
    }
    let starts = sandbox.read("service/web/starts");
    let starts: Vec<f64> = starts.lines().map(|line| line.parse().unwrap()).collect();
    let since: Vec<String> = starts.iter().map(|start| format!("{:.2}", start - starts[0])).collect();
    show(&format!("starts with a backoff of 8: {}", since.join(" ")));
    // The seventh run lasts 9 s: the next start comes at its end, and the one after it a second later.
    let expected = [0.0, 1.0, 3.0, 7.0, 15.0, 23.0, 31.0, 40.0, 41.0];
    for (start, expected) in starts.iter().zip(expected) {
        let late = start - starts[0] - expected;
        assert!(late.abs() <= 0.1 + expected / 10.0, "{since:?}");
    }
    drop(svscan);
}

fn service(number: usize) -> String {
    format!("service/{number}")
}

/// svscan with so many services.
fn scan(sandbox: &Sandbox, services: usize, run: &str) -> Running {
    fs::create_dir(sandbox.path("service")).unwrap();
    for number in 0..services {
        sandbox.write(&format!("{}/run", service(number)), run);
    }
    if services > 0 {
        sandbox.run("chmod 755 service/*/run");
    }
    sandbox.start("svscan service", "messages")
}

fn supervises(sandbox: &Sandbox, services: usize) -> Vec<i32> {
    let supervises = (0..services).map(|number| {
        sandbox.next_pid(&service(number), 0);
        sandbox.next_supervise(&service(number), 0)
    });
    supervises.collect()
}

/// How much memory the processes have for themselves, in KiB; the greatest that any of them has.
fn memory(pids: &[i32]) -> u64 {
    let private = |pid: &i32| {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
        let lines = rollup.lines().filter(|line| line.starts_with("Private_"));
        lines.map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    pids.iter().map(private).max().unwrap()
}

/// How often the process has been put on a processor.
fn switches(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
    lines.map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum()
}

/// Whether a signal waits to be taken.
fn is_pending(pid: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    !status.contains("ShdPnd:\t0000000000000000")
}
