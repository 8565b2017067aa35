//! tai64nlocal: cut anywhere, the input gives the same output; without a known label it is the output.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::tai::Stamp;
use servicedir::tai::lines::Translator;

fuzz_target!(|data: &[u8]| {
    let Some((&size, data)) = data.split_first() else { return };
    let known = |stamp: Stamp, output: &mut Vec<u8>| {
        let known = stamp.to_unix() >= 0;
        output.extend_from_slice(if known { b"TIME" } else { b"" });
        known
    };
    let (mut whole, mut pieces, mut copy) = (Vec::new(), Vec::new(), Vec::new());
    Translator::default().feed(data, known, &mut whole);
    let (mut cut, mut plain) = (Translator::default(), Translator::default());
    for chunk in data.chunks(usize::from(size).max(1)) {
        cut.feed(chunk, known, &mut pieces);
        plain.feed(chunk, |_, _| false, &mut copy);
    }
    assert_eq!(whole, pieces);
    assert!(data.starts_with(&copy));
});
