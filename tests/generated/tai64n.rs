//! Random texts, labels and time zones, for tai64n and tai64nlocal. Labels that crash the original are left out.

use super::run::{Bytes, SIDES, Scratch, same_seen, without_labels};
use super::{Generator, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const ZONES: [&str; 14] = [
    "UTC",
    "",
    ":UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Monrovia",
    "right/Europe/Berlin",
    "EST5EDT",
    "XYZ-13:45:30",
    "<+03>-3<+04>,J60/2,J300/3",
    "No/Such_Zone",
];

#[derive(Debug, Clone)]
struct Case {
    zone: &'static str,
    text: Bytes,
}

/// A label, of now plus or minus some centuries or some thousand years, with any nanoseconds. Only the last 24 of more
/// digits count.
fn label() -> impl Strategy<Value = String> {
    let seconds = prop_oneof![
        4 => 0_i64..2_000_000_000,
        2 => -20_000_000_000_i64..20_000_000_000,
        1 => -(1_i64 << 45)..(1_i64 << 45),
    ];
    let nanoseconds = prop_oneof![3 => 0_u32..1_000_000_000, 1 => any::<u32>()];
    (prop_oneof![9 => Just(String::new()), 1 => "[0-9a-f]{1,6}"], seconds, nanoseconds).prop_map(
        |(before, seconds, nanoseconds)| {
            format!("@{before}{:016x}{nanoseconds:08x}", (1_i64 << 62) + 10 + seconds)
        },
    )
}

/// A piece of text; most begin where a line begins.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    // Not a digit, which would belong to the label, and not empty before what may be one.
    let blank = select(&[" ", "  ", "g", "@", "A", "-", "\t"][..]);
    prop_oneof![
        6 => (label(), blank, "[ -~]{0,20}").prop_map(|(label, blank, rest)| format!("{label}{blank}{rest}\n").into_bytes()),
        1 => label().prop_map(|label| format!("{label}\n").into_bytes()),
        2 => "[a-z ]{0,10}".prop_map(|text| format!("{text}\n").into_bytes()),
        1 => vec(any::<u8>(), 0..30).prop_map(|bytes| {
            let harmless = |byte| if byte == b'@' { b'a' } else { byte };
            bytes.into_iter().map(harmless).chain([b'\n']).collect()
        }),
        1 => (0_usize..3000).prop_map(|length| [vec![b'x'; length], vec![b'\n']].concat()),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let cut = prop_oneof![1 => Just(0), 1 => 0_usize..60];
    (select(&ZONES[..]), vec(piece(), 0..12), cut).prop_map(|(zone, pieces, cut)| {
        let mut text = pieces.concat();
        text.truncate(text.len().saturating_sub(cut));
        Case { zone, text: Bytes(text) }
    })
}

fn check(case: &Case) -> Verdict {
    let scratch = Scratch::new();
    let [ours, theirs] = SIDES.map(|side| {
        scratch.run_with(side, "tai64nlocal", &[], &case.text.0, |command| {
            command.env("TZ", case.zone);
        })
    });
    same_seen(&ours, &theirs)?;
    let [ours, theirs] = SIDES.map(|side| {
        let mut seen = scratch.run(side, "tai64n", &[], &case.text.0);
        seen.stdout = Bytes(without_labels(&seen.stdout.0));
        seen
    });
    same_seen(&ours, &theirs)
}

#[test]
fn labels_are_put_and_read_as_by_the_original() {
    Generator { name: "tai64n", cases: 500, workers: 1 }.compare(case, check);
}
