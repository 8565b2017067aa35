//! `svc --wait`, `--timeout` and `--check`: what a script may rely on.

use crate::support::{DEADLINE, Running, Sandbox, Supervised, kill, process_state, show};
use servicedir::service::control::Letters;
use servicedir::service::directory::Directory;
use servicedir::service::waiting::Crowd;
use servicedir::sys::files::HERE;
use std::ffi::CString;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::Output;
use std::time::{Duration, Instant};

const USAGE: [(&str, &str); 11] = [
    ("--wait", "--wait=up, --wait=down or --wait=ready"),
    ("--wait=", "--wait=up, --wait=down or --wait=ready"),
    ("--wait=gone", "--wait=up, --wait=down or --wait=ready"),
    ("--timeout", "--timeout=SECONDS"),
    ("--timeout=soon", "--timeout=SECONDS"),
    ("--timeout=-1", "--timeout=SECONDS"),
    ("--check=yes", "--check"),
    ("--for", "--for=SECONDS"),
    ("--wait=up --for=long", "--for=SECONDS"),
    ("--for=1", "--wait=up --for=SECONDS"),
    ("--wait=down --for=1", "--wait=up --for=SECONDS"),
];

#[test]
fn two_hundred_services_are_waited_for_at_once() {
    const SERVICES: usize = 200;
    let sandbox = Sandbox::new();
    // The last to go takes its time, wherever it stands in the list.
    let slow = "trap 'sleep 0.5; exit' TERM\n: >ready\nwhile :; do sleep 0.02; done";
    for number in 0..SERVICES {
        let run = if number == SERVICES / 2 { slow } else { ": >ready\nexec sleep 1000" };
        sandbox.script(&format!("service/{number}/run"), run);
    }
    let _svscan = sandbox.start("svscan service", "messages");
    for number in 0..SERVICES {
        sandbox.wait_until("all run", || sandbox.path(&format!("service/{number}/ready")).exists());
        // The status is written a moment after the start.
        sandbox.next_pid(&format!("service/{number}"), 0);
    }
    let pid = |number: usize| sandbox.status(&format!("service/{number}")).and_then(|status| status.pid);
    // The value of the second option is the next word, and more than the five seconds that would do.
    let before = Instant::now();
    let output = sandbox.sh("exec svc -d --wait=down --timeout 60 service/*");
    let elapsed = before.elapsed();
    let running: Vec<usize> = (0..SERVICES).filter(|&number| pid(number).is_some()).collect();
    said(&output, 0, "");
    assert_eq!(running, [], "these run when svc has come back");
    show(&format!("svc -d --wait=down, {SERVICES} services, one takes 500 ms: {elapsed:?}"));
    assert!(elapsed >= Duration::from_millis(500), "{elapsed:?}");

    let before = Instant::now();
    said(&sandbox.sh("exec svc --timeout 60 --wait up -u service/*"), 0, "");
    show(&format!("svc -u --wait=up, {SERVICES} services: {:?}", before.elapsed()));
    assert!((0..SERVICES).all(|number| pid(number).is_some()));
}

#[test]
fn to_look_at_a_service_is_no_news() {
    let (sandbox, _svscan, _) = services(&[("one", ": >ready\nexec sleep 1000")]);
    let path = CString::new(sandbox.path("service/one").as_os_str().as_bytes()).unwrap();
    let mut crowd = Crowd::new();
    crowd.add(&path);
    let directory = Directory::open(HERE, &path).unwrap();
    let mut look = || {
        directory.knock().unwrap();
        directory.control(&Letters::default()).unwrap();
        !crowd.wait(Some(Instant::now() + Duration::from_millis(1))).is_empty()
    };
    // Every second it is looked at, news or not.
    let news = (0..100).filter(|_| look()).count();
    assert!(news < 50, "{news} of 100 looks were news");
    sandbox.run("svc -d service/one");
    let start = Instant::now();
    while directory.status().unwrap().pid.is_some() {
        crowd.wait(None);
        assert!(start.elapsed() < DEADLINE, "its end is no news");
    }
}

