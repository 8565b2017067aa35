//! Random scripts, inputs, and directories left by others.

use super::run::{Bytes, SIDES, Scratch, same_seen, without_any_labels};
use super::{Generator, Verdict};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Comparing what is left.
mod tree;

/// A few lines, all the same: some bytes that patterns look at, and more of one kind.
#[derive(Debug, Clone)]
struct Lines {
    begin: Bytes,
    fill: char,
    length: usize,
    times: usize,
}

/// A file that is found in a log directory.
#[derive(Debug, Clone)]
struct Found {
    mode: u32,
    /// How many lines it has, and whether the last one has its newline.
    lines: usize,
    complete: bool,
    /// Whether it has been linked to an archive already.
    linked: bool,
}

#[derive(Debug, Clone)]
struct Case {
    script: Vec<Bytes>,
    input: Vec<Lines>,
    /// Whether the last line of the input has its newline.
    complete: bool,
    /// What is found in `a`, if that is there.
    found: Option<BTreeMap<&'static str, Found>>,
    /// How long the status file `f` is already.
    status: Option<usize>,
}

/// Text for patterns and lines. No hexadecimal digits: how they match depends on the time when there are labels.
fn text() -> impl Strategy<Value = String> {
    vec(select(&['x', 'x', 'x', 'y', 'y', 'y', '*', '*', ' ', '@', '+'][..]), 0..6)
        .prop_map(|characters| characters.into_iter().collect())
}

const NAMES: [&str; 12] = [
    "current",
    "current",
    "previous",
    "processed",
    "state",
    "newstate",
    "@400000003000000000000000.s",
    "@400000003000000000000001.u",
    "@400000003000000100000000.s",
    "@400000003000000200000000.u",
    "@short",
    "other",
];

fn word() -> impl Strategy<Value = String> {
    const SIZES: [&str; 10] = [
        "s4096",
        "s4096",
        "s4096",
        "s4097",
        "s5000x",
        "s8192",
        "s",
        "s0",
        "s99999999",
        "s99999999999999999999",
    ];
    const NUMBERS: [&str; 8] = ["n", "n0", "n2", "n3", "n4", "n10", "n100", "n99999999999"];
    const DIRECTORIES: [&str; 10] =
        ["./a", "./a", "./a", "./b", "./a/", "./b/c", ".", "./a/../b", "./f", "./"];
    const OTHERS: [&str; 10] = ["", "x", "--", "t", "error", "=", "=a/f", "=./b", "=no/where", "1"];
    let texts = |words: &'static [&'static str]| select(words).prop_map(str::to_owned);
    prop_oneof![
        6 => texts(&SIZES),
        5 => texts(&NUMBERS),
        8 => (select(&['-', '+'][..]), text()).prop_map(|(action, text)| format!("{action}{text}")),
        4 => texts(&["-*", "+*", "-@*", "+*x*", "-*y", "+x*y*", "-**", "+"]),
        4 => Just("e".to_owned()),
        4 => texts(&["=f", "=g", "=f"]),
        1 => texts(&["!cat", "!exec cat"]),
        12 => texts(&DIRECTORIES),
        1 => texts(&OTHERS),
    ]
}

/// Mostly scripts with a directory, which work.
fn script() -> impl Strategy<Value = Vec<Bytes>> {
    let labels = prop_oneof![3 => Just(None), 2 => Just(Some("t".to_owned()))];
    let last = prop_oneof![2 => Just(Some("./a".to_owned())), 1 => Just(None)];
    (labels, vec(word(), 0..9), last).prop_map(|(labels, words, last)| {
        let mut script: Vec<String> = labels.into_iter().chain(words).collect();
        if !script.iter().any(|word| word.starts_with('.')) {
            script.extend(last);
        }
        script.into_iter().map(|word| Bytes(word.into_bytes())).collect()
    })
}

