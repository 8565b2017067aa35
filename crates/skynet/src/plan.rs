//! What a participant consists of: directories, files and links, as data. [`crate::writing`] makes them.
#![forbid(unsafe_code)]

use crate::edit::{assign, set};
use skynet_core::config::Config;
use skynet_core::files::OWN;
use std::path::{Path, PathBuf};

const RUN: &str = include_str!("../skeletons/participant/run");
const LOG_RUN: &str = include_str!("../skeletons/participant/log/run");
const NOTIFY: &str = include_str!("../skeletons/participant/notify");
const EXO: &str = include_str!("../skeletons/participant/exo");
const CONFIG: &str = include_str!("../skeletons/participant/config.exo");

/// The file that has supervise wait until a participant says that it is ready.
pub const NOTIFICATION_FD: &str = "notification-fd";

/// What is written, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The participant's directory.
    pub directory: PathBuf,
    /// What is in it, or belongs to it.
    pub entries: Vec<Entry>,
}

/// Something that is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where: below the participant's directory, unless it is absolute.
    pub path: PathBuf,
    /// What.
    pub what: What,
    /// Whose it is.
    pub owner: Owner,
}

/// What is to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A directory that everybody may read.
    Directory,
    /// A file.
    File(Vec<u8>, Mode),
    /// The same unless something else is there.
    Default(Vec<u8>, Mode),
    /// A symbolic link.
    Link(PathBuf),
}

/// Who may do what with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everybody may read it.
    Data,
    /// Everybody may run it.
    Program,
}

/// Whose something is, where root writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Root's: the participant cannot change it.
    Root,
    /// The account's that writes the log.
    Logger,
}

/// What somebody has asked `install` for, as far as it goes into the settings.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// The account that it runs as.
    pub user: Option<&'a str>,
    /// The queue that its work comes from.
    pub queue: Option<&'a str>,
    /// What the process engine calls it by.
    pub regexp: Option<&'a str>,
    /// The name of the file with its logic.
    pub code: Option<&'a str>,
    /// How many of it there are, and the name that they have in common.
    pub instances: Option<(u32, &'a str)>,
}

/// The settings file of a participant: what was in it, or that of the skeleton, with what was asked for.
pub fn config(present: Option<&str>, request: &Request<'_>) -> String {
    let count = request.instances.map(|(count, _)| count.to_string());
    // Instances share the work of one queue, unless something else is said.
    let mut own = Config::default();
    // What is odd in it is told when it is read.
    own.add(Path::new(OWN), present.unwrap_or_default());
    let has_own = |key: &str| own.file("participant", key).is_some();
    let shared = |key: &str| request.instances.filter(|_| !has_own(key)).map(|(_, name)| name);
    let settings = [
        ("code", request.code),
        ("queue", request.queue.or_else(|| shared("queue"))),
        ("regexp", request.regexp.or_else(|| shared("regexp"))),
        ("runas", request.user),
        ("instances", count.as_deref()),
    ];
    let settings = settings.into_iter().filter_map(|(key, value)| Some((key, value?)));
    settings.fold(present.unwrap_or(CONFIG).to_string(), |text, (key, value)| {
        set(&text, "participant", key, value)
    })
}

/// The same with a line each for the name, the queue and what the process engine calls the participant by, for scripts that
/// look for these lines. `config` is what holds for the participant `name`; what `NAME.conf` sets still wins over it.
pub fn with_identity(text: &str, name: &str, config: &Config) -> String {
    let mut own = Config::default();
    own.add(Path::new(OWN), text);
    ["name", "queue", "regexp"].into_iter().fold(text.to_string(), |text, key| {
        match own.file("participant", key) {
            Some(_) => text,
            None => set(&text, "participant", key, config.participant(key, name)),
        }
    })
}

/// A participant as it is to be.
#[derive(Debug, Clone)]
pub struct Wanted<'a> {
    /// Its directory.
    pub directory: &'a Path,
    /// The directory of its log, if that is not in its own.
    pub log: Option<&'a Path>,
    /// The directory of the logs of all, as it is called when the participant runs.
    pub logs: Option<&'a Path>,
    /// The directory of the environments of participants, as it is called then.
    pub environments: &'a Path,
    /// The account that it runs as.
    pub account: &'a str,
    /// The account that writes its log.
    pub log_account: &'a str,
    /// Its settings file.
    pub config: &'a str,
    /// Its logic, if that is to be written: the name of the file, what is in it, and what it is.
    pub logic: Option<(&'a str, &'a [u8], Mode)>,
    /// The exoskeleton.
    pub exo: Exo<'a>,
    /// Whether it says when the participant is ready, and may be asked to.
    pub tells_readiness: bool,
}

/// What `exo` is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exo<'a> {
    /// What it is: somebody has chosen it.
    Chosen,
    /// A link to the one that is installed.
    Installed(&'a Path),
    /// A script that says that none is installed.
    Missing,
}

