//! What the skeletons show beyond starting a program: readiness, cleaning up, news, control without root.

use crate::skeletons::copy;
use crate::support::{Sandbox, children, is_root, is_settled, kill};
use std::fs;
use std::io::Write;
use std::path::PathBuf;

#[test]
fn a_server_is_ready_when_it_answers_and_nothing_of_the_checker_is_left() {
    let sandbox = Sandbox::for_everybody();
    copy(&sandbox, "service-ready", "service/web");
    sandbox.write("service/web/down", "");
    // A server that takes its time, as long as the test likes.
    let slow = r#"sed -i 's/^set -- python3/set -- sh -c "until [ -e go ]; do sleep 0.02; done; exec \\"\\$@\\"" slow python3/' service/web/run"#;
    sandbox.run(slow);
    // As patient as the test is on a busy machine.
    sandbox.run("sed -i 's/^patience=.*/patience=600/' service/web/run");
    let address = sandbox.read("service/web/run");
    let address = address.split("\naddress=").nth(1).unwrap().lines().next().unwrap();
    let question = format!("curl --silent --fail --max-time 10 http://{address}:8080/");
    let _svscan = sandbox.start("svscan service", "messages");
    sandbox.wait_for_status("service/web", ": down ");

    let code = sandbox.sh("svc -u --wait=ready --timeout=1 service/web").status.code();
    assert_eq!(code, Some(99), "ready before it answers");
    let pid = sandbox.pid("service/web");
    assert!(!sandbox.sh(&question).status.success(), "the server is not as slow as it should be");
    let news = pipe_of_checker(&sandbox);
    assert!(!sandbox.path("service/web/supervise/ready").exists());

    sandbox.write("service/web/go", "");
    let page = sandbox.run(&format!("svc -u --wait=ready --timeout=600 service/web && {question}"));
    assert!(page.contains("The example service is ready."), "{page}");
    assert_eq!(sandbox.pid("service/web"), pid, "the server is the process that was started");
    sandbox.wait_until("the checker is gone", || checkers(&sandbox).is_empty());
    assert_eq!(children(pid), [], "the server has children that it does not know of");
    assert!(!descriptors(pid).contains(&news), "the server has the descriptor of the checker");

    // A server that was killed is not ready; the next one is when it answers.
    fs::remove_file(sandbox.path("service/web/go")).unwrap();
    kill(pid);
    let second = sandbox.next_pid("service/web", pid);
    assert!(!sandbox.path("service/web/supervise/ready").exists());
    assert_ne!(pipe_of_checker(&sandbox), news);
    // One that ends before it was ready takes its checker with it.
    sandbox.run("svc -d --wait=down --timeout=60 service/web");
    sandbox.wait_until("the checker of a server that has ended is gone", || checkers(&sandbox).is_empty());
    assert!(!sandbox.path("service/web/supervise/ready").exists());

    // One that never answers is reported, and goes on.
    sandbox.run("sed -i 's/^patience=.*/patience=1/' service/web/run && svc -u service/web");
    let third = sandbox.next_pid("service/web", second);
    sandbox.wait_until("the checker says that it gives up", || {
        sandbox.read("messages").ends_with("run: the server has not answered for 1 seconds\n")
    });
    sandbox.wait_until("the checker is gone", || checkers(&sandbox).is_empty());
    assert_eq!(sandbox.pid("service/web"), third);
    assert!(!sandbox.path("service/web/supervise/ready").exists());
}

