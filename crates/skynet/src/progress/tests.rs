//! Tasks as lists of looks and steps.

use super::*;

/// A look that is written `u7r`: wanted up, in process 7, ready; `u7tr` the same of a run that was told to end; `d0` wanted down, and down; `-` without supervise, `-7`
/// when that was killed. An end is written behind it: `u0!3` is the third of all ends.
fn sight(text: &str) -> Sight {
    let (state, end) = text.split_once('!').map_or((text, None), |(state, end)| (state, Some(end)));
    let end = end.map(|end| Stamp::from_unix(Duration::from_secs(end.parse().unwrap())));
    let pid = state.trim_matches(|letter: char| !letter.is_ascii_digit()).parse().unwrap_or(0);
    Sight {
        is_supervised: !state.starts_with('-'),
        pid: NonZeroU32::new(pid),
        age: Duration::ZERO,
        has_begun: true,
        want: match state.chars().next() {
            Some('u') => Want::Up,
            Some('o') => Want::Once,
            _ => Want::Down,
        },
        is_told: state.contains('t'),
        is_ready: state.ends_with('r'),
        last_exit: end.map(|at| (at, Exit::Exited(3))),
    }
}

/// Carries out a task; the looks and what is expected of each stand in turn. A step is written as the letters to send, `.`
/// to wait, `~` to look again, or the end.
#[track_caller]
fn check(task: Task, tells_readiness: bool, looks: &[(&str, &str)]) {
    let start = Instant::now();
    let mut progress = Progress::new(task, tells_readiness);
    for (index, (look, expected)) in looks.iter().enumerate() {
        // A look every 600 milliseconds.
        let now = start + Duration::from_millis(600) * u32::try_from(index).unwrap();
        let step = match progress.see(&sight(look), now) {
            Step::Send(letters) => String::from_utf8(letters.to_vec()).unwrap(),
            Step::Look => "~".to_string(),
            Step::Renew => "renew".to_string(),
            Step::Wait(_) => ".".to_string(),
            Step::End(End::Running) => "running".to_string(),
            Step::End(End::Stopped) => "stopped".to_string(),
            Step::End(End::Failed(why) | End::Late(why)) => why,
            Step::End(End::Unsupervised) => "unsupervised".to_string(),
        };
        assert_eq!(&step, expected, "{task:?}, look {index}: {look}");
    }
}

const EXITED: &str = "it exited with code 3 within a second after its start; its log may say why";
const NEVER_READY: &str = "it exited with code 3 before it was ready; its log may say why";

#[test]
fn a_start_is_over_when_it_has_stayed_up_for_a_second() {
    check(Task::Start, false, &[("d0", "u"), ("d0", "."), ("u7", "."), ("u7", "."), ("u7", "running")]);
    check(Task::Start, false, &[("d0", "u"), ("u7", "."), ("u0!1", EXITED)]);
    check(Task::Start, false, &[("u0!4", "u"), ("u7!4", "."), ("u8!5", EXITED)]);
    check(Task::Start, false, &[("-", "unsupervised")]);
}

#[test]
fn a_start_is_over_when_it_is_ready_if_it_says_so() {
    check(Task::Start, true, &[("d0", "u"), ("u7", "."), ("u7", "."), ("u7", "."), ("u7r", "running")]);
    check(Task::Start, true, &[("u7r", "u"), ("u7r", "running")]);
    check(Task::Start, true, &[("u7", "u"), ("u7", "."), ("u0!1", NEVER_READY)]);
}

#[test]
fn one_that_is_stopping_is_started_when_it_has_stopped() {
    let looks =
        [("d7r", "u"), ("u7r", "."), ("u7r!1", "."), ("u0!1", "."), ("u8!1", "."), ("u8r!1", "running")];
    check(Task::Start, true, &looks);
    check(Task::Start, true, &[("d7r", "u"), ("u8!1", "."), ("u9!2", NEVER_READY)]);
}

#[test]
fn what_is_to_be_taken_up_is_started_once_there_is_a_supervise() {
    check(Task::TakeUp, true, &[("-", "."), ("-", "."), ("d0", "u"), ("u7", "."), ("u7r", "running")]);
    // What ran before may end, whether it failed or was told to; what follows may not.
    check(Task::TakeUp, false, &[("-", "."), ("u7", "u"), ("u0!1", "."), ("u8!1", "."), ("u0!2", EXITED)]);
    let retired = [
        ("u7", "u"),
        ("d7t", "."),
        ("d0!1", "."),
        ("-!1", "."),
        ("u8!1", "."),
        ("u8!1", "."),
        ("u8!1", "running"),
    ];
    check(Task::TakeUp, false, &retired);
    check(Task::TakeUp, true, &[("-7", "."), ("u7r", "u"), ("u7r", "running")]);
}

