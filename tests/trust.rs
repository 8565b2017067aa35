//! SECURITY.md: accounts that own `supervise/` or a log directory of a service of root try to become root, or to harm
//! others. Each attack is a service of its own, and all of them run under one svscan; the accounts are those of
//! `nobody` and `daemon`.

use crate::support::shared::{possible, running, shared_service, start_svscan};
use crate::support::{Sandbox, is_settled, kill, process_state, send};
use nix::sys::signal::Signal::SIGTERM;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a file of an attacked directory is, made with `$file` as its name and `$outside` for a file of root's elsewhere.
const TRICKS: [(&str, &str); 8] = [
    ("link", "ln -s $outside/exists $file"),
    ("link-to-nothing", "ln -s $outside/missing $file"),
    // The kernel refuses this to others where fs.protected_hardlinks is 1; here root does it for them.
    ("second-name", "ln $outside/exists $file"),
    ("fifo", "mkfifo $file"),
    ("endless", "ln -s /dev/zero $file"),
    ("link-to-fifo", "ln -s $outside/fifo $file"),
    ("directory", "mkdir $file && : >$file/full"),
    ("socket", "python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' $file"),
];

/// The files of `supervise/`.
const STATE: [&str; 12] = [
    "lock",
    "control",
    "ok",
    "status",
    "status.new",
    "instance",
    "last-exit",
    "last-exit.new",
    "ready",
    "ready.new",
    "finishing",
    "told",
];

/// The files of a log directory.
const LOG: [&str; 6] = ["lock", "current", "previous", "processed", "state", "newstate"];

/// Fills some log files, says that it is ready, and stays.
const RUN: &str =
    "seq -f 'line %05.0f of a service that has a lot to say' 400\necho >&3\nexec sleep 1000 3>&-";

/// Rotates again and again, with a processor.
const LOGGER: &str = "exec multilog s4096 n3 '!cat; cat <&4 >&5; echo state >&5' ./main";

/// A file as others see it.
type Seen = (u32, u32, u64, Vec<u8>);

/// All that is in a directory.
fn tree(directory: &Path) -> BTreeMap<String, Seen> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let facts = fs::symlink_metadata(&path).unwrap();
        let content = if facts.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        found.insert(path.display().to_string(), (facts.mode(), facts.uid(), facts.len(), content));
        if facts.is_dir() {
            found.extend(tree(&path));
        }
    }
    found
}

/// Sees that what was outside is as it was.
#[track_caller]
fn assert_unchanged(sandbox: &Sandbox, before: &BTreeMap<String, Seen>) {
    let after = tree(&sandbox.path("outside"));
    let changed: Vec<_> = before.iter().filter(|(path, seen)| after.get(*path) != Some(seen)).collect();
    let made: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert!(changed.is_empty() && made.is_empty(), "changed: {changed:?}, made: {made:?}");
}

/// The cells of the table: the name of the service, the directory in it, the account that owns that, the file, and the
/// trick.
fn cells() -> Vec<(String, &'static str, &'static str, &'static str, &'static str)> {
    let places = [
        ("main", "supervise", "nobody", &STATE[..]),
        ("logger", "log/supervise", "daemon", &STATE[..]),
        ("log", "log/main", "daemon", &LOG[..]),
    ];
    let mut cells = Vec::new();
    for (place, directory, owner, files) in places {
        for file in files {
            for (name, trick) in TRICKS {
                cells.push((format!("{place}-{file}-{name}"), directory, owner, *file, trick));
            }
        }
    }
    cells
}

