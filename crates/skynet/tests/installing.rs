//! Making, enabling and removing participants in a mini-SkyNET, which nobody needs to be root for.

use crate::support::{Sandbox, is_root};
use std::fs;

/// A program in the place of the exoskeleton: says who it is, what it is given and what surrounds it, then works until it
/// is told to stop.
const EXO: &str = "#!/bin/sh\n\
    echo \"exo $(id -un) $*: $(sed -n 's/^code=//p' config.exo)\"\n\
    env | sort | sed 's/^/env /'\n\
    trap 'echo stopping; exit 0' TERM\n\
    echo works\n\
    while :; do sleep 0.1; done\n";

/// A mini-SkyNET with an exoskeleton of its own, of an unprivileged account.
struct Home {
    sandbox: Sandbox,
    prefix: &'static str,
}

impl Home {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        sandbox.program("bin/exo", EXO);
        sandbox.run("mkdir home && echo 'pass' >home/logic.py");
        let prefix = if is_root() {
            sandbox.run("chown -R nobody home");
            "setuidgid nobody"
        } else {
            ""
        };
        Self { sandbox, prefix }
    }

    /// The command as the account that owns the home gives it there.
    fn command(&self, command: &str) -> String {
        format!("cd home && {} {command}", self.prefix)
    }

    #[track_caller]
    fn skynet(&self, words: &str) -> String {
        self.sandbox.run(&self.command(&format!("skynet --root BOSS {words}")))
    }

    #[track_caller]
    fn refuses(&self, code: i32, words: &str) -> String {
        self.sandbox.fail(code, &self.command(&format!("skynet --root BOSS {words}")))
    }

    fn svscan(&self) -> crate::support::Running {
        fs::create_dir_all(self.sandbox.path("home/BOSS/service")).unwrap();
        let script = format!("{} svscan home/BOSS/service", self.prefix);
        self.sandbox.scans(&script, "home/BOSS/service")
    }

    /// Waits until the log of a participant contains `text`.
    #[track_caller]
    fn wait_for_log(&self, name: &str, text: &str) -> String {
        let log = format!("home/BOSS/participants/{name}/log/main/current");
        self.sandbox.wait_until("it is in the log", || self.sandbox.read(&log).contains(text));
        self.sandbox.read(&log)
    }

    /// Every file of the participant with its inode, mode and owner.
    fn files(&self) -> String {
        self.sandbox.run("find home/BOSS/participants -printf '%p %i %m %u %T@ %l\\n' | sort")
    }
}

#[test]
fn o4_a_participant_is_made_from_its_logic_alone() {
    let home = Home::new();
    let said = home.skynet("install -n x logic.py");
    assert_eq!(said, format!("x: made in {}\n", home.sandbox.path("home/BOSS/participants/x").display()));
    let names = home.sandbox.run("cd home/BOSS/participants/x && find . -type f -o -type l | sort");
    assert_eq!(names, "./config.exo\n./exo\n./log/run\n./logic.py\n./notify\n./run\n");
    let modes = home
        .sandbox
        .run("cd home/BOSS/participants/x && stat -c '%a %n' . log run log/run notify *.py config.exo");
    assert_eq!(modes, "755 .\n755 log\n755 run\n755 log/run\n755 notify\n644 logic.py\n644 config.exo\n");
    home.sandbox.run("cmp home/logic.py home/BOSS/participants/x/logic.py");
}

#[test]
fn asking_twice_changes_nothing_and_says_so() {
    let home = Home::new();
    home.skynet("install -n x -q work -u nobody logic.py");
    let before = home.files();
    assert_eq!(home.skynet("install -n x -q work -u nobody logic.py"), "x: unchanged\n");
    assert_eq!(home.skynet("install -n x logic.py"), "x: unchanged\n");
    assert_eq!(home.skynet("rebuild x"), "x: unchanged\n");
    assert_eq!(home.files(), before);
    // Somebody may be told in a way of their own.
    home.sandbox.run("echo '# mine' >>home/BOSS/participants/x/notify");
    assert_eq!(home.skynet("rebuild x"), "x: unchanged\n");
    home.sandbox.run("echo 'print()' >>home/logic.py");
    assert_eq!(home.skynet("install -n x logic.py"), "x: written again: logic.py\n");
    assert_eq!(home.skynet("install -n x -r 'x.*' logic.py"), "x: written again: config.exo\n");
    assert!(home.sandbox.read("home/BOSS/participants/x/config.exo").contains("\nqueue=work\n"));
}

