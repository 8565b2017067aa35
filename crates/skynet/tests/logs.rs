//! `skynet log`: the logs of participants in the order of time, across rotations.

use crate::support::{DEADLINE, Running, Sandbox, is_root};
use servicedir::tai::Stamp;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A mini-SkyNET with these participants, which need not run to have logs.
pub fn skynet(names: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run("mkdir -p BOSS/service");
    for name in names {
        sandbox.run(&format!("mkdir -p BOSS/participants/{name}/log/main"));
    }
    sandbox
}

/// A line with its label, so many milliseconds after 2027-01-15 08:00 UTC.
pub fn line(milliseconds: u64, text: &str) -> String {
    let stamp = Stamp::from_unix(Duration::from_millis(1_800_000_000_000 + milliseconds));
    format!("{} {text}\n", String::from_utf8_lossy(&stamp.to_label()))
}

/// The name of an archive that ended then.
pub fn archive(milliseconds: u64) -> String {
    format!("{}.s", line(milliseconds, "").trim_end())
}

/// Writes a file of the log of a participant.
pub fn write(sandbox: &Sandbox, name: &str, file: &str, lines: &[String]) {
    let path = sandbox.path(&format!("BOSS/participants/{name}/log/main/{file}"));
    fs::write(path, lines.concat()).unwrap();
}

/// Two participants: `build` with an archive, a file that is becoming one, and a current one; `get` with one file.
fn two() -> Sandbox {
    let sandbox = skynet(&["build", "get"]);
    write(&sandbox, "build", &archive(3500), &[line(1000, "b1 wfid=w-1"), line(3000, "b3 w-10")]);
    write(&sandbox, "build", "previous", &[line(4000, "INFO [w-1] b4")]);
    write(&sandbox, "build", "current", &[line(6000, "b6")]);
    write(&sandbox, "get", "current", &[line(2000, "g2 wfid=w-1: x"), line(5000, "g5 wfid=w-2")]);
    sandbox
}

#[track_caller]
fn check(sandbox: &Sandbox, arguments: &str, expected: &[&str]) {
    let printed = sandbox.run(&format!("skynet --root BOSS log {arguments}"));
    let texts: Vec<&str> = printed.lines().filter_map(|line| line.get(27..)).collect();
    assert_eq!(texts, expected, "{arguments}: {printed}");
}

const ALL: [&str; 6] = [
    "build: b1 wfid=w-1",
    "get: g2 wfid=w-1: x",
    "build: b3 w-10",
    "build: INFO [w-1] b4",
    "get: g5 wfid=w-2",
    "build: b6",
];

#[test]
fn o3_the_logs_of_all_participants_are_one_in_the_order_of_time() {
    let sandbox = two();
    check(&sandbox, "", &ALL);
    check(&sandbox, "--all", &ALL);
    let first = sandbox.run("skynet --root BOSS log | head -n 1");
    assert_eq!(first, "2027-01-15 08:00:01.000000 build: b1 wfid=w-1\n");
    let there = sandbox.run("TZ=CET-1CEST skynet --root BOSS log | head -n 1");
    assert_eq!(there, "2027-01-15 09:00:01.000000 build: b1 wfid=w-1\n");
}

#[test]
fn p3_only_some_participants_or_one_process_are_seen() {
    let sandbox = two();
    check(&sandbox, "g", &[ALL[1], ALL[4]]);
    check(&sandbox, "--wfid w-1", &[ALL[0], ALL[1], ALL[3]]);
    check(&sandbox, "--wfid w-1 build", &[ALL[0], ALL[3]]);
    let said = sandbox.fail(1, "skynet --root BOSS log --wfid w get");
    assert_eq!(said, "skynet: There is no line about process w in the log of get\n");
    check(&sandbox, "-n 0 --wfid w", &[]);
    assert!(sandbox.fail(100, "skynet --root BOSS log --wfid ''").contains("a wfid is not empty"));
    assert!(sandbox.fail(1, "skynet --root BOSS log x").contains("There is no participant x"));
}

