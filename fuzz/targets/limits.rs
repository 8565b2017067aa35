//! softlimit's numbers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::limits::Amount;

fuzz_target!(|data: &[u8]| {
    let valid = data == b"=" || data.iter().all(u8::is_ascii_digit);
    let amount = Amount::parse(data);
    assert_eq!(amount.is_some(), valid);
    if let Some(amount) = amount {
        assert!(amount.under(1000) <= 1000);
    }
    if let (Ok(text), Some(Amount::Number(number))) = (std::str::from_utf8(data), amount) {
        assert!(
            text.parse::<u64>().is_ok_and(|parsed| parsed == number) || text.is_empty() || text.len() > 19
        );
    }
});
