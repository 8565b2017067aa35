//! Signals to a whole process group, and what becomes of processes that a service leaves behind.

use crate::support::{Sandbox, Supervised, children, is_root, process_state, program_of, send, show};
use nix::sys::signal::Signal::{SIGSTOP, SIGWINCH};
use std::fs;
use std::time::{Duration, Instant};

/// Notes which signals the process called `$1` gets. WINCH has the highest number of them, so a shell that has got
/// others before notes them before it.
const NOTE_SIGNALS: &str = "for signal in HUP QUIT USR1 USR2 ALRM TERM WINCH; do
    trap \"echo $1 $signal >>got\" $signal
done
: >ready-$1
while :; do sleep 0.02; done";

/// A parent and a child that note what they get.
const FAMILY: &str = "./note child &\nexec ./note parent";

/// Holds the lock, has a child in a session of its own that holds it, too, and says if somebody else does.
const HOLDING: &str = "exec 9>lock
flock -n 9 || { echo busy >>starts; exit 1; }
setsid ./child &
exec 3<>in
read -r line <&3
echo start >>starts
exec sleep 1000";

/// Ignores whatever can be ignored; `in` is told when it does.
const DEAF: &str = "trap '' TERM HUP INT QUIT\necho $$ >child-pid\necho >in\nwhile :; do sleep 0.05; done";

#[test]
fn signals_go_to_the_group_of_a_service_that_leads_one() {
    let web =
        Supervised::new(&[("note", NOTE_SIGNALS), ("family", FAMILY), ("run", "exec pgrphack ./family")]);
    child_of_family(&web);
    // One process gets what has no + before it; the group gets the next, and then all is as ever.
    for letters in ["-t", "-+w"] {
        web.sandbox.run(&format!("svc {letters} web"));
    }
    wait_for_sorted(&web, "got", "child WINCH\nparent TERM\nparent WINCH\n");
    web.sandbox.run("svc -+t web && svc -a web && svc -+12=h web && svc -+w web");
    wait_for_sorted(
        &web,
        "got",
        "child TERM\nchild USR1\nchild USR2\nchild WINCH\nchild WINCH\nparent ALRM\nparent HUP\nparent TERM\n\
         parent TERM\nparent USR1\nparent USR2\nparent WINCH\nparent WINCH\n",
    );
    // The shells tell what became of the programs that they were waiting for.
    assert_eq!(web.sandbox.count("messages", "supervise: "), 0);
}

#[test]
fn signals_go_to_the_process_alone_if_it_leads_no_group() {
    let web = Supervised::new(&[("note", NOTE_SIGNALS), ("run", FAMILY)]);
    let child = child_of_family(&web);
    web.sandbox.run("svc -+t web && svc -+w web");
    wait_for_sorted(&web, "got", "parent TERM\nparent WINCH\n");
    // Whatever had reached the child before is noted before this.
    send(child, SIGWINCH);
    wait_for_sorted(&web, "got", "child WINCH\nparent TERM\nparent WINCH\n");
    assert!(process_state(web.supervise.pid()).is_some(), "supervise is in the same group, and unharmed");
    web.is_silent();
}

#[test]
fn quit_user1_user2_and_winch_arrive() {
    let web = Supervised::new(&[("note", NOTE_SIGNALS), ("run", "exec ./note web")]);
    web.sandbox.wait_until("it has its traps", || web.sandbox.path("web/ready-web").exists());
    let mut expected = String::new();
    for (letter, signal) in [("q", "QUIT"), ("1", "USR1"), ("2", "USR2"), ("w", "WINCH")] {
        web.sandbox.run(&format!("svc -{letter} web"));
        expected += &format!("web {signal}\n");
        web.wait_for("got", &expected);
    }
    let pid = web.sandbox.next_pid("web", 0);
    web.sandbox.run("svc -d web && svc -q12w web");
    wait_for_sorted(
        &web,
        "got",
        "web QUIT\nweb QUIT\nweb TERM\nweb USR1\nweb USR1\nweb USR2\nweb USR2\nweb WINCH\nweb WINCH\n",
    );
    assert!(process_state(pid).is_some());
}