#[test]
fn a_socket_that_was_left_is_removed_and_a_wrong_configuration_is_not_tried_again() {
    let sandbox = Sandbox::for_everybody();
    copy(&sandbox, "service-finish", "service/echo");
    let socket = sandbox.path("service/echo/socket/echo");
    let answers = |word: &str| {
        sandbox.wait_until("the server answers", || {
            let question = format!("echo {word} | socat -t 10 - UNIX-CONNECT:service/echo/socket/echo");
            String::from_utf8_lossy(&sandbox.sh(&question).stdout) == format!("{word}\n")
        });
    };
    let complaint = "\"socket/echo\" exists\n";
    let _svscan = sandbox.start("svscan service", "messages");
    answers("first");

    let first = sandbox.pid("service/echo");
    kill(first);
    let second = sandbox.next_pid("service/echo", first);
    answers("second");
    assert!(!sandbox.read("messages").contains(complaint), "the server has met an old socket");

    // Without finish it does, and for ever; with it again, all is well after one more try.
    sandbox.run("mv service/echo/finish finish");
    kill(second);
    sandbox.wait_until("the server meets an old socket", || sandbox.read("messages").ends_with(complaint));
    assert!(socket.exists());
    sandbox.run("mv finish service/echo/finish");
    answers("third");

    // The server ends, the next start finds the mistake, and there is no other.
    sandbox.write("service/echo/mode", "everybody\n");
    sandbox.run("svc -t service/echo");
    sandbox.wait_until("it has been down for 3 seconds", || {
        let line = sandbox.run("svstat service/echo");
        let seconds =
            line.strip_prefix("service/echo: down ").and_then(|rest| rest.split(' ').next()?.parse().ok());
        seconds.is_some_and(|seconds: u32| seconds >= 3) && line.ends_with(" seconds, normally up\n")
    });
    assert!(sandbox.read("service/echo/supervise/last-exit").contains(" exited 78\n"));
    assert_eq!(sandbox.count("messages", "run: wrong configuration: "), 1);
    assert!(!socket.exists());

    sandbox.write("service/echo/mode", "600\n");
    sandbox.run("svc -u --wait=up --timeout=60 service/echo");
    answers("fourth");
    assert_eq!(sandbox.run("stat -c %a service/echo/socket/echo"), "600\n");
}

/// Sends what `notify` tells to the file `mails` beside it.
fn notifying(sandbox: &Sandbox, interval: u32) {
    copy(sandbox, "service-notify", "service/web");
    sandbox.write("service/web/notify-interval", &format!("{interval}\n"));
    sandbox.write("service/web/notify-command", "cat >>mails\n");
}

/// How many ends the messages in `mails` speak of, those that they call suppressed included.
fn told(sandbox: &Sandbox) -> usize {
    let mails = sandbox.read("service/web/mails");
    let suppressed = mails.lines().filter_map(|line| {
        line.strip_suffix(" messages before this were suppressed")?.rsplit(", ").next()?.parse::<usize>().ok()
    });
    mails.lines().count() + suppressed.sum::<usize>()
}

#[test]
fn a_crash_loop_makes_one_message_and_later_one_with_the_number_of_the_others() {
    let sandbox = Sandbox::new();
    notifying(&sandbox, 600);
    // Ends with the code that it is told.
    sandbox.script("service/web/run", "exec 3<>../../in\nread -r code <&3\nexit \"$code\"");
    let mut input = sandbox.fifo("in");
    let _svscan = sandbox.start("svscan service", "messages");
    // While notify runs, supervise would keep only the last of several news.
    let notify_has_ended = || {
        let pid = sandbox.pid("service/web");
        let supervise = sandbox.instance("service/web").unwrap().supervise.unwrap().pid;
        // It may just have started the service, and be about to tell of that.
        sandbox.wait_until("notify has ended", || is_settled(supervise) && children(supervise) == [pid]);
        pid
    };
    let mut crash = |code: u32| {
        let pid = notify_has_ended();
        input.write_all(format!("{code}\n").as_bytes()).unwrap();
        sandbox.next_pid("service/web", pid);
    };

    let first = sandbox.pid("service/web");
    crash(1);
    let message = format!("web exited with code 1 (pid {first})\n");
    sandbox.wait_until("the first crash is told", || sandbox.read("service/web/mails") == message);
    for number in 1..5 {
        crash(2);
        sandbox.wait_until("a crash is counted", || {
            sandbox.read("service/web/notified/news").starts_with(&format!("{number} "))
        });
    }
    assert_eq!(sandbox.read("service/web/mails"), message, "more than one message");

    // Not even a sender that is killed loses a number. The next finds the new interval.
    let last = notify_has_ended();
    sandbox.wait_until("only one sender waits", || scripts(&sandbox, "./notify").len() == 1);
    scripts(&sandbox, "./notify").into_iter().for_each(kill);
    sandbox.write("service/web/notify-interval", "1\n");
    crash(3);
    let message =
        format!("{message}web exited with code 3 (pid {last}), 4 messages before this were suppressed\n");
    sandbox.wait_until("the number is told", || told(&sandbox) == 6);
    assert_eq!(sandbox.read("service/web/mails"), message);

    // What comes too soon is told later, without anything else happening.
    (0..3).for_each(|_| crash(4));
    sandbox.wait_until("all is told", || told(&sandbox) == 9);
    // Ends that nobody need hear of.
    crash(0);
    sandbox.run("svc -d --wait=down --timeout=60 service/web");
    sandbox.wait_until("the sender has ended", || scripts(&sandbox, "./notify").is_empty());
    assert_eq!(told(&sandbox), 9);
}