impl<'a> Exo<'a> {
    /// Decides: `installed` is the program that is installed, and `present` what is in the directory.
    pub fn choose(installed: Option<&'a Path>, present: &Present) -> Self {
        let ours = [installed, Some(Path::new("/usr/bin/exo"))];
        let is_chosen = match present {
            Present::Nothing => false,
            Present::File(content) => content != EXO.as_bytes(),
            Present::Link { target, leads_somewhere } => {
                *leads_somewhere && !ours.contains(&Some(target.as_path()))
            }
        };
        match installed {
            _ if is_chosen => Self::Chosen,
            Some(path) => Self::Installed(path),
            None => Self::Missing,
        }
    }
}

/// What is called `exo` in the directory of a participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Present {
    /// Nothing.
    Nothing,
    /// A file, and what is in it.
    File(Vec<u8>),
    /// A symbolic link.
    Link {
        /// Where to.
        target: PathBuf,
        /// Whether there is something.
        leads_somewhere: bool,
    },
}

/// What is to be written so that a participant is as wanted.
pub fn participant(wanted: &Wanted<'_>) -> Plan {
    let path = |path: &Path| path.display().to_string();
    let run = assign(RUN, "account", wanted.account);
    let run = assign(&run, "settings", &path(wanted.environments));
    let log_run = assign(LOG_RUN, "account", wanted.log_account);
    let log_run = assign(&log_run, "logs", &wanted.logs.map(path).unwrap_or_default());
    let entry = |path: &Path, what| Entry { path: path.to_path_buf(), what, owner: Owner::Root };
    let file = |name: &str, text: &[u8], mode| entry(Path::new(name), What::File(text.to_vec(), mode));

    let mut entries = vec![entry(Path::new(""), What::Directory), entry(Path::new("log"), What::Directory)];
    entries.push(file(OWN, wanted.config.as_bytes(), Mode::Data));
    entries.extend(wanted.logic.map(|(name, content, mode)| file(name, content, mode)));
    entries.extend(match wanted.exo {
        Exo::Chosen => None,
        Exo::Installed(target) => Some(entry(Path::new("exo"), What::Link(target.to_path_buf()))),
        Exo::Missing => Some(file("exo", EXO.as_bytes(), Mode::Program)),
    });
    // Somebody may have one that does something else.
    entries.push(entry(Path::new("notify"), What::Default(NOTIFY.as_bytes().to_vec(), Mode::Program)));
    if wanted.tells_readiness {
        entries.push(entry(Path::new(NOTIFICATION_FD), What::Default(b"3\n".to_vec(), Mode::Data)));
    }
    entries.extend(wanted.log.map(|log| Entry {
        path: log.to_path_buf(),
        what: What::Directory,
        owner: Owner::Logger,
    }));
    entries.push(file("log/run", log_run.as_bytes(), Mode::Program));
    // The last: svscan takes the directory up once it is there.
    entries.push(file("run", run.as_bytes(), Mode::Program));
    Plan { directory: wanted.directory.to_path_buf(), entries }
}

