//! svscan from boot on: the files of packaging/ as they are, each under the init it is for, in a machine of its own: a
//! copy-on-write view of the whole system in namespaces, with our programs in it, and nothing of it outside.

use crate::support::{DEADLINE, Running, Sandbox, is_root, ours, programs, send};
use nix::sys::signal::Signal;
use std::fs;
use std::io::Write;
use std::path::Path;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// Makes the machine in `machine/system`. Its `/service` is the one of the sandbox, and `/mnt` has what is installed. All
/// further work is done inside: there no symbolic link leads out.
const BUILD: &str = r#"
    set -eu
    umask 022
    mkdir -p machine service
    mount --bind . .
    cd "$PWD"
    # Should a mistake lead out nevertheless, it changes nothing there.
    mount -o remount,bind,ro /
    mount -t tmpfs machine machine
    cd machine
    mkdir upper work system
    mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work machine system
    cd system
    mount -t proc proc proc
    mount -t tmpfs run run
    mount -t tmpfs dev dev
    for device in null zero random urandom; do
        : >dev/$device
        mount --bind /dev/$device dev/$device
    done
    : >dev/console
    ln -s /proc/self/fd dev/fd
    mount -t tmpfs mnt mnt
    mkdir mnt/ours mnt/repository mnt/inits mnt/service
    mount --bind "$OURS" mnt/ours
    mount --bind "$REPOSITORY" mnt/repository
    if [ -d "$INITS" ]; then
        mount --bind "$INITS" mnt/inits
    fi
    mount --bind ../../service mnt/service
    cp ../../prepare mnt
    chroot . sh -eu mnt/prepare
"#;

/// What every machine does first inside.
const PREPARE: &str = "umask 022
    rm -rf /service
    ln -s /mnt/service /service
    cd /mnt/ours
    ln -sf $(printf '/mnt/ours/%s\\n' $PROGRAMS) /usr/bin
    cd /mnt/repository\n";

/// The start of what runs in front of the machine, and what all machines have in common.
const UNSHARE: &str = "unshare --mount --pid --fork --kill-child --mount-proc --cgroup";

/// Says in its log what it was started with, and has something to say in the end.
const SERVICE: &str = r#"
    tr '\0' '\n' </proc/$$/environ
    # Not those that the C library has for itself.
    ignored=$(sed -n 's/^SigIgn:[[:space:]]*/0x/p' /proc/$$/status)
    echo "ignored: $((ignored & 0x7fffffff))"
    # What it leaves behind is somebody else's after svscan was killed.
    trap 'kill $!; sleep $(cat patience); echo the last line; exit' TERM
    echo ready
    while :; do
        sleep 1000 &
        wait
    done
"#;

/// What services find in their environment, whoever starts svscan.
const CLEAN: &str = "PATH=/command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/X11R6/bin\n\
                     ignored: 0\nready\n";

/// The line of packaging/README.md that puts `file` where it belongs.
#[track_caller]
fn installation(file: &str) -> String {
    let readme = fs::read_to_string(format!("{REPOSITORY}/packaging/README.md")).unwrap();
    let line = readme.lines().find(|line| {
        (line.starts_with("install ") || line.starts_with("cat ")) && line.contains(&format!("/{file} "))
    });
    line.expect(file).to_owned()
}

/// Says why a test is not run, where the harness does not hide it.
fn skip(reason: &str) {
    std::io::stderr()
        .write_all(format!("startup: a test is skipped, because {reason}\n").as_bytes())
        .unwrap();
}

/// Whether this computer lets us have machines; says why not.
fn possible() -> bool {
    let probe = "mkdir p && mount -t tmpfs p p && mkdir p/u p/w p/s && \
                 mount -t overlay -o lowerdir=/,upperdir=p/u,workdir=p/w p p/s && mount -t proc proc p/s/proc";
    let possible = is_root() && Sandbox::new().sh(&format!("{UNSHARE} sh -c '{probe}'")).status.success();
    if !possible {
        skip("it needs root, namespaces and an overlay file system");
    }
    possible
}

/// Whether tests/requirements.sh could get the other init systems; says if not.
fn has_inits() -> bool {
    let has_inits = inits().exists();
    if !has_inits {
        skip("tests/requirements.sh has not unpacked other init systems");
    }
    has_inits
}

/// Where tests/requirements.sh unpacks other init systems.
fn inits() -> std::path::PathBuf {
    ours().parent().unwrap().join("inits")
}

/// A machine. Everything in it ends with its first process.
struct Machine {
    sandbox: Sandbox,
    process1: Running,
    inside: String,
}

