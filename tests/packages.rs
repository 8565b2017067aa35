//! Real software: packages of Debian that generate daemontools service directories. All is done as their manual pages
//! tell the administrator to do it, at the places they name, in a small system of its own: a root directory with
//! these packages and with our programs, where the original is nowhere.
//!
//! The servers insist on port 53. They get addresses of the loopback network that nobody uses, and are each other's
//! only peers: no packet leaves the machine.

use crate::support::{Sandbox, is_root, ours, process_state, programs};
use nix::unistd::{Uid, User};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, UdpSocket};

/// What is taken from Debian: the packages, and what the scripts and the administrator need besides.
const TOOLS: &str = "sh env ln make rm tcprules tcpserver \
                     tinydns-conf tinydns tinydns-data tinydns-edit \
                     axfrdns-conf axfrdns dnscache-conf dnscache \
                     rbldns-conf rbldns rbldns-data walldns-conf walldns";

/// Makes the directory `system`.
const INSTALL: &str = r#"
    set -eu
    umask 022
    for tool in $TOOLS; do
        file=$(command -v "$tool") || { echo "no $tool: tests/requirements.sh installs it" >&2; exit 1; }
        install -D "$file" "system$file"
    done
    (cd "$OURS" && install "$REPOSITORY"/scripts/svscanboot $PROGRAMS "$OLDPWD"/system/usr/bin)
    for library in $(ldd system/usr/*bin/* 2>/dev/null | grep -o '\s/[^ ]*' | sort -u); do
        install -D "$library" "system$library"
    done
    mkdir system/etc system/dev system/service
    ln -s usr/bin system/bin
    cp /etc/passwd /etc/group system/etc
    # A file is enough, and possible where no devices are.
    : >system/dev/null
"#;

/// What the manual pages of the packages have the administrator do before the services are linked.
const CONFIGURE: &str = r#"
    # tinydns-conf(8), tinydns-data(8), tinydns-edit(8)
    tinydns-conf tinydns daemon /etc/tinydns NETWORK.1
    cd /etc/tinydns/root
    ./add-ns example NETWORK.1
    ./add-host www.example 192.0.2.1
    make

    # axfrdns-conf(8): "initially all access is denied"
    axfrdns-conf axfrdns daemon /etc/axfrdns /etc/tinydns NETWORK.1
    cd /etc/axfrdns
    printf '%s\n' '127.0.0.1:allow,AXFR="example"' :deny >tcp
    make

    # dnscache(8): the list of root servers, which on this machine is tinydns
    echo NETWORK.1 >/etc/dnsroots.global
    dnscache-conf dnscache daemon /etc/dnscache NETWORK.2

    # rbldns-conf(8), rbldns-data(8)
    rbldns-conf rbldns daemon /etc/rbldns NETWORK.3 list.example
    cd /etc/rbldns/root
    printf '%s\n' ':127.0.0.2:listed' 192.0.2.7 >data
    make

    # walldns-conf(8)
    walldns-conf walldns daemon /etc/walldns NETWORK.4
"#;

/// A service as its package generates it.
struct Service {
    name: &'static str,
    /// A command that asks the server, part of what it prints then, and part of each line that the log gets.
    question: &'static str,
    answer: &'static str,
    logged: &'static [&'static str],
    /// The program that stays, and the account it runs as.
    server: (&'static str, &'static str),
}

const TINYDNS: Service = Service {
    name: "tinydns",
    question: "dnsq a www.example NETWORK.1",
    answer: "answer: www.example 86400 A 192.0.2.1\n",
    logged: &[" + 0001 www.example"],
    server: ("tinydns", "tinydns"),
};
const AXFRDNS: Service = Service {
    name: "axfrdns",
    question: "rm -f zone && tcpclient -RHl0 NETWORK.1 53 axfr-get example zone zone.new && cat zone",
    answer: "+www.example:192.0.2.1:86400\n",
    logged: &[" tcpserver: ok ", " 00fc example", " status 0"],
    server: ("tcpserver", "root"),
};
const DNSCACHE: Service = Service {
    name: "dnscache",
    question: "DNSCACHEIP=NETWORK.2 dnsqr a www.example",
    answer: "answer: www.example 86400 A 192.0.2.1\n",
    logged: &[" query ", " rr 7f", " sent "],
    server: ("dnscache", "dnscache"),
};
const RBLDNS: Service = Service {
    name: "rbldns",
    question: "dnsq a 7.2.0.192.list.example NETWORK.3",
    answer: "answer: 7.2.0.192.list.example 2048 A 127.0.0.2\n",
    logged: &[" + 0001 7.2.0.192.list.example"],
    server: ("rbldns", "rbldns"),
};
const WALLDNS: Service = Service {
    name: "walldns",
    question: "dnsq ptr 7.2.0.192.in-addr.arpa NETWORK.4",
    answer: "answer: 7.2.0.192.in-addr.arpa 655360 PTR 7.2.0.192.in-addr.arpa\n",
    logged: &[" + 000c 7.2.0.192.in-addr.arpa"],
    server: ("walldns", "walldns"),
};

#[test]
fn packages_of_debian_serve_and_log_and_are_controlled_as_their_manual_pages_say() {
    if !is_root() {
        let message = b"packages: needs root, because servers listen on port 53 and change their root\n";
        return std::io::stderr().write_all(message).unwrap();
    }
    let machine = Machine::new();
    machine.run("ln -s /etc/tinydns /etc/axfrdns /service");
    let _svscanboot = machine.sandbox.start("chroot system /usr/bin/svscanboot", "messages");
    machine.check_that_they_serve(&[TINYDNS, AXFRDNS]);
    machine.run("ln -s /etc/dnscache /etc/rbldns /service");
    let services = [TINYDNS, AXFRDNS, DNSCACHE, RBLDNS];
    machine.check_that_they_serve(&services);
    machine.check_that_this_runs(&services);

    let restart = |command| {
        let before = machine.pids(&services);
        machine.run(command);
        for (directory, pid) in before {
            machine.sandbox.next_pid(&directory, pid);
        }
        machine.check_that_they_serve(&services);
    };
    restart("svc -t /service/* /service/*/log");
    restart("svc -du /service/*/log /service/*");

    // What one does to a service that is not wanted any more, see supervise(8).
    let before = machine.pids(&services);
    let remove = services
        .map(|Service { name, .. }| format!("cd /service/{name}; rm /service/{name}; svc -dx . log\n"));
    machine.run(&remove.concat());
    let check_that_they_are_gone = || {
        for (directory, pid) in &before {
            machine.sandbox.wait_for_status(directory, ": supervise not running");
            assert!(!machine.sandbox.processes().contains(pid), "{directory} still runs");
        }
    };
    check_that_they_are_gone();
    // When svscan has found another one, it has seen that these are gone, and has not started them again.
    machine.run("ln -s /etc/walldns /service");
    machine.check_that_they_serve(&[WALLDNS]);
    check_that_they_are_gone();
    machine.check_that_this_runs(&[WALLDNS]);
    machine.check_that_nobody_complained();

    let processes = machine.sandbox.processes();
    drop(machine);
    let left: Vec<_> = processes.into_iter().filter(|&pid| process_state(pid).is_some()).collect();
    assert!(left.is_empty(), "the sandbox has left {left:?} running");
}

