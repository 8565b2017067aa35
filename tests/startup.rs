//! svscan from boot on: the files of packaging/ as they are, each under the init it is for, in a machine of its own.

use crate::support::machine::{CLEAN, Machine, REPOSITORY, UNSHARE, has_inits, possible, skip};
use crate::support::{Sandbox, send};
use nix::sys::signal::Signal;
use std::fs;
use std::path::Path;

/// The line of packaging/README.md that puts `file` where it belongs.
#[track_caller]
fn installation(file: &str) -> String {
    let readme = fs::read_to_string(format!("{REPOSITORY}/packaging/README.md")).unwrap();
    let line = readme.lines().find(|line| {
        (line.starts_with("install ") || line.starts_with("cat ")) && line.contains(&format!("/{file} "))
    });
    line.expect(file).to_owned()
}

#[test]
fn systemd_starts_svscan_again_and_stops_everything_in_order() {
    if !possible() {
        return;
    }
    if !Path::new("/usr/lib/systemd/systemd").exists() {
        return skip("systemd is not installed");
    }
    // A manager of an account's units obeys the same file, and needs no machine of its own to be process 1 of.
    let cgroup = Cgroup(format!("servicedir-test-{}", std::process::id()));
    let manager = format!(
        "mount -t sysfs sys /sys
        mount -t cgroup2 cgroup /sys/fs/cgroup
        mkdir -p /sys/fs/cgroup/{0} /run/systemd/system /run/user/0
        {1}
        echo 0 >/sys/fs/cgroup/{0}/cgroup.procs",
        cgroup.0,
        installation("servicedir.service").replace("/etc/systemd/system/", "/etc/systemd/user/")
    );
    let machine = Machine::boot(
        &manager,
        "env -i PATH=\"$PATH\" HOME=/root XDG_RUNTIME_DIR=/run/user/0 \
         sh -c '/usr/lib/systemd/systemd --user --log-target=console --unit=basic.target & wait'",
    );
    let systemctl = |words: &str| format!("XDG_RUNTIME_DIR=/run/user/0 systemctl --user {words}");
    machine.wait_until("test -S /run/user/0/systemd/private");
    let verified = machine.run("systemd-analyze verify /etc/systemd/user/servicedir.service 2>&1");
    assert_eq!(verified, "");

    machine.run(&systemctl("start servicedir"));
    machine.wait_for_log(CLEAN);
    machine.check_adoption("true");
    machine.run(&systemctl("stop servicedir"));
    machine.check_that_all_has_ended();
    assert_eq!(machine.run(&systemctl("show --property=Result --value servicedir")), "success\n");
    drop(machine);
}

/// A control group that the test has made. It is removed when this is dropped, which must be after its processes are gone.
struct Cgroup(String);

impl Drop for Cgroup {
    fn drop(&mut self) {
        let sandbox = Sandbox::new();
        let remove = format!(
            "{UNSHARE} sh -c 'mkdir m && mount -t cgroup2 m m && \
             if [ -d m/{0} ]; then find m/{0} -depth -type d -exec rmdir {{}} +; fi'; rmdir m",
            self.0
        );
        for _ in 0..100 {
            if sandbox.sh(&remove).status.success() {
                break;
            }
        }
    }
}

/// Waits for orphans, and does nothing else.
const IDLE: &str = "sh -c 'tail -f /dev/null & wait'";

#[test]
fn the_sysvinit_script_starts_stops_restarts_reloads_and_tells() {
    if !possible() {
        return;
    }
    let machine = Machine::boot(&installation("servicedir.sysvinit"), IDLE);
    let script = |verb: &str| format!("/etc/init.d/servicedir {verb}");
    let code = |verb| machine.code(&script(verb));
    assert_eq!(code("status"), Some(3));
    assert_eq!(code("stop"), Some(0), "nothing to do is fine");
    assert_eq!(code("nonsense"), Some(2));
    // Others may have numbers that a file has from before.
    machine.run("echo 1 >/run/servicedir.pid");
    assert_eq!(code("status"), Some(3));

    machine.run(&script("start"));
    machine.wait_for_log(CLEAN);
    let svscan = machine.run("pidof svscan");
    assert_eq!(
        machine.run(&script("status")),
        format!("svscan is running (pid {}) in /service\n", svscan.trim())
    );
    machine.run(&script("start"));
    assert_eq!(machine.run("pidof svscan"), svscan, "it runs only once");
    assert!(machine.run("ps -e -ww -o args=").contains("readproctitle service errors: ....."));
    machine.check_adoption(&script("start"));

    let before = machine.sandbox.pid("service/web");
    machine.run(&script("restart"));
    machine.sandbox.next_pid("service/web", before);
    machine.wait_for_log(&format!("{CLEAN}the last line\n{CLEAN}"));
    check_reload_and_stop(&machine, &script("force-reload"), &script("stop"));
    start_and_kill_svscan(&machine, &script("start"));
    assert_eq!(code("status"), Some(1));
    machine.run(&script("stop"));
    machine.check_that_all_has_ended();
}