#[test]
fn no_news_are_lost_when_many_come_at_once_or_cannot_be_told_at_first() {
    let sandbox = Sandbox::new();
    notifying(&sandbox, 1);
    sandbox.write("service/web/notify-command", "echo >>tried; [ -e works ] && cat >>mails\n");
    sandbox.run(
        "cd service/web
        for number in $(seq 30); do ./notify web killed $number 9 >>messages 2>&1 & done
        wait",
    );
    sandbox.wait_until("telling was tried twice", || sandbox.read("service/web/tried").len() >= 2);
    sandbox.write("service/web/works", "");
    sandbox.wait_until("all is told", || told(&sandbox) == 30);
    sandbox.wait_until("the sender has ended", || scripts(&sandbox, "./notify").is_empty());
    assert_eq!(told(&sandbox), 30);
    assert!(sandbox.read("service/web/mails").contains("web was killed by signal 9 (pid "));
    assert_eq!(sandbox.run("ls service/web/notified"), "last\nlock\nsender\n");

    // Where there is no syslog, and no command, standard error is what is left.
    sandbox.run("cd service/web && rm notify-command && ./notify web exit 17 256 2>>messages");
    sandbox.wait_until("the sender has ended", || scripts(&sandbox, "./notify").is_empty());
    let expected = if fs::exists("/dev/log").unwrap() { "" } else { "web has ended (pid 17)\n" };
    assert_eq!(sandbox.read("service/web/messages"), expected);
}

/// A member of the group 54321, and somebody else; these numbers need no names.
const MEMBER: &str = "setpriv --reuid 54322 --regid 54322 --groups 54321";
const OUTSIDER: &str = "setpriv --reuid 54323 --regid 54323 --clear-groups";

#[test]
fn members_of_a_group_control_what_was_prepared_for_them_and_nobody_else_does() {
    if !is_root() {
        let message = b"skeletons: needs root, because members of groups and others try to control\n";
        return std::io::stderr().write_all(message).unwrap();
    }
    // A strict umask, and the usual one.
    ["027", "022"].iter().for_each(|umask| check_group(umask));
}

#[track_caller]
fn check_group(umask: &str) {
    let sandbox = Sandbox::for_everybody();
    copy(&sandbox, "service-group", "service/web");
    copy(&sandbox, "service-log/log", "service/web/log");
    sandbox.write("service/web/notification-fd", "3\n");
    sandbox.script("service/web/run", "echo ready\necho >&3\nexec sleep 1000");
    sandbox.run("service/web/prepare 54321");
    let prepared = "for service in service/web service/web/log; do
        stat -c '%n: %F %a %u:%g %i' $service/supervise $service/supervise/control $service/supervise/ok
    done";
    let before = sandbox.run(prepared);
    assert_eq!(before.matches(": fifo 620 0:54321 ").count(), 4, "{before}");
    assert_eq!(before.matches(": directory 2750 0:54321 ").count(), 2, "{before}");

    let start = || sandbox.start(&format!("sh -c 'umask {umask}; exec svscan service'"), "messages");
    let mut svscan = start();
    for round in 0..3 {
        let pid = sandbox.pid("service/web");
        sandbox.pid("service/web/log");
        check_outsider(&sandbox);
        assert_eq!(sandbox.pid("service/web"), pid, "somebody outside has done something");

        let member = |script: &str| sandbox.run(&format!("{MEMBER} sh -c '{script}'"));
        member("svok service/web && svok service/web/log");
        member("svc -d --wait=down --timeout=60 service/web");
        assert!(member("svstat service/web").contains(": down "));
        // Who takes a service over does not learn how it ends.
        let end = if round == 0 { " killed TERM\n" } else { " unknown\n" };
        assert!(member("cat service/web/supervise/last-exit").ends_with(end));
        member("svc -u --wait=ready --timeout=60 service/web");
        assert!(member("cat service/web/supervise/ready").starts_with('@'));
        let up = sandbox.next_pid("service/web", pid);
        assert!(member("svstat service/web").contains(&format!(": up (pid {up}) ")));
        assert!(member("svstat service/web/log").contains(": up (pid "));
        let refused = sandbox.sh(&format!("{MEMBER} rm -f service/web/supervise/status"));
        assert!(!refused.status.success(), "a member may replace the files of supervise");

        // The next supervise takes over, and the next svscan.
        let supervises = ["service/web", "service/web/log"]
            .map(|name| (name, sandbox.instance(name).unwrap().supervise.unwrap().pid));
        if round == 1 {
            drop(svscan);
            supervises.iter().for_each(|&(_, supervise)| kill(supervise));
            svscan = start();
        } else {
            supervises.iter().for_each(|&(_, supervise)| kill(supervise));
        }
        for (name, supervise) in supervises {
            sandbox.next_supervise(name, supervise);
        }
        sandbox.wait_until("a member finds the service again", || {
            member("svstat service/web").contains(&format!(": up (pid {up}) "))
        });
        assert_eq!(sandbox.run(prepared), before, "what was prepared is not as it was");
    }
    drop(svscan);
}

