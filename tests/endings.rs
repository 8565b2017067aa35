//! How services end, and everything with them: in order, in a bounded time, with nothing left behind and no last line
//! lost; and what the files of a service directory say about its ends.

use crate::support::{Running, Sandbox, kill, process_state, send, show};
use nix::sys::signal::Signal::{self, SIGINT, SIGKILL, SIGTERM};
use servicedir::tai::Stamp;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

/// What svscan gives to services before it kills them, and what it may take to do that.
const GRACE: Duration = Duration::from_secs(10);
const GRACE_AND_MORE: Duration = Duration::from_millis(11_500);

/// Says a last word, and goes.
const OBEDIENT: &str = "trap 'echo last words; exit 0' TERM
echo started
while :; do sleep 0.02; done";

/// Prints numbers and notes what it has printed, whatever it is told.
const STUBBORN: &str = "trap '' TERM INT
number=0
echo started
while :; do
    number=$((number + 1))
    echo $number
    echo $number >>printed
    sleep 0.02
done";

/// Goes when it is told to, and leaves children that do not: one in its group, one in a session of its own, and one
/// that does not even notice when its output goes nowhere.
const FORKING: &str =
    "child='trap \"\" TERM INT HUP; while :; do echo $0; echo $0 >>printed; sleep 0.02; done'
sh -c \"$child\" son &
setsid sh -c \"$child\" daughter &
setsid sh -c 'trap \"\" TERM INT HUP; while :; do sleep 0.1; done' &
trap 'echo last words; exit 0' TERM
echo started
while :; do sleep 0.02; done";

const LOGGED: [&str; 3] = ["service/obedient", "service/stubborn", "service/forking"];

#[test]
fn the_slow_ones_share_their_time() {
    std::thread::scope(|scope| {
        scope.spawn(|| all_ends_within_the_grace(SIGTERM));
        scope.spawn(|| all_ends_within_the_grace(SIGINT));
        scope.spawn(a_service_whose_directory_was_removed_ends_with_the_others);
        scope.spawn(pauses_between_quick_failures_double_and_up_ends_them);
    });
}

fn all_ends_within_the_grace(signal: Signal) {
    let sandbox = Sandbox::new();
    for (name, run) in LOGGED.into_iter().zip([OBEDIENT, STUBBORN, FORKING]) {
        logged_service(&sandbox, name, run);
    }
    let mut svscan = sandbox.start("svscan service", "messages");
    for name in LOGGED {
        sandbox.wait_until(&format!("{name} is logged"), || current(&sandbox, name).contains("started\n"));
    }
    sandbox.wait_until("the children run", || {
        ["son", "daughter"].iter().all(|child| sandbox.count("service/forking/printed", child) > 0)
    });

    let before = Instant::now();
    send(svscan.pid(), signal);
    let obedient = "started\nlast words\n";
    sandbox.wait_until("the obedient has ended", || current(&sandbox, LOGGED[0]) == obedient);
    assert!(before.elapsed() < GRACE / 2, "it took {:?}", before.elapsed());
    let status = svscan.wait();
    let elapsed = before.elapsed();
    assert_eq!(status.code(), Some(0), "{status}");
    assert_eq!(sandbox.processes(), [], "processes are left");
    assert!(elapsed >= GRACE, "the stubborn had only {elapsed:?}");
    assert!(elapsed < GRACE_AND_MORE, "it took {elapsed:?}");
    show(&format!("{signal} -> all gone, grace and all: {elapsed:?}"));
    assert!(current(&sandbox, LOGGED[0]) == obedient);
    for name in [LOGGED[1], LOGGED[2]] {
        let (lines, printed) = (current(&sandbox, name), sandbox.read(&format!("{name}/printed")));
        for last in last_lines(&printed) {
            let count = |text: &str| text.lines().filter(|line| *line == last).count();
            assert!(count(&lines) >= count(&printed), "{last} is not in the log of {name}");
        }
    }
    assert!(current(&sandbox, LOGGED[2]).contains("last words\n"));
    assert_eq!(sandbox.read("messages"), "");

    for name in LOGGED {
        let files = sandbox.run(&format!("ls {name}/log/main"));
        assert!(!files.contains(".u"), "the logger of {name} was killed: {files}");
    }
    let _svscan = sandbox.start("svscan service", "messages");
    for name in LOGGED {
        sandbox.next_pid(&format!("{name}/log"), 0);
        sandbox.wait_until(&format!("{name} is up again"), || {
            current(&sandbox, name).matches("started").count() == 2
        });
    }
}

