//! The skeletons run as they are, for root and for everybody else.

use crate::support::{Sandbox, is_root};
use nix::unistd::{Uid, User, getuid};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What a skeleton prints until it is changed.
const LINE: &str = "the example service is alive\n";

/// Puts a copy of a skeleton, or of all (an empty name), into the sandbox as the directory `target`. The server with
/// a port gets an address where nobody else listens, and nothing else is changed.
#[track_caller]
pub fn copy(sandbox: &Sandbox, skeleton: &str, target: &str) {
    sandbox.run(&format!("mkdir -p $(dirname {target}) && cp -r '{ROOT}/skeletons/{skeleton}' {target}"));
    sandbox.run(&format!("chmod -R go+rX {target}"));
    let address = "\naddress=127.0.0.1\n";
    for run in sandbox.run(&format!("find {target} -name run")).lines() {
        let text = sandbox.read(run);
        if text.contains(address) {
            sandbox.write(run, &text.replace(address, &format!("\naddress={}\n", unused_address())));
        }
    }
}

/// An address of the loopback network where nobody listens on the port of the example.
fn unused_address() -> String {
    static COUNT: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let addresses = std::iter::repeat_with(|| {
        let host = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("127.{high}.{low}.{host}")
    });
    addresses.take(255).find(|address| TcpListener::bind(format!("{address}:8080")).is_ok()).unwrap()
}

#[test]
fn every_script_of_the_skeletons_is_executable_and_nothing_else_is() {
    let mut pending =
        ["skeletons", "crates/skynet/skeletons"].map(|path| Path::new(ROOT).join(path)).to_vec();
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let expected = if fs::read(&path).unwrap().starts_with(b"#!") { 0o111 } else { 0 };
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o111, expected, "{} has mode {mode:o}", path.display());
        }
    }
}

#[test]
fn unchanged_copies_run_and_for_root_they_run_as_the_account_they_name() {
    check("", |run| {
        if is_root() {
            uid(run.split("\naccount=").nth(1).unwrap().lines().next().unwrap())
        } else {
            getuid()
        }
    });
}

#[test]
fn unchanged_copies_of_another_account_run_as_that_account() {
    if is_root() {
        // Not the account that the skeletons name.
        check("setpriv --reuid daemon --regid daemon --clear-groups", |_| uid("daemon"));
    }
}

/// Puts all skeletons of services into a directory whose svscan is started by `prefix`. Each script becomes a process of the
/// account that `account` tells from its text, stays up, and what it prints arrives.
#[track_caller]
fn check(prefix: &str, account: impl Fn(&str) -> Uid) {
    let sandbox = Sandbox::for_everybody();
    copy(&sandbox, "", "skeletons");
    if !prefix.is_empty() {
        sandbox.run("chown -R daemon: skeletons");
    }
    let _svscan = sandbox.start(&format!("{prefix} svscan skeletons"), "messages");

    let scripts = sandbox.run("find skeletons -name run");
    for script in scripts.lines() {
        let service = script.strip_suffix("/run").unwrap();
        let pid = sandbox.pid(service);
        let up = format!("{service}: up (pid {pid}) ");
        sandbox.wait_until(&format!("{service} is up for 2 seconds"), || {
            let line = sandbox.run(&format!("svstat {service}"));
            let seconds =
                line.strip_prefix(&up).and_then(|line| line.strip_suffix(" seconds\n")?.parse().ok());
            seconds.is_some_and(|seconds: u32| seconds >= 2)
        });
        let uid = account(&sandbox.read(script));
        let uids = format!("\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n");
        let process = || fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        sandbox.wait_until(&format!("{service} has uid {uid}"), || process().contains(&uids));
        if let Some(logged) = service.strip_suffix("/log") {
            let log = format!("{service}/main/current");
            sandbox.wait_until(&format!("{logged} is logged"), || sandbox.read(&log).ends_with(LINE));
        }
    }
    assert!(scripts.contains("/log/run\n"), "{scripts}");
    sandbox.wait_until("a service without a log is heard", || sandbox.read("messages").contains(LINE));
}

fn uid(account: &str) -> Uid {
    User::from_name(account).unwrap().unwrap_or_else(|| panic!("no account {account}")).uid
}