/// Takes the parts of another init system over those of this one.
const REPLACE_INIT: &str = "for part in bin sbin lib etc usr; do
        cp -r --remove-destination /mnt/inits/$part/. /$part
    done\n";

#[test]
fn init_starts_svscan_again_and_leaving_the_runlevel_stops_everything_in_order() {
    if !possible() || !has_inits() {
        return;
    }
    let prepare = format!(
        "{REPLACE_INIT}{}\necho id:2:initdefault: >/etc/inittab\n{}",
        installation("servicedir.sysvinit"),
        installation("inittab")
    );
    let machine = Machine::boot(&prepare, "/sbin/init");
    machine.wait_for_log(CLEAN);
    machine.check_adoption("true");
    // The same line is in the next runlevel.
    let before = machine.run("pidof svscan");
    machine.run("telinit 3");
    machine.wait_until("[ \"$(runlevel)\" = '2 3' ]");
    assert_eq!(machine.run("pidof svscan"), before);
    // The service needs longer than init waits before it kills.
    machine.run("echo 4 >/service/web/patience; telinit 0");
    machine.check_that_all_has_ended();
}

#[test]
fn busybox_init_starts_svscan_again_and_stops_everything_in_order() {
    if !possible() || !has_inits() {
        return;
    }
    let readme = fs::read_to_string(format!("{REPOSITORY}/packaging/README.md")).unwrap();
    let lines: Vec<_> = readme.lines().filter(|line| line.starts_with("::")).collect();
    assert_eq!(lines.len(), 2, "the lines for busybox");
    let inittab = format!("printf '%s\\n' '{}' >/etc/inittab", lines.join("' '"));
    let prepare = format!(
        "{REPLACE_INIT}ln -sf /bin/busybox /sbin/init\n{}\n{inittab}",
        installation("servicedir.sysvinit")
    );
    let mut machine = Machine::boot(&prepare, "/sbin/init");
    machine.wait_for_log(CLEAN);
    machine.check_adoption("true");
    // Power off.
    send(machine.first(), Signal::SIGUSR2);
    machine.process1.wait();
    machine.wait_for_log(&format!("{CLEAN}the last line\n"));
}

#[test]
fn openrc_starts_stops_and_reloads() {
    if !possible() || !has_inits() {
        return;
    }
    let boot = "
        # As OpenRC does at boot.
        for state in starting started stopping inactive wasinactive failed daemons options exclusive scheduled; do
            mkdir -p /run/openrc/$state
        done
        : >/run/openrc/softlevel";
    let machine = Machine::boot(
        &format!("{REPLACE_INIT}rm -r /etc/init.d/*\n{}{boot}", installation("servicedir.openrc")),
        IDLE,
    );
    let service = |verb: &str| format!("rc-service servicedir {verb} 2>&1");
    assert_eq!(machine.code(&service("status")), Some(3));
    machine.run(&service("start"));
    machine.wait_for_log(CLEAN);
    machine.run(&service("status"));
    assert!(machine.run("ps -e -ww -o args=").contains("readproctitle service errors: ....."));
    machine.check_adoption(&service("restart"));
    check_reload_and_stop(&machine, &service("reload"), &service("stop"));
    start_and_kill_svscan(&machine, &service("start"));
    machine.run(&service("stop"));
    machine.check_that_all_has_ended();
}

/// What has vanished is stopped by a reload, and all of it by a stop.
#[track_caller]
fn check_reload_and_stop(machine: &Machine, reload: &str, stop: &str) {
    machine.run("mv /service/web /service/.web");
    machine.run(reload);
    machine.wait_until("! pidof supervise multilog sleep");
    machine.run("rm -r /service/.web/log/main; mv /service/.web /service/web");
    machine.wait_for_log(CLEAN);
    machine.run(stop);
    // At once, and not only soon.
    assert_eq!(machine.code("pidof svscan supervise multilog sleep"), Some(1));
    machine.check_that_all_has_ended();
}

/// Starts all once more, and leaves it without svscan. It is to be stopped all the same.
#[track_caller]
fn start_and_kill_svscan(machine: &Machine, start: &str) {
    machine.run("rm -r /service/web/log/main");
    machine.run(start);
    machine.wait_for_log(CLEAN);
    machine.run("kill -KILL $(pidof svscan)");
    machine.wait_until("! pidof svscan");
}
