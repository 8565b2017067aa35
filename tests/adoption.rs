//! No death of svscan or of any supervise disturbs a service: whoever comes next finds it, and its log pipe, and goes
//! on as if nothing had happened.

use crate::support::{Running, Sandbox, kill, process_state, send, show};
use nix::sys::signal::Signal::{SIGCONT, SIGSTOP, SIGTERM};
use servicedir::service::instance::{Instance, Process};
use servicedir::tai::Stamp;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

const WEB: &str = "service/web";
const LOG: &str = "service/web/log";

/// Prints what it is told to, and first that it has started.
const ECHO: &str = "exec 3<>in
echo started
while read -r line <&3; do echo \"$line\"; echo \"$line\" >>said; done";

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

#[test]
fn svscan_is_replaced() {
    a_death_disturbs_nothing(&[Victim::Svscan]);
}

#[test]
fn a_supervise_is_replaced() {
    a_death_disturbs_nothing(&[Victim::Main]);
}

#[test]
fn the_supervise_of_a_logger_is_replaced() {
    a_death_disturbs_nothing(&[Victim::Logger]);
}

#[test]
fn svscan_and_a_supervise_are_replaced() {
    a_death_disturbs_nothing(&[Victim::Svscan, Victim::Main]);
}

#[test]
fn svscan_and_the_supervise_of_a_logger_are_replaced() {
    a_death_disturbs_nothing(&[Victim::Svscan, Victim::Logger]);
}