#[test]
fn a3_the_last_lines_and_those_since_a_moment() {
    let sandbox = two();
    check(&sandbox, "-n 0", &[]);
    check(&sandbox, "-n 2", &ALL[4..]);
    check(&sandbox, "-n 4 build", &[ALL[0], ALL[2], ALL[3], ALL[5]]);
    check(&sandbox, "-n 100", &ALL);
    check(&sandbox, "-n 2 --wfid w-1", &[ALL[1], ALL[3]]);
    check(&sandbox, "--since 2027-01-15T08:00:03", &ALL[2..]);
    check(&sandbox, "--since '2027-01-15 08:00:05'", &ALL[4..]);
    check(&sandbox, "-n 1 --since 2027-01-15", &ALL[5..]);
    check(&sandbox, "--since 2027-01-16", &[]);
    let complaint = sandbox.fail(100, "skynet --root BOSS log --since yesterday");
    assert!(complaint.contains("--since yesterday: it must be a time ago (90s, 15m, 2h, 3d)"), "{complaint}");
}

#[test]
fn a3_archives_that_ended_before_are_not_even_opened() {
    let sandbox = two();
    // An archive that is older than its name says would be shown, if it were read.
    write(&sandbox, "build", &archive(500), &[line(7000, "not read")]);
    check(&sandbox, "--since 2027-01-15T08:00:01 build", &[ALL[0], ALL[2], ALL[3], ALL[5]]);
}

#[test]
fn a_line_without_a_label_has_that_of_the_line_before() {
    let sandbox = skynet(&["build", "mute"]);
    let text = [
        line(1000, "one"),
        "two wfid=w-1\n".to_string(),
        line(2000, "x"),
        "three\n".into(),
        "wfid=w-1\n".into(),
    ];
    write(&sandbox, "build", "current", &text);
    write(&sandbox, "mute", "current", &["a\n".to_string(), "b\n".to_string()]);
    let log = |words: &str| sandbox.run(&format!("skynet --root BOSS log {words}"));
    let [one, two] = ["2027-01-15 08:00:01.000000 build:", "2027-01-15 08:00:02.000000 build:"];
    assert_eq!(log("-n 1 --since 2027-01-15T08:00:02"), format!("{two} wfid=w-1\n"));
    assert_eq!(log("-n 2"), format!("{two} three\n{two} wfid=w-1\n"));
    assert_eq!(log("-n 9 --since 2027-01-15T08:00:02"), format!("{two} x\n{two} three\n{two} wfid=w-1\n"));
    for last in ["", "-n 2", "-n 9"] {
        assert_eq!(
            log(&format!("{last} --wfid w-1")),
            format!("{one} two wfid=w-1\n{two} wfid=w-1\n"),
            "{last}"
        );
    }
    // Where there are none at all, the moment is not known.
    assert_eq!(log("-n 1 mute"), "- mute: b\n");
    assert_eq!(log("--since 2027-01-15 mute"), "");
    assert_eq!(log("-n 1 --since 2027-01-15 mute"), "");
}

#[test]
fn a_line_that_was_cut_in_two_by_a_rotation_is_one() {
    let sandbox = skynet(&["build"]);
    write(&sandbox, "build", &archive(2000), &[line(1000, "one").trim_end().to_string()]);
    write(&sandbox, "build", &archive(3000), &["-and-the-same\n".to_string(), line(2500, "cra")]);
    write(&sandbox, "build", "current", &[line(4000, "last").trim_end().to_string()]);
    check(&sandbox, "", &["build: one-and-the-same", "build: cra", "build: last"]);
    check(&sandbox, "-n 3", &["build: one-and-the-same", "build: cra", "build: last"]);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let sandbox = skynet(&["build"]);
    let many: Vec<String> = (0..20_000).map(|n| line(n, "x")).collect();
    write(&sandbox, "build", "current", &many);
    let printed = sandbox
        .run("{ skynet --root BOSS log; echo $? >code; } 2>complaints | head -n 1; cat code complaints");
    assert_eq!(printed, "2027-01-15 08:00:00.000000 build: x\n0\n");
    // Even if nothing more is ever logged.
    sandbox.run("timeout 200 sh -c 'skynet --root BOSS log -f 2>&1 | head -n 1'");
}

