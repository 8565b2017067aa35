//! What multilog does when its files are removed, renamed or replaced by others while it runs.

use crate::support::logger::{Logger, archives, is_clean, logged, numbered};
use crate::support::{is_root, kill, send, show};
use nix::sys::signal::Signal::SIGTERM;
use std::io::Write;

/// Without and with a processor.
const WAYS: [&str; 2] = ["s4096 n1000", "s4096 n1000 '!cat'"];

/// The first lines are logged, `damage` is done, and many more follow at once. All of those that follow are logged, and
/// `message` is all that multilog says.
#[track_caller]
fn check(damage: &str, message: &str) {
    for way in WAYS {
        let mut logger = Logger::start(way);
        logger.feed(&numbered(1..=100));
        logger.sandbox.wait_until("the first lines are logged", || logged(&logger.sandbox).len() == 1000);
        logger.sandbox.run(damage);
        logger.feed(&numbered(101..=3000));
        let sandbox = logger.finish();
        let messages = sandbox.read("messages");
        let (text, _) = messages.split_once('@').unwrap_or((messages.trim_end(), ""));
        assert_eq!(text, message, "{damage}");
        assert_eq!(messages.lines().count(), 1, "{messages}");
        // What was there before may be removed, and may be doubled: nobody knows when the damage was done.
        let after = logged(&sandbox);
        let rest = after.find("000000101\n").map_or("", |start| &after[start..]);
        assert!(rest == numbered(101..=3000), "{damage}: {way}");
        assert!(is_clean(&sandbox));
        assert!(sandbox.path("main/lock").exists());
    }
}

const VANISHED: &str = "multilog: warning: ./main/current has vanished, making it again";
const REPLACED: &str = "multilog: warning: ./main/current was replaced, using the new one";

#[test]
fn a_current_that_is_removed_is_made_again() {
    check("rm main/current", VANISHED);
}

#[test]
fn a_current_that_is_renamed_is_made_again() {
    // What came before it was noticed is in the renamed file.
    let mut logger = Logger::start(WAYS[0]);
    logger.feed(&numbered(1..=100));
    logger.sandbox.wait_until("the lines are logged", || logged(&logger.sandbox).len() == 1000);
    logger.sandbox.run("mv main/current saved");
    logger.feed(&numbered(101..=3000));
    let sandbox = logger.finish();
    assert!(sandbox.read("saved") + &logged(&sandbox) == numbered(1..=3000));
    assert_eq!(sandbox.read("messages"), format!("{VANISHED}\n"));
}

#[test]
fn a_current_that_is_replaced_is_gone_on_with() {
    check("cp main/current new && mv new main/current", REPLACED);
}

#[test]
fn a_directory_in_the_place_of_a_file_is_put_aside() {
    check(
        "rm main/current && mkdir -p main/current/full",
        "multilog: warning: ./main/current cannot be opened, renamed to current.",
    );
    for name in ["previous", "processed", "state", "newstate"] {
        let mut logger = Logger::start(WAYS[1]);
        logger.sandbox.run(&format!("rm -f main/{name} && mkdir -p main/{name}/full"));
        logger.feed(&numbered(1..=3000));
        let sandbox = logger.finish();
        assert!(logged(&sandbox) == numbered(1..=3000), "{name}");
        let messages = sandbox.read("messages");
        let expected = format!("multilog: warning: ./main/{name} is a directory, renamed to {name}.@");
        assert!(messages.starts_with(&expected) && messages.lines().count() == 1, "{messages}");
    }
}

#[test]
fn a_log_directory_that_is_removed_is_made_again() {
    check("rm -r main", "multilog: warning: directory ./main has vanished, making it again");
    check("rm main/lock", "multilog: warning: ./main/lock has vanished, locking the directory again");
}

