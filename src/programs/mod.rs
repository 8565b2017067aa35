//! The programs: of each, its options, one call, its exit code. `src/bin/` makes a file of each. `make install` makes one
//! file with many names of those in [`TOGETHER`], because so the system has it in memory once for all of them.

pub mod envdir;
pub mod envuidgid;
pub mod fghack;
pub mod multilog;
pub mod pgrphack;
pub mod readproctitle;
pub mod setlock;
pub mod setuidgid;
pub mod softlimit;
pub mod supervise;
pub mod svc;
pub mod svok;
pub mod svscan;
pub mod svstat;
pub mod tai64n;
pub mod tai64nlocal;

use crate::options::Found;
use crate::report::{Failure, USAGE};
use crate::sys::files;
use crate::sys::startup::{self, Program, Word};

/// Those that can be in one file: all that look up no accounts, for which the C library loads its name service.
pub const TOGETHER: [(&str, Program); 14] = [
    ("envdir", envdir::PROGRAM),
    ("fghack", fghack::PROGRAM),
    ("multilog", multilog::PROGRAM),
    ("pgrphack", pgrphack::PROGRAM),
    ("readproctitle", readproctitle::PROGRAM),
    ("setlock", setlock::PROGRAM),
    ("softlimit", softlimit::PROGRAM),
    ("supervise", supervise::PROGRAM),
    ("svc", svc::PROGRAM),
    ("svok", svok::PROGRAM),
    ("svscan", svscan::PROGRAM),
    ("svstat", svstat::PROGRAM),
    ("tai64n", tai64n::PROGRAM),
    ("tai64nlocal", tai64nlocal::PROGRAM),
];

/// For programs that take every word that is no option as the name of a directory: whether `found` is a mistyped option,
/// because no such name exists.
fn is_mistyped(found: Found<'_>) -> bool {
    matches!(found, Found::Unknown(word) if !files::is_there(files::HERE, word))
}

/// The program that is meant by how this process was started; `called_as` is what the caller says that it is called.
pub fn choose(called_as: Word) -> Program {
    let found = meant(startup::executed(), called_as.to_bytes(), || startup::own_file().unwrap_or_default());
    found.and_then(|number| TOGETHER.get(number)).map_or(Program::Plain(complain), |(_, program)| *program)
}

/// The file that was executed is known by its name, unless that is the name of a script which begins with `#!` and the
/// program, or of a link. A caller may call it what it likes.
fn meant(executed: &[u8], called_as: &[u8], own_file: impl FnOnce() -> Vec<u8>) -> Option<usize> {
    let (executed, called_as) = (find(executed), find(called_as));
    let is_agreed = executed.is_some() && executed == called_as;
    if is_agreed { executed } else { find(&own_file()).or(executed).or(called_as) }
}

/// Which of the programs has this path, or had it before somebody added to its name to keep it, as in `svc.distrib`.
fn find(path: &[u8]) -> Option<usize> {
    let name = path.rsplit(|&byte| byte == b'/').next()?;
    let name = name.split(|byte| !byte.is_ascii_alphanumeric()).next()?;
    TOGETHER.iter().position(|(known, _)| known.as_bytes() == name)
}

fn complain(words: &[Word]) -> Result<u8, Failure> {
    let called_as = words.first().map_or(&b"?"[..], |word| word.to_bytes());
    let names = TOGETHER.map(|(name, _)| name).join(", ");
    let message = [
        b"servicedir: fatal: unable to tell which program ",
        called_as,
        b" is: give it the name of one: ",
        names.as_bytes(),
        b"\n",
    ];
    Err(Failure::new(USAGE, message.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check((executed, called_as, own_file): (&str, &str, &str), expected: Option<&str>) {
        let found = meant(executed.as_bytes(), called_as.as_bytes(), || own_file.into());
        assert_eq!(found.map(|number| TOGETHER[number].0), expected);
    }

    #[test]
    fn a_program_is_known_by_the_name_of_its_file() {
        check(("/usr/bin/svc", "svc", "unread"), Some("svc"));
        check(("./svc", "/opt/x/svc", "unread"), Some("svc"));
        check(("/usr/bin/svc.distrib", "svc.distrib", "unread"), Some("svc"));
        check(("tai64nlocal", "tai64nlocal", "unread"), Some("tai64nlocal"));
    }

    #[test]
    fn a_caller_may_call_it_what_it_likes() {
        check(("/usr/bin/svc", "multilog", "/usr/bin/svc"), Some("svc"));
        check(("/usr/bin/svc", "-sh", "/usr/bin/svc"), Some("svc"));
        check(("/usr/bin/svc", "", "/usr/bin/svc"), Some("svc"));
        check(("/usr/bin/svc", "", "/usr/bin/svc (deleted)"), Some("svc"));
        check(("/usr/bin/svc", "x", ""), Some("svc"));
    }

    #[test]
    fn scripts_and_links_may_have_any_name() {
        check(("./run", "/usr/bin/envdir", "/usr/bin/envdir"), Some("envdir"));
        check(("./svc", "/usr/bin/envdir", "/usr/bin/envdir"), Some("envdir"));
        check(("./run", "/usr/bin/envdir", ""), Some("envdir"));
        check(("/opt/control", "/opt/control", "/usr/bin/svc"), Some("svc"));
        check(("/opt/svc", "/opt/svc", "unread"), Some("svc"));
        check(("/opt/svc", "svc", "unread"), Some("svc"));
    }

    #[test]
    fn what_has_no_known_name_is_none() {
        check(("/opt/x", "x", "/opt/x"), None);
        check(("", "", ""), None);
        check(("/opt/sv", "svcc", "/"), None);
        check(("/opt/setuidgid", "setuidgid", "/opt/setuidgid"), None);
    }
}