#[test]
fn p2_logs_are_seen_without_being_root_and_one_that_may_not_be_read_is_named() {
    let sandbox = two();
    sandbox.run("mkdir -p BOSS/participants/secret/log/main BOSS/participants/new");
    write(&sandbox, "secret", "current", &[line(1500, "s")]);
    let mode =
        |path: &str, mode| fs::set_permissions(sandbox.path(path), fs::Permissions::from_mode(mode)).unwrap();
    mode("BOSS/participants/secret/log/main", 0o700);
    if !is_root() {
        mode("BOSS/participants/secret/log/main", 0o000);
    }
    let user = if is_root() { "setuidgid nobody" } else { "" };
    let output = sandbox.sh(&format!("{user} skynet --root BOSS log"));
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.lines().map(|line| &line[27..]).collect::<Vec<_>>(), ALL);
    let complaint = String::from_utf8(output.stderr).unwrap();
    let start = "skynet: unable to read the log of secret in ";
    assert!(complaint.starts_with(start) && complaint.lines().count() == 1, "{complaint}");
    assert!(complaint.contains("secret/log/main: Permission denied"), "{complaint}");
    assert!(complaint.contains("(it belongs to "), "{complaint}");
    assert_eq!(output.status.code(), Some(1));
    let complaint = sandbox.fail(1, "skynet --root BOSS log new");
    assert_eq!(complaint, "skynet: new has not logged anything yet\n");
    mode("BOSS/participants/secret/log/main", 0o700);
    // A file, too, is named.
    mode("BOSS/participants/get/log/main/current", 0o000);
    if is_root() {
        let complaint = sandbox.fail(1, "setuidgid nobody skynet --root BOSS log get");
        assert!(
            complaint.contains("unable to read ") && complaint.contains("get/log/main/current"),
            "{complaint}"
        );
    }
}

/// A multilog with a directory of its own, which writes what it is fed.
struct Logger {
    input: ChildStdin,
    _process: Running,
}

fn logger(sandbox: &Sandbox, name: &str, rules: &str) -> Logger {
    let mut command = sandbox.command("multilog");
    command.arg("t").args(rules.split(' ')).arg(format!("./BOSS/participants/{name}/log/main"));
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let input = child.stdin.take().unwrap();
    Logger { input, _process: Running(child) }
}

/// `skynet log` in the background, of an account that may only read, and its lines.
fn follow(sandbox: &Sandbox, arguments: &str) -> (Running, Receiver<String>) {
    let mut command = sandbox.command(if is_root() { "setuidgid" } else { "skynet" });
    if is_root() {
        command.args(["nobody", "skynet"]);
    }
    command.args(["--root", "BOSS", "log", "-f"]).args(arguments.split_whitespace());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || output.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
    (Running(child), receiver)
}

#[track_caller]
fn next(lines: &Receiver<String>) -> String {
    lines.recv_timeout(5 * DEADLINE).unwrap()[27..].to_string()
}

#[test]
fn p2_a3_following_sees_every_line_once_across_rotations() {
    every_line_once("s4096 n200", 40);
}

#[test]
fn a3_following_sees_every_line_once_if_old_files_go_through_a_processor() {
    every_line_once("s4096 n200 !cat", 10);
}