/// Makes the services, and outside a directory for each with something that root alone may change.
fn prepare(sandbox: &Sandbox) -> Vec<String> {
    let mut script = "umask 022\nmkdir service outside\n".to_owned();
    for (service, directory, owner, file, trick) in cells() {
        let make = "mkdir -p service/$s/log/main outside/$s";
        let outside =
            "echo precious >outside/$s/exists && chmod 600 outside/$s/exists && mkfifo outside/$s/fifo";
        let files = "cp template/run template/finish template/notification-fd service/$s && cp template/logger service/$s/log/run";
        writeln!(script, "s={service} outside=$PWD/outside/{service}\n{make}\n{outside}\n{files}").unwrap();
        writeln!(script, "mkdir -p service/$s/{directory}\nfile=service/$s/{directory}/{file}\n{trick}")
            .unwrap();
        writeln!(script, "chown -h {owner} $file service/$s/{directory}").unwrap();
        // The other name is root's still.
        writeln!(script, "chown root $outside/exists").unwrap();
    }
    sandbox.script("template/run", RUN);
    sandbox.script("template/finish", "exit 0");
    sandbox.write("template/notification-fd", "3\n");
    sandbox.script("template/logger", LOGGER);
    sandbox.write("prepare", &script);
    sandbox.run("sh -e prepare");
    cells().into_iter().map(|(service, ..)| service).collect()
}

#[test]
fn no_file_that_another_account_makes_leads_root_elsewhere() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    let services = prepare(&sandbox);
    // svscan starts services in the order of their names, and starts a supervise that was killed in order, too.
    sandbox.script("service/the-last/run", "exec sleep 1000");
    let before = tree(&sandbox.path("outside"));
    let mut svscan = start_svscan(&sandbox);
    let settle = |supervise| {
        let next = sandbox.next_supervise("service/the-last", supervise);
        // Each waits at some time. All of them never wait at the same time on a busy machine: those that fail are started
        // again each second.
        let mut busy: Vec<i32> = ["svscan", "supervise", "multilog"]
            .iter()
            .flat_map(|program| running(&sandbox, program))
            .collect();
        sandbox.wait_until("all that runs has waited", || {
            busy.retain(|&pid| !is_settled(pid) && process_state(pid).is_some());
            busy.is_empty()
        });
        assert_unchanged(&sandbox, &before);
        next
    };
    let last = settle(0);
    let directories =
        services.iter().flat_map(|service| [format!("service/{service}"), format!("service/{service}/log")]);
    let served: Vec<String> = directories.filter(|directory| sandbox.is_served(directory)).collect();
    assert!(served.len() > services.len(), "most attacks change nothing: {}", served.len());
    for commands in ["-h", "-d", "-u", "-t"] {
        sandbox.run(&format!("svc {commands} {} service/the-last", served.join(" ")));
        sandbox.wait_until_obeyed("service/the-last");
        settle(0);
    }
    running(&sandbox, "supervise").into_iter().for_each(kill);
    settle(last);
    send(svscan.pid(), SIGTERM);
    svscan.wait();
    assert_unchanged(&sandbox, &before);
}

/// Goes on giving names to links for as long as it runs, without a pause. Its arguments: a directory, a file elsewhere, and
/// the names.
const SWAPPER: &str = r"
import os, sys
directory, outside, *names = sys.argv[1:]
os.chdir(directory)
print('swapping', flush=True)
while True:
    for name in names:
        try:
            os.symlink(outside, 'link')
            os.rename('link', name)
            os.unlink(name)
        except OSError:
            pass
";

#[test]
fn no_swap_at_any_moment_leads_root_elsewhere() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run("mkdir service outside && echo precious >outside/exists && chmod 600 outside/exists");
    shared_service(&sandbox);
    sandbox.script(
        "service/web/run",
        "echo start >>starts\nseq -f 'line %05.0f that fills a file' 2000\necho >&3",
    );
    sandbox.script("service/web/finish", "exit 0");
    sandbox.write("service/web/notification-fd", "3\n");
    sandbox.script("service/web/log/run", LOGGER);
    sandbox.run("mkdir service/web/log/main && chown daemon service/web/log/main");
    sandbox.write("swapper.py", SWAPPER);
    let before = tree(&sandbox.path("outside"));
    let mut svscan = start_svscan(&sandbox);
    let starts = || sandbox.count("service/web/starts", "start");
    sandbox.wait_until("it has started", || starts() > 0);
    let swap = |account: &str, directory: &str, names: &[&str]| {
        let command = format!(
            "setuidgid {account} python3 swapper.py {directory} $PWD/outside/exists {}",
            names.join(" ")
        );
        sandbox.start(&command, "swapping")
    };
    let swappers = [
        swap("nobody", "service/web/supervise", &STATE),
        swap("daemon", "service/web/log/supervise", &STATE),
        swap("daemon", "service/web/log/main", &LOG),
    ];
    sandbox.wait_until("all swap", || sandbox.count("swapping", "swapping") == 3);
    let swapped = starts();
    sandbox.wait_until("it was started some times more", || starts() >= swapped + 4);
    drop(swappers);
    assert_unchanged(&sandbox, &before);
    // With the end of the attack its effect ends.
    sandbox.run("find service/web/supervise service/web/log/supervise service/web/log/main -type l -delete");
    sandbox.wait_until("both are served again", || {
        ["service/web", "service/web/log"].into_iter().all(|directory| sandbox.is_served(directory))
    });
    send(svscan.pid(), SIGTERM);
    svscan.wait();
    assert_unchanged(&sandbox, &before);
}