/// The last line of all, and the last of those that are words.
fn last_lines(printed: &str) -> Vec<&str> {
    let words = ["son", "daughter"].into_iter().filter(|word| printed.contains(word));
    words.chain(printed.lines().last().filter(|line| line.parse::<u64>().is_ok())).collect()
}

fn a_service_whose_directory_was_removed_ends_with_the_others() {
    let sandbox = Sandbox::new();
    sandbox.script("service/gone/run", "exec sleep 1000");
    sandbox.script("service/stays/run", "exec sleep 1000");
    let mut svscan = sandbox.start("svscan service", "messages");
    let pids = ["service/gone", "service/stays"].map(|name| sandbox.next_pid(name, 0));
    sandbox.wait_until("it is removed", || fs::remove_dir_all(sandbox.path("service/gone")).is_ok());
    send(svscan.pid(), SIGTERM);
    let status = svscan.wait_at_most(GRACE_AND_MORE).expect("svscan ends");
    assert_eq!(status.code(), Some(0));
    assert!(pids.iter().all(|&pid| process_state(pid).is_none()));
}

#[test]
fn obedient_services_end_at_once_and_are_up_again_at_once() {
    const ROUNDS: usize = 5;
    let sandbox = Sandbox::new();
    for name in LOGGED {
        let run = "trap 'echo last words; exit 0' TERM\necho started\nwhile read -r word; do :; done <in";
        logged_service(&sandbox, name, run);
    }
    let _held = LOGGED.map(|name| sandbox.fifo(&format!("{name}/in")));
    let mut expected = String::new();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let mut svscan = sandbox.start("svscan service", "messages");
        expected += "started\n";
        for name in LOGGED {
            sandbox.wait_until(&format!("{name} is up"), || current(&sandbox, name) == expected);
        }
        let before = Instant::now();
        send(svscan.pid(), if round % 2 == 0 { SIGTERM } else { SIGINT });
        assert_eq!(svscan.wait().code(), Some(0));
        times.push(before.elapsed());
        assert_eq!(sandbox.processes(), []);
        expected += "last words\n";
        for name in LOGGED {
            assert_eq!(current(&sandbox, name), expected, "{name}");
        }
    }
    times.sort();
    show(&format!("TERM -> all gone: median {:?}, longest {:?}", times[ROUNDS / 2], times[ROUNDS - 1]));
    assert_eq!(sandbox.read("messages"), "");
}

#[test]
fn what_an_earlier_svscan_left_running_ends_too() {
    let sandbox = Sandbox::new();
    logged_service(&sandbox, "service/web", OBEDIENT);
    let svscan = sandbox.start("svscan service", "messages");
    sandbox.wait_until("it is up", || current(&sandbox, "service/web") == "started\n");
    let pid = sandbox.next_pid("service/web", 0);
    drop(svscan);
    let mut svscan = sandbox.start("svscan service", "messages");
    // That it starts another shows that it has looked.
    logged_service(&sandbox, "new", OBEDIENT);
    fs::rename(sandbox.path("new"), sandbox.path("service/new")).unwrap();
    sandbox.wait_until("the other is up", || current(&sandbox, "service/new") == "started\n");
    assert_eq!(sandbox.next_pid("service/web", 0), pid);
    send(svscan.pid(), SIGTERM);
    assert_eq!(svscan.wait().code(), Some(0));
    assert_eq!(sandbox.processes(), []);
    for name in ["service/web", "service/new"] {
        assert_eq!(current(&sandbox, name), "started\nlast words\n");
    }
}

#[test]
fn term_before_the_first_service_ends_svscan() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("service")).unwrap();
    let mut svscan = sandbox.start("svscan service", "messages");
    sandbox.wait_until("svscan waits", || process_state(svscan.pid()) == Some('S'));
    send(svscan.pid(), SIGTERM);
    assert!(svscan.wait().code() == Some(0));
}

/// finish has the exit code, the signal and the name; it notes them.
const NOTE: &str = "echo \"$# $*\" >>ends";