#[test]
fn what_is_made_and_enabled_many_times_at_once_is_whole() {
    let home = Home::new();
    let text: String = (0..5000).map(|number| format!("line {number}\n")).collect();
    home.sandbox.write("home/logic.py", &text);
    let directory = "home/BOSS/participants/x";
    let many = |words: &str| {
        let command = home.command(&format!("skynet --root BOSS {words} >/dev/null 2>>said"));
        let one = format!("( {command} || echo failed $? >>said ) &");
        home.sandbox.run(&format!("chmod 777 home; {} wait", one.repeat(12)));
        assert_eq!(home.sandbox.read("home/said"), "", "{words}");
    };
    for _ in 0..5 {
        many("install -n x logic.py");
        assert!(home.sandbox.read(&format!("{directory}/logic.py")) == text);
        many("enable x");
        assert_eq!(home.sandbox.run("ls -A home/BOSS/service"), "x\n");
        let files = home.sandbox.run(&format!("cd {directory} && find . ! -type d | sort"));
        assert_eq!(files, "./config.exo\n./exo\n./log/run\n./logic.py\n./notify\n./run\n");
        home.sandbox.run(&format!("rm -r home/BOSS/service {directory}"));
    }
}

#[test]
fn what_cannot_be_is_refused_and_nothing_is_made() {
    let home = Home::new();
    assert!(home.refuses(111, "install nothing.py").contains("nothing.py"));
    assert!(home.refuses(100, "install -n a/b logic.py").contains("a/b cannot be the name"));
    for count in ["0", "1001", "4294967295"] {
        let said = home.refuses(100, &format!("install -i {count} logic.py"));
        assert!(said.contains(&format!("-i {count}: from 1 to 1000")), "{said}");
    }
    let odd = ["-q 'q\nrunas=root'", "-r 'r\r'", "-q ' q'", "-r 'r '", "-q 'a\u{7}'"];
    for words in odd {
        let said = home.refuses(100, &format!("install {words} logic.py"));
        assert!(said.contains(words.split(' ').next().unwrap()), "{said}");
    }
    home.sandbox.run("cp home/logic.py home/run && mkdir home/d.py");
    assert!(home.refuses(100, "install -n x run").contains("run cannot be the name of logic"));
    assert!(home.refuses(100, "install -n x d.py").contains("is a directory"));
    home.sandbox.run("mkfifo home/fifo.py");
    for special in ["fifo.py", "/dev/null"] {
        let said = home
            .sandbox
            .fail(100, &home.command(&format!("timeout 200 skynet --root BOSS install {special}")));
        assert!(said.contains("is not a regular file"), "{said}");
    }
    assert!(!home.sandbox.path("home/BOSS").exists());
}

#[test]
fn p1_names_queues_and_instances_are_chosen_without_touching_code() {
    let home = Home::new();
    home.skynet("install -n build -i 2 -r 'build_.*' logic.py");
    for name in ["build_0", "build_1"] {
        let config = home.sandbox.read(&format!("home/BOSS/participants/{name}/config.exo"));
        for line in ["code=logic.py", "queue=build", "regexp=build_.*", "instances=2"] {
            assert!(config.lines().any(|found| found == line), "{line} in\n{config}");
        }
    }
    let said = home.skynet("install -n build -i 1 logic.py");
    let expected = "build_0: written again: config.exo\n\
                    build_1 is there from before: skynet uninstall build_1 removes it\n";
    assert_eq!(said, expected);
}

