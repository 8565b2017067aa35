//! The pipe from a participant to its logger.

use crate::support::Sandbox;

/// Prints one number after the other, and goes on where it has left off.
const COUNTER: &str = "trap 'stop=1' TERM; read -r n <next
while [ -z \"$stop\" ]; do echo \"line $n\"; n=$((n + 1)); echo $n >next; sleep 0.01; done";

#[test]
fn i1_no_line_is_lost_when_participant_and_logger_are_restarted() {
    let sandbox = Sandbox::with_skynet();
    sandbox.participant("p", COUNTER);
    sandbox.write("BOSS/participants/p/next", "1\n");
    sandbox.enable("p");
    let _svscan = sandbox.svscan();
    let count = || sandbox.read("BOSS/participants/p/next").trim().parse().unwrap_or(0);
    let mut aim = 0;
    for restart in ["skynet restart p", "svc -t BOSS/participants/p/log", "svc -d BOSS/participants/p/log"] {
        for _ in 0..3 {
            aim = count() + 10;
            sandbox.wait_until("there are more lines", || count() > aim);
            sandbox.run(restart);
        }
    }
    // While there is no logger, lines wait in the pipe.
    aim += 20;
    sandbox.wait_until("there are more lines", || count() > aim);
    sandbox.run("svc -u BOSS/participants/p/log; skynet stop p");
    let last = count() - 1;
    let end = format!(" p: line {last}\n");
    sandbox.wait_until("all is logged", || sandbox.run("skynet log p -n 1").ends_with(&end));
    let text = sandbox.run("skynet log p");
    let numbers: Vec<u32> =
        text.lines().map(|line| line.split("line ").nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(numbers, (1..=last).collect::<Vec<_>>());
}

/// Disables a participant that says much when it is told to end, and has a logger that begins to read then. It must get
/// all of it.
#[track_caller]
fn check_last_words(wait_for_them: &str) {
    let sandbox = Sandbox::with_skynet();
    let last_words = "trap 'seq 20; : >said; exit 0' TERM; : >ready; while :; do sleep 0.02; done";
    sandbox.participant("p", last_words);
    // It would lose what it has not read when it is told to end.
    let read = "while [ -z \"$end\" ] && read -r line; do echo \"$line\" >>got; done";
    sandbox.script("BOSS/participants/p/log/run", &format!("trap 'end=1' TERM\n{wait_for_them}\n{read}"));
    sandbox.enable("p");
    let _svscan = sandbox.svscan();
    sandbox.wait_until("it runs", || sandbox.path("BOSS/participants/p/ready").exists());
    // Otherwise svscan has not come to the logger yet.
    sandbox.wait_for_supervises(&["p/log"]);
    assert_eq!(sandbox.run("skynet disable --now p"), "p is disabled\np STOPPED\n");
    let expected: String = (1..=20).map(|number| format!("{number}\n")).collect();
    assert_eq!(sandbox.read("BOSS/participants/p/log/got"), expected);
}

#[test]
fn i1_a_logger_that_is_behind_has_all_lines_when_the_participant_is_disabled() {
    check_last_words("until [ -e ../said ]; do sleep 0.02; done");
}

#[test]
fn i1_a_logger_that_is_about_to_be_started_again_has_all_lines_when_the_participant_is_disabled() {
    check_last_words("[ -e ../said ] || exit 1");
}