#[test]
fn down_reaches_the_whole_group_when_told_so() {
    let family = "sleep 1000 &\necho $! >child-pid\nexec sleep 2000";
    let web = Supervised::new(&[("family", family), ("run", "exec pgrphack ./family")]);
    let child = note(&web, "child-pid");
    web.wait_for_program("sleep");
    web.sandbox.run("svc -+d web");
    web.wait_until_down();
    web.sandbox.wait_until("the child is gone", || process_state(child).is_none());
}

/// The messages name every process; and only after `svc -d` is it worth a word.
#[test]
fn what_runs_on_after_a_stop_is_reported() {
    let in_another_group = "import os; os.setpgid(0, 0); open('third', 'w').write('%d\\n' % os.getpid()); os.execvp('tail', ['tail', '-f', '/dev/null'])";
    let family = format!(
        "echo $$ >self\nsleep 1000 &\necho $! >first\nsleep 1000 &\necho $! >second\npython3 -c \"{in_another_group}\" &
        [ -e others ] || : >others\nexec sleep 2000"
    );
    let web = Supervised::new(&[("family", &family), ("run", "exec pgrphack ./family")]);
    let leftovers = || ["first", "second", "third"].map(|name| note(&web, name));
    let mut pid = web.sandbox.next_pid("web", 0);
    let before = leftovers();
    wait_for_family(&web, before);
    // A restart is nobody's wish to have all of it gone.
    ["first", "second", "third"].iter().for_each(|name| fs::remove_file(web.path(name)).unwrap());
    web.sandbox.run("svc -t web");
    pid = web.sandbox.next_pid("web", pid);
    let after = leftovers();
    wait_for_family(&web, after);
    web.is_silent();

    web.sandbox.run("svc -d web");
    web.wait_until_down();
    // In the order of their numbers.
    let mut listed: Vec<(i32, &str)> = after.into_iter().zip(["sleep", "sleep", "tail"]).collect();
    listed.sort_unstable();
    let listed: Vec<String> = listed.iter().map(|(pid, name)| format!("{pid} ({name})")).collect();
    let expected = format!(
        "supervise: warning: web has ended, but these of its processes run on: {}\n",
        listed.join(", ")
    );
    web.sandbox.wait_until("it is reported", || web.sandbox.read("messages") == expected);
    assert!(before.iter().chain(&after).all(|&pid| process_state(pid).is_some()), "{pid} only reported them");
}

/// Waits until each process of the family has become the program that it is to be.
#[track_caller]
fn wait_for_family(web: &Supervised, children: [i32; 3]) {
    for (pid, program) in children.into_iter().zip(["sleep", "sleep", "tail"]) {
        web.sandbox.wait_until(&format!("a child is {program}"), || program_of(pid) == program);
    }
    web.wait_for_program("sleep");
}

#[test]
fn nothing_is_reported_when_nothing_is_left() {
    for run in ["exec pgrphack sleep 1000", "exec sleep 1000", "setsid sleep 1000 &\nexec sleep 2000"] {
        for files in [&[("run", run)][..], &[("run", run), ("end-leftovers", ""), ("timeout-kill", "60000")]]
        {
            if files.len() > 1 && run.contains('&') {
                continue;
            }
            let web = Supervised::new(files);
            web.wait_for_program("sleep");
            web.sandbox.run("svc -dx web");
            let mut web = web;
            web.supervise.ends_well();
            // A child in a session of its own is not the service's any more, unless supervise was told to care.
            web.is_silent();
        }
    }
}

