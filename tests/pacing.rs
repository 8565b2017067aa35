//! At most one start a second, and yet nobody ever waits for that second who does not have to.

use crate::support::{NOTE_START, Sandbox, Supervised, best_of_attempts, kill};
use servicedir::service::last_exit::LastExit;
use servicedir::tai::Stamp;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);

/// Well before the second is over.
const AT_ONCE: Duration = Duration::from_millis(500);

/// How exact the kernel is about the start of a process.
const TICK: Duration = Duration::from_millis(10);

/// The service notes each of its starts, and stays.
const NOTE_AND_STAY: &str = "echo start >>starts\nexec sleep 1000";

#[test]
fn a_service_that_exits_at_once_is_started_once_a_second() {
    let supervised = Supervised::new(&[("run", NOTE_START)]);
    let sandbox = &supervised.sandbox;
    sandbox.wait_until("the service was started five times", || supervised.starts().len() >= 5);
    let pauses: Vec<Duration> = supervised.starts().windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|&pause| pause >= SECOND - TICK), "{pauses:?}");
    assert!(pauses.iter().any(|&pause| pause < SECOND + AT_ONCE), "{pauses:?}");
}

#[test]
fn down_takes_effect_at_once_within_the_second() {
    best_of_attempts("from the start of a service to its end after svc -d", SECOND, || {
        let sandbox = Sandbox::new();
        sandbox.script("web/run", NOTE_AND_STAY);
        let _supervise = sandbox.start("supervise web", "messages");
        let time = lifetime(&sandbox, "d");
        sandbox.wait_until_down("web");
        time
    });
}

#[test]
fn exit_takes_effect_at_once_within_the_second() {
    best_of_attempts("from the start of a service to its end after svc -dx", SECOND, || {
        let sandbox = Sandbox::new();
        sandbox.script("web/run", NOTE_AND_STAY);
        let mut supervise = sandbox.start("supervise web", "messages");
        let time = lifetime(&sandbox, "dx");
        supervise.ends_well();
        time
    });
}

/// How long a service lives, according to its supervise, that is told to end as soon as it has started.
#[track_caller]
fn lifetime(sandbox: &Sandbox, letters: &str) -> Duration {
    sandbox.next_pid("web", 0);
    let start = sandbox.status("web").unwrap().since;
    sandbox.write_command("web", letters);
    let mut end = None;
    sandbox.wait_until("its end is written down", || {
        end = LastExit::decode(sandbox.read("web/supervise/last-exit").as_bytes());
        end.is_some()
    });
    let since_1970 = |stamp: Stamp| {
        let seconds = Duration::from_secs(stamp.to_unix().try_into().unwrap());
        seconds + Duration::from_nanos(stamp.nanoseconds().into())
    };
    since_1970(end.unwrap().at).saturating_sub(since_1970(start))
}

#[test]
fn up_after_a_stop_within_the_second_keeps_the_pace() {
    let sandbox = Sandbox::new();
    sandbox.script("web/run", NOTE_AND_STAY);
    let before = Instant::now();
    let _supervise = sandbox.start("supervise web", "messages");
    sandbox.wait_until("the service has started", || sandbox.count("web/starts", "") == 1);
    for starts in 2..=3 {
        sandbox.run("svc -d web");
        sandbox.wait_until_down("web");
        sandbox.run("svc -u web");
        let what = format!("the service has started {starts} times");
        sandbox.wait_until(&what, || sandbox.count("web/starts", "") == starts);
        let (elapsed, least) = (before.elapsed(), SECOND * u32::try_from(starts - 1).unwrap());
        assert!(elapsed >= least, "{starts} starts in {elapsed:?}");
    }
}

#[test]
fn a_service_that_ran_for_a_second_runs_again_at_once() {
    let sandbox = Sandbox::new();
    sandbox.script("web/run", NOTE_AND_STAY);
    let _supervise = sandbox.start("supervise web", "messages");
    best_of_attempts("from the death of the service to its next start", AT_ONCE, || {
        let seen = Instant::now();
        let pid = sandbox.next_pid("web", 0);
        sandbox.wait_until("the service has run for more than a second", || seen.elapsed() > SECOND);
        timed(|| {
            kill(pid);
            sandbox.next_pid("web", pid);
        })
    });
}

fn timed(action: impl FnOnce()) -> Duration {
    let before = Instant::now();
    action();
    before.elapsed()
}
