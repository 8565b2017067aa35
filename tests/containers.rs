//! svscan as the first process of a container, with the entrypoint of packaging/ as it is.

use crate::support::machine::{Machine, REPOSITORY, possible};
use crate::support::{Sandbox, is_root, send, show};
use nix::sys::signal::Signal;
use std::fs;
use std::path::Path;

/// What a container of servicedir runs first.
const ENTRYPOINT: &str = "install packaging/container/entrypoint /entrypoint";

/// Its processes run on when their parent has ended, and so become children of process 1.
const ORPHANS: &str = "
    i=0
    while [ $i -lt 1000 ]; do
        i=$((i + 1))
        ( (sleep 0.3; echo ended >>ended) & )
    done
    exec tail -f /dev/null";

#[test]
fn a_container_runs_its_services_buries_orphans_and_ends_in_order() {
    if !possible() {
        return;
    }
    let mut machine = Machine::boot(ENTRYPOINT, "env -i COLOUR=blue /entrypoint");
    let begin = "COLOUR=blue\nPWD=/\nignored: 0\nready\n";
    machine.wait_for_log(begin);
    assert_eq!(machine.run("cat /proc/1/comm"), "svscan\n");
    machine.sandbox.script("orphans/run", ORPHANS);
    fs::rename(machine.sandbox.path("orphans"), machine.sandbox.path("service/orphans")).unwrap();
    machine.sandbox.wait_until("1000 orphans have lived", || {
        machine.sandbox.count("service/orphans/ended", "ended") == 1000
    });
    // None is left, dead or alive: each service and its logger has a supervise.
    let expected = "multilog\nrun\nsleep\nsupervise\nsupervise\nsupervise\nsvscan\ntail\n";
    let names = "ps -e -o comm= | grep -vx -e ps -e sh -e grep -e sort | sort";
    machine.wait_until(&format!("[ \"$({names})\" = '{}' ]", expected.trim()));

    send(machine.first(), Signal::SIGTERM);
    assert_eq!(machine.process1.wait().code(), Some(0));
    assert_eq!(machine.log(), format!("{begin}the last line\n"));
    assert_eq!(machine.sandbox.complaints(), "");
}

#[test]
fn a_container_ends_with_the_program_that_it_is_told() {
    if !possible() {
        return;
    }
    let then = format!(
        "{ENTRYPOINT}
        printf '%s\\n' '#!/bin/sh' 'echo process $$, and the log has: $(tail -n 1 /service/web/log/main/current)' \
            'exit 7' >/then
        chmod 755 /then"
    );
    let mut machine = Machine::boot(&then, "env SERVICEDIR_THEN=/then /entrypoint");
    machine.sandbox.wait_until("the service runs", || machine.log().ends_with("ready\n"));
    send(machine.first(), Signal::SIGTERM);
    assert_eq!(machine.process1.wait().code(), Some(7));
    assert_eq!(machine.sandbox.complaints(), "process 1, and the log has: the last line\n");
}

/// What was wanted of a service holds until the next boot.
#[test]
fn a_container_that_is_started_again_is_like_a_machine_that_is() {
    const CONTAINER: &str = "unshare --pid --fork --kill-child --mount-proc";
    let sandbox = Sandbox::new();
    if !is_root() || !sandbox.sh(&format!("{CONTAINER} true")).status.success() {
        show("skipped: a namespace needs root");
        return;
    }
    sandbox.script("service/web/run", "echo start >>starts\nexec sleep 1000");
    for round in 1..=2 {
        let svscan = sandbox.start(&format!("{CONTAINER} svscan service"), "messages");
        sandbox.wait_until("the service runs", || sandbox.count("service/web/starts", "start") == round);
        sandbox.run("svc -d service/web");
        sandbox.wait_until_down("service/web");
        // All in it is killed, as if the power had failed.
        drop(svscan);
        sandbox.wait_until("the container is gone", || sandbox.processes().is_empty());
    }
}

#[test]
fn a_container_with_arguments_runs_these_alone() {
    let entrypoint = format!("{REPOSITORY}/packaging/container/entrypoint");
    assert_eq!(Sandbox::new().run(&format!("{entrypoint} echo only this")), "only this\n");
}

#[test]
fn what_the_containerfile_copies_is_there() {
    let text = fs::read_to_string(format!("{REPOSITORY}/packaging/container/Containerfile")).unwrap();
    let copied: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("COPY ")?.split(' ').next()).collect();
    assert_eq!(copied, [".", "--from=build", "packaging/container/entrypoint", "skeletons/service"]);
    assert!(copied.iter().all(|path| path.starts_with("--") || Path::new(REPOSITORY).join(path).exists()));
}
