//! SECURITY.md: accounts that own `supervise/` or a log directory of a service of root try to become root, or to harm
//! others. Each attack is a service of its own, and all of them run under one svscan; the accounts are those of
//! `nobody` and `daemon`.

use crate::support::{Running, Sandbox, is_settled, kill, machine, process_state, program_of, send};
use nix::sys::signal::Signal::SIGTERM;
use servicedir::service::instance::{Instance, Process};
use servicedir::service::status::{Status, Want};
use servicedir::tai::Stamp;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroU32;
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

/// Whether root has accounts and a mount namespace to try this with; says if not.
fn possible() -> bool {
    let possible = Sandbox::new().sh(&in_own_run("true")).status.success();
    if !possible {
        machine::skip("it needs root and mount namespaces");
    }
    possible
}

/// Runs a command for which `run` is `/run`, so that the machine's stays as it is.
fn in_own_run(command: &str) -> String {
    format!("unshare --mount sh -c 'mkdir -p run && mount --bind run /run && exec {command}'")
}

fn start_svscan(sandbox: &Sandbox) -> Running {
    sandbox.start(&in_own_run("svscan service"), "messages")
}

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

/// The processes that run `program`.
fn running(sandbox: &Sandbox, program: &str) -> Vec<i32> {
    sandbox.processes().into_iter().filter(|&pid| program_of(pid) == program).collect()
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
        sandbox.wait_until("all that runs waits", || {
            ["svscan", "supervise", "multilog"].iter().all(|program| {
                running(&sandbox, program)
                    .into_iter()
                    .all(|pid| is_settled(pid) || process_state(pid).is_none())
            })
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

/// The start time of a process, as `supervise/instance` has it.
fn started(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().split(' ').nth(19).unwrap().parse().unwrap()
}

/// A service with a log, whose `supervise/` directories belong to other accounts.
fn shared_service(sandbox: &Sandbox) {
    sandbox.logged_service("web", "exec sleep 1000");
    sandbox.run("mv web service/web && mkdir -m 755 service/web/supervise service/web/log/supervise");
    sandbox.run("chown nobody service/web/supervise && chown daemon service/web/log/supervise");
}

/// The record of a supervise that says that `victim` is all its processes, and that the pipe is one of the victim.
fn forge(sandbox: &Sandbox, service: &str, victim: i32) {
    let directory = fs::metadata(sandbox.path(service)).unwrap();
    let process = Some(Process { pid: victim, started: started(victim) });
    let pipe = fs::metadata(format!("/proc/{victim}/fd/0")).unwrap().ino();
    let instance = Instance {
        boot: servicedir::sys::process::boot().unwrap(),
        directory: Some((directory.dev(), directory.ino())),
        input: Some(pipe),
        output: Some(pipe),
        readiness: Some(pipe),
        starts: 1,
        exiting: false,
        supervise: process,
        service: process,
        finish: process,
    };
    let status = Status {
        since: Stamp::from_unix(servicedir::sys::clock::wall()),
        pid: NonZeroU32::new(victim.unsigned_abs()),
        paused: false,
        want: Want::Up,
    };
    let owner = fs::metadata(sandbox.path(service).join("supervise")).unwrap().uid();
    for (name, content) in [("instance", instance.encode()), ("status", status.encode().to_vec())] {
        let file = sandbox.path(service).join("supervise").join(name);
        let _ = fs::remove_file(&file);
        fs::write(&file, content).unwrap();
        std::os::unix::fs::chown(&file, Some(owner), None).unwrap();
    }
}

/// A shell of root that reads commands from a pipe.
struct Victim {
    shell: Running,
    /// Holds the other end.
    _commands: fs::File,
}

impl Victim {
    fn start(sandbox: &Sandbox) -> Self {
        let commands = sandbox.fifo("commands");
        let shell = sandbox.start("sh <commands", "victim");
        let pid = shell.pid();
        sandbox.wait_until("the shell reads", || program_of(pid) == "sh" && is_settled(pid));
        Self { shell, _commands: commands }
    }

    #[track_caller]
    fn is_well(&self, sandbox: &Sandbox) {
        assert!(process_state(self.shell.pid()).is_some_and(|state| state != 'Z'), "the victim was killed");
        assert_eq!(sandbox.read("victim"), "", "the victim was told something");
    }
}

#[test]
fn a_forged_record_leads_to_no_other_process() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run("mkdir service");
    shared_service(&sandbox);
    let victim = Victim::start(&sandbox);
    let (web, log) = ("service/web", "service/web/log");
    let forge_both =
        || [web, log].into_iter().for_each(|service| forge(&sandbox, service, victim.shell.pid()));
    forge_both();
    let mut svscan = start_svscan(&sandbox);
    let run = |service: &str, before: i32| {
        let next = sandbox.next_pid(service, before);
        assert_ne!(next, victim.shell.pid());
        next
    };
    let forged = victim.shell.pid();
    let services = [web, log].map(|service| run(service, forged));
    // While they run; then what finds the records is a new supervise, a new svscan, or both.
    for victims in [&["supervise"][..], &["svscan"], &["svscan", "supervise"]] {
        forge_both();
        let is_victim = |&pid: &i32| victims.contains(&program_of(pid).as_str());
        let supervises = || running(&sandbox, "supervise");
        let before = supervises();
        sandbox.processes().into_iter().filter(is_victim).for_each(kill);
        if victims.contains(&"svscan") {
            svscan.wait();
            svscan = start_svscan(&sandbox);
        }
        sandbox.wait_until("both services have the supervises that they should have", || {
            let now = supervises();
            let is_new = now.iter().all(|pid| !before.contains(pid));
            now.len() == 2 && is_new == victims.contains(&"supervise")
        });
        sandbox.run(&in_own_run(&format!("svc --wait=up -u {web} {log}")));
        victim.is_well(&sandbox);
    }
    sandbox.run(&in_own_run(&format!("svc --wait=down -d -k {web}")));
    victim.is_well(&sandbox);
    send(svscan.pid(), SIGTERM);
    svscan.wait();
    victim.is_well(&sandbox);
    assert!(services.iter().all(|&pid| process_state(pid).is_none()));
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
    sandbox.run("rm -f service/web/supervise/link service/web/log/supervise/link service/web/log/main/link");
    sandbox.wait_until("both are served again", || {
        ["service/web", "service/web/log"].into_iter().all(|directory| sandbox.is_served(directory))
    });
    send(svscan.pid(), SIGTERM);
    svscan.wait();
    assert_unchanged(&sandbox, &before);
}

#[test]
fn who_takes_the_lock_of_a_service_keeps_only_that_from_running() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run("mkdir service");
    shared_service(&sandbox);
    let holder = "setuidgid nobody sh -c 'cd service/web && exec flock supervise/lock sleep 1000'";
    let mut holder = sandbox.start(holder, "holder");
    sandbox.wait_until("it holds the lock", || {
        !sandbox.sh("flock --nonblock service/web/supervise/lock true").status.success()
    });
    let mut svscan = start_svscan(&sandbox);
    let refusal = "supervise: fatal: unable to acquire web/supervise/lock: temporary failure";
    sandbox.wait_until("a supervise is refused", || sandbox.count("messages", refusal) > 1);
    assert!(!holder.has_ended(), "and the other process is not touched");
    running(&sandbox, "sleep").into_iter().for_each(kill);
    holder.wait();
    sandbox.next_pid("service/web", 0);
    send(svscan.pid(), SIGTERM);
    svscan.wait();
}

#[test]
fn a_service_whose_supervise_directory_was_given_away_is_adopted() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run("mkdir service run");
    sandbox.logged_service("web", "exec sleep 1000");
    sandbox.run("mv web service/web");
    let mut svscan = start_svscan(&sandbox);
    let services = ["service/web", "service/web/log"];
    let pids = services.map(|service| sandbox.next_pid(service, 0));
    let records = || fs::read_dir(sandbox.path("run/servicedir")).map_or(0, Iterator::count);
    assert_eq!(records(), 0, "as long as they are root's, records are in the directories");
    sandbox.run("chown -R nobody service/web/supervise && chown -R daemon service/web/log/supervise");
    sandbox.wait_until("the records have moved", || records() == 2);
    assert!(services.iter().all(|service| sandbox.instance(service).is_none()));
    let before = running(&sandbox, "supervise");
    before.iter().copied().for_each(kill);
    sandbox.wait_until("there are new supervises", || {
        let now = running(&sandbox, "supervise");
        now.len() == 2 && now.iter().all(|pid| !before.contains(pid) && is_settled(*pid))
    });
    assert_eq!(services.map(|service| sandbox.pid(service)), pids);
    sandbox.run("chown -R root service/web/supervise");
    sandbox.wait_until("root's is back", || records() == 1 && sandbox.instance("service/web").is_some());
    send(svscan.pid(), SIGTERM);
    svscan.wait();
    assert_eq!(records(), 0);
    assert!(pids.iter().all(|&pid| process_state(pid).is_none()));
}
