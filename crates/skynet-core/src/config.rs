//! Settings: ini files of which the later wins (docs/skynet.md).
#![forbid(unsafe_code)]

use crate::ini::{self, Line};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The settings of a participant, with what files have said so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    sections: BTreeMap<String, BTreeMap<String, Setting>>,
}

/// What a file has said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    value: String,
    file: PathBuf,
    line: usize,
}

/// Something in a file that is odd. It is told with the file and the line; the rest of the file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Oddity {
    /// The line, from 1.
    pub line: usize,
    /// What is odd about it.
    pub what: String,
}

/// The keys of the sections that are known, with what holds if no file says anything else.
const KNOWN: &[(&str, &str, &str)] = &[
    ("boss", "amqp_host", "127.0.0.1:5672"),
    ("boss", "amqp_user", "boss"),
    ("boss", "amqp_pwd", "boss"),
    ("boss", "amqp_vhost", "boss"),
    ("boss", "amqp_login", "plain"),
    ("boss", "amqp_ca", ""),
    ("boss", "amqp_cert", ""),
    ("boss", "amqp_key", ""),
    ("participant", "name", ""),
    ("participant", "queue", ""),
    ("participant", "regexp", ""),
    ("participant", "code", "participant_logic.py"),
    ("participant", "runas", "nobody"),
    ("participant", "loguser", "nobody"),
    ("participant", "user_managed", ""),
    ("participant", "instances", "1"),
    ("participant", "prefetch", "1"),
    ("participant", "timeout", "0"),
    ("participant", "grace", "0"),
    ("participant", "attempts", "3"),
    ("participant", "dead_letters", ""),
    ("skynet", "include_dir", ""),
    ("skynet", "service_dir", ""),
    ("skynet", "storage_dir", ""),
    ("skynet", "log_level", "INFO"),
    ("skynet", "notify", ""),
];

fn is_known(section: &str) -> bool {
    KNOWN.iter().any(|(known, ..)| *known == section)
}

fn is_known_key(section: &str, key: &str) -> bool {
    KNOWN.iter().any(|(known, name, _)| (*known, *name) == (section, key))
}

/// Whether its user manages a participant, and not the administrator of the site.
const USER_MANAGED: (&str, &str) = ("participant", "user_managed");

