//! multilog and processors that are slow, hang, fail or crash.

use crate::support::logger::{BEFORE_THE_RETRY, Logger, archives, is_clean, logged, numbered, restart};
use crate::support::{Sandbox, best_of_attempts, kill, process_state, send};
use nix::sys::signal::Signal::SIGTERM;
use std::io::Write;
use std::time::Instant;

/// A processor that says that it is there, and waits until something is written to `gate`.
const WAIT: &str = "'!echo $$ >../processor; read go <../gate; exec cat'";

/// Waits until the processor of [`WAIT`] is at its gate, and returns its number.
#[track_caller]
fn wait_for_processor(sandbox: &Sandbox) -> i32 {
    let mut pid = None;
    sandbox.wait_until("the processor runs", || {
        pid = sandbox.read("processor").trim().parse().ok();
        pid.is_some()
    });
    pid.unwrap()
}

#[test]
fn term_does_not_wait_for_a_processor() {
    let sandbox = Sandbox::new();
    let _gate = sandbox.fifo("gate");
    let mut logger = Logger::start_in(sandbox, &format!("s4096 {WAIT}"));
    let lines = numbered(1..=300);
    logger.feed(&lines);
    let processor = wait_for_processor(&logger.sandbox);
    logger.sandbox.wait_until("all is logged", || {
        logger.sandbox.read("main/previous") + &logger.sandbox.read("main/current") == lines
    });
    send(logger.running.pid(), SIGTERM);
    assert_eq!(logger.running.wait().code(), Some(0));
    let sandbox = &logger.sandbox;
    sandbox.wait_until("the processor is gone too", || process_state(processor).is_none());
    assert!(!is_clean(sandbox));
    assert_eq!(archives(sandbox), [""; 0]);
    check_that_the_next_start_keeps(sandbox, &lines);
    assert_eq!(sandbox.read("messages"), "");
}

#[test]
fn term_does_not_wait_until_a_processor_is_tried_again() {
    let mut logger = Logger::start("s4096 '!exit 1'");
    let lines = numbered(1..=300);
    logger.feed(&lines);
    logger.wait_for_message("multilog: warning: processor failed in ./main, pausing", 1);
    logger.sandbox.wait_until("all is logged", || {
        logger.sandbox.read("main/previous") + &logger.sandbox.read("main/current") == lines
    });
    send(logger.running.pid(), SIGTERM);
    assert_eq!(logger.running.wait().code(), Some(0));
    let sandbox = &logger.sandbox;
    assert!(!is_clean(sandbox));
    check_that_the_next_start_keeps(sandbox, &lines);
    // A second try would have failed, too.
    assert_eq!(sandbox.read("messages"), "multilog: warning: processor failed in ./main, pausing\n");
}

/// `previous` and `current` become archives that are marked as unfinished.
#[track_caller]
fn check_that_the_next_start_keeps(sandbox: &Sandbox, lines: &str) {
    assert!(sandbox.path("main/previous").exists());
    restart(sandbox, "s4096 '!cat'");
    let archives = archives(sandbox);
    assert!(archives.len() == 2 && archives.iter().all(|name| name.ends_with(".u")), "{archives:?}");
    assert_eq!(logged(sandbox), *lines);
    assert!(!sandbox.path("main/previous").exists());
}

