//! svscan and supervise killed at any moment, again and again: never two copies of a service, never a line lost.

use crate::support::tree::{LOG, Tree, WEB, lines};
use crate::support::{Sandbox, is_settled, kill, process_state, program_of, show};
use std::time::{Duration, Instant};

/// Prints numbers, about 1000 a second, and never one twice.
const COUNTER: &str = r#"#!/usr/bin/env python3
import os, time
number = 1
due = time.monotonic()
while True:
    os.write(1, b"%d\n" % number)
    number += 1
    due += 0.001
    time.sleep(max(0, due - time.monotonic()))
"#;

/// supervise is killed when it has just started the service, or is about to: there is one copy, never two.
#[test]
fn a_supervise_that_dies_while_it_starts_its_service_leaves_one_copy() {
    const SERVICES: usize = 8;
    const ROUNDS: usize = 4;
    let sandbox = Sandbox::new();
    // A second copy would find the lock taken, and say so.
    let run = "echo start >>starts\nexec setlock -n guard sleep 1000";
    for number in 0..SERVICES {
        sandbox.script(&format!("service/{number}/run"), run);
    }
    let _svscan = sandbox.start("svscan service", "messages");
    std::thread::scope(|scope| {
        for number in 0..SERVICES {
            let (sandbox, name) = (&sandbox, format!("service/{number}"));
            scope.spawn(move || {
                let mut random = Random(number as u64 + 1);
                let (mut pid, mut supervise) = (sandbox.next_pid(&name, 0), sandbox.next_supervise(&name, 0));
                for _ in 0..ROUNDS {
                    let seen = Instant::now();
                    // Only so is it started again at once, and its supervise, too.
                    sandbox.wait_until("a second is over", || seen.elapsed() > Duration::from_millis(1100));
                    kill(pid);
                    let moment = Instant::now() + Duration::from_micros(random.below(2000));
                    while Instant::now() < moment {}
                    kill(supervise);
                    supervise = sandbox.next_supervise(&name, supervise);
                    pid = sandbox.next_pid(&name, pid);
                    sandbox.wait_until("one sleeps", || program_of(pid) == "sleep");
                }
            });
        }
    });
    let messages = sandbox.read("messages");
    let others = messages.lines().filter(|line| !line.ends_with("/supervise/lock: temporary failure"));
    assert_eq!(
        others.collect::<Vec<_>>(),
        Vec::<&str>::new(),
        "a lock may be held for a moment, nothing else"
    );
    let sleeping = sandbox.processes().into_iter().filter(|&pid| program_of(pid) == "sleep").count();
    assert_eq!(sleeping, SERVICES);
}

#[test]
fn no_line_is_lost_when_svscan_and_supervises_are_killed_again_and_again() {
    const KILLS: usize = 100;
    let mut tree = Tree::with(COUNTER, "exec multilog n1000 s16777215 ./main");
    let services = tree.services();
    let since = tree.since();
    let mut random = Random(42);
    let mut kills = 0;
    let mut killed = Vec::new();
    while kills < KILLS {
        // The moments are what is random here; nothing waits for this.
        std::thread::sleep(Duration::from_millis(random.below(300)));
        let victims = 1 + random.below(7);
        // Whatever is there, be it just being started.
        let supervises =
            [WEB, LOG].map(|name| tree.sandbox.instance(name).and_then(|instance| instance.supervise));
        let replace = victims & 1 != 0;
        if replace {
            tree.kill_svscan();
            kills += 1;
        }
        for (bit, supervise) in [2, 4].into_iter().zip(supervises) {
            let Some(supervise) = supervise.filter(|_| victims & bit != 0) else { continue };
            if process_state(supervise.pid).is_some() {
                kill(supervise.pid);
                killed.push(supervise);
                kills += 1;
            }
        }
        if replace {
            tree.start_svscan();
        }
    }
    tree.sandbox.wait_until("both are supervised again", || {
        [WEB, LOG].iter().all(|name| {
            let supervise = tree.sandbox.instance(name).and_then(|instance| instance.supervise);
            supervise.is_some_and(|supervise| {
                !killed.contains(&supervise) && process_state(supervise.pid).is_some()
            })
        })
    });
    assert_eq!(tree.services(), services, "the services go on");
    assert_eq!(tree.since(), since, "and svstat knows since when");
    let enough = || lines(&tree.sandbox, LOG).lines().count() > 5000;
    tree.sandbox.wait_until("there are enough numbers", enough);
    tree.sandbox.run(&format!("svc -d {WEB}"));
    tree.sandbox.wait_for_status(WEB, ": down ");
    // With something in the pipe, the logger would be awake.
    tree.sandbox.wait_until("all is logged", || is_settled(services[1]));
    let numbers = lines(&tree.sandbox, LOG);
    let numbers: Vec<u64> = numbers.lines().map(|line| line.parse().expect(line)).collect();
    let gaps: Vec<_> = numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1).collect();
    assert!(gaps.is_empty(), "not in sequence: {gaps:?}");
    assert_eq!(numbers.first(), Some(&1));
    show(&format!("{} numbers, none missing, none twice", numbers.len()));
}

/// The same numbers in every run: xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
