//! Status records: what is read is written again byte by byte, as far as it has a meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::service::sentence::{HasDown, sentence};
use servicedir::service::status::{LENGTH, Status};
use servicedir::tai::Stamp;

fuzz_target!(|data: &[u8]| {
    let Some(status) = Status::decode(data) else {
        assert!(data.len() < LENGTH);
        return;
    };
    let record = status.encode();
    assert_eq!(Status::decode(&record), Some(status));
    assert_eq!(record[..16], data[..16]);
    for has_down in [HasDown::Yes, HasDown::No] {
        let text = sentence(&status, has_down, Stamp::default());
        assert!(text.starts_with("up (pid ") || text.starts_with("down "));
    }
});
