//! The files in which a supervise says what it knows: what is read is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::service::instance::{Instance, seal};
use servicedir::service::last_exit::LastExit;
use servicedir::supervise::settings::{Setting, Settings};

fuzz_target!(|data: &[u8]| {
    assert_eq!(Instance::decode(data), None, "nobody guesses the check");
    if let Some(instance) = std::str::from_utf8(data).ok().and_then(|text| Instance::decode(&seal(text))) {
        assert_eq!(Instance::decode(&instance.encode()), Some(instance));
    }
    if let Some(last) = LastExit::decode(data) {
        assert!(last.at.to_rfc3339().ends_with('Z'));
        assert_eq!(LastExit::decode(&last.encode()), Some(last));
    }
    for setting in Setting::ALL {
        let mut settings = Settings::default();
        if settings.read(setting, data).is_err() {
            assert_eq!(settings, Settings::default());
        }
    }
});
