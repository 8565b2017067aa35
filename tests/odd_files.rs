//! Files that are endless, huge, or no files at all, in the places of those that supervise, svscan and svstat read.

use crate::support::{BEFORE_THE_GRACE_IS_OVER, GRACE, Running, Sandbox, best_of_attempts, program_of, send};
use nix::sys::signal::Signal::SIGTERM;
use std::fs;
use std::time::{Duration, Instant};

/// The settings that are read.
const SETTINGS: [&str; 5] = ["backoff", "down-signal", "notification-fd", "timeout-finish", "timeout-kill"];

/// What is put in the place of a file, by a shell that has the name in `$file`; and what is said about a setting that is
/// this.
const ODDITIES: [(&str, &str); 4] = [
    ("ln -s /dev/zero $file", "is not a regular file"),
    ("mkfifo $file", "is not a regular file"),
    ("mkdir $file", "is not a regular file"),
    ("yes 100 | head -c 10000000 >$file", "has more than 4096 bytes"),
];

/// A limit of memory that is far above what our programs need, and far below what is read of an endless file.
const LIMITED: &str = "prlimit --as=100000000:";

/// Puts an oddity in the place of each of these files, which may be there.
#[track_caller]
fn put(sandbox: &Sandbox, oddity: &str, files: &[String]) {
    // multilog may put a file of its own into the place that has just become free.
    let files = files.join(" ");
    sandbox.run(&format!("for file in {files}; do until rm -f $file && {oddity}; do :; done; done"));
}

fn settings_of(service: &str) -> Vec<String> {
    SETTINGS.iter().map(|file| format!("{service}/{file}")).collect()
}

/// Starts supervise for `web`, with little memory.
fn supervise(sandbox: &Sandbox) -> Running {
    sandbox.start(&format!("{LIMITED} supervise web"), "messages")
}

#[test]
fn odd_files_in_the_places_of_settings_are_reported_once_and_ignored() {
    for (oddity, expected) in ODDITIES {
        let sandbox = Sandbox::new();
        sandbox.script("web/run", "exec sleep 1000");
        put(&sandbox, oddity, &settings_of("web"));
        let mut supervise = supervise(&sandbox);
        let mut pid = sandbox.next_pid("web", 0);
        for _ in 0..2 {
            sandbox.tell("web", "-k");
            pid = sandbox.next_pid("web", pid);
        }
        sandbox.tell("web", "-dx");
        supervise.ends_well();
        let messages = sandbox.read("messages");
        let expected =
            SETTINGS.map(|file| format!("supervise: warning: web/{file} is ignored: it {expected}\n"));
        let mut lines: Vec<&str> = messages.split_inclusive('\n').collect();
        lines.sort_unstable();
        assert_eq!(lines, expected, "{oddity}");
    }
}

#[test]
fn a_setting_that_is_mended_and_broken_again_is_reported_again() {
    let sandbox = Sandbox::new();
    sandbox.script("web/run", "exec sleep 1000");
    sandbox.run("mkfifo web/timeout-kill");
    let _supervise = supervise(&sandbox);
    let mut pid = sandbox.next_pid("web", 0);
    let mut restart = || {
        sandbox.tell("web", "-k");
        pid = sandbox.next_pid("web", pid);
        sandbox.read("messages").lines().map(str::to_string).collect::<Vec<_>>()
    };
    let ignored = |why: &str| format!("supervise: warning: web/timeout-kill is ignored: it {why}");
    let fifo = ignored("is not a regular file");
    assert_eq!(restart(), std::slice::from_ref(&fifo));
    sandbox.run("rm web/timeout-kill && echo soon >web/timeout-kill");
    let word = ignored("must hold a number of milliseconds");
    assert_eq!(restart(), [fifo.clone(), word.clone()]);
    sandbox.run("echo 1000 >web/timeout-kill");
    assert_eq!(restart().len(), 2);
    sandbox.run("echo soon >web/timeout-kill");
    assert_eq!(restart(), [fifo, word.clone(), word]);
}

#[test]
fn a_setting_that_is_a_symbolic_link_to_a_file_holds() {
    let sandbox = Sandbox::new();
    sandbox.script("web/run", "exec sleep 1000");
    sandbox.write("signal", "USR1\n");
    sandbox.run("ln -s ../signal web/down-signal");
    let mut supervise = supervise(&sandbox);
    sandbox.next_pid("web", 0);
    sandbox.tell("web", "-dx");
    supervise.ends_well();
    assert_eq!(sandbox.count("web/supervise/last-exit", " killed USR1"), 1);
    assert_eq!(sandbox.read("messages"), "");
}

