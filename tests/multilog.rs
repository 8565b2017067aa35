//! What multilog does when the disk is full, the clock goes back, the power fails, and on every other bad day.

use crate::support::logger::{BEFORE_THE_RETRY, FULL, Logger, archives, is_clean, logged, numbered, restart};
use crate::support::{Sandbox, best_of_attempts, is_root, kill, send, show};
use nix::sys::signal::Signal::{SIGALRM, SIGTERM};
use std::time::{Duration, Instant};

/// More than a pipe and multilog together hold back.
const MORE_THAN_FITS: usize = 1_000_000;

/// As long as 20 KB of lines: not much, but more than the limit.
fn some_lines() -> String {
    numbered(1..=2000)
}

#[test]
fn a_full_disk_pauses_the_input_and_loses_nothing() {
    let mut logger = Logger::start("s16777215");
    let mut lines = some_lines();
    logger.fill_the_disk(&lines);

    // Nothing reads any more: after a while there is no room for more, and that stays so.
    let more = numbered(2001..=200_000);
    assert!(more.len() > MORE_THAN_FITS);
    let start = Instant::now();
    let mut taken = 0;
    while taken < MORE_THAN_FITS && start.elapsed() < Duration::from_millis(300) {
        taken += logger.feed_some(&more[taken..]).len();
    }
    assert!(taken < MORE_THAN_FITS, "multilog reads on");
    lines.push_str(&more[..taken]);

    logger.free_the_disk();
    // Without anybody's help.
    logger.feed("the end\n");
    lines.push_str("the end\n");
    let sandbox = logger.finish();
    assert!(sandbox.read("main/current") == lines, "all lines are there exactly once");
    let messages = sandbox.read("messages");
    assert_eq!(messages, format!("{FULL}\n").repeat(messages.lines().count()));
}

#[test]
fn term_on_a_full_disk_waits_until_all_that_was_read_is_on_it() {
    best_of_attempts("from TERM, and from ALRM, to the next attempt to write", BEFORE_THE_RETRY, || {
        let mut logger = Logger::start("s16777215");
        let lines = some_lines();
        logger.fill_the_disk(&lines);
        let start = Instant::now();
        send(logger.running.pid(), SIGTERM);
        logger.wait_for_message(FULL, 2);
        let after_term = start.elapsed();
        assert!(!logger.running.has_ended());

        logger.free_the_disk();
        let start = Instant::now();
        send(logger.running.pid(), SIGALRM);
        assert_eq!(logger.running.wait().code(), Some(0));
        let after_alarm = start.elapsed();
        let unread = logger.unread();
        assert!(logged(&logger.sandbox) + &unread == lines, "what is not logged is left on the input");
        assert!(is_clean(&logger.sandbox));
        after_term.max(after_alarm)
    });
}

#[test]
fn term_within_a_line_on_a_full_disk_tries_at_once_too() {
    best_of_attempts("from TERM to the next attempt to write", BEFORE_THE_RETRY, || {
        let mut logger = Logger::start("s16777215");
        let lines = some_lines() + "the beginning of";
        logger.fill_the_disk(&lines);
        let start = Instant::now();
        send(logger.running.pid(), SIGTERM);
        logger.wait_for_message(FULL, 2);
        let elapsed = start.elapsed();

        logger.free_the_disk();
        send(logger.running.pid(), SIGALRM);
        logger.sandbox.wait_until("the whole lines are logged", || logged(&logger.sandbox) == some_lines());
        logger.feed(" a line\nfor the next one\n");
        assert_eq!(logger.running.wait().code(), Some(0));
        let unread = logger.unread();
        assert!(logged(&logger.sandbox) == lines + " a line\n", "the line was finished");
        assert_eq!(unread, "for the next one\n");
        elapsed
    });
}

#[test]
fn a_second_term_on_a_full_disk_gives_up_and_says_how_much_is_lost() {
    let mut logger = Logger::start("s16777215");
    let lines = some_lines();
    logger.fill_the_disk(&lines);
    send(logger.running.pid(), SIGTERM);
    // Two signals that arrive together are one.
    logger.wait_for_message(FULL, 2);
    send(logger.running.pid(), SIGTERM);
    assert_eq!(logger.running.wait().code(), Some(111));
    let lost = lines.len() - 10000 - logger.unread().len();
    let message =
        format!("multilog: fatal: unable to write to ./main/current, {lost} bytes lost: file too big\n");
    assert_eq!(logger.messages(), format!("{FULL}\n{FULL}\n{message}"));
    assert_eq!(logger.sandbox.read("main/current"), lines[..10000]);
    assert!(!is_clean(&logger.sandbox));
}

