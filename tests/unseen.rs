//! What happens to a service while it has no supervise is dealt with by the next one.

use crate::support::{Sandbox, Supervised, kill, process_state};

/// Kills supervise, does something, and starts supervise again.
fn without_supervise(supervised: &mut Supervised, action: impl FnOnce(&Sandbox)) {
    let before = supervised.supervise.pid();
    kill(before);
    supervised.supervise.wait();
    action(&supervised.sandbox);
    supervised.supervise = supervised.sandbox.start("supervise web", "messages");
    supervised.sandbox.next_supervise("web", before);
}

#[test]
fn a_service_that_ended_while_nobody_looked_is_finished() {
    let mut supervised = Supervised::new(&[
        ("run", "echo start >>story\nexec sleep 1000"),
        ("finish", "echo finish $1 $2 >>story"),
        ("notify", "[ $2 = start ] || echo $2 $3 $4 >>news"),
    ]);
    supervised.wait_for("story", "start\n");
    let pid = supervised.sandbox.next_pid("web", 0);
    without_supervise(&mut supervised, |sandbox| {
        kill(pid);
        sandbox.wait_until("it is gone", || process_state(pid).is_none());
    });
    supervised.wait_for("story", "start\nfinish 256 0\nstart\n");
    supervised.wait_for("news", &format!("exit {pid} 256\n"));
    assert_eq!(supervised.last_exit(), "unknown");
    supervised.is_silent();
}

#[test]
fn a_service_that_was_told_to_go_down_and_did_so_while_nobody_looked_stays_down() {
    let mut supervised = Supervised::new(&[
        ("run", "trap '' TERM\necho start >>story\nwhile :; do sleep 0.02; done"),
        ("finish", "echo finish >>story"),
    ]);
    supervised.wait_for("story", "start\n");
    let pid = supervised.sandbox.next_pid("web", 0);
    supervised.sandbox.tell("web", "-d");
    without_supervise(&mut supervised, |sandbox| {
        kill(pid);
        sandbox.wait_until("it is gone", || process_state(pid).is_none());
    });
    supervised.wait_for("story", "start\nfinish\n");
    supervised.wait_until_down();
    supervised.sandbox.tell("web", "-u");
    supervised.wait_for("story", "start\nfinish\nstart\n");
    supervised.is_silent();
}

#[test]
fn a_finish_that_still_runs_is_waited_for() {
    let mut supervised = Supervised::new(&[
        ("run", "echo start >>story\nexit 1"),
        ("finish", "echo finish >>story\nread -r word <in\necho end >>story"),
        ("timeout-finish", "0"),
    ]);
    supervised.wait_for("story", "start\nfinish\n");
    without_supervise(&mut supervised, |_| ());
    assert!(supervised.path("supervise/finishing").exists());
    supervised.sandbox.tell("web", "-o");
    supervised.say("");
    supervised.wait_for("story", "start\nfinish\nend\nstart\nfinish\n");
    supervised.say("");
    supervised.sandbox.tell("web", "-dx");
    supervised.supervise.ends_well();
    assert!(supervised.sandbox.read("web/story").starts_with("start\nfinish\nend\nstart\nfinish\n"));
    supervised.is_silent();
}

#[test]
fn a_finish_that_still_runs_has_its_time_again() {
    let mut supervised = Supervised::new(&[
        ("run", "[ -e again ] && exec sleep 1000\n: >again"),
        ("finish", "echo $$ >>finisher\nexec sleep 1000"),
        ("timeout-finish", "0"),
    ]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("finish runs", || sandbox.read("web/finisher").ends_with('\n'));
    let finisher: i32 = sandbox.read("web/finisher").trim().parse().unwrap();
    without_supervise(&mut supervised, |sandbox| sandbox.write("web/timeout-finish", "300\n"));
    supervised.wait_for_program("sleep");
    assert_eq!(process_state(finisher), None, "it was killed");
    assert_eq!(supervised.sandbox.count("web/finisher", ""), 1);
    supervised.is_silent();
}

/// An instance is torn if the machine has crashed, say; it may have been on another machine, too.
#[test]
fn what_an_earlier_supervise_has_said_does_not_outlive_it() {
    for instance in ["", "boot torn\n"] {
        let sandbox = Sandbox::new();
        sandbox.script("web/run", "exec sleep 1000");
        sandbox.write("web/down", "");
        sandbox.write("web/supervise/instance", instance);
        sandbox.write("web/supervise/ready", "@400000006b00628a2367cdfc\n");
        sandbox.write("web/supervise/finishing", "");
        let _supervise = sandbox.start("supervise web", "messages");
        sandbox.wait_until("supervise runs", || sandbox.is_served("web"));
        for name in ["ready", "finishing"] {
            assert!(!sandbox.path("web/supervise").join(name).exists(), "{name} with {instance:?}");
        }
    }
}

/// What was about to be killed after the time of `timeout-kill` is, also when supervise has died meanwhile.
#[test]
fn the_end_of_leftovers_goes_on_with_the_next_supervise() {
    let mut supervised = Supervised::new(&[
        ("run", "[ -e started ] && exec sleep 1000\n: >started\nexec pgrphack ./work"),
        ("work", "./leftover &\nread -r word <in\nexit 3"),
        ("leftover", "trap '' TERM\necho $$ >leftover.pid\nwhile :; do sleep 0.02; done"),
        ("finish", "echo finish $1 $2 >>story"),
        ("end-leftovers", ""),
        ("timeout-kill", "3600000"),
    ]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("the leftover runs", || sandbox.read("web/leftover.pid").ends_with('\n'));
    let leftover: i32 = sandbox.read("web/leftover.pid").trim().parse().unwrap();
    supervised.say("");
    sandbox.wait_until("it is being ended", || sandbox.count("messages", "has left running") == 1);
    sandbox.wait_until("the end is written down", || supervised.last_exit() == "exited 3");
    supervised.sandbox.wait_until_down("web");
    without_supervise(&mut supervised, |sandbox| sandbox.write("web/timeout-kill", "300\n"));
    supervised.wait_for("story", "finish 3 0\n");
    assert_eq!(process_state(leftover), None, "the leftover was killed");
    supervised.wait_for_program("sleep");
    assert_eq!(supervised.last_exit(), "exited 3", "the next supervise knows how it ended");
}

#[test]
fn a_supervise_that_was_to_exit_with_its_service_is_followed_by_one_that_does() {
    for dies_unseen in ["the service dies unseen", ""] {
        let mut supervised = Supervised::new(&[
            ("run", "echo start >>story\nexec sleep 1000"),
            ("finish", "echo finish >>story"),
        ]);
        supervised.wait_for("story", "start\n");
        let pid = supervised.sandbox.next_pid("web", 0);
        supervised.sandbox.run("svc -x web");
        supervised.sandbox.wait_until("it is written down", || {
            supervised.sandbox.instance("web").is_some_and(|instance| instance.exiting)
        });
        kill(supervised.supervise.pid());
        supervised.supervise.wait();
        if !dies_unseen.is_empty() {
            kill(pid);
            supervised.sandbox.wait_until("it is gone", || process_state(pid).is_none());
        }
        supervised.supervise = supervised.sandbox.start("supervise web", "messages");
        if dies_unseen.is_empty() {
            supervised.sandbox.next_supervise("web", 0);
            kill(pid);
        }
        assert!(supervised.supervise.wait().success(), "{dies_unseen}");
        assert_eq!(supervised.sandbox.read("web/story"), "start\nfinish\n", "{dies_unseen}");
        supervised.is_silent();
    }
}