#[test]
fn a_restart_waits_until_leftovers_are_killed() {
    let web = holding(&[("end-leftovers", ""), ("timeout-kill", "600")]);
    let (pid, child) = (web.sandbox.next_pid("web", 0), note(&web, "child-pid"));
    fs::remove_file(web.path("child-pid")).unwrap();
    let before = Instant::now();
    web.sandbox.run("svc -t web");
    web.wait_for("starts", "start\nstart\n");
    assert!(before.elapsed() >= Duration::from_millis(600), "it had only {:?}", before.elapsed());
    assert_eq!(process_state(child), None);
    assert_ne!(web.sandbox.next_pid("web", pid), pid);
    has_ended(&web, [child]);
}

#[test]
fn finish_comes_after_the_leftovers() {
    let finish = "flock -n lock echo free >>ends || echo busy >>ends";
    let web = holding(&[("end-leftovers", ""), ("timeout-kill", "300"), ("finish", finish)]);
    web.sandbox.run("svc -d web");
    web.wait_for("ends", "free\n");
    assert_eq!(process_state(note(&web, "child-pid")), None);
}

#[test]
fn supervise_ends_after_the_leftovers() {
    let mut web = holding(&[("end-leftovers", ""), ("timeout-kill", "500")]);
    let child = note(&web, "child-pid");
    let before = Instant::now();
    web.sandbox.run("svc -dx web");
    web.supervise.ends_well();
    assert!(before.elapsed() >= Duration::from_millis(500), "after {:?}", before.elapsed());
    assert_eq!(process_state(child), None);
    assert!(web.sandbox.sh("cd web && flock -n lock true").status.success(), "somebody holds the lock");
    assert_eq!(web.sandbox.processes(), []);
}

/// A server that puts itself into the background: its parents are gone long before the service ends.
#[test]
fn daemons_are_ended_too() {
    let run = "setsid sh -c 'setsid ./child & exit' &\nwait\nexec 3<>in\nread -r line <&3\nexec sleep 1000";
    let files = [("run", run), ("child", DEAF), ("end-leftovers", ""), ("timeout-kill", "300")];
    let web = Supervised::new(&files);
    let child = note(&web, "child-pid");
    web.wait_for_program("sleep");
    let parent = || fs::read_to_string(format!("/proc/{child}/status")).unwrap();
    let is_ours = format!("PPid:\t{}\n", web.supervise.pid());
    web.sandbox.wait_until("supervise has taken it in", || parent().contains(&is_ours));
    web.sandbox.run("svc -d web");
    web.sandbox.wait_until("the daemon is gone", || process_state(child).is_none());
    has_ended(&web, [child]);
}

/// As another account's: it was started by a program that changes the account.
#[test]
fn leftovers_that_may_not_be_ended_are_not_waited_for() {
    let sandbox = Sandbox::for_everybody();
    sandbox.script(
        "web/run",
        "[ -e starts ] || setsid ./grow --reuid=0 ./child &\nread -r line <in\necho start >>starts",
    );
    sandbox.script("web/child", "echo $$ >child-pid\necho >in\nread -r line <never");
    sandbox.write("web/end-leftovers", "");
    sandbox.run("mkfifo web/in web/never && chown -R nobody web");
    let may_grow = is_root()
        && sandbox.sh("cp $(command -v setpriv) web/grow && chmod 4755 web/grow").status.success()
        && sandbox.run("setuidgid nobody web/grow --reuid=0 id -ru") == "0\n";
    if !may_grow {
        show("skipped: a program that changes the account needs root");
        return;
    }
    let _supervise = sandbox.start("setuidgid nobody supervise web", "messages");
    sandbox.wait_until("it is started again", || sandbox.count("web/child-pid", "") == 1);
    let child: i32 = sandbox.read("web/child-pid").trim().parse().unwrap();
    let message = format!(
        "supervise: warning: unable to end what web has left running: {child} (child): permission denied\n"
    );
    sandbox.wait_until("supervise says so", || sandbox.read("messages") == message);
    sandbox.run("echo >web/in");
    sandbox.wait_until("it is started again", || sandbox.count("web/starts", "start") == 2);
    assert!(process_state(child).is_some());
}

