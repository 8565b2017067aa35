//! Command lines: every word is read once, as a letter, as an argument or as an operand.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::options::{Found, Long, Options, seconds};
use std::ffi::{CStr, CString};

fuzz_target!(|data: &[u8]| {
    let words: Vec<CString> = data.split(|&byte| byte == 0).map(|word| CString::new(word).unwrap()).collect();
    let words: Vec<&CStr> = words.iter().map(CString::as_c_str).collect();
    let long = Long { flags: &["check"], valued: &["wait"] };
    let mut options = Options::new(b"dux", b"os", &words).with_long(long);
    for found in options.by_ref() {
        match found {
            Found::Letter(letter, value) => {
                assert_eq!(value.is_some(), b"os".contains(&letter));
                assert!(b"duxos".contains(&letter));
            }
            Found::Long(name, value) => {
                assert!(["check", "wait"].contains(&name));
                value.and_then(seconds);
            }
            Found::Illegal(letter) => assert!(!b"duxos".contains(&letter)),
            Found::MissingArgument(letter) => assert!(b"os".contains(&letter)),
            Found::Unknown(word) => assert!(word.to_bytes().starts_with(b"--") && word != c"--"),
        }
        let complains = !matches!(found, Found::Letter(..) | Found::Long(..));
        assert_eq!(found.complaint(c"/bin/x").is_some(), complains);
    }
    let operands = options.operands();
    assert_eq!(operands, &words[words.len() - operands.len()..]);
    let mut options = Options::only_long(long, &words);
    assert!(options.by_ref().all(|found| matches!(found, Found::Long(..) | Found::Unknown(_))));
});