fn lines() -> impl Strategy<Value = Lines> {
    let length = prop_oneof![
        6 => 0_usize..20,
        2 => 165_usize..205,
        2 => 965_usize..1005,
        1 => 0_usize..5000,
        1 => 1900_usize..2200,
    ];
    let times = prop_oneof![5 => Just(1), 1 => 1_usize..200];
    let begin = text().prop_map(|text| Bytes(text.into_bytes()));
    (begin, select(&['x', 'y', ' ', '\r', '\0', '@', 'Q'][..]), length, times).prop_map(
        |(begin, fill, length, times)| {
            // A megabyte says no more than some ten thousand bytes.
            Lines { begin, fill, length, times: times.min(30_000 / (length + 1) + 1) }
        },
    )
}

fn found() -> impl Strategy<Value = Found> {
    let mode = select(&[0o744, 0o644, 0o744, 0o644, 0o600, 0o700, 0o655][..]);
    let lines = prop_oneof![1 => Just(0), 8 => 1_usize..30, 1 => 30_usize..300];
    (mode, lines, prop::bool::weighted(0.8), prop::bool::weighted(0.1))
        .prop_map(|(mode, lines, complete, linked)| Found { mode, lines, complete, linked })
}

fn case() -> impl Strategy<Value = Case> {
    let left = proptest::option::of(btree_map(select(&NAMES[..]), found(), 0..7));
    let status = proptest::option::of(prop_oneof![0_usize..3, 999_usize..1004, 0_usize..3000]);
    (script(), vec(lines(), 0..14), prop::bool::weighted(0.7), left, status).prop_map(
        |(script, input, complete, mut found, status)| {
            if let Some(found) = found.as_mut().filter(|_| script.iter().any(|word| word.0.starts_with(b"!")))
            {
                // Without it, and with `current` to go on with, no processor is ever started.
                found.entry("state").or_insert(Found {
                    mode: 0o644,
                    lines: 1,
                    complete: true,
                    linked: false,
                });
            }
            Case { script, input, complete, found, status }
        },
    )
}

impl Case {
    fn input(&self) -> Vec<u8> {
        let mut input = Vec::new();
        for Lines { begin, fill, length, times } in &self.input {
            let line = [&begin.0[..], &vec![*fill as u8; *length], b"\n"].concat();
            input.extend(line.repeat(*times));
        }
        if !self.complete {
            input.pop();
        }
        input
    }

    fn prepare(&self, place: &Path) {
        if let Some(length) = self.status {
            fs::write(place.join("f"), vec![b'f'; length]).unwrap();
        }
        let Some(found) = &self.found else { return };
        let directory = place.join("a");
        fs::create_dir(&directory).unwrap();
        for (name, Found { mode, lines, complete, linked }) in found {
            let mut content = format!("left in {name}\n").repeat(*lines);
            if !complete {
                content.pop();
            }
            let path = directory.join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
            // A `current` that is gone on with would become that archive, which sorts before older ones.
            let goes_on = *name == "current" && mode & 0o100 != 0;
            if *linked && !goes_on && !name.starts_with('@') {
                let archive = format!(
                    "@4000000030000003000000{:02x}.u",
                    NAMES.iter().position(|other| other == name).unwrap()
                );
                fs::hard_link(&path, directory.join(archive)).unwrap();
            }
        }
    }
}

fn check(case: &Case) -> Verdict {
    let scratch = Scratch::new();
    let input = case.input();
    let [ours, theirs] = SIDES.map(|side| {
        case.prepare(&scratch.of(side));
        let before = tree::read(&scratch.of(side));
        let mut seen = scratch.run(side, "multilog", &case.script, &input);
        seen.stderr = Bytes(without_any_labels(&seen.stderr.0));
        (seen, before, tree::read(&scratch.of(side)))
    });
    same_seen(&ours.0, &theirs.0)?;
    tree::compare(&case.script, &ours.1, [&ours.2, &theirs.2])
}

#[test]
fn lines_are_kept_as_by_the_original() {
    Generator { name: "multilog", cases: 800, workers: 1 }.compare(case, check);
}