#[test]
fn what_retires_ends_with_its_supervise() {
    check(Task::Retire, true, &[("u7r", "dx"), ("u7r", "."), ("d7", "."), ("d0!1", "."), ("-", "stopped")]);
    check(Task::Retire, true, &[("d0", "dx"), ("-", "stopped")]);
    check(Task::Retire, true, &[("-", "stopped")]);
    // A second TERM would make it drop what it has in hand.
    check(Task::Retire, true, &[("d7r", "x"), ("d7r", "."), ("-", "stopped")]);
    // Its supervise is killed meanwhile.
    check(Task::Retire, true, &[("u7r", "dx"), ("-7", "."), ("-", "stopped")]);
}

#[test]
fn what_has_lost_its_supervise_runs_nevertheless() {
    for task in [Task::Start, Task::Stop, Task::Restart, Task::Reload, Task::Retire] {
        check(task, true, &[("-7", "it runs (pid 7), but its supervisor was killed")]);
    }
    check(Task::Wait(Goal::Down), true, &[("-7", "~"), ("-7", "."), ("-", "stopped")]);
}

#[test]
fn a_stop_waits_for_the_end() {
    check(Task::Stop, true, &[("u7r", "d"), ("u7r", "."), ("d7r", "."), ("d0!1", "stopped")]);
    check(Task::Stop, true, &[("d0", "d"), ("d0", "stopped")]);
    // One that is between two runs is not down before it is wanted down.
    check(
        Task::Stop,
        true,
        &[("u0!1", "d"), ("u0!1", "."), ("u8!1", "."), ("d8!1", "."), ("d0!2", "stopped")],
    );
    check(Task::Stop, true, &[("-", "unsupervised")]);
}

#[test]
fn a_second_stop_does_not_make_it_drop_what_it_has_in_hand() {
    check(Task::Stop, true, &[("d7r", "~"), ("d7r", "."), ("d0!1", "stopped")]);
    check(
        Task::Restart,
        true,
        &[("d7r", "~"), ("d7r", "."), ("d0!1", "u"), ("u8!1", "."), ("u8r!1", "running")],
    );
    check(Task::Reload, true, &[("d7r", "~"), ("d7r", "."), ("d0!1", "stopped")]);
}

#[test]
fn a_run_that_was_told_to_end_is_not_told_again() {
    // A reload or a restart that is still under way.
    for task in [Task::Start, Task::Restart, Task::TakeUp] {
        check(
            task,
            true,
            &[("u7tr", "u"), ("u7tr", "."), ("u0!1", "."), ("u8!1", "."), ("u8r!1", "running")],
        );
    }
    check(
        Task::Reload,
        true,
        &[("u7tr", "~"), ("u7tr", "."), ("u0!1", "."), ("u8!1", "."), ("u8r!1", "running")],
    );
    // It stays down when it has ended, but for a run that has begun meanwhile.
    let looks =
        [("u7tr", "~"), ("u7tr", "."), ("u7tr", "o"), ("u7tr", "."), ("o7tr", "."), ("o0!1", "stopped")];
    check(Task::Stop, true, &looks);
    let looks =
        [("u7tr", "~"), ("u7tr", "."), ("u8!1", "d"), ("u8!1", "."), ("d8!1", "."), ("d0!2", "stopped")];
    check(Task::Stop, true, &looks);
    check(Task::Stop, true, &[("o7tr", "~"), ("o7tr", "."), ("o0!1", "stopped")]);
    check(Task::Reload, true, &[("o7tr", "~"), ("o7tr", "."), ("o0!1", "stopped")]);
    check(Task::Retire, true, &[("u7tr", "x"), ("u7tr", "."), ("-", "stopped")]);
    // The supervise has not yet read that it is to stop.
    check(Task::Stop, true, &[("u7tr", "~"), ("u7tr", "."), ("d7tr", "."), ("d0!1", "stopped")]);
    check(Task::Reload, true, &[("u7tr", "~"), ("u7tr", "."), ("d7tr", "."), ("d0!1", "stopped")]);
    // Two restarts: the other one has it started again.
    check(
        Task::Restart,
        true,
        &[("u7r", "d"), ("u7tr", "."), ("u0!1", "."), ("u8!1", "u"), ("u8!1", "."), ("u8r!1", "running")],
    );
}

