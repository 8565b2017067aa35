//! Random options and limits. The child shows what has become of its limits.

use super::run::{Bytes, SIDES, Scratch, same_seen};
use super::{Generator, Verdict};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// What no option accepts.
const WRONG: [&str; 8] = ["-1", "+1", " 1", "1 ", "5x", "==", "=5", "0x10"];

/// Enough for any program; the last two wrap.
const MUCH: [&str; 6] =
    ["=", "1073741824", "4294967296", "18446744073709551615", "99999999999999999999", "36893488147419103231"];

const LITTLE: [&str; 6] = ["", "0", "1", "00017", "18446744073709551616", "18446744073709551617"];

/// A letter with an argument that leaves a child alive, or with a wrong one.
fn option() -> impl Strategy<Value = (String, String)> {
    let wrong = select(&WRONG[..]).prop_map(str::to_owned);
    let much = || select(&MUCH[..]).prop_map(str::to_owned);
    let little = select(&LITTLE[..]).prop_map(str::to_owned);
    let any = prop_oneof![much(), little, any::<u64>().prop_map(|number| number.to_string())];
    let descriptors = prop_oneof![much(), (0_u64..70).prop_map(|number| number.to_string())];
    prop_oneof![
        4 => ("[adms]", much()),
        // When `-t 0` ends a child is a matter of chance.
        1 => ("t", much()),
        6 => ("[cflpr]", any),
        2 => ("o", descriptors),
        1 => ("[adcflmoprst]", wrong),
        1 => ("[a-zA-Z0-9:?=]", much()),
    ]
}

/// One or two words.
fn words() -> impl Strategy<Value = Vec<String>> {
    // Words that begin with two dashes are refused, on purpose.
    const ODD: [&str; 9] = ["", "-", "--", "-a", "-z", "5", "=", "-cc", "-co5"];
    prop_oneof![
        5 => option().prop_map(|(letter, number)| vec![format!("-{letter}{number}")]),
        5 => option().prop_map(|(letter, number)| vec![format!("-{letter}"), number]),
        1 => select(&ODD[..]).prop_map(|word| vec![word.to_owned()]),
    ]
}

fn arguments() -> impl Strategy<Value = Vec<Bytes>> {
    const CHILDREN: [&[&str]; 4] =
        [&["/bin/cat", "/proc/self/limits"], &["cat", "/proc/self/limits"], &["missing"], &[]];
    let child = prop_oneof![
        8 => Just(CHILDREN[0]),
        1 => select(&CHILDREN[..]),
    ];
    (vec(words(), 0..6), child).prop_map(|(words, child)| {
        let child = child.iter().map(|&word| word.to_owned());
        words.into_iter().flatten().chain(child).map(|word| Bytes(word.into_bytes())).collect()
    })
}

fn check(arguments: &[Bytes]) -> Verdict {
    let scratch = Scratch::new();
    let [ours, theirs] = SIDES.map(|side| scratch.run(side, "softlimit", arguments, b""));
    same_seen(&ours, &theirs)
}

#[test]
fn the_child_has_the_limits_that_the_original_gives_it() {
    Generator { name: "softlimit", cases: 800, workers: 1 }.compare(arguments, |arguments| check(arguments));
}