/// Whether a file with logic may have this name in the directory of a participant, where other names mean something.
pub fn is_name_of_logic(name: &str) -> bool {
    const TAKEN: [&str; 16] = [
        "run",
        "exo",
        OWN,
        "log",
        "down",
        "supervise",
        "finish",
        "notify",
        "backoff",
        "down-signal",
        "timeout-kill",
        "timeout-finish",
        NOTIFICATION_FD,
        "end-leftovers",
        "env",
        "root",
    ];
    crate::names::is_valid(name) && !TAKEN.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Wanted<'static> {
        Wanted {
            directory: Path::new("/store/x"),
            log: Some(Path::new("/var/log/boss/x")),
            logs: Some(Path::new("/var/log/boss")),
            environments: Path::new("/etc/skynet"),
            account: "boss",
            log_account: "logger",
            config: "[participant]\n",
            logic: Some(("x.py", b"pass\n", Mode::Data)),
            exo: Exo::Installed(Path::new("/usr/bin/exo")),
            tells_readiness: true,
        }
    }

    fn names(plan: &Plan) -> Vec<&str> {
        plan.entries.iter().map(|entry| entry.path.to_str().unwrap()).collect()
    }

    #[track_caller]
    fn text<'a>(plan: &'a Plan, name: &str) -> (&'a str, Mode) {
        let entry = plan.entries.iter().find(|entry| entry.path == Path::new(name)).unwrap();
        let What::File(content, mode) = &entry.what else { panic!("{name} is no file") };
        (std::str::from_utf8(content).unwrap(), *mode)
    }

    #[test]
    fn a_participant_has_the_names_of_the_seed_and_run_comes_last() {
        let plan = participant(&wanted());
        let expected = [
            "",
            "log",
            "config.exo",
            "x.py",
            "exo",
            "notify",
            "notification-fd",
            "/var/log/boss/x",
            "log/run",
            "run",
        ];
        assert_eq!(names(&plan), expected);
        let owners: Vec<&Path> = plan
            .entries
            .iter()
            .filter(|entry| entry.owner == Owner::Logger)
            .map(|entry| entry.path.as_path())
            .collect();
        assert_eq!(owners, [Path::new("/var/log/boss/x")]);
    }

    #[test]
    fn o1_the_scripts_name_the_accounts() {
        let plan = participant(&wanted());
        let (run, mode) = text(&plan, "run");
        assert_eq!(mode, Mode::Program);
        assert!(run.contains("\naccount=boss\n") && run.contains("\nsettings=/etc/skynet\n"), "{run}");
        let (run, _) = text(&plan, "log/run");
        assert!(run.contains("\naccount=logger\n") && run.contains("\nlogs=/var/log/boss\n"), "{run}");
    }

    #[test]
    fn d6_a_mini_skynet_logs_beside_the_participant() {
        let plan = participant(&Wanted {
            log: None,
            logs: None,
            environments: Path::new("/home/it's me/BOSS"),
            ..wanted()
        });
        assert!(!names(&plan).contains(&"/var/log/boss/x"));
        assert!(text(&plan, "log/run").0.contains("\nlogs=\n"));
        assert!(text(&plan, "run").0.contains("\nsettings='/home/it'\\''s me/BOSS'\n"));
    }

    #[test]
    fn d8_an_exo_that_somebody_has_chosen_stays() {
        let installed = Some(Path::new("/opt/bin/exo"));
        let link = |target: &str, leads_somewhere| Present::Link { target: target.into(), leads_somewhere };
        let placeholder = Present::File(EXO.into());
        for ours in [Present::Nothing, placeholder.clone(), link("/usr/bin/exo", true), link("/x", false)] {
            assert_eq!(Exo::choose(installed, &ours), Exo::Installed(Path::new("/opt/bin/exo")));
        }
        assert_eq!(Exo::choose(None, &placeholder), Exo::Missing);
        for chosen in [Present::File(b"#!/bin/sh\n".into()), link("/home/u/exo", true)] {
            assert_eq!(Exo::choose(installed, &chosen), Exo::Chosen);
            assert_eq!(Exo::choose(None, &chosen), Exo::Chosen);
        }
        assert!(!names(&participant(&Wanted { exo: Exo::Chosen, ..wanted() })).contains(&"exo"));
    }

    #[test]
    fn p1_settings_are_what_was_asked_for_and_stay_what_they_were() {
        let request = Request { code: Some("x.py"), queue: Some("q"), ..Request::default() };
        let first = config(None, &request);
        let values = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_string).collect()
        };
        assert_eq!(values(&first), ["[participant]", "code=x.py", "queue=q"]);
        let request = Request { code: Some("x.py"), regexp: Some("r.*"), ..Request::default() };
        assert_eq!(
            values(&config(Some(&first), &request)),
            ["[participant]", "code=x.py", "queue=q", "regexp=r.*"]
        );
    }

    #[test]
    fn scripts_find_the_name_the_queue_and_the_regexp() {
        let lines = |text: &str| {
            let mut config = Config::default();
            config.add(Path::new(OWN), text);
            with_identity(text, "x", &config)
        };
        let full = "[participant]\nname=x\nqueue=x\nregexp=x\n";
        assert_eq!(lines("[participant]\n#name=\n#queue=\n#regexp=\n"), full);
        assert_eq!(lines(full), full);
        let own = "[participant]\nname=y\nqueue = q\nregexp:r\n";
        assert_eq!(lines(own), own);
    }

    #[test]
    fn instances_share_a_queue() {
        let request = Request { instances: Some((2, "x")), user: Some("boss"), ..Request::default() };
        let text = config(Some("[participant]\nregexp=own\n"), &request);
        assert_eq!(text, "[participant]\nregexp=own\nqueue=x\nrunas=boss\ninstances=2\n");
        // However the administrator writes it, and wherever else it stands.
        let own = "[participant]\nQueue = own\nregexp=\ninstances=2\n[x]\nqueue=\n";
        let request = Request { instances: Some((2, "x")), ..Request::default() };
        let expected = "[participant]\nQueue = own\nregexp=x\ninstances=2\n[x]\nqueue=\n";
        assert_eq!(config(Some(own), &request), expected);
        let elsewhere = config(Some("[x]\nqueue=x\n"), &request);
        assert!(elsewhere.contains("[participant]\nqueue=x\nregexp=x\n"), "{elsewhere}");
    }

    #[test]
    fn logic_cannot_take_the_place_of_something_else() {
        assert!(["x.py", "participant_logic.py", "work"].into_iter().all(is_name_of_logic));
        assert!(!["run", "exo", "log", "supervise", "a b.py", ".x"].into_iter().any(is_name_of_logic));
    }
}
