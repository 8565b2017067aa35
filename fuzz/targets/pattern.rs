//! multilog's patterns against a matcher that is slow and plain.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::multilog::pattern::matches;

fn plainly(pattern: &[u8], line: &[u8]) -> bool {
    match pattern {
        [] => line.is_empty(),
        b"*" => true,
        [b'*', wanted, ..] => match line.iter().position(|byte| byte == wanted) {
            Some(index) => plainly(&pattern[1..], &line[index..]),
            None => false,
        },
        [byte, rest @ ..] => line.first() == Some(byte) && plainly(rest, &line[1..]),
    }
}

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |&byte| byte == 0);
    let (pattern, line) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    assert_eq!(matches(pattern, line), plainly(pattern, line));
});