/// The directory was moved to `moved`, and `message` says so: each line is there, or in `main`.
#[track_caller]
fn check_move(damage: &str, message: &str) {
    for way in WAYS {
        let mut logger = Logger::start(way);
        logger.feed(&numbered(1..=100));
        logger.sandbox.wait_until("the lines are logged", || logged(&logger.sandbox).len() == 1000);
        logger.sandbox.run(damage);
        logger.feed(&numbered(101..=3000));
        let sandbox = logger.finish();
        assert!(sandbox.read("moved/current") + &logged(&sandbox) == numbered(1..=3000), "{damage}");
        assert!(logged(&sandbox).len() > 20_000);
        assert_eq!(sandbox.read("messages"), message);
        assert!(is_clean(&sandbox));
    }
}

#[test]
fn lines_go_to_the_directory_that_has_the_name() {
    check_move("mv main moved", "multilog: warning: directory ./main has vanished, making it again\n");
    let replaced = "multilog: warning: directory ./main was replaced, using the new one\n";
    check_move("mv main moved && mkdir main", replaced);
    check_move("mv main moved && mkdir other && ln -s other main", replaced);
}

#[test]
fn a_line_that_comes_after_the_removal_is_seen_without_another_line() {
    let mut logger = Logger::start("s4096");
    logger.feed("one\n");
    logger.sandbox.wait_until("it is logged", || logged(&logger.sandbox) == "one\n");
    logger.sandbox.run("rm main/current");
    logger.feed("two\n");
    logger.sandbox.wait_until("it is logged again", || logged(&logger.sandbox).ends_with("two\n"));
    assert_eq!(logger.messages(), format!("{VANISHED}\n"));
}

#[test]
fn one_term_ends_a_multilog_that_has_lost_its_files() {
    for damage in ["rm main/current", "rm -r main", "mkdir main/previous", "rm main/lock"] {
        let mut logger = Logger::start("s4096 n1000");
        logger.feed("one\n");
        logger.sandbox.wait_until("it is logged", || logged(&logger.sandbox) == "one\n");
        logger.sandbox.run(damage);
        logger.feed("two\n");
        send(logger.running.pid(), SIGTERM);
        assert_eq!(logger.running.wait().code(), Some(0), "{damage}");
        let all = logged(&logger.sandbox) + &logger.unread();
        assert!(all.ends_with("two\n"), "{damage}: {all}");
    }
}

#[test]
fn a_burst_that_comes_while_files_are_removed_is_not_lost() {
    let mut logger = Logger::start("s100000 n1000");
    let lines = numbered(1..=200_000);
    let mut fed = 0;
    while fed < lines.len() {
        let end = lines.len().min(fed + 200_000);
        logger.feed(&lines[fed..end]);
        fed = end;
        logger.sandbox.run("mv main/current saved.$(date +%N) 2>/dev/null || true");
    }
    let sandbox = logger.finish();
    let saved = sandbox.run("cat saved.* 2>/dev/null || true");
    let mut all: Vec<_> = saved.lines().map(str::to_owned).collect();
    all.extend(logged(&sandbox).lines().map(str::to_owned));
    all.sort();
    assert!(all.iter().map(String::as_str).eq(lines.lines()), "{} of 200000 lines", all.len());
}

#[test]
fn what_the_processor_reads_or_writes_may_vanish() {
    for (name, code) in [("previous", 1), ("processed", 0), ("state", 1)] {
        // The processor removes it, the first time.
        let first = format!("test -e ../once || {{ touch ../once; rm {name}; exit {code}; }}");
        let mut logger = Logger::start(&format!("s4096 n1000 '!{first}; exec cat'"));
        let lines = numbered(1..=300);
        logger.feed(&lines);
        let sandbox = logger.finish();
        let messages = sandbox.read("messages");
        if name == "previous" {
            assert!(lines.ends_with(&logged(&sandbox)) && logged(&sandbox).len() < 2000);
        } else {
            assert!(logged(&sandbox) == lines, "{name}: {messages}");
        }
        let vanished = messages.contains(&format!("./main/{name} has vanished"));
        assert_eq!(vanished, name != "state", "{name}: {messages}");
    }
}