#[test]
fn a_log_directory_that_another_account_exchanges_for_a_link_is_not_followed() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run("mkdir service outside outside/log && mkdir -p logs/main && chown -R daemon logs");
    sandbox.script("service/web/run", "while sleep 0.05; do echo line; done");
    sandbox.script("service/web/log/run", "exec multilog n2 ../../../logs/main");
    let before = tree(&sandbox.path("outside"));
    let mut svscan = start_svscan(&sandbox);
    let is_written = |log: &str| !sandbox.read(log).is_empty();
    sandbox.wait_until("it logs", || is_written("logs/main/current"));
    sandbox.run("mv logs/main logs/old && ln -s ../outside/log logs/main && chown -h daemon logs/main");
    let refusal = "multilog: warning: unable to open directory ../../../logs/main, using it where it is: symbolic link loop";
    sandbox.wait_until("multilog sees that", || sandbox.count("messages", refusal) == 1);
    // A multilog that is started now waits until the link is gone.
    running(&sandbox, "multilog").into_iter().for_each(kill);
    let refusal = "multilog: fatal: unable to open directory ../../../logs/main: symbolic link loop";
    sandbox.wait_until("the next one refuses it", || sandbox.count("messages", refusal) > 0);
    assert_unchanged(&sandbox, &before);
    sandbox.run("rm logs/main && mv logs/old logs/main");
    let length = sandbox.read("logs/main/current").len();
    sandbox.wait_until("it logs again", || sandbox.read("logs/main/current").len() > length);
    send(svscan.pid(), SIGTERM);
    svscan.wait();
    assert_unchanged(&sandbox, &before);
}

#[test]
fn the_fifo_and_the_lock_of_one_service_are_not_those_of_another() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run("mkdir service");
    for service in ["a", "b"] {
        sandbox.script(&format!("service/{service}/run"), "exec sleep 1000");
    }
    // Root's, with a group that may write to it, whose members give names to what is b's.
    sandbox.run("mkdir -m 2770 service/a/supervise && mkdir -m 700 service/b/supervise && mkfifo -m 600 service/b/supervise/control");
    sandbox.run(": >service/b/supervise/lock && chgrp daemon service/a/supervise");
    for (file, complaint) in
        [("lock", "unable to acquire a/supervise/lock"), ("control", "unable to read a/supervise/control")]
    {
        sandbox.run(&format!("ln service/b/supervise/{file} service/a/supervise/{file}"));
        let mut svscan = start_svscan(&sandbox);
        sandbox.wait_until(&format!("a is refused its {file}"), || {
            let refusal =
                format!("{complaint}: another service has it, too; remove it, and supervise makes one");
            sandbox.count("messages", &refusal) > 0
        });
        let pid = sandbox.next_pid("service/b", 0);
        let warning = sandbox.sh("svc -d service/a").stderr;
        assert!(!warning.is_empty(), "{file}");
        sandbox.wait_until_obeyed("service/b");
        assert_eq!(sandbox.pid("service/b"), pid);
        send(svscan.pid(), SIGTERM);
        svscan.wait();
        sandbox.run("rm -rf service/a/supervise && mkdir -m 2770 service/a/supervise && chgrp daemon service/a/supervise");
    }
}
