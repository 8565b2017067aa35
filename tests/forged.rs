//! SECURITY.md: records and locks of other accounts are not trusted, and adoption works nevertheless.

use crate::support::shared::{in_own_run, possible, running, shared_service, start_svscan};
use crate::support::{Running, Sandbox, is_settled, kill, process_state, program_of, send};
use nix::sys::signal::Signal::SIGTERM;
use servicedir::file_id::FileId;
use servicedir::service::instance::{Instance, Process};
use servicedir::service::status::{Status, Want};
use servicedir::tai::Stamp;
use std::fs;
use std::num::NonZeroU32;
use std::os::unix::fs::MetadataExt;

/// The start time of a process, as `supervise/instance` has it.
fn started(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().split(' ').nth(19).unwrap().parse().unwrap()
}

/// The record of a supervise that says that `victim` is all its processes, and that the pipe is one of the victim.
fn forge(sandbox: &Sandbox, service: &str, victim: i32) {
    let directory = fs::metadata(sandbox.path(service)).unwrap();
    let process = Some(Process { pid: victim, started: started(victim) });
    let pipe = fs::metadata(format!("/proc/{victim}/fd/0")).unwrap().ino();
    let instance = Instance {
        boot: servicedir::sys::process::boot().unwrap(),
        directory: Some(FileId::new(directory.dev(), directory.ino())),
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
    sandbox.wait_until("the records have moved", || {
        records() == 2 && services.iter().all(|service| sandbox.instance(service).is_none())
    });
    let before = running(&sandbox, "supervise");
    before.iter().copied().for_each(kill);
    sandbox.wait_until("there are new supervises", || {
        let now = running(&sandbox, "supervise");
        now.len() == 2 && now.iter().all(|pid| !before.contains(pid) && is_settled(*pid))
    });
    assert_eq!(services.map(|service| sandbox.pid(service)), pids);
    send(svscan.pid(), SIGTERM);
    svscan.wait();
    assert_eq!(records(), 2, "they are remembered as shared");
    assert_eq!(sandbox.run("cat run/servicedir/*"), "");
    assert!(pids.iter().all(|&pid| process_state(pid).is_none()));
}

#[test]
fn a_forgery_that_root_takes_over_with_its_directory_is_not_trusted() {
    if !possible() {
        return;
    }
    for forgeries in ["instance", "status"] {
        let sandbox = Sandbox::new();
        sandbox.run("mkdir service");
        shared_service(&sandbox);
        let mut svscan = start_svscan(&sandbox);
        sandbox.next_pid("service/web", 0);
        send(svscan.pid(), SIGTERM);
        svscan.wait();
        // A daemon of root's, which is no child of a supervise.
        sandbox.run("sleep 2000 >/dev/null 2>&1 & echo $! >daemon");
        let daemon: i32 = sandbox.read("daemon").trim().parse().unwrap();
        forge(&sandbox, "service/web", daemon);
        sandbox.run(&format!("cd service/web/supervise && ls | grep -v '^{forgeries}$' | xargs rm -f"));
        sandbox.run("chown -R root service/web/supervise && chmod 700 service/web/supervise");
        let mut svscan = start_svscan(&sandbox);
        let pid = sandbox.next_pid("service/web", daemon);
        assert_ne!(pid, daemon, "{forgeries}");
        sandbox.run(&in_own_run("svc --wait=down -d -k service/web"));
        assert!(process_state(daemon).is_some(), "{forgeries}");
        send(svscan.pid(), SIGTERM);
        svscan.wait();
        assert!(process_state(daemon).is_some(), "{forgeries}");
        kill(daemon);
    }
}

#[test]
fn a_supervise_whose_lock_was_renamed_is_found_by_the_next_svscan() {
    if !possible() {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run("mkdir service");
    sandbox.script("service/web/run", "exec sleep 1000");
    let mut svscan = start_svscan(&sandbox);
    let pid = sandbox.next_pid("service/web", 0);
    let supervise = sandbox.next_supervise("service/web", 0);
    kill(svscan.pid());
    svscan.wait();
    sandbox.run("mv service/web/supervise/lock service/web/supervise/old");
    svscan = start_svscan(&sandbox);
    sandbox
        .wait_until("svscan has looked", || is_settled(svscan.pid()) && program_of(svscan.pid()) == "svscan");
    assert_eq!(running(&sandbox, "supervise"), [supervise]);
    send(svscan.pid(), SIGTERM);
    svscan.wait();
    assert!(process_state(pid).is_none() && process_state(supervise).is_none());
}