/// Somebody who is not in the group is refused.
#[track_caller]
fn check_outsider(sandbox: &Sandbox) {
    for (command, code, said) in [
        ("svc --check -d", 111, "svc: warning: unable to control service/web: access denied\n"),
        ("svok", 111, "svok: fatal: unable to open service/web/supervise/ok: access denied\n"),
        ("svstat", 0, "service/web: unable to open supervise/ok: access denied\n"),
    ] {
        let output = sandbox.sh(&format!("{OUTSIDER} {command} service/web 2>&1"));
        assert_eq!(String::from_utf8_lossy(&output.stdout), said);
        assert_eq!(output.status.code(), Some(code), "{command}");
    }
}

/// The processes that run the shell script `name`.
fn scripts(sandbox: &Sandbox, name: &str) -> Vec<i32> {
    let command = format!("/bin/sh\0{name}\0");
    let is_one = |pid: &i32| {
        fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(command.as_bytes()))
    };
    sandbox.processes().into_iter().filter(is_one).collect()
}

/// The processes that ask whether the server answers. The server itself is such a script until it is started.
fn checkers(sandbox: &Sandbox) -> Vec<i32> {
    let server = sandbox.status("service/web").and_then(|status| status.pid).map(|pid| pid.get());
    let mut found = scripts(sandbox, "./run");
    found.retain(|&pid| u32::try_from(pid).ok() != server);
    found
}

/// What the checker tells its news to.
#[track_caller]
fn pipe_of_checker(sandbox: &Sandbox) -> PathBuf {
    let mut pipe = None;
    sandbox.wait_until("a checker asks", || {
        let mut links = checkers(sandbox).into_iter().map(|pid| fs::read_link(format!("/proc/{pid}/fd/3")));
        pipe = links.find_map(|link| link.ok().filter(|link| link.to_string_lossy().starts_with("pipe:")));
        pipe.is_some()
    });
    pipe.unwrap()
}

/// What the descriptors of a process lead to.
fn descriptors(pid: i32) -> Vec<PathBuf> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    entries.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok()).collect()
}

/// Runs the skeleton with a log, with this program in the place of its own, which prints a line and goes on. That line
/// must be in the log while the program runs.
#[track_caller]
fn check_that_the_log_has_the_first_line_at_once(sandbox: &Sandbox, program: &str) {
    copy(sandbox, "service-log", "service/job");
    let run = sandbox.read("service/job/run");
    let (before, rest) = run.split_once("\nset -- sh -c ").unwrap();
    let (_, after) = rest.split_once('\n').unwrap();
    sandbox.write("service/job/run", &format!("{before}\nset -- {program}\n{after}"));
    let _svscan = sandbox.start("svscan service", "messages");
    let pid = sandbox.pid("service/job");
    sandbox.wait_until("the first line is in the log", || {
        sandbox.log_of("service/job").contains("first line\n")
    });
    assert_eq!(sandbox.pid("service/job"), pid, "the program ran all the time");
}

#[test]
fn the_log_of_a_python_program_has_its_first_line_while_it_runs() {
    let sandbox = Sandbox::for_everybody();
    let program = "import threading; print('first line'); threading.Event().wait()";
    sandbox.write("job.py", program);
    sandbox.run("chmod 644 job.py");
    check_that_the_log_has_the_first_line_at_once(&sandbox, "python3 ../../job.py");
}

#[test]
fn the_log_of_a_program_that_uses_stdio_has_its_first_line_while_it_runs() {
    let sandbox = Sandbox::for_everybody();
    let mut input = sandbox.fifo("input");
    sandbox.run("chmod 644 input");
    input.write_all(b"first word\n").unwrap();
    check_that_the_log_has_the_first_line_at_once(&sandbox, "stdbuf -oL sed s/word/line/ ../../input");
}