#[test]
fn permissions_that_are_taken_away_and_given_back_lose_nothing() {
    let mut logger = Logger::start_unprivileged("s4096 n1000");
    logger.feed(&numbered(1..=10));
    logger.sandbox.run("chmod 0 main");
    logger.feed(&numbered(11..=20));
    let lines = numbered(1..=20);
    logger.sandbox.run("chmod 500 main");
    logger.sandbox.wait_until("it goes on", || logged(&logger.sandbox) == lines);
    logger.feed(&numbered(21..=2000));
    logger.wait_for_message(
        "unable to rename current to previous in directory ./main, pausing: access denied",
        1,
    );
    logger.sandbox.run("chmod 700 main");
    let sandbox = logger.finish();
    assert!(logged(&sandbox) == numbered(1..=2000));
    assert!(!archives(&sandbox).is_empty());
}

#[test]
fn one_term_ends_a_multilog_that_may_not_begin_a_new_file() {
    let mut logger = Logger::start_unprivileged("s4096 n1000");
    logger.sandbox.run("chmod 500 main");
    let lines = numbered(1..=2000);
    logger.feed(&lines);
    logger.wait_for_message("pausing: access denied", 1);
    send(logger.running.pid(), SIGTERM);
    assert_eq!(logger.running.wait().code(), Some(0));
    let unread = logger.unread();
    logger.sandbox.run("chmod 700 main");
    assert!(logged(&logger.sandbox) + &unread == lines);
    assert!(is_clean(&logger.sandbox));
}

#[test]
fn a_directory_that_cannot_be_made_again_is_used_where_it_is() {
    let mut logger = Logger::start_unprivileged("s4096 n1000");
    logger.feed(&numbered(1..=10));
    logger.sandbox.wait_until("the lines are logged", || logged(&logger.sandbox).len() == 100);
    if !is_root() {
        show("skipped: takes another account for the parent directory");
        return;
    }
    logger.sandbox.run("mv main moved");
    logger.feed(&numbered(11..=3000));
    let message =
        "multilog: warning: unable to open directory ./main, using it where it is: file does not exist";
    logger.wait_for_message(message, 1);
    let Logger { sandbox, mut running, input } = logger;
    drop(input);
    assert_eq!(running.wait().code(), Some(0));
    let all = sandbox.run("cat moved/@* moved/current");
    assert!(all == numbered(1..=3000));
    assert_eq!(sandbox.read("messages"), format!("{message}\n"));
}

#[test]
fn two_cannot_share_a_directory_whose_lock_was_removed() {
    let mut logger = Logger::start("s4096 n1000");
    logger.feed(&numbered(1..=10));
    logger.sandbox.wait_until("the lines are logged", || logged(&logger.sandbox).len() == 100);
    logger.sandbox.run("rm main/lock");
    let _held = logger.sandbox.fifo("held");
    let second = logger.sandbox.start("multilog n1000 ./main <>held", "other");
    logger.sandbox.wait_until("the other has begun", || archives(&logger.sandbox).len() == 1);
    logger.feed(&numbered(11..=2000));
    logger.wait_for_message("unable to lock directory ./main, pausing: temporary failure", 1);
    kill(second.pid());
    let sandbox = logger.finish();
    assert!(logged(&sandbox) == numbered(1..=2000));
}

#[test]
fn a_status_file_that_is_removed_or_replaced_is_made_again() {
    for (damage, how) in [
        ("rm status", "has vanished, making it again"),
        ("echo >new && mv new status", "was replaced, using the new one"),
    ] {
        let mut logger = Logger::start("s4096 =status");
        logger.feed("one\n");
        logger.sandbox.wait_until("it is there", || logger.sandbox.read("status").starts_with("one\n"));
        logger.sandbox.run(damage);
        let mut number = 1;
        logger.sandbox.wait_until("it is there again", || {
            number += 1;
            logger.input.write_all(format!("line {number}\n").as_bytes()).unwrap();
            logger.sandbox.read("status").starts_with("line ")
        });
        let sandbox = logger.finish();
        assert_eq!(sandbox.read("messages"), format!("multilog: warning: status {how}\n"));
    }
}