/// With a grace that no test lives to see the end of: TERM is what ends them, and CONT lets it.
#[test]
fn leftovers_that_obey_are_not_waited_for_any_longer() {
    let web = holding_with(
        "trap 'echo told >>told; exit' TERM\necho $$ >child-pid\necho >in\nwhile :; do sleep 0.02; done",
        &[("end-leftovers", ""), ("timeout-kill", "3600000")],
    );
    let child = note(&web, "child-pid");
    send(child, SIGSTOP);
    web.sandbox.wait_until("it is stopped", || process_state(child) == Some('T'));
    web.sandbox.run("svc -t web");
    web.wait_for("starts", "start\nstart\n");
    assert_eq!(web.sandbox.read("web/told"), "told\n");
}

#[test]
fn processes_that_are_not_the_service_s_are_left_alone() {
    let web = holding(&[("end-leftovers", ""), ("timeout-kill", "200")]);
    let supervise = web.supervise.pid();
    // In the directory, with the same environment; the first in the group of supervise, the second in its own.
    let strangers = ["sleep 3000", "setsid sleep 3000"]
        .map(|stranger| web.sandbox.start(&format!("env -C web {stranger}"), "strangers"));
    let child = note(&web, "child-pid");
    web.sandbox.run("svc -t web");
    web.wait_for("starts", "start\nstart\n");
    assert_eq!(process_state(child), None);
    web.sandbox.run("svc -d web");
    web.wait_until_down();
    for stranger in &strangers {
        assert!(process_state(stranger.pid()).is_some());
    }
    assert!(process_state(supervise).is_some());
}

/// A service with a deaf child that holds the lock; both are up.
fn holding(files: &[(&str, &str)]) -> Supervised {
    holding_with(DEAF, files)
}

fn holding_with(child: &str, files: &[(&str, &str)]) -> Supervised {
    let web = Supervised::new(&[&[("run", HOLDING), ("child", child)], files].concat());
    web.wait_for("starts", "start\n");
    web.wait_for_program("sleep");
    web
}

/// Waits until a number is noted in a file of the service.
#[track_caller]
fn note(web: &Supervised, name: &str) -> i32 {
    let file = format!("web/{name}");
    web.sandbox.wait_until(&format!("{name} is noted"), || web.sandbox.read(&file).ends_with('\n'));
    web.sandbox.read(&file).trim().parse().unwrap()
}

/// Waits until parent and child have their traps, and returns the child.
#[track_caller]
fn child_of_family(web: &Supervised) -> i32 {
    for name in ["ready-parent", "ready-child"] {
        web.sandbox.wait_until("the family has its traps", || web.path(name).exists());
    }
    let is_note =
        |pid: &i32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.ends_with(b"child\0"));
    children(web.sandbox.next_pid("web", 0)).into_iter().find(is_note).unwrap()
}

/// Waits until a file of the service is exactly this, but for the order of its lines.
#[track_caller]
fn wait_for_sorted(web: &Supervised, file: &str, expected: &str) {
    let sorted = || {
        let content = web.sandbox.read(&format!("web/{file}"));
        let mut lines: Vec<&str> = content.split_inclusive('\n').collect();
        lines.sort_unstable();
        lines.concat()
    };
    web.sandbox.wait_until(&format!("{file} is {expected:?}"), || sorted() == expected);
}

/// What supervise says about the leftovers that it ends: these, and perhaps a child of theirs.
#[track_caller]
fn has_ended<const N: usize>(web: &Supervised, pids: [i32; N]) {
    let messages = web.sandbox.read("messages");
    let list = messages.strip_prefix("supervise: warning: ending what web has left running: ");
    let list = list.and_then(|list| list.strip_suffix('\n')).unwrap_or_else(|| panic!("{messages:?}"));
    assert!(!list.contains('\n'), "one message: {messages:?}");
    for pid in pids {
        assert!(list.split(", ").any(|word| word == format!("{pid} (child)")), "{pid} is not in {list:?}");
    }
}