#[test]
fn input_is_logged_while_the_processor_is_busy_and_processed_when_it_is_free() {
    let sandbox = Sandbox::new();
    let mut gate = sandbox.fifo("gate");
    let mut logger = Logger::start_in(sandbox, &format!("s4096 n100 {WAIT}"));
    let lines = numbered(1..=2600);
    logger.feed(&lines);
    wait_for_processor(&logger.sandbox);
    let sandbox = &logger.sandbox;
    let everything = || sandbox.read("main/previous") + &logged(sandbox);
    sandbox.wait_until("all is logged", || everything() == lines);
    let waiting = archives(sandbox);
    assert!(waiting.len() > 5 && waiting.iter().all(|name| name.ends_with(".u")), "{waiting:?}");

    // One line for each run of the processor: none reads more than its own.
    sandbox.wait_until("all is processed", || {
        let _ = gate.write(b"go\n");
        archives(sandbox).len() == waiting.len() + 1
            && archives(sandbox).iter().all(|name| name.ends_with(".s"))
    });
    let processed = archives(sandbox);
    for name in &waiting {
        let name = name.replace(".u", ".s");
        assert!(processed.contains(&name), "{name} is not among {processed:?}");
    }
    assert!(logged(sandbox) == lines, "all lines are there once and in order: {processed:?}");
    let sandbox = logger.finish();
    assert!(logged(&sandbox) == lines, "all lines are there once and in order");
    assert_eq!(sandbox.read("messages"), "");
}

#[test]
fn lines_stay_in_order_when_a_crash_comes_while_files_wait_for_the_processor() {
    let sandbox = Sandbox::new();
    let _gate = sandbox.fifo("gate");
    let mut logger = Logger::start_in(sandbox, &format!("s4096 n100 {WAIT}"));
    let lines = numbered(1..=1500);
    logger.feed(&lines);
    wait_for_processor(&logger.sandbox);
    let everything = |sandbox: &Sandbox| sandbox.read("main/previous") + &logged(sandbox);
    logger.sandbox.wait_until("all is logged", || everything(&logger.sandbox) == lines);
    kill(logger.running.pid());
    logger.running.wait();
    restart(&logger.sandbox, "n100");
    assert!(logged(&logger.sandbox) == lines, "{:?}", archives(&logger.sandbox));
}

#[test]
fn the_directory_stays_within_its_bounds_while_the_processor_is_busy() {
    let sandbox = Sandbox::new();
    let mut gate = sandbox.fifo("gate");
    let mut logger = Logger::start_in(sandbox, &format!("s4096 n3 {WAIT}"));
    let lines = numbered(1..=6000);
    for piece in lines.as_bytes().chunks(1000) {
        logger.feed(std::str::from_utf8(piece).unwrap());
        // One more for the moment between making one and removing another.
        let archives = archives(&logger.sandbox);
        assert!(archives.len() <= 3, "{archives:?}");
    }
    wait_for_processor(&logger.sandbox);
    let sandbox = &logger.sandbox;
    sandbox.wait_until("all is logged", || logged(sandbox).ends_with("000006000\n"));
    sandbox.wait_until("two archives are left", || archives(sandbox).len() == 2);
    let first = sandbox.read("main/previous");
    assert!(lines.starts_with(&first), "the processor still has the first file");
    assert!(lines.ends_with(&logged(sandbox)), "the newest lines are kept");

    let newest = archives(sandbox).pop().unwrap().replace(".u", ".s");
    sandbox.wait_until("the newest is processed", || {
        let _ = gate.write(b"go\n");
        assert!(archives(sandbox).len() <= 3);
        archives(sandbox).contains(&newest)
    });
    sandbox.wait_until("two archives are left", || archives(sandbox).len() == 2);
    let sandbox = logger.finish();
    assert!(lines.ends_with(&logged(&sandbox)), "the newest lines are kept: {:?}", archives(&sandbox));
}

#[test]
fn a_processor_that_crashes_is_reported_in_full_at_once() {
    best_of_attempts("from a crash to both messages", BEFORE_THE_RETRY, || {
        let mut logger = Logger::start("s4096 '!kill -9 $$'");
        let start = Instant::now();
        logger.feed(&numbered(1..=300));
        // The original pauses between the two.
        logger.wait_for_message("multilog: warning: processor failed in ./main, pausing", 1);
        let elapsed = start.elapsed();
        send(logger.running.pid(), SIGTERM);
        assert_eq!(logger.running.wait().code(), Some(0));
        let messages = logger.messages();
        // The error text that comes after the first of these means nothing.
        assert!(
            messages.starts_with("multilog: warning: processor crashed in ./main, pausing: "),
            "{messages}"
        );
        elapsed
    });
}