impl Machine {
    /// Starts `first` as process 1 of a machine with the service `web`, after `prepare` has been run inside, in the
    /// repository.
    #[track_caller]
    fn boot(prepare: &str, first: &str) -> Self {
        let sandbox = Sandbox::new();
        sandbox.script("service/web/run", SERVICE);
        sandbox.write("service/web/patience", "0.2\n");
        sandbox.script("service/web/log/run", "exec multilog ./main");
        sandbox.write("prepare", &format!("PROGRAMS='{}'\n{PREPARE}{prepare}\n", programs().join(" ")));
        sandbox.write(
            "boot",
            &format!(
                "OURS='{}' REPOSITORY='{REPOSITORY}' INITS='{}'\n{BUILD}\n: >dev/built\nexec chroot . {first}\n",
                ours().display(),
                inits().display()
            ),
        );
        let process1 = sandbox.start(&format!("{UNSHARE} sh boot"), "messages");
        let children = format!("/proc/{0}/task/{0}/children", process1.pid());
        let mut child = String::new();
        sandbox.wait_until("the machine has its first process", || {
            child = fs::read_to_string(&children).unwrap_or_default().trim().to_owned();
            !child.is_empty()
        });
        let inside = format!("nsenter --target {child} --mount --pid --root");
        let machine = Self { sandbox, process1, inside };
        machine.wait_until("test -e /dev/built");
        machine
    }

    /// The number of process 1 as seen from outside.
    fn first(&self) -> i32 {
        self.inside.split(' ').nth(2).unwrap().parse().unwrap()
    }

    fn quoted(&self, script: &str) -> String {
        self.sandbox.write("inside", &format!("cd /\n{script}"));
        format!("{} sh -eu <inside", self.inside)
    }

    /// Runs a script inside that must succeed, and returns what it printed.
    #[track_caller]
    fn run(&self, script: &str) -> String {
        self.sandbox.run(&self.quoted(script))
    }

    /// The exit code of a script inside.
    fn code(&self, script: &str) -> Option<i32> {
        self.sandbox.sh(&self.quoted(script)).status.code()
    }

    /// Waits until a script inside succeeds.
    #[track_caller]
    fn wait_until(&self, script: &str) {
        self.sandbox.wait_until(script, || self.code(script) == Some(0));
    }

    fn log(&self) -> String {
        self.sandbox.read("service/web/log/main/current")
    }

    /// Waits until the log is this.
    #[track_caller]
    fn wait_for_log(&self, expected: &str) {
        let start = std::time::Instant::now();
        while self.log() != expected && start.elapsed() < DEADLINE {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(self.log(), expected, "{}", self.sandbox.read("messages"));
    }

    /// svscan dies; what brings another, brings one that leaves the service as it is.
    #[track_caller]
    fn check_adoption(&self, restart: &str) {
        let before = self.sandbox.pid("service/web");
        let svscan = self.run("pidof svscan");
        self.run("kill -KILL $(pidof svscan)");
        self.wait_until(&format!("! [ -e /proc/{} ]", svscan.trim()));
        self.run(restart);
        self.wait_until("pidof svscan");
        // The new one does its work: it brings back a supervise, which finds the service.
        let instance = || self.sandbox.instance("service/web");
        let supervise = instance().unwrap().supervise.unwrap().pid;
        self.run(&format!("kill -KILL {supervise}"));
        self.sandbox.wait_until("another supervise", || {
            instance().and_then(|instance| instance.supervise).is_some_and(|new| new.pid != supervise)
        });
        assert_eq!(self.sandbox.pid("service/web"), before);
        assert_eq!(self.log(), CLEAN, "the service goes on");
    }

    /// The service has ended, its last line is in its log, and nothing is left.
    #[track_caller]
    fn check_that_all_has_ended(&self) {
        self.wait_until("! pidof svscan supervise multilog readproctitle sleep");
        self.wait_for_log(&format!("{CLEAN}the last line\n"));
    }
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
    // What has vanished is stopped.
    machine.run("mv /service/web /service/.web");
    machine.run(&script("force-reload"));
    machine.wait_until("! pidof supervise multilog sleep");
    machine.run("rm -r /service/.web/log/main; mv /service/.web /service/web");
    machine.wait_for_log(CLEAN);
    machine.run(&script("stop"));
    // At once, and not only soon.
    assert_eq!(machine.code("pidof svscan supervise multilog sleep"), Some(1));
    machine.check_that_all_has_ended();

    // Without svscan, what it has left is stopped all the same.
    machine.run("rm -r /service/web/log/main");
    machine.run(&script("start"));
    machine.wait_for_log(CLEAN);
    machine.run("kill -KILL $(pidof svscan)");
    machine.wait_until("! pidof svscan");
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
    machine.run("mv /service/web /service/.web");
    machine.run(&service("reload"));
    machine.wait_until("! pidof supervise multilog sleep");
    machine.run("rm -r /service/.web/log/main; mv /service/.web /service/web");
    machine.wait_for_log(CLEAN);
    machine.run(&service("stop"));
    assert_eq!(machine.code("pidof svscan supervise multilog sleep"), Some(1));
    machine.check_that_all_has_ended();

    // Without svscan, what it has left is stopped all the same.
    machine.run("rm -r /service/web/log/main");
    machine.run(&service("start"));
    machine.wait_for_log(CLEAN);
    machine.run("kill -KILL $(pidof svscan)");
    machine.wait_until("! pidof svscan");
    machine.run(&service("stop"));
    machine.check_that_all_has_ended();
}

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
    assert_eq!(machine.sandbox.read("messages"), "");
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
    assert_eq!(machine.sandbox.read("messages"), "process 1, and the log has: the last line\n");
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