#[test]
fn somebody_else_may_start_it_while_it_is_to_stop() {
    check(Task::Stop, true, &[("d7r", "~"), ("u7r", "d"), ("u7r", "."), ("d7r", "."), ("d0!1", "stopped")]);
    check(
        Task::Reload,
        true,
        &[("d7r", "~"), ("d7r", "."), ("u0!1", "."), ("u8!1", "."), ("u8r!1", "running")],
    );
}

#[test]
fn a_restart_is_a_stop_and_a_start() {
    let looks = [("u7r", "d"), ("d7r", "."), ("d0!1", "u"), ("u8!1", "."), ("u8r!1", "running")];
    check(Task::Restart, true, &looks);
    check(Task::Restart, true, &[("d0", "u"), ("u8", "."), ("u8r", "running")]);
    check(Task::Restart, false, &[("u7", "d"), ("d0!1", "u"), ("u8!1", "."), ("u0!2", EXITED)]);
}

#[test]
fn a_reload_ends_in_a_new_run_and_leaves_what_does_not_run_alone() {
    check(
        Task::Reload,
        true,
        &[("u7r", "renew"), ("u7r", "."), ("u0!1", "."), ("u8!1", "."), ("u8r!1", "running")],
    );
    check(Task::Reload, true, &[("u7r", "renew"), ("u8!1", "."), ("u0!2", NEVER_READY)]);
    check(Task::Reload, true, &[("d0", "stopped")]);
    check(Task::Reload, true, &[("o0", "stopped")]);
    check(Task::Reload, true, &[("u0!1", "u"), ("u8r!1", "running")]);
}

#[test]
fn whoever_waits_sends_nothing() {
    let looks = [("-", "~"), ("-", "."), ("d0", "."), ("u7", "."), ("u7", "."), ("u7", "running")];
    check(Task::Wait(Goal::Up), false, &looks);
    check(Task::Wait(Goal::Up), true, &[("u7", "~"), ("u7", "."), ("u7r", "running")]);
    let flapping = [("u7", "~"), ("u7", "."), ("u0!1", "."), ("u8!1", "."), ("u0!2", "."), ("u9!2", ".")];
    check(Task::Wait(Goal::Up), false, &flapping);
    check(Task::Wait(Goal::Ready), true, &[("u7", "~"), ("u7", "."), ("u7r", "running")]);
    check(Task::Wait(Goal::Down), true, &[("u7", "~"), ("u7", "."), ("-", "stopped")]);
}

#[test]
fn whoever_is_late_says_what_it_waited_for() {
    #[track_caller]
    fn check_late(task: Task, looks: &[&str], expected: &str) {
        let mut progress = Progress::new(task, true);
        looks.iter().for_each(|look| drop(progress.see(&sight(look), Instant::now())));
        let end = progress.late(&sight(looks.last().unwrap()), Duration::from_secs(5));
        assert_eq!(end, End::Late(expected.to_string()));
        assert_eq!(progress.last_commands().is_some(), task == Task::Restart);
    }
    let unfinished = "it has not finished what it has in hand within 5 seconds; it";
    check_late(Task::Stop, &["u7r", "d7r"], &format!("{unfinished} stops when it has"));
    check_late(Task::Restart, &["u7r", "d7r"], &format!("{unfinished} is started again when it has"));
    check_late(Task::Reload, &["u7r", "u7r"], &format!("{unfinished} is started again when it has"));
    check_late(
        Task::Retire,
        &["u7r", "d7r"],
        &format!("{unfinished} ends when it has, but its logger stays"),
    );
    check_late(Task::Retire, &["u7r", "d0"], "its supervisor has not ended within 5 seconds");
    check_late(Task::Start, &["d0", "u7"], "it runs, but has not said within 5 seconds that it is ready");
    check_late(Task::Start, &["d0", "u0"], "it was not started within 5 seconds");
    check_late(Task::Wait(Goal::Down), &["u7", "u7"], "it has not stopped within 5 seconds");
    check_late(Task::Wait(Goal::Up), &["u7", "u7"], "it has not stayed up for a second within 5 seconds");
    check_late(
        Task::Wait(Goal::Up),
        &["-", "-"],
        "it has had no supervisor within 5 seconds; is svscan running?",
    );
}
