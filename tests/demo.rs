//! The demonstration shows what it should, and nothing of it is left, however it ends.

use crate::support::{Running, Sandbox, is_root};
use nix::sys::signal::Signal::SIGINT;
use std::time::Duration;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Only a tour that fails takes so long.
const TOUR: Duration = Duration::from_secs(3600);

/// Says of itself that nothing is left.
const LAST_LINE: &str = "No process of this demo is alive any more, and its directory is removed.\n";

#[test]
fn the_tour_ends_by_itself_and_shows_what_it_promises() {
    check_tour(Demo::start(Sandbox::new(), ""));
}

#[test]
fn the_tour_needs_no_root() {
    if is_root() {
        let prefix = "setpriv --reuid nobody --regid 65534 --clear-groups";
        check_tour(Demo::start(Sandbox::for_everybody(), prefix));
    }
}

#[test]
fn an_interrupted_tour_cleans_up() {
    let interrupt = |moment| {
        let mut demo = Demo::start(Sandbox::new(), "");
        demo.wait_for(moment);
        demo.interrupt();
        let code = demo.process.wait().code();
        assert_eq!(code, Some(130), "{}", demo.output());
        assert!(demo.output().contains("\nInterrupted: ending everything.\n"), "{}", demo.output());
        demo.check_that_nothing_is_left();
    };
    std::thread::scope(|scope| {
        for moment in ["\n$ svscan ", "\n$ svc -d ", "\nMeanwhile the worker "] {
            scope.spawn(move || interrupt(moment));
        }
    });
}

#[test]
fn with_keep_the_services_stay_until_the_interrupt() {
    let mut demo = Demo::start(Sandbox::new(), "env KEEP=1");
    demo.wait_for("\nCtrl-C here ends ");
    let output = demo.output();
    // What it says one can type, except for the command that never ends.
    let commands = output.lines().skip_while(|line| !line.starts_with("export PATH="));
    let commands = commands.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("tail -F "));
    let printed = demo.sandbox.run(&format!("set -e\n{}", commands.collect::<Vec<_>>().join("\n")));
    assert!(printed.contains("/service/web: up (pid "), "{printed}");
    assert!(!demo.process.has_ended(), "{}", demo.output());
    demo.interrupt();
    let code = demo.process.wait().code();
    assert_eq!(code, Some(0), "{}", demo.output());
    demo.check_that_nothing_is_left();
}

#[track_caller]
fn check_tour(mut demo: Demo) {
    let status = demo.process.wait_at_most(TOUR);
    let output = demo.output();
    assert!(status.is_some_and(|status| status.success()), "{status:?}\n{output}");

    let after =
        |command: &str| output.split(command).nth(1).unwrap_or_else(|| panic!("no {command}\n{output}"));
    let stopped = after("\n$ svc -d service/web\n$ svstat service/web\n");
    assert!(stopped.starts_with("service/web: down "), "{output}");
    let (killed, rest) = after("\n$ kill -9 ").split_once('\n').unwrap();
    let (_, new) = rest.split_once("service/web: up (pid ").unwrap();
    assert!(!new.starts_with(&format!("{killed})")), "a crash makes a new process:\n{output}");
    let log = after("log/main/current | tai64nlocal\n");
    let (time, line) = log.split_at("2006-01-02 15:04:05.123456789".len());
    assert!(time.starts_with("20") && time.contains(':') && !time.contains('@'), "{output}");
    assert!(line.starts_with(" worker: "), "{output}");
    assert_eq!(output.matches("\nHello from a supervised web server.\n").count(), 2, "{output}");
    demo.check_that_nothing_is_left();
}

/// A running demonstration.
struct Demo {
    process: Running,
    sandbox: Sandbox,
}

impl Demo {
    /// Starts it as a terminal would: as a process group of its own that can be interrupted. `prefix` is a command
    /// that runs it in some other way.
    fn start(sandbox: Sandbox, prefix: &str) -> Self {
        // Another account may not get to where the repository is.
        sandbox.run(&format!(
            "install -m 755 '{ROOT}/demo/demo.sh' '{ROOT}/demo/stage.sh' . && mkdir -m 1777 tmp"
        ));
        let demo =
            "env --default-signal=INT TMPDIR=\"$PWD/tmp\" ./demo.sh \"$(dirname \"$(command -v svc)\")\"";
        Self { process: sandbox.start(&format!("setsid {prefix} {demo}"), "output"), sandbox }
    }

    fn output(&self) -> String {
        self.sandbox.read("output")
    }

    #[track_caller]
    fn wait_for(&self, text: &str) {
        self.sandbox.wait_until(&format!("the demo says {text}"), || self.output().contains(text));
    }

    /// What Ctrl-C does.
    fn interrupt(&self) {
        crate::support::send(-self.process.pid(), SIGINT);
    }

    #[track_caller]
    fn check_that_nothing_is_left(&self) {
        assert!(self.output().ends_with(LAST_LINE), "{}", self.output());
        assert_eq!(self.sandbox.run("ls -A tmp"), "", "files are left\n{}", self.output());
        assert_eq!(self.sandbox.processes(), Vec::<i32>::new(), "processes are left\n{}", self.output());
    }
}