#[test]
fn a_processor_that_fails_is_run_again() {
    // It succeeds the second time.
    let mut logger = Logger::start("s4096 '!test -e ../failed || { touch ../failed; exit 1; }; exec tr 0 o'");
    let lines = numbered(1..=300);
    logger.feed(&lines);
    let message = "multilog: warning: processor failed in ./main, pausing\n";
    let sandbox = &logger.sandbox;
    sandbox.wait_until("there is an archive", || archives(sandbox).iter().any(|name| name.ends_with(".s")));
    let sandbox = logger.finish();
    let all = logged(&sandbox);
    assert!(all.starts_with("oooooooo1\n"), "the first file was processed");
    assert_eq!(all.replace('o', "0"), lines);
    assert_eq!(sandbox.read("messages"), message);
}

#[test]
fn the_end_of_input_waits_for_the_processor() {
    let sandbox = Sandbox::new();
    let mut gate = sandbox.fifo("gate");
    let mut logger = Logger::start_in(sandbox, &format!("s4096 {WAIT}"));
    let lines = numbered(1..=300) + "no newline";
    logger.feed(&lines);
    wait_for_processor(&logger.sandbox);
    let Logger { sandbox, mut running, input } = logger;
    drop(input);
    // Only at the end of its input does multilog write a line without a newline.
    sandbox.wait_until("the end was seen", || sandbox.read("main/current").ends_with("no newline\n"));
    assert!(!running.has_ended());
    assert!(!is_clean(&sandbox));
    gate.write_all(b"go\n").unwrap();
    assert_eq!(running.wait().code(), Some(0));
    let archives = archives(&sandbox);
    assert!(archives.len() == 1 && archives[0].ends_with(".s"), "{archives:?}");
    assert_eq!(logged(&sandbox), lines + "\n");
    assert!(is_clean(&sandbox));
}

#[test]
fn names_tell_the_order_after_a_crash_between_processing_and_archiving() {
    for (processed, ending) in [("744", ".s"), ("644", ".u")] {
        let sandbox = Sandbox::new();
        sandbox.write("main/previous", "1\n");
        sandbox.write("main/processed", "1\n");
        sandbox.run(&format!(
            "chmod 744 main/previous; chmod {processed} main/processed; touch -d '-10 seconds' main/p*"
        ));
        // A file that was full while the processor was at work.
        sandbox.write("waiting", "2\n");
        sandbox.run("mv waiting main/$(echo | tai64n | cut -b 1-25).u");
        sandbox.write("main/current", "3\n");
        restart(&sandbox, "n100 '!cat'");
        assert_eq!(logged(&sandbox), "1\n2\n3\n", "{processed}");
        assert!(archives(&sandbox)[0].ends_with(ending));
    }
}

#[test]
fn lines_stay_in_order_wherever_multilog_is_killed() {
    let mut logger = Logger::start("s4096 n1000 '!cat'");
    let mut next = 1;
    for _ in 0..20 {
        logger.feed(&numbered(next..=next + 2000));
        next += 2001;
        kill(logger.running.pid());
        logger.running.wait();
        restart(&logger.sandbox, "n1000");
        let unread = logger.unread();
        let lines: Vec<_> = logged(&logger.sandbox).lines().map(str::to_owned).collect();
        assert!(lines.is_sorted(), "{:?}", archives(&logger.sandbox));
        assert!(lines.windows(2).all(|pair| pair[0] != pair[1]));
        drop(unread);
        let sandbox = logger.sandbox;
        std::fs::remove_file(sandbox.path("input")).unwrap();
        logger = Logger::start_in(sandbox, "s4096 n1000 '!cat'");
    }
    logger.finish();
}
