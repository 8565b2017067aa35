//! Programs on a file system that does not answer: the process that is to become one of them waits in the kernel.

use crate::support::machine::skip;
use crate::support::{Running, Sandbox, is_root, process_state};
use std::path::Path;

/// The file system.
const HANGING: &str = include_str!("support/hanging_fs.py");

/// A service whose program hangs, and its supervise.
struct Hanging {
    sandbox: Sandbox,
    supervise: Running,
    /// The process that is to become the program.
    pid: i32,
}

impl Hanging {
    /// Starts a service; `make` makes `web/run`, with something on the file system in `far`. `None` if that cannot be had.
    fn start(make: &str) -> Option<Self> {
        let sandbox = Sandbox::new();
        sandbox.write("hanging.py", HANGING);
        sandbox.run(&format!("mkdir far web && : >web/down && {make}"));
        sandbox.script(
            "begin",
            // It is not to be a child of supervise.
            ": >asked\n\
             (python3 -IS hanging.py far >asked 2>&1 &)\n\
             until grep -q . asked; do sleep 0.02; done\n\
             grep -q mounted asked && exec supervise web",
        );
        let has_all = is_root() && Path::new("/dev/fuse").exists();
        let mut supervise = sandbox.start("unshare --mount --propagation private ./begin", "messages");
        sandbox.wait_until("supervise runs", || sandbox.is_served("web") || supervise.has_ended());
        if !has_all || supervise.has_ended() {
            skip("it needs root and /dev/fuse");
            return None;
        }
        sandbox.run("svc -u web");
        sandbox.wait_until("the file system is asked for run", || sandbox.count("asked", "asked") == 1);
        let pid = sandbox.next_pid("web", 0);
        Some(Self { sandbox, supervise, pid })
    }
}

#[test]
fn supervise_obeys_while_a_run_on_such_a_file_system_hangs() {
    let Some(Hanging { sandbox, mut supervise, pid }) = Hanging::start("ln -s ../far/run web/run") else {
        return;
    };
    sandbox.tell("web", "-d");
    sandbox.wait_until_down("web");
    assert_eq!(process_state(pid), None);
    assert_eq!(sandbox.count("web/supervise/last-exit", " killed TERM"), 1);
    sandbox.tell("web", "-x");
    supervise.ends_well();
    assert_eq!(sandbox.read("messages"), "");
}

/// The kernel opens the interpreter of a script that is on an ordinary disk.
#[test]
fn the_next_supervise_takes_over_a_process_that_hangs_before_it_is_run() {
    let make = "printf '#!%s/far/run\\n' \"$PWD\" >web/run && chmod 755 web/run";
    let Some(Hanging { sandbox, mut supervise, pid }) = Hanging::start(make) else { return };
    crate::support::kill(supervise.pid());
    supervise.wait();
    let mut next = sandbox.start("supervise web", "messages");
    sandbox.wait_until("another supervise runs", || sandbox.is_served("web"));
    assert_eq!(sandbox.pid("web"), pid);
    sandbox.tell("web", "-dx");
    next.ends_well();
    assert_eq!(process_state(pid), None);
    assert_eq!(sandbox.read("messages"), "");
}