#[test]
fn a_service_that_does_not_stop_is_named() {
    let (sandbox, _svscan, _) = services(&[
        ("deaf", "trap '' TERM\n: >ready\nwhile :; do sleep 0.02; done"),
        ("one", ": >ready\nexec sleep 1000"),
        ("two", ": >ready\nexec sleep 1000"),
    ]);
    let before = Instant::now();
    let output = sandbox.sh("exec svc -d --wait=down --timeout=10 service/one service/deaf service/two");
    assert!(before.elapsed() >= Duration::from_secs(10), "{:?}", before.elapsed());
    said(&output, 99, "svc: warning: service/deaf is not in the state that was waited for\n");
    for name in ["service/one", "service/two"] {
        assert!(sandbox.status(name).unwrap().pid.is_none(), "{name} runs");
    }
    // What cannot be controlled weighs more than what is late.
    let output = sandbox.sh("exec svc -d --wait=down --timeout=0.1 service/deaf nowhere");
    said(
        &output,
        111,
        "svc: warning: unable to chdir to nowhere: file does not exist\n\
         svc: warning: service/deaf is not in the state that was waited for\n",
    );
    // Without a word about waiting nothing is waited for, and nothing is told.
    said(
        &sandbox.sh("exec svc -d service/deaf nowhere"),
        0,
        "svc: warning: unable to chdir to nowhere: file does not exist\n",
    );
}

#[test]
fn a_new_run_is_waited_for_after_a_signal_that_ends_the_old_one() {
    for letters in ["-t", "-i", "-du"] {
        let (sandbox, _svscan, words) = services(&[(
            "web",
            "exec 3<>in\ntrap 'read -r line <&3; exit' TERM INT\n: >ready\nwhile :; do sleep 0.02; done",
        )]);
        let before = sandbox.next_pid("service/web", 0);
        let mut svc = sandbox.start(&format!("svc {letters} --wait=up --timeout=60 service/web"), "said");
        assert_eq!(svc.wait_at_most(Duration::from_millis(400)), None, "the old run counts, after {letters}");
        assert_eq!(sandbox.next_pid("service/web", 0), before);
        writeln!(&words[0]).unwrap();
        assert_eq!(svc.wait().code(), Some(0));
        let pid = sandbox.status("service/web").unwrap().pid.expect("it is up when svc comes back");
        assert_ne!(i32::try_from(pid.get()).unwrap(), before);
        assert_eq!(sandbox.read("said"), "");
    }
}

#[test]
fn signals_that_end_nothing_do_not_make_it_wait_for_a_new_run() {
    let (sandbox, _svscan, _) = services(&[("web", "trap '' HUP ALRM WINCH\n: >ready\nexec sleep 1000")]);
    let pid = sandbox.next_pid("service/web", 0);
    for letters in ["-u", "-o", "-h", "-a", "-w", "-c"] {
        said(&sandbox.sh(&format!("exec svc {letters} --wait=up --timeout=60 service/web")), 0, "");
    }
    assert_eq!(sandbox.next_pid("service/web", 0), pid);
}

#[test]
fn readiness_is_waited_for() {
    let (sandbox, _svscan, words) =
        services(&[("web", "exec 4<>in\n: >ready\nread -r line <&4\necho >&3\nexec sleep 1000")]);
    sandbox.write("service/web/notification-fd", "3\n");
    sandbox.run("svc -d --wait=down --timeout=60 service/web");
    // It is up long before it is ready.
    sandbox.run("svc -u --wait=up --timeout=60 service/web");
    said(
        &sandbox.sh("exec svc --wait=ready --timeout=0.3 service/web"),
        99,
        "svc: warning: service/web is not in the state that was waited for\n",
    );
    let mut svc = sandbox.start("svc -u --wait=ready --timeout=60 service/web", "said");
    assert_eq!(svc.wait_at_most(Duration::from_millis(300)), None, "it is not ready");
    writeln!(&words[0]).unwrap();
    assert_eq!(svc.wait().code(), Some(0));
    said(&sandbox.sh("exec svc --wait=ready --timeout=0 service/web"), 0, "");
    // Who says that it is ready need not stay up for a second first, unless that is asked for.
    said(&sandbox.sh("exec svc --wait=up --timeout=0 service/web"), 0, "");
    let late = "svc: warning: service/web is not in the state that was waited for\n";
    said(&sandbox.sh("exec svc --wait=up --for=3600 --timeout=0 service/web"), 99, late);
    // The readiness of the run that ends does not count.
    let mut svc = sandbox.start("svc -t --wait=ready --timeout=60 service/web", "said");
    assert_eq!(svc.wait_at_most(Duration::from_millis(400)), None, "the new run is not ready");
    writeln!(&words[0]).unwrap();
    assert_eq!(svc.wait().code(), Some(0));
    assert_eq!(sandbox.read("said"), "");
}