#[test]
fn all_are_replaced_at_once() {
    a_death_disturbs_nothing(&[Victim::Svscan, Victim::Main, Victim::Logger]);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Victim {
    Svscan,
    Main,
    Logger,
}

/// Kills these at once, and starts svscan again if it was among them.
#[track_caller]
fn a_death_disturbs_nothing(victims: &[Victim]) {
    let mut tree = Tree::new(ECHO);
    tree.say("before");
    tree.wait_for_lines("started\nbefore\n");
    let services = tree.services();
    let since = tree.since();
    let supervises = tree.supervises();

    let is_killed = |victim| victims.contains(&victim);
    // svscan first, so that it does not replace the others.
    for victim in victims {
        match victim {
            Victim::Svscan => tree.kill_svscan(),
            Victim::Main => kill(supervises[0]),
            Victim::Logger => kill(supervises[1]),
        }
    }
    if is_killed(Victim::Svscan) {
        tree.say("between");
        tree.start_svscan();
    } else {
        tree.say("between");
    }
    for (name, victim, before) in [(WEB, Victim::Main, supervises[0]), (LOG, Victim::Logger, supervises[1])] {
        let now = tree.sandbox.next_supervise(name, if is_killed(victim) { before } else { 0 });
        assert_eq!(now == before, !is_killed(victim), "only what was killed is replaced");
    }
    tree.say("after");
    tree.wait_for_lines("started\nbefore\nbetween\nafter\n");
    assert_eq!(tree.services(), services, "the services go on");
    assert_eq!(tree.since(), since, "and svstat knows since when");

    // The new ones do all that the old ones did; and the pipe is the old one.
    let supervises = tree.supervises();
    tree.sandbox.run(&format!("svc -t {WEB}"));
    let next = tree.sandbox.next_pid(WEB, services[0]);
    tree.wait_for_lines("started\nbefore\nbetween\nafter\nstarted\n");
    kill(services[1]);
    tree.sandbox.next_pid(LOG, services[1]);
    tree.say("last");
    tree.wait_for_lines("started\nbefore\nbetween\nafter\nstarted\nlast\n");
    assert_eq!(tree.sandbox.next_pid(WEB, 0), next);
    assert_eq!(tree.supervises(), supervises);
    tree.runs_once();
    assert_eq!(tree.sandbox.read("messages"), "");
}

#[test]
fn a_service_that_dies_while_nobody_looks_is_started_anew() {
    let mut tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let [web, log] = tree.services();
    tree.kill_svscan();
    tree.supervises().into_iter().for_each(kill);
    kill(web);
    tree.sandbox.wait_until("the service is gone", || process_state(web).is_none());
    tree.start_svscan();
    tree.sandbox.next_pid(WEB, web);
    tree.wait_for_lines("started\nstarted\n");
    assert!(process_state(log).is_some() || tree.sandbox.next_pid(LOG, log) != log);
    tree.say("after");
    tree.wait_for_lines("started\nstarted\nafter\n");
    tree.runs_once();
}

#[test]
fn the_pipe_is_taken_over_from_the_logger_when_the_service_is_gone() {
    let mut tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let [web, log] = tree.services();
    // A logger that does not read does not see the end of its input, and the pipe keeps what it has not read.
    send(log, SIGSTOP);
    tree.say("unread");
    tree.wait_until_said("unread");
    tree.kill_svscan();
    kill(tree.supervises()[0]);
    kill(web);
    tree.sandbox.wait_until("the service is gone", || process_state(web).is_none());
    tree.start_svscan();
    tree.sandbox.next_pid(WEB, web);
    send(log, SIGCONT);
    tree.wait_for_lines("started\nunread\nstarted\n");
    assert_eq!(tree.services()[1], log, "the logger saw no end");
    tree.runs_once();
}

#[test]
fn the_pipe_is_taken_over_from_the_service_when_the_logger_is_gone() {
    let mut tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let [web, log] = tree.services();
    tree.kill_svscan();
    // Whatever has the end to read from is stopped first, so that the service always has a reader.
    let [_, supervise] = tree.supervises();
    kill(supervise);
    tree.sandbox.wait_until("the supervise of the logger is gone", || process_state(supervise).is_none());
    send(log, SIGSTOP);
    tree.say("unread");
    tree.wait_until_said("unread");
    tree.start_svscan();
    tree.sandbox.next_supervise(LOG, supervise);
    kill(log);
    tree.sandbox.next_pid(LOG, log);
    tree.wait_for_lines("started\nunread\n");
    assert_eq!(tree.services()[0], web);
    tree.runs_once();
}

#[test]
fn a_process_that_was_given_the_number_of_the_service_is_not_taken_for_it() {
    for wrong in ["time", "boot", "directory", "nonsense", "nothing"] {
        let mut tree = Tree::new(ECHO);
        tree.wait_for_lines("started\n");
        let stranger = tree.sandbox.start("sleep 1000", "stranger");
        let services = tree.services();
        tree.kill_svscan();
        tree.supervises().into_iter().chain(services).for_each(kill);
        for pid in services {
            tree.sandbox.wait_until("the service is gone", || process_state(pid).is_none());
        }

        let pid = stranger.pid();
        let start = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let started = start.rsplit(") ").next().unwrap().split(' ').nth(19).unwrap().parse().unwrap();
        for name in [WEB, LOG] {
            let left = tree.sandbox.instance(name).unwrap();
            let process = Some(Process { pid, started });
            let left = Instance { supervise: process, service: process, ..left };
            let content = match wrong {
                "time" => {
                    let process = Some(Process { pid, started: started + 1 });
                    Instance { supervise: process, service: process, ..left }.encode()
                }
                "boot" => Instance { boot: "another".to_string(), ..left }.encode(),
                "directory" => Instance { directory: Some((1, 1)), ..left }.encode(),
                "nonsense" => b"boot\nsupervise x\n\0".to_vec(),
                _ => Vec::new(),
            };
            fs::write(tree.sandbox.path(name).join("supervise/instance"), content).unwrap();
        }
        tree.start_svscan();
        tree.sandbox.next_pid(WEB, services[0]);
        tree.wait_for_lines("started\nstarted\n");
        assert_ne!(tree.sandbox.next_pid(WEB, services[0]), pid);
        tree.sandbox.run(&format!("svc -dx {WEB}"));
        tree.sandbox.wait_until("it is down", || tree.sandbox.status(WEB).unwrap().pid.is_none());
        assert_eq!(process_state(pid), Some('S'), "the stranger was left alone, {wrong}");
    }
}

/// Administrators make a new service of an old one in this way.
#[test]
fn a_copy_of_the_directory_of_a_running_service_is_a_service_of_its_own() {
    let tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let [web, log] = tree.services();
    tree.sandbox.run(&format!("cp -a {WEB} copy && rm -r copy/log/main && mv copy service/copy"));
    let copies = [tree.sandbox.next_pid("service/copy", web), tree.sandbox.next_pid("service/copy/log", log)];
    tree.sandbox.wait_until("the copy is logged", || lines(&tree.sandbox, "service/copy/log") == "started\n");
    assert_eq!(tree.services(), [web, log]);
    assert!(copies.iter().all(|&pid| process_state(pid).is_some()));
    tree.runs_once();
}

#[test]
fn a_service_that_is_paused_or_wanted_once_remains_so() {
    let tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let [web, _] = tree.services();
    tree.sandbox.run(&format!("svc -op {WEB}"));
    tree.sandbox.wait_for_status(WEB, " seconds, paused\n");
    let [supervise, _] = tree.supervises();
    kill(supervise);
    tree.sandbox.next_supervise(WEB, supervise);
    assert!(tree.sandbox.wait_for_status(WEB, ": up ").ends_with(" seconds, paused\n"));
    assert_eq!(tree.sandbox.pid(WEB), web);
    tree.sandbox.run(&format!("svc -ct {WEB}"));
    tree.sandbox.wait_for_status(WEB, ": down ");
    tree.wait_for_lines("started\n");
}

#[test]
fn an_adopted_service_that_ends_is_started_again() {
    let tree = Tree::new(ECHO);
    tree.wait_for_lines("started\n");
    let [web, _] = tree.services();
    let [supervise, _] = tree.supervises();
    kill(supervise);
    tree.sandbox.next_supervise(WEB, supervise);
    // The status is what tells that it was adopted, not started.
    tree.sandbox.wait_until("it is adopted", || tree.sandbox.instance(WEB).unwrap().service.is_some());
    kill(web);
    tree.sandbox.next_pid(WEB, web);
    tree.wait_for_lines("started\nstarted\n");
    assert!(tree.sandbox.read("service/web/supervise/last-exit").ends_with(" unknown\n"));
    tree.runs_once();
}

/// Whoever removes a service without moving it away first has the same five seconds as ever.
#[test]
fn an_adopted_supervise_that_is_told_to_exit_stays_away_for_a_while() {
    let mut tree = Tree::new(ECHO);
    tree.kill_svscan();
    let supervises = tree.supervises();
    tree.start_svscan();
    // A third service shows that the new svscan has looked.
    tree.sandbox.script("service/other/run", "exec sleep 1000");
    tree.sandbox.next_pid("service/other", 0);
    let told = Instant::now();
    tree.sandbox.run(&format!("svc -dx {WEB} {LOG}"));
    for (name, supervise) in [WEB, LOG].into_iter().zip(supervises) {
        tree.sandbox.next_supervise(name, supervise);
        assert!(told.elapsed() > Duration::from_secs(4), "{name} was back after {:?}", told.elapsed());
    }
}

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
                    sandbox.wait_until("one sleeps", || is_running(pid, "sleep"));
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
    let sleeping = sandbox.processes().into_iter().filter(|&pid| is_running(pid, "sleep")).count();
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
    tree.sandbox.run(&format!("svc -d {WEB}"));
    tree.sandbox.wait_for_status(WEB, ": down ");
    let mut numbers: Vec<u64> = Vec::new();
    let mut before = 0;
    tree.sandbox.wait_until("all is logged", || {
        before = numbers.len();
        numbers = lines(&tree.sandbox, LOG).lines().map(|line| line.parse().expect(line)).collect();
        numbers.len() == before
    });
    let gaps: Vec<_> = numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1).collect();
    assert!(gaps.is_empty(), "not in sequence: {gaps:?}");
    assert_eq!(numbers.first(), Some(&1));
    assert!(numbers.len() > 5000, "only {} numbers", numbers.len());
    show(&format!("{} numbers, none missing, none twice", numbers.len()));
}