#[test]
fn foreign_names_are_left_alone() {
    let sandbox = Sandbox::new();
    let names = [
        "@000000000000000000000000",
        "@000000000000000000000000.gz",
        "@000000000000000000000000.s.gz",
        "@00000000000000000000000A.s",
        "@zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        "zzz",
        "old/@000000000000000000000000.s",
    ];
    for name in names {
        sandbox.write(&format!("main/{name}"), name);
    }
    let mut logger = Logger::start_in(sandbox, "s4096 n2");
    let lines = numbered(1..=2000);
    logger.feed(&lines);
    let sandbox = logger.finish();
    for name in names {
        assert_eq!(sandbox.read(&format!("main/{name}")), name);
    }
    let ours: Vec<_> =
        archives(&sandbox).into_iter().filter(|name| !names.contains(&name.as_str())).collect();
    assert_eq!(ours.len(), 1, "{ours:?}");
    assert!(lines.ends_with(&(sandbox.read(&format!("main/{}", ours[0])) + &sandbox.read("main/current"))));
    assert_eq!(sandbox.read("messages"), "");
}

#[test]
fn the_newest_is_not_deleted_after_the_clock_went_back() {
    let sandbox = Sandbox::new();
    // From a time when the clock was wrong.
    for digit in 1..=9 {
        sandbox.write(&format!("main/@4fffffff0000000{digit}00000000.s"), "the future\n");
    }
    let mut logger = Logger::start_in(sandbox, "s4096 n3");
    let lines = numbered(1..=2000);
    let mut seen = String::new();
    for piece in lines.as_bytes().chunks(1000) {
        seen.push_str(std::str::from_utf8(piece).unwrap());
        logger.feed(std::str::from_utf8(piece).unwrap());
        logger.sandbox.wait_until("the piece is logged", || {
            let logged = logged(&logger.sandbox).replace("the future\n", "");
            // In the middle of a rotation, a file can be under no name that is looked at here.
            !logged.is_empty() && seen.ends_with(&logged) && logged.ends_with(&seen[seen.len() - 10..])
        });
        let own = logger.sandbox.run("ls main | grep -c '^@4[0-9a-e]' || true");
        let whole_files = seen.len() / 4096;
        assert!(own.trim().parse::<usize>().unwrap() >= whole_files.min(1), "the newest archive is there");
    }
    let sandbox = logger.finish();
    let all = logged(&sandbox);
    assert_eq!(archives(&sandbox).len(), 2);
    assert!(
        lines.ends_with(&all) && all.len() > 2 * 2000,
        "two archives, the newest: {:?}",
        archives(&sandbox)
    );
}

#[test]
fn a_directory_has_one_multilog() {
    let mut logger = Logger::start("t");
    let output = logger.sandbox.sh("multilog t ./main");
    assert_eq!(output.status.code(), Some(111));
    let message = "multilog: fatal: unable to lock directory ./main: temporary failure\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), message);
    logger.feed("unharmed\n");
    let sandbox = logger.finish();
    assert!(sandbox.read("main/current").ends_with(" unharmed\n"));
}

#[test]
fn a_line_of_a_megabyte_goes_through_unharmed() {
    let line = numbered(1..=100_000).replace('\n', " ") + "\nand a short one\n";
    for arguments in ["s16777215", "s99999 n50"] {
        let mut logger = Logger::start(arguments);
        logger.feed(&line);
        let sandbox = logger.finish();
        assert_eq!(archives(&sandbox).is_empty(), arguments == "s16777215");
        assert!(logged(&sandbox) == line, "{arguments}");
    }
}

#[test]
fn what_is_kept_of_much_is_the_tail() {
    let (size, number) = (1_000_000, 5);
    let mut logger = Logger::start(&format!("s{size} n{number}"));
    let lines = numbered(1..=2_000_000);
    logger.feed(&lines);
    let sandbox = logger.finish();
    let archives = archives(&sandbox);
    assert_eq!(archives.len(), number - 1);
    for name in &archives {
        let length = sandbox.read(&format!("main/{name}")).len();
        assert!((size - 2000..=size).contains(&length), "{name} has {length} bytes");
    }
    let kept = logged(&sandbox);
    assert!(kept.len() >= (number - 1) * (size - 2000));
    assert!(lines.ends_with(&kept));
}