/// svscan reads `timeout-kill` in the end, to learn how long the service may take.
#[test]
fn svscan_ends_in_time_whatever_is_in_the_place_of_a_setting() {
    for (oddity, _) in ODDITIES {
        best_of_attempts(oddity, BEFORE_THE_GRACE_IS_OVER, || {
            let sandbox = Sandbox::new();
            sandbox.logged_service("service/web", "echo up\nexec sleep 1000");
            sandbox.run("mkdir service/web/supervise service/web/log/supervise");
            put(&sandbox, oddity, &[settings_of("service/web"), settings_of("service/web/log")].concat());
            let mut svscan = sandbox.start(&format!("{LIMITED} svscan service"), "messages");
            sandbox.next_pid("service/web", 0);
            sandbox.wait_until("its line is logged", || sandbox.log_of("service/web") == "up\n");
            let before = Instant::now();
            send(svscan.pid(), SIGTERM);
            let Some(status) = svscan.wait_at_most(GRACE) else { return Duration::MAX };
            assert!(status.success(), "{}", sandbox.read("messages"));
            before.elapsed()
        });
    }
}

/// The other files of a service that svstat reads.
#[test]
fn svstat_answers_whatever_is_in_the_places_of_what_it_reads() {
    for (oddity, _) in ODDITIES {
        let sandbox = Sandbox::new();
        sandbox.logged_service("web", "echo up; exit 1");
        let _logger = sandbox.start("supervise web/log </dev/null", "logger");
        let _supervise = sandbox.start("supervise web", "messages");
        let told = "supervise: warning: web: run exited 1, 3 times in ";
        sandbox.wait_until("web keeps failing", || sandbox.count("messages", told) == 1);
        let files =
            ["run", "supervise/instance", "supervise/last-exit", "supervise/ready", "log/main/current"];
        put(&sandbox, oddity, &files.map(|file| format!("web/{file}")));
        let line = sandbox.run(&format!("{LIMITED} svstat --long web"));
        // supervise may have tried to start it again since.
        assert!(line.starts_with("web: down ") && line.contains(": run is "), "{oddity}: {line}");
        let object = sandbox.run(&format!("{LIMITED} svstat --json web"));
        assert!(object.contains(r#""state":"down""#), "{oddity}: {object}");
    }
}

#[test]
fn supervise_begins_anew_whatever_is_in_the_places_of_what_another_has_left() {
    for (oddity, _) in ODDITIES {
        let sandbox = Sandbox::new();
        sandbox.script("web/run", "exec sleep 1000");
        sandbox.run("mkdir web/supervise");
        let files = ["instance", "last-exit", "ready", "status"];
        put(&sandbox, oddity, &files.map(|file| format!("web/supervise/{file}")));
        let mut supervise = supervise(&sandbox);
        // A directory stays in its place, and is reported.
        if oddity.starts_with("mkdir") {
            sandbox.wait_until("that is reported", || {
                sandbox.count("messages", "supervise: warning: unable to rename web/supervise/status.new")
                    == 1
            });
            // While supervise tries to put a file in the place of a directory, the two may have each other's name.
            let files = files.join(" ");
            sandbox.run(&format!(
                "cd web/supervise && for file in {files}; do while [ -d $file ]; do rmdir $file; done; done"
            ));
        }
        // This test must not read an endless file either.
        let status = sandbox.path("web/supervise/status");
        sandbox.wait_until("the status is written", || {
            fs::symlink_metadata(&status).is_ok_and(|facts| facts.is_file() && facts.len() == 18)
        });
        sandbox.next_pid("web", 0);
        sandbox.tell("web", "-dx");
        supervise.ends_well();
        assert_eq!(sandbox.count("web/supervise/last-exit", " killed TERM"), 1);
    }
}

/// The process that supervise makes for the next run has the memory of supervise for a moment, but descriptors of its own.
#[test]
fn a_record_that_cannot_be_opened_before_the_next_run_is_written_then() {
    let sandbox = Sandbox::new();
    // After more than a second the next run begins with nothing in between.
    sandbox.script(
        "web/run",
        "[ ! -d supervise/instance ] || { sleep 1.2; exec rmdir supervise/instance; }\nexec sleep 1000",
    );
    sandbox.run("mkdir -p web/supervise/instance");
    let mut supervise = supervise(&sandbox);
    sandbox.wait_until("the instance is written", || {
        let instance = sandbox.instance("web").filter(|instance| instance.starts == 2);
        let service = instance.and_then(|instance| instance.service);
        service.is_some_and(|service| program_of(service.pid) == "sleep")
    });
    sandbox.tell("web", "-dx");
    supervise.ends_well();
    assert_eq!(
        sandbox.read("messages"),
        "supervise: warning: unable to open web/supervise/instance: is a directory\n"
    );
}