/// The small system. Its processes are found by their root directory: `svscanboot` clears their environment.
struct Machine {
    sandbox: Sandbox,
    /// The first three bytes of the addresses of its servers.
    network: String,
}

impl Machine {
    /// A system with all service directories as their packages generate them, none of them linked yet.
    fn new() -> Self {
        let machine = Self { sandbox: Sandbox::new(), network: unused_network() };
        let (ours, programs) = (ours(), programs().join(" "));
        machine.sandbox.run(&format!(
            "TOOLS='{TOOLS}' OURS='{}' PROGRAMS='{programs}' REPOSITORY='{}'\n{INSTALL}",
            ours.display(),
            env!("CARGO_MANIFEST_DIR")
        ));
        machine.run(CONFIGURE);
        machine
    }

    /// Runs a script of the administrator to its end, and returns what it printed.
    #[track_caller]
    fn run(&self, script: &str) -> String {
        let script = format!("umask 022\n{}", self.fill_in(script));
        let output =
            self.sandbox.command("chroot").args(["system", "/bin/sh", "-euc", &script]).output().unwrap();
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(
            output.status.success() && stderr.is_empty(),
            "{script}: {}\n{stderr}\n{stdout}",
            output.status
        );
        stdout.into_owned()
    }

    fn fill_in(&self, script: &str) -> String {
        script.replace("NETWORK", &self.network)
    }

    /// The directories that are supervised for `services`, seen from the sandbox, and the processes that are up.
    #[track_caller]
    fn pids(&self, services: &[Service]) -> Vec<(String, i32)> {
        let directories = services.iter().flat_map(|Service { name, .. }| {
            [format!("system/etc/{name}"), format!("system/etc/{name}/log")]
        });
        directories.map(|directory| (directory.clone(), self.sandbox.pid(&directory))).collect()
    }

