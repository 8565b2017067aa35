//! The skeletons run as they are, for root and for everybody else.

use crate::support::{Sandbox, is_root};
use nix::unistd::{Uid, User, getuid};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What a skeleton prints until it is changed.
const LINE: &str = "the example service is alive\n";

#[test]
fn every_script_of_the_skeletons_is_executable() {
    let mut pending = vec![Path::new(ROOT).join("skeletons")];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o111, 0o111, "{} is not executable", path.display());
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

/// Puts all skeletons into a directory whose svscan is started by `prefix`. Each script becomes a process of the
/// account that `account` tells from its text, stays up, and what it prints arrives.
#[track_caller]
fn check(prefix: &str, account: impl Fn(&str) -> Uid) {
    let sandbox = Sandbox::for_everybody();
    sandbox.run(&format!("cp -r '{ROOT}/skeletons' skeletons && chmod -R go+rX skeletons"));
    if !prefix.is_empty() {
        sandbox.run("chown -R daemon: skeletons");
    }
    let _svscan = sandbox.start(&format!("{prefix} svscan skeletons"), "messages");

    let scripts = sandbox.run("find skeletons -name run");
    for script in scripts.lines() {
        let service = script.strip_suffix("/run").unwrap();
        let pid = sandbox.pid(service);
        sandbox.wait_until(&format!("{service} is up for 2 seconds"), || {
            sandbox.run(&format!("svstat {service}")).ends_with(&format!(": up (pid {pid}) 2 seconds\n"))
        });
        let uid = account(&sandbox.read(script));
        let uids = format!("\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\n");
        let process = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        assert!(process.contains(&uids), "{service} is not uid {uid}:\n{process}");
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
