//! A machine of its own: a copy-on-write view of the whole system in namespaces, with our programs in it, and nothing
//! of it outside.

use super::{Patience, Running, Sandbox, built, is_root, ours, programs};
use std::fs;
use std::io::Write;

pub const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

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
pub const UNSHARE: &str = "unshare --mount --pid --fork --kill-child --mount-proc --cgroup";

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
pub const CLEAN: &str = "PATH=/command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/X11R6/bin\n\
                     ignored: 0\nready\n";

/// Says why a test is not run, where the harness does not hide it.
pub fn skip(reason: &str) {
    std::io::stderr().write_all(format!("a test is skipped, because {reason}\n").as_bytes()).unwrap();
}

/// Whether this computer lets us have machines; says why not.
pub fn possible() -> bool {
    let probe = "mkdir p && mount -t tmpfs p p && mkdir p/u p/w p/s && \
                 mount -t overlay -o lowerdir=/,upperdir=p/u,workdir=p/w p p/s && mount -t proc proc p/s/proc";
    let possible = is_root() && Sandbox::new().sh(&format!("{UNSHARE} sh -c '{probe}'")).status.success();
    if !possible {
        skip("it needs root, namespaces and an overlay file system");
    }
    possible
}

/// Whether tests/requirements.sh could get the other init systems; says if not.
pub fn has_inits() -> bool {
    let has_inits = inits().exists();
    if !has_inits {
        skip("tests/requirements.sh has not unpacked other init systems");
    }
    has_inits
}

/// Where tests/requirements.sh unpacks other init systems.
fn inits() -> std::path::PathBuf {
    built().parent().unwrap().join("inits")
}

/// A machine. Everything in it ends with its first process.
pub struct Machine {
    pub sandbox: Sandbox,
    pub process1: Running,
    inside: String,
}

impl Machine {
    /// Starts `first` as process 1 of a machine with the service `web`, after `prepare` has been run inside, in the
    /// repository.
    #[track_caller]
    pub fn boot(prepare: &str, first: &str) -> Self {
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
        // As at boot, whatever the caller of the tests ignores: what is in the background of a shell ignores some.
        let process1 = sandbox.start(&format!("env --default-signal {UNSHARE} sh boot"), "messages");
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
    pub fn first(&self) -> i32 {
        self.inside.split(' ').nth(2).unwrap().parse().unwrap()
    }

    pub fn quoted(&self, script: &str) -> String {
        self.sandbox.write("inside", &format!("cd /\n{script}"));
        format!("{} sh -eu <inside", self.inside)
    }

    /// Runs a script inside that must succeed, and returns what it printed.
    #[track_caller]
    pub fn run(&self, script: &str) -> String {
        self.sandbox.run(&self.quoted(script))
    }

    /// The exit code of a script inside.
    pub fn code(&self, script: &str) -> Option<i32> {
        self.sandbox.sh(&self.quoted(script)).status.code()
    }

    /// Waits until a script inside succeeds.
    #[track_caller]
    pub fn wait_until(&self, script: &str) {
        self.sandbox.wait_until(script, || self.code(script) == Some(0));
    }

    pub fn log(&self) -> String {
        self.sandbox.read("service/web/log/main/current")
    }

    /// Waits until the log is this.
    #[track_caller]
    pub fn wait_for_log(&self, expected: &str) {
        let mut patience = Patience::new();
        while self.log() != expected && patience.lasts() {}
        assert_eq!(self.log(), expected, "{}", self.sandbox.read("messages"));
    }

    /// svscan dies; what brings another, brings one that leaves the service as it is.
    #[track_caller]
    pub fn check_adoption(&self, restart: &str) {
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
    pub fn check_that_all_has_ended(&self) {
        self.wait_until("! pidof svscan supervise multilog readproctitle sleep");
        self.wait_for_log(&format!("{CLEAN}the last line\n"));
    }
}