#[test]
fn d6_a_mini_skynet_runs_without_root() {
    let home = Home::new();
    home.skynet("install -n x logic.py");
    home.sandbox.run("echo 'export GREETING=\"hello you\" # well' >home/BOSS/x.env");
    home.sandbox.run("echo 'EVERYBODY=yes' >home/BOSS/skynet.env");
    let _svscan = home.svscan();
    let said = home.skynet("enable --now x");
    assert_eq!(said, "x is enabled\nx RUNNING\n");
    let text = home.wait_for_log("x", " works\n");
    let account = if is_root() { "nobody".into() } else { home.sandbox.run("id -un") };
    assert!(text.contains(&format!(" exo {} config.exo: logic.py\n", account.trim())), "{text}");
    assert!(text.contains(" env GREETING=hello you\n") && text.contains(" env EVERYBODY=yes\n"), "{text}");
    assert!(text.contains(" env PYTHONUNBUFFERED=1\n"), "{text}");
    // Nothing else of the environment of svscan gets through.
    assert!(!text.contains(" env HOME=") && !text.contains("SKYNET_TEST"), "{text}");
    assert_eq!(home.skynet("enable x"), "x is enabled already\n");
}

#[test]
fn a1_what_is_enabled_starts_with_svscan_and_what_is_disabled_has_stopped() {
    let home = Home::new();
    home.skynet("install -n x logic.py");
    home.skynet("install -n y logic.py");
    let said = home.skynet("enable --now --all");
    assert!(said.starts_with("x is enabled\ny is enabled\nNo svscan runs on "), "{said}");
    let svscan = home.svscan();
    home.skynet("enable --now --all");
    home.wait_for_log("x", " works\n");
    let said = home.skynet("disable --now x");
    assert_eq!(said, "x is disabled\nx STOPPED\n");
    home.sandbox.fail(100, "svok home/BOSS/participants/x");
    home.sandbox.fail(100, "svok home/BOSS/participants/x/log");
    let log = home.sandbox.read("home/BOSS/participants/x/log/main/current");
    assert!(log.ends_with(" stopping\n"), "{log}");
    home.sandbox.run("svok home/BOSS/participants/y");
    assert_eq!(home.skynet("disable x"), "x is disabled already\n");
    assert!(home.skynet("apply").contains("looks at "));
    drop(svscan);
    assert!(home.skynet("disable --now y").ends_with("y STOPPED\n"));
    assert!(home.skynet("apply").starts_with("No svscan runs on "));
}

#[test]
fn a_link_that_leads_nowhere_is_made_anew_and_one_to_something_else_stays() {
    let home = Home::new();
    home.skynet("install -n x logic.py");
    home.skynet("install -n y logic.py");
    let link = "home/BOSS/service/x";
    let leads = |target: &str| home.sandbox.run(&format!("ln -sfn {target} {link}"));
    let is_link = || home.sandbox.path(link).symlink_metadata().is_ok();
    leads("/nowhere");
    assert_eq!(home.skynet("enable x"), "x is enabled\n");
    let made = fs::read_link(home.sandbox.path(link)).unwrap();
    assert_eq!(made, home.sandbox.path("home/BOSS/participants/x"));
    leads("../participants/gone");
    assert_eq!(home.skynet("disable x"), "x is disabled\n");
    assert!(!is_link());
    leads("../participants/y");
    for command in ["enable", "disable"] {
        let said = home.refuses(1, &format!("{command} x"));
        let there =
            [link, "home/BOSS/participants/x"].map(|path| home.sandbox.path(path).display().to_string());
        assert!(said.starts_with(&format!("skynet: x cannot be {command}d: {}", there[0])), "{said}");
        assert!(said.contains(&format!("is not a link to {}", there[1])), "{said}");
    }
    leads("/nowhere");
    assert_eq!(home.skynet("uninstall x"), "x: removed\n");
    assert!(!is_link());
}