#[test]
fn a_time_of_nothing_is_a_question() {
    let (sandbox, _svscan, _) = services(&[("web", ": >ready\nexec sleep 1000")]);
    let late = "svc: warning: service/web is not in the state that was waited for\n";
    said(&sandbox.sh("exec svc --wait=up --for=0 --timeout=0 service/web"), 0, "");
    said(&sandbox.sh("exec svc --wait=up --for=3600 --timeout=0 service/web"), 99, late);
    // One that has been up for long answers at once.
    said(&sandbox.sh("exec svc --wait=up --timeout=60 service/web"), 0, "");
    said(&sandbox.sh("exec svc --wait=up --timeout=0 service/web"), 0, "");
    said(&sandbox.sh("exec svc --wait down --timeout 0 service/web"), 99, late);
    said(&sandbox.sh("exec svc --wait=ready --timeout=0 service/web"), 99, late);
    sandbox.run("svc -d --wait=down --timeout=60 service/web");
    said(&sandbox.sh("exec svc --wait=down --timeout=0 service/web"), 0, "");
    said(&sandbox.sh("exec svc --wait=up --timeout=0 service/web"), 99, late);
}

#[test]
fn the_end_of_supervise_is_the_end_of_the_service() {
    let sandbox = Sandbox::new();
    sandbox.script("web/run", ": >ready\nexec sleep 1000");
    let mut supervise = sandbox.start("supervise web", "messages");
    sandbox.wait_until("it runs", || sandbox.path("web/ready").exists());
    let pid = sandbox.next_pid("web", 0);
    said(&sandbox.sh("exec svc -dx --wait=down --timeout=60 web"), 0, "");
    assert_eq!(process_state(pid), None);
    supervise.ends_well();
    // Now there is nobody to tell.
    let message = "svc: warning: unable to control web: supervise not running\n";
    for options in ["-d --wait=down", "-u --wait=up --timeout=1", "--check -u", "--check"] {
        said(&sandbox.sh(&format!("exec svc {options} web")), 111, message);
    }
    said(&sandbox.sh("exec svc -u web"), 0, message);
}

#[test]
fn only_those_who_ask_are_told_what_failed() {
    let (sandbox, _svscan, _) = services(&[("web", ": >ready\nexec sleep 1000")]);
    sandbox.run("mkdir empty");
    let nowhere = "svc: warning: unable to chdir to nowhere: file does not exist\n";
    let empty = "svc: warning: unable to control empty: file does not exist\n";
    let both = format!("{nowhere}{empty}");
    for (options, code) in
        [("-d", 0), ("--check -d", 111), ("-d --check", 111), ("-d --wait=down --timeout=60", 111)]
    {
        sandbox.run("svc -u --wait=up --timeout=60 service/web");
        said(&sandbox.sh(&format!("exec svc {options} nowhere service/web empty")), code, &both);
        // The others are told all the same.
        sandbox.wait_for_status("service/web", ": down ");
    }
    said(&sandbox.sh("exec svc --check -u service/web"), 0, "");
    said(&sandbox.sh("exec svc --check"), 0, "");
    said(&sandbox.sh("exec svc --wait=up"), 0, "");
}

