//! Services of root whose `supervise/` belongs to other accounts.

use super::{Running, Sandbox, machine, program_of};

/// Whether root has accounts and a mount namespace to try this with; says if not.
pub fn possible() -> bool {
    let possible = Sandbox::new().sh(&in_own_run("true")).status.success();
    if !possible {
        machine::skip("it needs root and mount namespaces");
    }
    possible
}

/// Runs a command for which `run` is `/run`, so that the machine's stays as it is.
pub fn in_own_run(command: &str) -> String {
    format!("unshare --mount sh -c 'mkdir -p run && mount --bind run /run && exec {command}'")
}

pub fn start_svscan(sandbox: &Sandbox) -> Running {
    sandbox.start(&in_own_run("svscan service"), "messages")
}

/// The processes that run `program`.
pub fn running(sandbox: &Sandbox, program: &str) -> Vec<i32> {
    sandbox.processes().into_iter().filter(|&pid| program_of(pid) == program).collect()
}

/// A service with a log, whose `supervise/` directories belong to other accounts.
pub fn shared_service(sandbox: &Sandbox) {
    sandbox.logged_service("web", "exec sleep 1000");
    sandbox.run("mv web service/web && mkdir -m 755 service/web/supervise service/web/log/supervise");
    sandbox.run("chown nobody service/web/supervise && chown daemon service/web/log/supervise");
}
