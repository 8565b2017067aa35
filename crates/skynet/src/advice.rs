//! What to write instead of the words of earlier versions, and of supervisorctl, that are not understood.
#![forbid(unsafe_code)]

use std::ffi::OsString;

/// A word, and what to write in its place.
const INSTEAD: &[(&str, &str)] = &[
    ("-i", "skynet install -u USER -n NAME LOGIC"),
    ("-n", "skynet install -n NAME LOGIC"),
    ("-p", "skynet install -n NAME -p LOGIC"),
    ("-l", "skynet list"),
    ("add", "skynet install -n NAME LOGIC"),
    ("create", "skynet install -n NAME LOGIC"),
    ("make", "skynet install -n NAME LOGIC"),
    ("new", "skynet install -n NAME LOGIC"),
    ("setup", "skynet install -n NAME LOGIC"),
    ("make_exo", "skynet install -n NAME LOGIC"),
    ("install_participant", "skynet install -n NAME LOGIC"),
    ("remove", "skynet disable --now NAME; skynet uninstall NAME"),
    ("delete", "skynet disable --now NAME; skynet uninstall NAME"),
    ("del", "skynet disable --now NAME; skynet uninstall NAME"),
    ("rm", "skynet disable --now NAME; skynet uninstall NAME"),
    ("purge", "skynet disable --now NAME; skynet uninstall NAME"),
    ("remove_participant", "skynet disable --now NAME; skynet uninstall NAME"),
    ("tail", "skynet log -f NAME"),
    ("logs", "skynet log NAME"),
    ("fg", "skynet manual NAME"),
    ("run", "skynet manual NAME"),
    ("update", "skynet apply"),
    ("reread", "skynet apply"),
    ("avail", "skynet list"),
    ("ps", "skynet status"),
    ("ls", "skynet list"),
    ("info", "skynet status NAME"),
    ("show", "skynet status NAME"),
    ("is-active", "skynet status NAME"),
    ("is-enabled", "skynet list --enabled"),
    ("version", "skynet --version"),
    ("up", "skynet start NAME"),
    ("down", "skynet stop NAME"),
    ("upgrade", "skynet reload NAME"),
    ("force-reload", "skynet reload NAME"),
    ("condrestart", "skynet restart NAME"),
    ("try-restart", "skynet restart NAME"),
    ("config", "skynet rebuild NAME, after a change of config.exo"),
    ("kill", "skynet stop NAME, or svc -k DIRECTORY"),
    ("signal", "svc in the directory of the participant, see svc(8)"),
    ("pid", "skynet status --json NAME"),
    ("shutdown", "skynet stop --all"),
    ("configure", "skynet install again, or change config.exo and skynet rebuild NAME"),
    ("cancel", "skynet item NAME WFID cancel"),
];

/// Commands that act on the participants that are named, or on all.
const SELECTING: &[&str] = &[
    "enable",
    "disable",
    "start",
    "stop",
    "restart",
    "reload",
    "register",
    "unregister",
    "uninstall",
    "rebuild",
];

/// What to write instead of a command line that is not understood, if that is known.
pub fn find(words: impl Iterator<Item = OsString>) -> Option<String> {
    let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let (first, rest) = words.split_first()?;
    if let Some((word, instead)) = INSTEAD.iter().find(|(word, _)| first == word) {
        return Some(format!("instead of {word}, write: {instead}"));
    }
    let command = first.strip_suffix("all").map(|command| command.trim_end_matches(['-', '_']));
    if let Some(command) = SELECTING.iter().find(|known| command == Some(known)) {
        return Some(format!("instead of {first}, write: skynet {command} --all"));
    }
    let is_selecting = SELECTING.contains(&first.as_str());
    if is_selecting && rest.iter().any(|word| word == "-n" || word == "--name") {
        return Some(format!("write the names without -n: skynet {first} NAME"));
    }
    let has_name = rest.iter().any(|word| !word.starts_with('-'));
    (is_selecting && !has_name).then(|| format!("write: skynet {first} NAME, or skynet {first} --all"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_words_are_answered_with_new_ones() {
        let find = |line: &str| find(line.split(' ').map(OsString::from));
        let old = "-i bossmaintainer -n x -p /usr/share/boss-skynet/x.py";
        assert_eq!(find(old).unwrap(), "instead of -i, write: skynet install -u USER -n NAME LOGIC");
        assert_eq!(find("tail x").unwrap(), "instead of tail, write: skynet log -f NAME");
        assert_eq!(find("start-all").unwrap(), "instead of start-all, write: skynet start --all");
        assert_eq!(find("stopall").unwrap(), "instead of stopall, write: skynet stop --all");
        assert_eq!(find("enable -n x").unwrap(), "write the names without -n: skynet enable NAME");
        assert_eq!(find("reload").unwrap(), "write: skynet reload NAME, or skynet reload --all");
        for line in ["dance", "dance-all", "start --loud x", "status --verbose"] {
            assert_eq!(find(line), None, "{line}");
        }
    }
}
