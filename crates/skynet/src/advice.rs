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
    ("remove", "skynet disable --now NAME; skynet uninstall NAME"),
    ("delete", "skynet disable --now NAME; skynet uninstall NAME"),
    ("remove_participant", "skynet disable --now NAME; skynet uninstall NAME"),
    ("tail", "skynet log -f NAME"),
    ("logs", "skynet log NAME"),
    ("fg", "skynet manual NAME"),
    ("run", "skynet manual NAME"),
    ("update", "skynet apply"),
    ("reread", "skynet apply"),
    ("avail", "skynet list"),
    ("ps", "skynet status"),
    ("kill", "skynet stop NAME, or svc -k DIRECTORY"),
    ("signal", "svc in the directory of the participant, see svc(8)"),
    ("pid", "skynet status --json NAME"),
    ("shutdown", "skynet stop --all"),
    ("configure", "skynet install again, or change config.exo and skynet rebuild NAME"),
    ("cancel", "skynet item NAME WFID cancel"),
];

/// What to write instead of a command line that is not understood, if that is known.
pub fn find(mut words: impl Iterator<Item = OsString>) -> Option<String> {
    let first = words.next()?;
    let (word, instead) = INSTEAD.iter().find(|(word, _)| first == *word)?;
    Some(format!("instead of {word}, write: {instead}"))
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
        assert_eq!((find("dance"), find("start --loud x")), (None, None));
    }
}