fn every_line_once(rules: &str, bursts: usize) {
    let sandbox = skynet(&["build", "get"]);
    let mut loggers = ["build", "get"].map(|name| logger(&sandbox, name, rules));
    let (_skynet, lines) = follow(&sandbox, "--since 2020-01-01");
    // Never so far ahead that files are removed before they can be read.
    const BURST: usize = 200;
    let mut seen = [0, 0];
    for burst in 0..bursts {
        for (number, logger) in loggers.iter_mut().enumerate() {
            let texts = (0..BURST).map(|n| format!("line {} {}\n", burst * BURST + n, "y".repeat(n % 90)));
            let texts: Vec<String> = texts.collect();
            // Sometimes at once, sometimes in small pieces.
            let chunk = if (burst + number) % 2 == 0 { BURST } else { 7 };
            for texts in texts.chunks(chunk) {
                logger.input.write_all(texts.concat().as_bytes()).unwrap();
            }
        }
        for _ in 0..2 * BURST {
            let line = next(&lines);
            let (name, text) = line.split_once(": line ").unwrap();
            let number = usize::from(name == "get");
            let count: usize = text.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(count, seen[number], "{line}");
            seen[number] += 1;
        }
    }
    assert_eq!(seen, [bursts * BURST; 2]);
    assert!(lines.recv_timeout(Duration::from_millis(100)).is_err());
    let archives = sandbox.run("ls BOSS/participants/build/log/main | grep -c @");
    assert!(archives.trim().parse::<usize>().unwrap() > 15);
}

#[test]
fn a3_following_begins_with_the_last_lines_and_waits_for_logs_to_come() {
    let sandbox = two();
    let many: Vec<String> = (0..30).map(|n| line(1000 + n, &format!("n{n}"))).collect();
    write(&sandbox, "get", "current", &many);
    sandbox.run("rm -r BOSS/participants/build/log");
    let (_skynet, lines) = follow(&sandbox, "");
    for n in 20..30 {
        assert_eq!(next(&lines), format!("get: n{n}"));
    }
    sandbox.run("mkdir -p BOSS/participants/build/log/main");
    let mut logger = logger(&sandbox, "build", "s4096");
    logger.input.write_all(b"hello wfid=w\nha").unwrap();
    assert_eq!(next(&lines), "build: hello wfid=w");
    logger.input.write_all(b"lf\n").unwrap();
    assert_eq!(next(&lines), "build: half");
    // The directory is made anew.
    drop(logger);
    sandbox.run("rm -r BOSS/participants/build/log && mkdir -p BOSS/participants/build/log/main");
    let mut logger = self::logger(&sandbox, "build", "s4096");
    logger.input.write_all(b"again\n").unwrap();
    assert_eq!(next(&lines), "build: again");
}

#[test]
fn a3_a_log_that_is_emptied_by_logrotate_is_followed_on() {
    let sandbox = skynet(&["build"]);
    let mut logger = logger(&sandbox, "build", "s4096");
    let (_skynet, lines) = follow(&sandbox, "");
    logger.input.write_all(b"one, a long line that makes the file longer than it will be\n").unwrap();
    assert!(next(&lines).starts_with("build: one"));
    sandbox.run("cd BOSS/participants/build/log/main; cp current current.1; : >current");
    logger.input.write_all(b"two\n").unwrap();
    assert_eq!(next(&lines), "build: two");
}

#[test]
fn p3_one_process_is_followed_through_all_participants() {
    let sandbox = skynet(&["build", "get"]);
    let mut loggers = ["build", "get"].map(|name| logger(&sandbox, name, "s4096 n50"));
    let (_skynet, lines) = follow(&sandbox, "--wfid w-7");
    for n in 0..300 {
        for logger in &mut loggers {
            logger.input.write_all(format!("wfid=w-{} line {n}\n", n % 100).as_bytes()).unwrap();
        }
    }
    let mut seen: Vec<String> = (0..6).map(|_| next(&lines)).collect();
    seen.sort();
    let expected = ["build", "get"].map(|name| [7, 107, 207].map(|n| format!("{name}: wfid=w-7 line {n}")));
    let mut expected = expected.concat();
    expected.sort();
    assert_eq!(seen, expected);
}
