//! Random options and files, some of them locked.

use super::run::{Bytes, SIDES, Scratch, same, same_seen};
use super::{Generator, Verdict};
use nix::fcntl::{Flock, FlockArg};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[derive(Debug, Clone)]
struct Case {
    arguments: Vec<Bytes>,
    /// Whether somebody has locked the file `there`.
    locked: bool,
}

fn case() -> impl Strategy<Value = Case> {
    // Words that begin with two dashes are refused, on purpose.
    const ODD: [&str; 7] = ["", "-", "--", "-z", "-n-x", "-x=", "there"];
    let option = prop_oneof![
        4 => "-[nNxX]{1,4}",
        1 => "-[nNxX]{0,2}[-a-zA-Z0-9:?=]",
        1 => select(&ODD[..]).prop_map(str::to_owned),
    ];
    let file = select(&["there", "new", "directory", "no/where", "", "there/x", "loop", "fifo"][..]);
    // The first shows what the descriptor is, by its number.
    const CHILDREN: [&[&str]; 4] =
        [&["/bin/readlink", "/proc/self/fd/3"], &["echo", "-n", "x"], &["./missing"], &[]];
    let child = prop_oneof![4 => Just(CHILDREN[0]), 1 => select(&CHILDREN[..])];
    (vec(option, 0..4), file, child, any::<bool>()).prop_map(|(options, file, child, locked)| {
        let rest = [&[file], child].concat().into_iter().map(str::to_owned);
        let arguments: Vec<_> =
            options.into_iter().chain(rest).map(|word| Bytes(word.into_bytes())).collect();
        // Nobody waits for the lock.
        let fails = arguments[0].0.starts_with(b"-n") && !arguments.iter().any(|word| word.0.contains(&b'N'));
        Case { arguments, locked: locked && fails }
    })
}

fn check(case: &Case) -> Verdict {
    let scratch = Scratch::new();
    let [ours, theirs] = SIDES.map(|side| {
        let at = |name| scratch.of(side).join(name);
        fs::write(at("there"), "content").unwrap();
        fs::create_dir(at("directory")).unwrap();
        std::os::unix::fs::symlink("loop", at("loop")).unwrap();
        nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        let _lock = case.locked.then(|| {
            let file = fs::File::open(at("there")).unwrap();
            Flock::lock(file, FlockArg::LockExclusiveNonblock).unwrap()
        });
        let mut seen = scratch.run(side, "setlock", &case.arguments, b"");
        let text = String::from_utf8_lossy(&seen.stdout.0).into_owned();
        seen.stdout = text.replace(scratch.of(side).to_str().unwrap(), "").as_str().into();
        let mut files: Vec<_> = fs::read_dir(scratch.of(side))
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name(), entry.metadata().unwrap().permissions().mode()))
            .collect();
        files.sort();
        (seen, files, fs::read(at("there")).unwrap())
    });
    same_seen(&ours.0, &theirs.0)?;
    same("files", [&ours.1, &theirs.1])?;
    same("content", [&ours.2, &theirs.2])
}

#[test]
fn files_are_locked_as_by_the_original() {
    Generator { name: "setlock", cases: 600, workers: 1 }.compare(case, check);
}