#[test]
fn an_upgrade_restarts_nothing() {
    let sandbox = Sandbox::for_everybody();
    let mut tree = Tree::start(sandbox, ECHO, "exec multilog ./main");
    tree.wait_for_lines("started\n");
    let (services, since, supervises) = (tree.services(), tree.since(), tree.supervises());
    // As a package manager does it: new files take the names of the old ones.
    tree.sandbox.run("mkdir new && cp bin/* new && for i in new/*; do mv \"$i\" bin; done");
    let is_old = |pid: i32| {
        fs::read_link(format!("/proc/{pid}/exe"))
            .is_ok_and(|path| path.to_string_lossy().ends_with(" (deleted)"))
    };
    assert!(supervises.iter().all(|&pid| is_old(pid)));
    tree.kill_svscan();
    supervises.into_iter().for_each(kill);
    tree.start_svscan();
    for (name, before) in [WEB, LOG].into_iter().zip(supervises) {
        let supervise = tree.sandbox.next_supervise(name, before);
        assert!(!is_old(supervise), "{name} is supervised by the new program");
    }
    tree.say("after");
    tree.wait_for_lines("started\nafter\n");
    assert_eq!((tree.services(), tree.since()), (services, since));
    tree.runs_once();
    assert_eq!(tree.sandbox.read("messages"), "");
}