#[test]
fn finish_is_told_how_the_service_ended() {
    let supervised =
        Supervised::new(&[("run", "[ -e again ] && exec sleep 1000\n: >again\nexit 3"), ("finish", NOTE)]);
    let sandbox = &supervised.sandbox;
    supervised.wait_for("ends", "3 3 0 web\n");
    let pid = supervised.wait_for_sleep();
    send(pid, SIGTERM);
    supervised.wait_for("ends", "3 3 0 web\n3 256 15 web\n");
    sandbox.next_pid("web", pid);
    supervised.is_silent();
}

#[test]
fn a_finish_that_exits_125_keeps_the_service_down() {
    let supervised = Supervised::new(&[("run", "echo start >>starts\nexit 1"), ("finish", "exit 125")]);
    let sandbox = &supervised.sandbox;
    supervised.wait_for("starts", "start\n");
    let line = sandbox.wait_for_status("web", ": down ");
    sandbox.wait_until("it is not wanted up", || !sandbox.run("svstat web").contains("want up"));
    assert!(line.contains(": down "), "{line}");
    // Nothing is due any more: supervise sleeps until it is told to start it.
    sandbox.run("svc -u web");
    supervised.wait_for("starts", "start\nstart\n");
    supervised.is_silent();
}

#[test]
fn a_finish_that_takes_too_long_is_killed() {
    let supervised = Supervised::new(&[
        ("run", "echo start >>starts\n[ -e again ] && exec sleep 1000\n: >again"),
        ("finish", "echo $$ >finisher\nexec sleep 1000"),
        ("timeout-finish", "300"),
    ]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("finish runs", || sandbox.read("web/finisher").ends_with('\n'));
    supervised.wait_for("starts", "start\nstart\n");
    let finisher: i32 = sandbox.read("web/finisher").trim().parse().unwrap();
    assert_eq!(process_state(finisher), None);
    supervised.is_silent();
}

#[test]
fn a_service_that_is_told_to_end_while_finish_runs_ends_after_it() {
    let mut supervised = Supervised::new(&[
        ("run", "echo start >>starts\nexit 1"),
        ("finish", "echo begin >>ends\nread -r word <go\necho end >>ends"),
        ("timeout-finish", "0"),
        ("down", ""),
    ]);
    let go = supervised.sandbox.fifo("web/go");
    supervised.sandbox.run("svc -u web");
    supervised.wait_for("ends", "begin\n");
    supervised.sandbox.run("svc -dx web");
    std::io::Write::write_all(&mut &go, b"\n").unwrap();
    assert!(supervised.supervise.wait().success());
    assert_eq!(supervised.sandbox.read("web/ends"), "begin\nend\n");
    assert_eq!(supervised.sandbox.read("web/starts"), "start\n");
}

#[test]
fn a_finish_that_cannot_be_executed_does_not_stand_in_the_way() {
    let supervised = Supervised::new(&[("run", "echo start >>starts")]);
    let sandbox = &supervised.sandbox;
    // A file without x is none; one that cannot be executed is reported.
    sandbox.write("web/finish", "#!/bin/sh\nexit 125\n");
    supervised.wait_for("starts", "start\nstart\n");
    supervised.is_silent();
    sandbox.write("web/finish.new", "#!/nowhere/sh\nexit 125\n");
    fs::set_permissions(sandbox.path("web/finish.new"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::rename(sandbox.path("web/finish.new"), sandbox.path("web/finish")).unwrap();
    let message = "supervise: fatal: unable to start web/finish: file does not exist";
    sandbox.wait_until("supervise complains", || sandbox.count("messages", message) >= 1);
    let starts = sandbox.count("web/starts", "");
    sandbox.wait_until("it is started all the same", || sandbox.count("web/starts", "") > starts);
}

#[test]
fn a_service_that_does_not_end_in_time_is_killed() {
    let supervised = Supervised::new(&[
        ("run", "trap '' TERM\n: >deaf\nwhile :; do sleep 0.02; done"),
        ("timeout-kill", "300"),
    ]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("it is deaf", || sandbox.path("web/deaf").exists());
    let before = Instant::now();
    sandbox.run("svc -d web");
    sandbox.wait_until("it is down", || sandbox.status("web").unwrap().pid.is_none());
    assert!(before.elapsed() >= Duration::from_millis(300));
    assert_eq!(supervised.last_exit(), "killed KILL");
    supervised.is_silent();
}

#[test]
fn another_signal_tells_a_service_to_end() {
    let supervised = Supervised::new(&[
        (
            "run",
            "trap 'echo int >>got; exit 0' INT\ntrap 'echo term >>got' TERM\n: >ready\nwhile :; do sleep 0.02; done",
        ),
        ("down-signal", "SIGINT"),
    ]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("it has its traps", || sandbox.path("web/ready").exists());
    sandbox.run("svc -t web");
    supervised.wait_for("got", "term\n");
    sandbox.run("svc -d web");
    supervised.wait_for("got", "term\nint\n");
    sandbox.wait_until("it is down", || sandbox.status("web").unwrap().pid.is_none());
    assert_eq!(supervised.last_exit(), "exited 0");
    supervised.is_silent();
}

#[test]
fn a_service_says_when_it_is_ready() {
    let supervised = Supervised::new(&[
        ("run", "read -r word <go\necho unready >&5\nexec 5>&-\nexec sleep 1000"),
        ("notification-fd", "5"),
        ("down", ""),
    ]);
    let sandbox = &supervised.sandbox;
    let go = sandbox.fifo("web/go");
    let is_ready = || sandbox.path("web/supervise/ready").exists();
    sandbox.run("svc -u web");
    let mut pid = 0;
    for round in 0..2 {
        pid = sandbox.next_pid("web", pid);
        assert!(!is_ready(), "nothing was said, in round {round}");
        let before = fs::metadata(sandbox.path("web/supervise/status")).unwrap().modified().unwrap();
        std::io::Write::write_all(&mut &go, b"\n").unwrap();
        sandbox.wait_until("it is ready", is_ready);
        let label = sandbox.read("web/supervise/ready");
        assert!(stamp(label.trim_end()) >= sandbox.status("web").map(|status| status.since), "{label}");
        assert_eq!(fs::metadata(sandbox.path("web/supervise/status")).unwrap().modified().unwrap(), before);
        kill(pid);
    }
    sandbox.next_pid("web", pid);
    assert!(!is_ready(), "a new start is not ready");
    sandbox.run("svc -d web");
    sandbox.wait_until("it is down", || sandbox.status("web").unwrap().pid.is_none());
    assert!(!is_ready());
    supervised.is_silent();
}

#[test]
fn a_service_that_becomes_ready_when_its_supervise_was_killed_is_heard() {
    let sandbox = Sandbox::new();
    let run = "until [ -e go ]; do sleep 0.02; done\necho >&3\n: >told\nexec 3>&-\nexec sleep 1000";
    sandbox.script("service/web/run", run);
    sandbox.write("service/web/notification-fd", "3");
    let _svscan = sandbox.start("svscan service", "messages");
    let pid = sandbox.pid("service/web");
    let supervise = sandbox.instance("service/web").unwrap().supervise.unwrap().pid;
    kill(supervise);
    sandbox.next_supervise("service/web", supervise);
    sandbox.write("service/web/go", "");
    sandbox.run("svc --wait=ready --timeout=20 service/web");
    assert!(sandbox.path("service/web/told").exists());
    assert_eq!(sandbox.pid("service/web"), pid);
}

#[test]
fn readiness_survives_supervise_and_ends_with_the_service() {
    let sandbox = Sandbox::new();
    sandbox.script("web/run", "echo >&3\nexec sleep 1000");
    sandbox.write("web/notification-fd", "3");
    let supervise = sandbox.start("supervise web", "messages");
    let is_ready = || sandbox.path("web/supervise/ready").exists();
    sandbox.wait_until("it is ready", is_ready);
    let pid = sandbox.next_pid("web", 0);
    drop(supervise);
    let before = sandbox.read("web/supervise/ready");
    let instance = sandbox.instance("web").unwrap().supervise.unwrap().pid;
    let _supervise = sandbox.start("supervise web", "messages");
    sandbox.next_supervise("web", instance);
    sandbox.wait_until("supervise runs", || sandbox.sh("svok web").status.success());
    assert_eq!(sandbox.read("web/supervise/ready"), before);
    sandbox.run("svc -d web");
    sandbox.wait_until("it is down", || {
        process_state(pid).is_none() && sandbox.status("web").unwrap().pid.is_none()
    });
    assert!(!is_ready());
}

#[test]
fn notify_is_told_of_starts_and_ends() {
    let supervised = Supervised::new(&[
        ("run", "read -r code <go\nexit $code"),
        ("notify", "echo \"$# $*\" >>told"),
        ("down", ""),
    ]);
    let sandbox = &supervised.sandbox;
    let go = sandbox.fifo("web/go");
    sandbox.run("svc -o web");
    let first = sandbox.next_pid("web", 0);
    let mut told = format!("4 web start {first} 0\n");
    supervised.wait_for_notify(&told);
    std::io::Write::write_all(&mut &go, b"3\n").unwrap();
    told += &format!("4 web exit {first} 3\n");
    supervised.wait_for_notify(&told);
    sandbox.run("svc -o web");
    let second = sandbox.next_pid("web", first);
    told += &format!("4 web start {second} 0\n");
    supervised.wait_for_notify(&told);
    send(second, SIGKILL);
    told += &format!("4 web killed {second} 9\n");
    supervised.wait_for_notify(&told);
    supervised.is_silent();
}

/// A mail server that hangs must not keep a service down, nor gather processes.
#[test]
fn notify_is_not_waited_for_and_runs_once_at_a_time() {
    let supervised =
        Supervised::new(&[("run", "echo start >>starts"), ("notify", "echo told >>told\nexec sleep 1000")]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("it was started three times", || sandbox.count("web/starts", "") >= 3);
    assert_eq!(sandbox.read("web/told"), "told\n");
    supervised.is_silent();
}

fn pauses_between_quick_failures_double_and_up_ends_them() {
    let supervised = Supervised::new(&[("run", "date +%s.%N >>starts\nexit 1"), ("backoff", "4")]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("it was started four times", || sandbox.count("web/starts", "") >= 4);
    let noticed = Instant::now();
    let starts: Vec<f64> = sandbox.read("web/starts").lines().map(|line| line.parse().unwrap()).collect();
    for (pair, pause) in starts.windows(2).zip([1.0, 2.0, 4.0]) {
        let passed = pair[1] - pair[0];
        // What is noted is when date runs, not when it is started.
        assert!(passed > pause * 0.9 - 0.3, "{starts:?}");
        assert!(passed < pause * 1.1 + 1.5, "{starts:?}");
    }
    sandbox.wait_until("it is down", || sandbox.status("web").unwrap().pid.is_none());
    // The pace of a second holds for whoever is impatient, too.
    sandbox.wait_until("a second is over", || noticed.elapsed() > Duration::from_millis(1100));
    let before = Instant::now();
    sandbox.run("svc -u web");
    sandbox.wait_until("it is started at once", || sandbox.count("web/starts", "") >= 5);
    assert!(before.elapsed() < Duration::from_secs(2), "{:?}", before.elapsed());
    supervised.is_silent();
}

#[test]
fn how_a_service_ended_last_is_written_down() {
    let supervised = Supervised::new(&[("run", "exec 3<>go\nread -r how <&3\neval \"$how\""), ("down", "")]);
    let sandbox = &supervised.sandbox;
    let go = sandbox.fifo("web/go");
    assert!(!sandbox.path("web/supervise/last-exit").exists());
    let mut pid = 0;
    for (how, expected) in [
        ("exit 3", "exited 3"),
        ("kill -SEGV $$", "killed SEGV"),
        ("exit 0", "exited 0"),
        ("kill -KILL $$", "killed KILL"),
    ] {
        std::io::Write::write_all(&mut &go, format!("{how}\n").as_bytes()).unwrap();
        sandbox.run("svc -o web");
        sandbox.wait_until(expected, || supervised.last_exit() == expected);
        let line = sandbox.read("web/supervise/last-exit");
        let label = line.split(' ').next().unwrap();
        assert!(stamp(label).is_some() && line.ends_with('\n'), "{line:?}");
        sandbox.wait_until("it is down", || sandbox.status("web").unwrap().pid.is_none());
        pid += 1;
    }
    assert_eq!(pid, 4);
    supervised.is_silent();
}

#[test]
fn files_that_make_no_sense_are_reported_and_ignored() {
    let files = [
        ("backoff", "often", "a number of seconds"),
        ("down-signal", "NONSENSE", "the name of a signal"),
        ("notification-fd", "1", "the number of a descriptor from 3 to 1023"),
        ("timeout-finish", "soon", "a number of milliseconds"),
        ("timeout-kill", "-5", "a number of milliseconds"),
    ];
    let mut all: Vec<(&str, &str)> = files.iter().map(|(name, content, _)| (*name, *content)).collect();
    all.push(("run", "exec sleep 1000"));
    let supervised = Supervised::new(&all);
    let sandbox = &supervised.sandbox;
    sandbox.next_pid("web", 0);
    let mut messages: Vec<String> = sandbox.read("messages").lines().map(str::to_string).collect();
    messages.sort();
    let expected = files
        .map(|(name, _, what)| format!("supervise: warning: web/{name} is ignored: it must hold {what}"));
    assert_eq!(messages, expected);
    sandbox.run("svc -d web");
    sandbox.wait_for_status("web", ": down ");
    assert_eq!(supervised.last_exit(), "killed TERM");
}

#[test]
fn a_change_of_the_files_holds_at_once() {
    let supervised = Supervised::new(&[("run", "exec sleep 1000")]);
    let sandbox = &supervised.sandbox;
    supervised.wait_for_sleep();
    sandbox.write("web/down-signal", "USR1\n");
    sandbox.run("svc -d web");
    sandbox.wait_until("it is down", || supervised.last_exit() == "killed USR1");
    // Written over, not replaced: the directory is not changed by that.
    sandbox.write("web/down-signal", "HUP\n");
    sandbox.run("svc -u web");
    supervised.wait_for_sleep();
    sandbox.run("svc -d web");
    sandbox.wait_until("it is down", || supervised.last_exit() == "killed HUP");
    supervised.is_silent();
}

/// One supervise, and its service in `web`.
struct Supervised {
    sandbox: Sandbox,
    supervise: Running,
}

impl Supervised {
    /// With these files: scripts, and what is only text.
    fn new(files: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::new();
        for (name, content) in files {
            if ["run", "finish", "notify"].contains(name) {
                sandbox.script(&format!("web/{name}"), content);
            } else {
                sandbox.write(&format!("web/{name}"), &format!("{content}\n"));
            }
        }
        let supervise = sandbox.start("supervise web", "messages");
        sandbox.wait_until("supervise runs", || sandbox.sh("svok web").status.success());
        Self { sandbox, supervise }
    }

    /// Waits until a file of the service is exactly this.
    #[track_caller]
    fn wait_for(&self, file: &str, expected: &str) {
        let path = format!("web/{file}");
        self.sandbox.wait_until(&format!("{file} is {expected:?}"), || self.sandbox.read(&path) == expected);
    }

    /// Waits until `notify` has said this, and has ended.
    #[track_caller]
    fn wait_for_notify(&self, expected: &str) {
        self.wait_for("told", expected);
        let supervise = self.supervise.pid();
        let service = || self.sandbox.status("web").unwrap().pid.map(|pid| pid.to_string());
        self.sandbox.wait_until("notify has ended", || {
            let children =
                fs::read_to_string(format!("/proc/{supervise}/task/{supervise}/children")).unwrap();
            children.split_whitespace().all(|child| Some(child) == service().as_deref())
        });
    }

    /// Waits until the service has become `sleep`.
    #[track_caller]
    fn wait_for_sleep(&self) -> i32 {
        let mut pid = 0;
        self.sandbox.wait_until("the service sleeps", || {
            pid = self.sandbox.next_pid("web", 0);
            fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep\0"))
        });
        pid
    }

    /// How it ended last, without the time.
    fn last_exit(&self) -> String {
        let line = self.sandbox.read("web/supervise/last-exit");
        line.trim_end().split_once(' ').map_or(String::new(), |(_, how)| how.to_string())
    }

    #[track_caller]
    fn is_silent(&self) {
        assert_eq!(self.sandbox.read("messages"), "");
    }
}

fn logged_service(sandbox: &Sandbox, name: &str, run: &str) {
    sandbox.script(&format!("{name}/run"), run);
    sandbox.script(&format!("{name}/log/run"), "exec multilog n100 ./main");
}

fn current(sandbox: &Sandbox, name: &str) -> String {
    sandbox.read(&format!("{name}/log/main/current"))
}

fn stamp(label: &str) -> Option<Stamp> {
    Stamp::from_digits(label.strip_prefix('@')?.as_bytes())
}