#[test]
fn options_that_make_no_sense_are_refused_and_nothing_is_sent() {
    let (sandbox, _svscan, _) = services(&[("web", ": >ready\nexec sleep 1000")]);
    let pid = sandbox.next_pid("service/web", 0);
    for (option, expected) in USAGE {
        let directory = if option.contains('=') { " service/web" } else { "" };
        let output = sandbox.sh(&format!("exec svc -d {option}{directory}"));
        said(&output, 100, &format!("svc: usage: {expected}\n"));
    }
    for option in ["--wiat=down", "--chekc", "--wait-down", "--help"] {
        let output = sandbox.sh(&format!("exec svc -d {option} service/web"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.starts_with(&format!("svc: unknown option {option}\nsvc options: u up, ")), "{said}");
        assert_eq!(output.status.code(), Some(100), "{option}");
    }
    // After the first directory everything is a directory, as ever.
    let message = |name: &str| format!("svc: warning: unable to chdir to {name}: file does not exist\n");
    said(&sandbox.sh("exec svc -h nowhere --check"), 0, &[message("nowhere"), message("--check")].concat());
    said(&sandbox.sh("exec svc -- --check"), 0, &message("--check"));
    assert_eq!(sandbox.next_pid("service/web", 0), pid);
    assert!(sandbox.run("svstat service/web").contains(": up "));
}

#[test]
fn who_waits_for_the_end_waits_for_finish_too() {
    let supervised = Supervised::new(&[("run", "exec sleep 1000"), ("finish", "sleep 1\n: >finished")]);
    supervised.wait_for_program("sleep");
    supervised.sandbox.run("svc -d --wait=down --timeout=60 web");
    assert!(supervised.path("finished").exists());
}

#[test]
fn a_pause_between_two_starts_is_not_the_end() {
    let supervised = Supervised::new(&[("run", ": >started\nexit 1")]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("it was started", || supervised.path("started").exists());
    let waited = sandbox.sh("svc --wait=down --timeout=2 web");
    assert_eq!(waited.status.code(), Some(99));
    sandbox.run("svc -d --wait=down --timeout=60 web");
    sandbox.wait_for_status("web", ": down ");
}

#[test]
fn a_supervise_that_is_about_to_come_is_waited_for() {
    let sandbox = Sandbox::new();
    // The one has never been supervised, the other was, and its fifos are still there.
    for name in ["new", "old", "other"] {
        sandbox.script(&format!("{name}/run"), "exec sleep 1000");
    }
    let mut first = sandbox.start("supervise old", "messages");
    sandbox.run("svc --wait=up --for=0 --timeout=60 old; svc -dx --wait=down old");
    first.ends_well();
    let mut up = sandbox.start("svc -u --wait=up --for=0 --timeout=60 new old", "said");
    let mut down = sandbox.start("svc -d --wait=down --timeout=60 other", "said");
    assert_eq!(up.wait_at_most(Duration::from_millis(400)), None, "there is no supervise");
    assert_eq!(down.wait_at_most(Duration::from_millis(100)), None, "there is no supervise");
    let _supervises =
        ["new", "old", "other"].map(|name| sandbox.start(&format!("supervise {name}"), "messages"));
    assert_eq!((up.wait().code(), down.wait().code()), (Some(0), Some(0)));
    assert_eq!(sandbox.read("said"), "");
    let pid = |name: &str| sandbox.status(name).unwrap().pid;
    assert!(pid("new").is_some() && pid("old").is_some());
    // It was told to go down before svc came back.
    sandbox.wait_until("it is down and stays so", || {
        sandbox.run("svstat other").ends_with("seconds, normally up\n") && pid("other").is_none()
    });
}

#[test]
fn a_supervise_that_does_not_come_is_waited_for_a_few_seconds_unless_it_is_told_to_exit() {
    let sandbox = Sandbox::new();
    sandbox.script("web/run", "exec sleep 1000");
    let message = "svc: warning: unable to control web: file does not exist\n";
    let start = Instant::now();
    said(&sandbox.sh("exec svc --wait=up --timeout=0.2 web"), 111, message);
    assert!(start.elapsed() >= Duration::from_millis(200), "{:?}", start.elapsed());
    for options in ["-u --wait=up", "-d --wait=down --timeout=1000"] {
        let start = Instant::now();
        said(&sandbox.sh(&format!("exec svc {options} web")), 111, message);
        assert!(start.elapsed() >= Duration::from_secs(7), "{options}: {:?}", start.elapsed());
    }
    // These return at once, or the test does not.
    said(&sandbox.sh("exec svc -dx --wait=down --timeout=100000 web"), 111, message);
    said(&sandbox.sh("exec svc -u --check web"), 111, message);
    said(&sandbox.sh("exec svc -u web"), 0, message);
    // The others are seen to meanwhile.
    let _supervise = sandbox.start("supervise web", "messages");
    sandbox.run("svc --wait=up --for=0 web; mkdir none");
    let output = sandbox.sh("exec svc -d --wait=down --timeout=60 none web");
    said(&output, 111, &message.replace("web", "none"));
    assert!(sandbox.status("web").unwrap().pid.is_none());
}

/// What may fail has not begun, however long that takes; so no machine is too slow for this test.
#[test]
fn a_run_that_cannot_be_executed_is_never_up() {
    let sandbox = Sandbox::new();
    sandbox.script("plain/run", "exec sleep 1000");
    sandbox.run("chmod -x plain/run");
    sandbox.script("missing/other", "");
    sandbox.write("odd/run", "#!/no/such/interpreter\n");
    sandbox.write("bare/run", "exec sleep 1000\n");
    sandbox.run("chmod +x odd/run bare/run");
    let names = ["plain", "missing", "odd", "bare"];
    let start = |name: &&str| sandbox.start(&format!("supervise {name}"), &format!("{name}.messages"));
    let _supervises: Vec<Running> = names.iter().map(start).collect();
    for name in names {
        let messages = format!("{name}.messages");
        sandbox.wait_until("it was tried", || sandbox.count(&messages, "unable to start") >= 1);
    }
    let late = |name| format!("svc: warning: {name} is not in the state that was waited for\n");
    let output = sandbox.sh("exec svc -u --wait=up --for=0 --timeout=4 plain missing odd bare");
    let named: Vec<String> = names.into_iter().map(late).collect();
    said(&output, 99, &named.concat());
}

#[test]
fn up_is_what_has_stayed_up_for_a_second_or_for_as_long_as_is_said() {
    let (sandbox, _svscan, _) =
        services(&[("web", ": >ready\nexec sleep 1000"), ("flap", ": >ready\nexit 1")]);
    for (option, least) in [("", 1000), ("--for=1.5", 1500), ("--for 0.5", 500)] {
        sandbox.run("svc -d --wait=down service/web");
        let start = Instant::now();
        said(&sandbox.sh(&format!("exec svc -u --wait=up {option} service/web")), 0, "");
        // The clock of the stamp and the clock of this test differ a little.
        let took = start.elapsed() + Duration::from_millis(20);
        assert!(took >= Duration::from_millis(least), "{option}: {took:?}");
    }
    // It is up again and again, but never for so long.
    let output = sandbox.sh("exec svc -u --wait=up --for=30 --timeout=4 service/flap");
    said(&output, 99, "svc: warning: service/flap is not in the state that was waited for\n");
}

#[test]
fn a_record_that_could_not_be_written_is_not_believed() {
    let supervised = Supervised::new(&[("run", "exec sleep 1000")]);
    let sandbox = &supervised.sandbox;
    let pid = supervised.wait_for_program("sleep");
    sandbox.run("svc --wait=up web; rm web/run; mkdir -p web/supervise/status.new/x");
    kill(pid);
    sandbox.wait_until("it has failed", || sandbox.read("messages").contains("unable to start web/run"));
    let output = sandbox.sh("exec svc --wait=up --for=0 --timeout=2 web");
    said(&output, 99, "svc: warning: web is not in the state that was waited for\n");
}

/// svscan with these services, each of which has said that it runs, and has a fifo `in`.
fn services(services: &[(&str, &str)]) -> (Sandbox, Running, Vec<File>) {
    let sandbox = Sandbox::new();
    let words = services.iter().map(|(name, _)| sandbox.fifo(&format!("service/{name}/in"))).collect();
    for (name, run) in services {
        sandbox.script(&format!("service/{name}/run"), run);
    }
    let svscan = sandbox.start("svscan service", "messages");
    for (name, _) in services {
        sandbox
            .wait_until(&format!("{name} runs"), || sandbox.path(&format!("service/{name}/ready")).exists());
        // The status is written a moment after the start.
        sandbox.next_pid(&format!("service/{name}"), 0);
    }
    (sandbox, svscan, words)
}

/// svc exited so, and said this.
#[track_caller]
fn said(output: &Output, code: i32, expected: &str) {
    assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    assert_eq!(output.status.code(), Some(code));
    assert_eq!(output.stdout, b"");
}