/// Without /proc, nobody can tell whether a process is the one that it was: all is as it was with the original.
#[test]
fn without_proc_services_run_and_are_logged() {
    let sandbox = Sandbox::new();
    if !sandbox.sh("unshare --mount mount -t tmpfs none /proc").status.success() {
        return;
    }
    sandbox.script("service/web/run", "echo started\nexec sleep 1000");
    sandbox.script("service/web/log/run", "exec multilog ./main");
    let mut svscan =
        sandbox.start("unshare --mount sh -c 'mount -t tmpfs none /proc && exec svscan service'", "messages");
    let pid = sandbox.next_pid(WEB, 0);
    sandbox.wait_until("it is logged", || lines(&sandbox, LOG) == "started\n");
    sandbox.run(&format!("svc -t {WEB}"));
    sandbox.next_pid(WEB, pid);
    sandbox.wait_until("it is logged", || lines(&sandbox, LOG) == "started\nstarted\n");
    send(svscan.pid(), SIGTERM);
    assert!(svscan.wait().success(), "it ends in good order");
    assert_eq!(sandbox.run("svstat service/web"), "service/web: supervise not running\n");
    assert_eq!(
        sandbox.read("messages"),
        "svscan: warning: unable to read /proc, so that nothing that runs can be taken over: file does not exist\n"
    );
}

/// svscan with one service and its logger.
struct Tree {
    sandbox: Sandbox,
    svscan: Option<Running>,
    /// What is written here, the service prints.
    words: File,
}

impl Tree {
    fn new(run: &str) -> Self {
        Self::with(run, "echo start >>starts\nexec multilog ./main")
    }

    fn with(run: &str, log: &str) -> Self {
        Self::start(Sandbox::new(), run, log)
    }

    fn start(sandbox: Sandbox, run: &str, log: &str) -> Self {
        if run.starts_with("#!") {
            sandbox.write("new/run", run);
            fs::set_permissions(sandbox.path("new/run"), fs::Permissions::from_mode(0o755)).unwrap();
        } else {
            sandbox.script("new/run", run);
        }
        sandbox.script("new/log/run", log);
        let words = sandbox.fifo("new/in");
        sandbox.run(&format!("mkdir service && mv new {WEB}"));
        let mut tree = Self { sandbox, svscan: None, words };
        tree.start_svscan();
        tree.services();
        tree
    }

    fn start_svscan(&mut self) {
        self.svscan = Some(self.sandbox.start("svscan service", "messages"));
    }

    /// Dropping it is killing it.
    fn kill_svscan(&mut self) {
        self.svscan = None;
    }

    /// The processes of the service and its logger.
    #[track_caller]
    fn services(&self) -> [i32; 2] {
        [WEB, LOG].map(|name| self.sandbox.next_pid(name, 0))
    }

    #[track_caller]
    fn supervises(&self) -> [i32; 2] {
        [WEB, LOG].map(|name| self.sandbox.next_supervise(name, 0))
    }

    /// Since when both run.
    fn since(&self) -> [Stamp; 2] {
        [WEB, LOG].map(|name| self.sandbox.status(name).unwrap().since)
    }

    fn say(&self, line: &str) {
        writeln!(&self.words, "{line}").unwrap();
    }

    /// Waits until the service has printed this line.
    #[track_caller]
    fn wait_until_said(&self, line: &str) {
        self.sandbox
            .wait_until("the service has printed it", || self.sandbox.count("service/web/said", line) == 1);
    }

    /// Waits until the log is exactly this.
    #[track_caller]
    fn wait_for_lines(&self, expected: &str) {
        self.sandbox
            .wait_until(&format!("the log is {expected:?}"), || lines(&self.sandbox, LOG) == expected);
    }

    /// Of each service there is one process, and one supervise.
    #[track_caller]
    fn runs_once(&self) {
        for name in [WEB, LOG] {
            let directory = self.sandbox.path(name);
            let here = || {
                let processes = self.sandbox.processes().into_iter();
                processes
                    .filter(|pid| fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == directory))
            };
            self.sandbox.wait_until(&format!("two processes are in {name}"), || here().count() == 2);
        }
    }
}

/// All that a logger has written: one that was killed leaves what it had begun under another name.
fn lines(sandbox: &Sandbox, log: &str) -> String {
    sandbox.run(&format!("cd {log} && if cd main; then cat $(ls | grep ^@) current; fi 2>/dev/null || :"))
}

/// Whether a process has become this program.
fn is_running(pid: i32, program: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim_end() == program)
        && process_state(pid).is_some()
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