    /// Each is up, answers, and what it says about that is added to its log.
    #[track_caller]
    fn check_that_they_serve(&self, services: &[Service]) {
        for (directory, pid) in self.pids(services) {
            let service = directory.replace("system/etc/", "/service/");
            let status = self.run(&format!("svstat {service}"));
            assert!(status.starts_with(&format!("{service}: up (pid {pid}) ")), "{status}");
        }
        for Service { name, question, answer, logged, .. } in services {
            let log = format!("system/etc/{name}/log/main/current");
            let before = self.sandbox.read(&log).len();
            // It is up before it listens.
            let question = self.fill_in(&format!("timeout 5 sh -c '{question}'"));
            self.sandbox.wait_until(&format!("{question} prints {answer}"), || {
                String::from_utf8_lossy(&self.sandbox.sh(&question).stdout).contains(answer)
            });
            for text in *logged {
                self.sandbox.wait_until(&format!("{log} has {text}"), || {
                    self.sandbox.read(&log)[before..]
                        .lines()
                        .any(|line| line.starts_with('@') && line.contains(text))
                });
            }
        }
    }

    /// The processes of the system are these, each from a file of the system, as the right account, and no other.
    #[track_caller]
    fn check_that_this_runs(&self, services: &[Service]) {
        let mut expected = BTreeMap::from([
            // svscanboot, which waits.
            ("bin/sh root".to_owned(), 1),
            ("bin/svscan root".to_owned(), 1),
            ("bin/readproctitle root".to_owned(), 1),
            ("bin/supervise root".to_owned(), 2 * services.len()),
            ("bin/multilog daemon".to_owned(), services.len()),
        ]);
        for Service { server: (program, account), .. } in services {
            let directory = if *program == "tcpserver" { "bin" } else { "sbin" };
            expected.insert(format!("{directory}/{program} {account}"), 1);
        }
        let programs = self.sandbox.path("system/usr");
        let mut found = BTreeMap::new();
        for pid in self.sandbox.processes() {
            let image = format!("/proc/{pid}/exe");
            let file = fs::read_link(&image).unwrap();
            let built = ours().join(file.file_name().unwrap());
            // Not assert_eq!, which would print both.
            assert!(
                !built.exists() || fs::read(image).unwrap() == fs::read(built).unwrap(),
                "{file:?} is not ours"
            );
            let file = file.strip_prefix(&programs).unwrap_or(&file).display();
            *found.entry(format!("{file} {}", account(pid))).or_insert(0) += 1;
        }
        assert_eq!(found, expected);
    }

    /// svscan, the supervises and the logs would be heard by readproctitle. There is no /proc in this root, and that is
    /// all there is to complain about.
    #[track_caller]
    fn check_that_nobody_complained(&self) {
        const COMPLAINT: &str = "svscan: warning: unable to read /proc, so that nothing that runs can be taken over: \
            file does not exist\n";
        let mut titles = self.sandbox.processes().into_iter().filter_map(|pid| {
            let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
            line.strip_prefix("readproctitle\0service\0errors:\0").map(str::to_owned)
        });
        let title = titles.next().expect("readproctitle runs");
        assert_eq!(
            title.trim_end_matches('\0'),
            [".".repeat(400 - COMPLAINT.len()).as_str(), COMPLAINT].concat()
        );
    }
}

/// The account that a process runs as.
#[track_caller]
fn account(pid: i32) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let uid =
        status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().next()?.parse().ok());
    User::from_uid(Uid::from_raw(uid.unwrap())).unwrap().unwrap().name
}

/// A part of the loopback network where nobody listens on port 53, without its last byte.
#[track_caller]
fn unused_network() -> String {
    let is_unused = |network: &String| {
        (1..=4).map(|host| format!("{network}.{host}:53")).all(|address| {
            // Not one after the other: whoever has one of the two may have the other as well.
            UdpSocket::bind(&address).is_ok() && TcpListener::bind(&address).is_ok()
        })
    };
    // Other tests may look for one at the same time, and find the same unless they begin elsewhere.
    let mut networks = (std::process::id()..).take(250).map(|number| {
        let [.., high, low] = number.to_be_bytes();
        format!("127.{high}.{low}")
    });
    networks
        .find(is_unused)
        .expect("port 53 of all addresses is in use: the DNS server there must be stopped")
}