/// What a word means, as in Python's configparser, which old programs read these files with.
fn truth(word: &str) -> Option<bool> {
    match word.to_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Some(true),
        "no" | "false" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// The first word of a line, or of a key, that is odd. The others may be a secret behind a forgotten `=`, and what is odd is
/// logged.
fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

impl Config {
    /// Adds what `file` says, whose text this is; returns what is odd in it.
    pub fn add(&mut self, file: &Path, text: &str) -> Vec<Oddity> {
        let mut oddities = Vec::new();
        let mut section = String::new();
        // The key whose value may continue, and the number of blank lines since the last line of the value.
        let (mut open, mut blanks) = (None::<String>, 0);
        for (index, line) in ini::lines(text).enumerate() {
            let mut odd = |what: String| oddities.push(Oddity { line: index + 1, what });
            match line {
                Line::Blank => blanks += 1,
                Line::Comment => {}
                Line::Section(name) => (section, open) = (name.to_string(), None),
                Line::Odd(line) => {
                    odd(format!("this is neither [section] nor key=value: {}", first_word(line)));
                }
                Line::Setting { key, .. } if section.is_empty() => {
                    odd(format!("{} stands before the first [section], and is ignored", first_word(key)));
                    open = None;
                }
                Line::Setting { key, value } => {
                    let key = key.to_lowercase();
                    if is_known(&section) && !is_known_key(&section, &key) {
                        odd(format!("there is no setting {} in [{section}]", first_word(&key)));
                    }
                    if (section.as_str(), key.as_str()) == USER_MANAGED
                        && !value.is_empty()
                        && truth(value).is_none()
                    {
                        odd(format!("{key} is yes or no, not {value}: it counts as yes"));
                    }
                    let (value, file, line) = (value.to_string(), file.to_path_buf(), index + 1);
                    let setting = Setting { value, file, line };
                    self.sections.entry(section.clone()).or_default().insert(key.clone(), setting);
                    (open, blanks) = (Some(key), 0);
                }
                Line::More(line) => {
                    let Some(key) = &open else { continue };
                    if is_known(&section) {
                        let key = first_word(key);
                        odd(format!("this line is indented, and so a part of the value of {key}"));
                    }
                    let setting = self.sections.get_mut(&section).and_then(|keys| keys.get_mut(key));
                    if let Some(Setting { value, .. }) = setting {
                        value.extend(std::iter::repeat_n('\n', blanks + 1));
                        value.push_str(line);
                    }
                    blanks = 0;
                }
            }
        }
        oddities
    }

    /// A setting that has been made, or holds if none was made.
    pub fn get(&self, section: &str, key: &str) -> &str {
        let made = self.setting(section, key).map(|setting| setting.value.as_str());
        let default = || {
            KNOWN.iter().find(|(known, name, _)| *known == section && *name == key).map(|(.., value)| *value)
        };
        made.or_else(default).unwrap_or_default()
    }

    /// The file that has made a setting; none if what holds is what holds if no file says anything.
    pub fn file(&self, section: &str, key: &str) -> Option<&Path> {
        self.setting(section, key).map(|setting| setting.file.as_path())
    }

    /// The line of that file, from 1.
    pub fn line(&self, section: &str, key: &str) -> Option<usize> {
        self.setting(section, key).map(|setting| setting.line)
    }

    /// What files have said, by section.
    pub fn sections(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = (&str, &str)>)> {
        self.sections.iter().map(|(section, keys)| {
            let keys = keys.iter().map(|(key, setting)| (key.as_str(), setting.value.as_str()));
            (section.as_str(), keys)
        })
    }

    /// A setting that is yes or no; `None` where it is neither, or was not made.
    pub fn truth(&self, section: &str, key: &str) -> Option<bool> {
        truth(self.get(section, key))
    }

    fn setting(&self, section: &str, key: &str) -> Option<&Setting> {
        self.sections.get(section)?.get(key).filter(|setting| !setting.value.is_empty())
    }

    /// Whether commands for all participants are to leave this one alone.
    pub fn is_user_managed(&self) -> bool {
        let value = self.get(USER_MANAGED.0, USER_MANAGED.1);
        !value.is_empty() && truth(value) != Some(false)
    }

    /// A setting of `[participant]`; its queue and what the process engine calls it are its name unless something else
    /// is said.
    pub fn participant<'a>(&'a self, key: &str, name: &'a str) -> &'a str {
        match self.get("participant", key) {
            "" if ["name", "queue", "regexp"].contains(&key) => name,
            value => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_later_wins_and_the_rest_holds() {
        let (mut config, file) = (Config::default(), Path::new("/etc/a.conf"));
        assert_eq!(
            config.add(file, "[boss]\namqp_host=broker:1\n# c\n; c\n\n[participant]\nrunas = boss\n"),
            []
        );
        assert_eq!(
            config.add(file, "[participant]\nrunas=builder\nqueue=q\n[obs]\napi=https://x/?a=b\n"),
            []
        );
        assert_eq!(config.get("boss", "amqp_host"), "broker:1");
        assert_eq!(config.get("boss", "amqp_user"), "boss");
        assert_eq!(config.get("obs", "api"), "https://x/?a=b");
        assert_eq!(config.participant("runas", "p"), "builder");
        assert_eq!((config.participant("queue", "p"), config.participant("regexp", "p")), ("q", "p"));
        assert_eq!((config.file("boss", "amqp_host"), config.file("boss", "amqp_user")), (Some(file), None));
        let sections: Vec<&str> = config.sections().map(|(section, _)| section).collect();
        assert_eq!(sections, ["boss", "obs", "participant"]);
    }

    #[test]
    fn the_value_of_a_setting_goes_on_in_indented_lines() {
        let (mut config, file) = (Config::default(), Path::new("/etc/a.conf"));
        let odd = config.add(file, "[obs]\nprojects = a\n  b\n\n  # not this\n\tc=d\n\n\nx=1\n");
        assert_eq!(odd, []);
        assert_eq!(config.get("obs", "projects"), "a\nb\n\nc=d");
        assert_eq!(config.get("obs", "x"), "1");
        let odd = config.add(file, "[participant]\nqueue=q\n runas=boss\n[obs]\nx=2\n");
        let told: Vec<String> = odd.iter().map(|odd| format!("{}: {}", odd.line, odd.what)).collect();
        assert_eq!(told, ["3: this line is indented, and so a part of the value of queue"]);
        assert_eq!((config.get("participant", "runas"), config.get("obs", "x")), ("nobody", "2"));
        // What is before the first section is told once.
        assert_eq!(config.add(file, "a=b\n c\n").len(), 1);
    }

    #[test]
    fn who_manages_a_participant_is_yes_or_no() {
        #[track_caller]
        fn check(value: &str, expected: bool, oddities: usize) {
            let mut config = Config::default();
            let odd = config.add(Path::new("a.conf"), &format!("[participant]\nuser_managed={value}\n"));
            assert_eq!((config.is_user_managed(), odd.len()), (expected, oddities), "{value}");
        }
        ["yes", "True", "on", "1"].iter().for_each(|value| check(value, true, 0));
        ["", "no", "FALSE", "off", "0"].iter().for_each(|value| check(value, false, 0));
        // Whoever writes that does not want to be disturbed.
        check("lbt", true, 1);
        assert!(!Config::default().is_user_managed());
    }

    #[test]
    fn a_mark_of_the_encoding_is_no_part_of_the_text() {
        let mut config = Config::default();
        assert_eq!(config.add(Path::new("a.conf"), "\u{feff}[ participant ]\r\nuser_managed=yes\r\n"), []);
        assert!(config.is_user_managed());
    }

    #[test]
    fn a_secret_with_a_forgotten_equals_sign_is_not_told() {
        let text = "amqp_pwd s3cret:1\n[boss]\namqp_pwd s3cret\namqp_pwd s3cret=1\n[amqp_pwd s3cret\n";
        let odd = Config::default().add(Path::new("a.conf"), text);
        assert_eq!(odd.len(), 4);
        for odd in odd {
            assert!(odd.what.contains("amqp_pwd") && !odd.what.contains("s3cret"), "{odd:?}");
        }
        let odd = Config::default().add(Path::new("a.conf"), "[boss]\namqp_pwd=\n  s3cret\n");
        assert!(odd.len() == 1 && !odd[0].what.contains("s3cret"), "{odd:?}");
    }

    #[test]
    fn what_is_odd_is_told_by_line() {
        let (mut config, file) = (Config::default(), Path::new("/etc/a.conf"));
        let odd = config.add(file, "early=1\n[participant]\nrun_as=x\nnonsense\ncode=a.py\n");
        let told: Vec<String> = odd.iter().map(|odd| format!("{}: {}", odd.line, odd.what)).collect();
        assert_eq!(
            told,
            [
                "1: early stands before the first [section], and is ignored",
                "3: there is no setting run_as in [participant]",
                "4: this is neither [section] nor key=value: nonsense",
            ]
        );
        assert_eq!(config.participant("code", "p"), "a.py");
    }
}