#[test]
fn what_was_written_when_the_power_failed_becomes_an_archive() {
    let mut logger = Logger::start("s4096 n100");
    let lines = numbered(1..=1000);
    logger.feed(&lines);
    logger.sandbox.wait_until("all is logged", || logged(&logger.sandbox) == lines);
    let current = logger.sandbox.read("main/current");
    kill(logger.running.pid());
    logger.running.wait();
    let sandbox = &logger.sandbox;
    restart(sandbox, "s4096 n100");
    let archives = archives(sandbox);
    let (last, others) = archives.split_last().unwrap();
    assert!(last.ends_with(".u") && others.iter().all(|name| name.ends_with(".s")), "{archives:?}");
    assert_eq!(sandbox.read(&format!("main/{last}")), current);
    assert_eq!(logged(sandbox), lines);
}

#[test]
fn hard_links_of_a_backup_hide_no_line() {
    for arguments in ["s4096 n100", "s4096 n100 '!cat'"] {
        let mut logger = Logger::start(arguments);
        let lines = numbered(1..=2000);
        logger.feed(&lines[..1000]);
        logger.sandbox.wait_until("the first lines are logged", || logged(&logger.sandbox).len() == 1000);
        logger.sandbox.run("cp -al main backup");
        logger.feed(&lines[1000..]);
        let sandbox = logger.finish();
        assert!(logged(&sandbox) == lines, "{arguments}");
    }
    // The same when it crashes before the file is full.
    let mut logger = Logger::start("s4096 n100");
    logger.feed(&numbered(1..=100));
    logger.sandbox.wait_until("the lines are logged", || logged(&logger.sandbox).len() == 1000);
    logger.sandbox.run("cp -al main backup");
    kill(logger.running.pid());
    logger.running.wait();
    restart(&logger.sandbox, "s4096 n100");
    assert!(logged(&logger.sandbox) == numbered(1..=100));
}

#[test]
fn a_stamp_that_is_taken_already_does_no_harm() {
    let sandbox = Sandbox::new();
    // 1,500,000,000 seconds and 500 nanoseconds after 1970.
    sandbox.write("main/@4000000059682f0a000001f4.u", "one\n");
    sandbox.write("main/previous", "two\n");
    sandbox.run("touch -d @1500000000.000000500 main/previous");
    restart(&sandbox, "n100");
    assert_eq!(archives(&sandbox), ["@4000000059682f0a000001f4.u", "@4000000059682f0a000001f5.u"]);
    assert_eq!(logged(&sandbox), "one\ntwo\n");
}

#[test]
fn archives_that_cannot_be_removed_hold_up_nothing() {
    if !is_root() {
        show("skipped: takes files of another account");
        return;
    }
    for processor in ["", " '!cat'"] {
        let sandbox = Sandbox::for_everybody();
        for digit in 1..=5 {
            sandbox.write(&format!("main/@400000005000000{digit}00000000.s"), "old\n");
        }
        // Nobody but their owner removes files from such a directory.
        sandbox.run("chmod 1777 main");
        let mut logger =
            Logger::start_under(sandbox, &format!("setuidgid nobody multilog s4096 n3{processor}"));
        logger.feed(&numbered(1..=2000));
        logger.wait_for_message("unable to remove ./main/@400000005000000100000000.s, pausing", 1);
        logger.feed(&numbered(2001..=4000));
        let sandbox = logger.finish();
        assert_eq!(sandbox.count("messages", ""), 1, "{}", sandbox.read("messages"));
        assert!(logged(&sandbox).ends_with("000004000\n"));
        // Archives of its own are removed all the same.
        assert!(archives(&sandbox).len() <= 7, "{:?}", archives(&sandbox));
    }
}

#[test]
fn refused_memory_loses_no_line_of_a_burst() {
    for processor in ["", " '!cat'"] {
        let mut logger = Logger::start(&format!("s100000 n1000{processor}"));
        logger.feed("one\n");
        logger.sandbox.wait_until("it is logged", || logged(&logger.sandbox) == "one\n");
        let status = logger.sandbox.run(&format!("grep VmSize /proc/{}/status", logger.running.pid()));
        let kilobytes: u64 = status.split_whitespace().nth(1).unwrap().parse().unwrap();
        logger.sandbox.limit(&logger.running, &format!("as={}", kilobytes * 1024 + 4096));
        let lines = numbered(1..=200_000);
        logger.feed(&lines);
        let sandbox = logger.finish();
        assert!(logged(&sandbox) == format!("one\n{lines}"), "{}", sandbox.read("messages"));
    }
}