#[test]
fn a2_a_participant_that_is_busy_is_not_waited_for_unless_asked() {
    let home = Home::new();
    home.skynet("install -n x logic.py");
    home.sandbox.run("rm home/BOSS/participants/x/exo");
    let exo =
        "#!/bin/sh\ntrap '' TERM\necho works\nuntil [ -e finish ]; do sleep 0.05; done\necho finished\n";
    home.sandbox.program("home/BOSS/participants/x/exo", exo);
    let _svscan = home.svscan();
    home.skynet("enable --now x");
    home.wait_for_log("x", " works\n");
    let output = home.sandbox.sh(&home.command("skynet --root BOSS disable x"));
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, b"x is disabled\n");
    assert!(String::from_utf8_lossy(&output.stderr).contains("x: it has not finished what it has in hand"));
    let now = home.command("skynet --root BOSS disable --now x");
    let mut waits = home.sandbox.start(&format!("sh -c '{now}'"), "said");
    home.sandbox.wait_until("it waits", || home.sandbox.read("said").contains("already"));
    home.sandbox.run("svok home/BOSS/participants/x && touch home/BOSS/participants/x/finish");
    assert_eq!(waits.end(), Some(0));
    // On a busy machine, it has ended before the command looks.
    let ends = ["", "x STOPPED\n"].map(|end| format!("x is disabled already\n{end}"));
    assert!(ends.contains(&home.sandbox.read("said")), "{}", home.sandbox.read("said"));
    home.wait_for_log("x", " finished\n");
}

#[test]
fn what_runs_is_not_removed_and_what_does_not_is() {
    let home = Home::new();
    home.skynet("install -n x logic.py");
    let _svscan = home.svscan();
    home.skynet("enable --now x");
    assert!(home.refuses(1, "uninstall x").contains("x is enabled, and running (pid "));
    assert!(home.refuses(1, "manual x").contains("x is running (pid "));
    home.sandbox.run("svc -d --wait=down home/BOSS/participants/x");
    assert!(home.refuses(1, "uninstall x").contains("x is enabled: skynet disable --now x first"));
    home.skynet("disable --now x");
    assert_eq!(home.skynet("uninstall x"), "x: removed\n");
    assert_eq!(
        home.sandbox.run("ls home/BOSS/participants home/BOSS/service"),
        "home/BOSS/participants:\n\nhome/BOSS/service:\n"
    );
    assert!(home.refuses(1, "uninstall x").contains("There is no participant x"));
}

#[test]
fn a_participant_runs_in_the_foreground_with_its_own_environment() {
    let home = Home::new();
    home.skynet("install -n x logic.py");
    home.sandbox.run("echo GREETING=hello >home/BOSS/x.env");
    let script = home.command("env STRANGE=1 skynet --root BOSS manual x");
    let _manual = home.sandbox.start(&format!("sh -c '{script}'"), "manual");
    home.sandbox.wait_until("it runs", || home.sandbox.read("manual").contains("works\n"));
    let text = home.sandbox.read("manual");
    assert!(text.contains("env GREETING=hello\n") && !text.contains("STRANGE"), "{text}");
    // The same by hand.
    let script = home.command("env STRANGE=1 ./BOSS/participants/x/run");
    let _run = home.sandbox.start(&format!("sh -c '{script}'"), "by-hand");
    home.sandbox.wait_until("it runs", || home.sandbox.read("by-hand").contains("works\n"));
    assert!(!home.sandbox.read("by-hand").contains("STRANGE"));
}

#[test]
fn without_an_exoskeleton_a_participant_says_what_is_missing() {
    let home = Home::new();
    home.sandbox.run("rm bin/exo");
    home.skynet("install -n x logic.py");
    let output = home.sandbox.sh(&home.command("skynet --root BOSS manual x"));
    assert_eq!(output.status.code(), Some(100));
    assert!(String::from_utf8_lossy(&output.stdout).contains("exo is not installed"), "{output:?}");
    home.sandbox.program("bin/exo", EXO);
    assert_eq!(home.skynet("rebuild x"), "x: written again: exo\n");
    assert_eq!(
        fs::read_link(home.sandbox.path("home/BOSS/participants/x/exo")).unwrap(),
        home.sandbox.path("bin/exo")
    );
}
