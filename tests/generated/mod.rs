//! Generated cases: random scripts, inputs, directories and arguments are given to our programs and to the original,
//! and all observable behaviour must be the same. What may differ (docs/compatibility.md 1.18) is not generated, or
//! is named where the comparison leaves it out.
//!
//! Each generator runs a fixed number of cases, in `SECONDS_IN_CHECK` at most. `SVTOOLS_SECONDS=600` lets each run
//! for so long instead; `SVTOOLS_SEED=number` begins with the case of that seed, `SVTOOLS_OURS` and `SVTOOLS_THEIRS`
//! choose the two directories of programs. A case that fails is made small, and printed with its seed.

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Random directories of variables, and random environments.
mod envdir;
/// Random scripts, inputs, and directories left by others.
mod multilog;
/// Running a program on both sides, and telling what is different.
mod run;
/// Random options and files, some of them locked.
mod setlock;
/// Random options and limits.
mod softlimit;
/// Random bytes for a running supervise.
mod supervise;
/// Random options, letters and directories.
mod svc;
/// Random texts, labels and time zones.
mod tai64n;

/// How long a generator runs at most unless it is told otherwise.
const SECONDS_IN_CHECK: u64 = 15;

/// What became of a case: nothing, or what is different.
type Verdict = Result<(), String>;

/// A generator: its module's name, how many cases `make check` runs, and how many at a time.
struct Generator {
    name: &'static str,
    cases: u64,
    workers: usize,
}

impl Generator {
    /// Compares case after case. Case number n comes from seed + n, so that each can be had alone.
    fn compare<S>(&self, strategy: impl Fn() -> S + Sync, check: impl Fn(&S::Value) -> Verdict + Sync)
    where
        S: Strategy,
    {
        let number = |variable| Some(std::env::var(variable).ok()?.parse::<u64>().unwrap());
        let seconds = number("SVTOOLS_SECONDS");
        let seed = number("SVTOOLS_SEED").unwrap_or_else(|| {
            let micros = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
            u64::try_from(micros).unwrap()
        });
        let cases = if seconds.is_some() { u64::MAX } else { self.cases };
        let limit = Duration::from_secs(seconds.unwrap_or(SECONDS_IN_CHECK));
        let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let failures = Mutex::new(Vec::new());
        let start = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..self.workers {
                scope.spawn(|| {
                    let strategy = strategy();
                    while start.elapsed() < limit && failures.lock().unwrap().is_empty() {
                        let case = next.fetch_add(1, Ordering::Relaxed);
                        if case >= cases {
                            break;
                        }
                        if let Some(failure) = self.one(&strategy, &check, seed + case) {
                            failures.lock().unwrap().push(failure);
                        }
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        });
        let failures = failures.into_inner().unwrap();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        let done = done.into_inner();
        assert!(done > 0, "{}: no case in {limit:?}", self.name);
        let summary = format!("generated: {}: {done} cases, same as the original (seed {seed})\n", self.name);
        // Not `println!`: the test harness would hide it when the test passes.
        std::io::stderr().write_all(summary.as_bytes()).unwrap();
    }

    /// Runs the case of one seed; if it fails, finds a small one that fails too, and describes it.
    fn one<S: Strategy>(
        &self,
        strategy: &S,
        check: impl Fn(&S::Value) -> Verdict,
        seed: u64,
    ) -> Option<String> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let config = Config { failure_persistence: None, max_shrink_time: 60_000, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        let tree = strategy.new_tree(&mut runner).unwrap();
        let outcome = runner.run_one(tree, |case| check(&case).map_err(TestCaseError::fail));
        let (reason, case) = match outcome {
            Ok(_) => return None,
            Err(TestError::Fail(reason, case)) => (reason, case),
            Err(TestError::Abort(reason)) => return Some(format!("{}: {reason}", self.name)),
        };
        Some(format!(
            "{name} differs from the original in this case:\n{case:#?}\n{reason}\n\
            To see it again: SVTOOLS_SEED={seed} cargo test --test integration generated::{name} -- --nocapture",
            name = self.name
        ))
    }
}
