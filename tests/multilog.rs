//! What multilog does when the disk is full, the processor hangs, the power fails, and on every other bad day.

use crate::support::{DEADLINE, Running, Sandbox, kill, process_state, send};
use nix::sys::signal::Signal::{SIGALRM, SIGTERM};
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// Well before multilog tries again what has failed, which it does every 5 seconds.
const BEFORE_THE_RETRY: Duration = Duration::from_secs(4);

/// More than a pipe and multilog together hold back.
const MORE_THAN_FITS: usize = 1_000_000;

/// A multilog with a fifo as its input, and a log directory `main`.
struct Logger {
    sandbox: Sandbox,
    running: Running,
    /// The fifo. While this is open, its end does not come.
    input: File,
}

impl Logger {
    fn start(arguments: &str) -> Self {
        Self::start_in(Sandbox::new(), arguments)
    }

    fn start_in(sandbox: Sandbox, arguments: &str) -> Self {
        let input = sandbox.fifo("input");
        // A file that grows beyond a limit is then an error like a full disk, not a deadly signal.
        let script = format!("trap '' XFSZ; exec multilog {arguments} ./main");
        let mut command = sandbox.command("sh");
        command.args(["-c", &script]).stdin(File::open(sandbox.path("input")).unwrap());
        let running = sandbox.spawn(command, "messages");
        sandbox.wait_until("multilog is ready", || sandbox.path("main/current").exists());
        Self { sandbox, running, input }
    }

    /// Hands over lines; multilog has to make room for them.
    #[track_caller]
    fn feed(&mut self, lines: &str) {
        let start = Instant::now();
        let mut rest = lines.as_bytes();
        while !rest.is_empty() {
            match self.input.write(rest) {
                Ok(length) => rest = &rest[length..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(start.elapsed() < DEADLINE, "multilog does not read: {}", self.messages());
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Hands over as much as there is room for, without waiting.
    fn feed_some<'a>(&mut self, lines: &'a str) -> &'a str {
        let length = self.input.write(lines.as_bytes()).unwrap_or(0);
        &lines[..length]
    }

    /// What multilog has left in the fifo.
    fn unread(&mut self) -> String {
        let mut unread = Vec::new();
        // It ends with the error that there is nothing more for now.
        let _ = self.input.read_to_end(&mut unread);
        String::from_utf8(unread).unwrap()
    }

    /// The end of the input, and of multilog.
    #[track_caller]
    fn finish(mut self) -> Sandbox {
        drop(self.input);
        let status = self.running.wait();
        assert_eq!(status.code(), Some(0), "{}", self.sandbox.read("messages"));
        self.sandbox
    }

    /// Feeds it until the disk is full: from now on, no file of multilog's may have more than 10000 bytes.
    #[track_caller]
    fn fill_the_disk(&mut self, lines: &str) {
        self.sandbox.limit(&self.running, "fsize=10000");
        self.feed(lines);
        self.wait_for_message(FULL, 1);
        assert_eq!(self.sandbox.read("main/current"), lines[..10000]);
    }

    fn free_the_disk(&self) {
        self.sandbox.lift(&self.running, "fsize");
    }

    fn messages(&self) -> String {
        self.sandbox.read("messages")
    }

    #[track_caller]
    fn wait_for_message(&self, text: &str, times: usize) {
        self.sandbox
            .wait_until(&format!("multilog says {text}"), || self.sandbox.count("messages", text) >= times);
    }
}

const FULL: &str = "multilog: warning: unable to write to ./main/current, pausing: file too big";

/// As long as 20 KB of lines: not much, but more than the limit.
fn some_lines() -> String {
    numbered(1..=2000)
}

/// Lines of ten bytes.
fn numbered(numbers: impl Iterator<Item = u32>) -> String {
    numbers.map(|number| format!("{number:09}\n")).collect()
}

/// The archives, in the order of their names.
fn archives(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path("main")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut archives: Vec<_> = names.filter(|name| name.starts_with('@')).collect();
    archives.sort();
    archives
}

/// All archives and `current`, in order.
fn logged(sandbox: &Sandbox) -> String {
    let files = archives(sandbox).into_iter().chain(["current".to_owned()]);
    files.map(|name| sandbox.read(&format!("main/{name}"))).collect()
}

/// Whether `current` has the mark of a clean end.
fn is_clean(sandbox: &Sandbox) -> bool {
    fs::metadata(sandbox.path("main/current")).unwrap().permissions().mode() & 0o100 != 0
}

/// Starts multilog once more, without input.
#[track_caller]
fn restart(sandbox: &Sandbox, arguments: &str) {
    sandbox.run(&format!("multilog {arguments} ./main"));
    assert!(is_clean(sandbox));
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
    let mut logger = Logger::start("s16777215");
    let lines = some_lines();
    logger.fill_the_disk(&lines);
    let start = Instant::now();
    send(logger.running.pid(), SIGTERM);
    logger.wait_for_message(FULL, 2);
    assert!(start.elapsed() < BEFORE_THE_RETRY, "TERM makes it try at once");
    assert!(!logger.running.has_ended());

    logger.free_the_disk();
    send(logger.running.pid(), SIGALRM);
    assert_eq!(logger.running.wait().code(), Some(0));
    assert!(start.elapsed() < BEFORE_THE_RETRY, "ALRM makes it try at once");
    let unread = logger.unread();
    assert!(logged(&logger.sandbox) + &unread == lines, "what is not logged is left on the input");
    assert!(is_clean(&logger.sandbox));
}

#[test]
fn term_within_a_line_on_a_full_disk_tries_at_once_too() {
    let mut logger = Logger::start("s16777215");
    let lines = some_lines() + "the beginning of";
    logger.fill_the_disk(&lines);
    let start = Instant::now();
    send(logger.running.pid(), SIGTERM);
    logger.wait_for_message(FULL, 2);
    assert!(start.elapsed() < BEFORE_THE_RETRY, "TERM makes it try at once");

    logger.free_the_disk();
    send(logger.running.pid(), SIGALRM);
    logger.sandbox.wait_until("the whole lines are logged", || logged(&logger.sandbox) == some_lines());
    logger.feed(" a line\nfor the next one\n");
    assert_eq!(logger.running.wait().code(), Some(0));
    let unread = logger.unread();
    assert!(logged(&logger.sandbox) == lines + " a line\n", "the line was finished");
    assert_eq!(unread, "for the next one\n");
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
    let start = Instant::now();
    logger.sandbox.wait_until("all is logged", || {
        logger.sandbox.read("main/previous") + &logger.sandbox.read("main/current") == lines
    });
    send(logger.running.pid(), SIGTERM);
    assert_eq!(logger.running.wait().code(), Some(0));
    assert!(start.elapsed() < BEFORE_THE_RETRY);
    let sandbox = &logger.sandbox;
    assert!(!is_clean(sandbox));
    check_that_the_next_start_keeps(sandbox, &lines);
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
    let mut logger = Logger::start("s4096 '!kill -9 $$'");
    let start = Instant::now();
    logger.feed(&numbered(1..=300));
    // The original pauses between the two.
    logger.wait_for_message("multilog: warning: processor failed in ./main, pausing", 1);
    assert!(start.elapsed() < BEFORE_THE_RETRY);
    send(logger.running.pid(), SIGTERM);
    assert_eq!(logger.running.wait().code(), Some(0));
    let messages = logger.messages();
    assert_eq!(messages.lines().count(), 2, "{messages}");
    // The error text that comes after this means nothing.
    assert!(messages.starts_with("multilog: warning: processor crashed in ./main, pausing: "), "{messages}");
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
