//! TAI64N labels and stamps, there and back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::tai::Stamp;
use servicedir::tai::lines::Stamper;

fuzz_target!(|data: &[u8]| {
    if let Some(stamp) = Stamp::from_digits(data) {
        let label = stamp.to_label();
        assert_eq!(Stamp::from_digits(&label[1..]), Some(stamp));
        assert_eq!(Stamp::from_bytes(stamp.to_bytes()), stamp);
        if data.len() == 24 {
            assert_eq!(&label[1..], data);
        }
    }
    let mut output = Vec::new();
    Stamper::default().feed(data, Stamp::default, &mut output);
    let lines = data.split_inclusive(|&byte| byte == b'\n').count();
    assert_eq!(output.len(), data.len() + 26 * lines);
});
