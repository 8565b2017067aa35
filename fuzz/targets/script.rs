//! multilog's arguments: there are no wrong ones.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::multilog::script::{Route, Script, alert, status_record};
use std::ffi::{CStr, CString};

fuzz_target!(|data: &[u8]| {
    let words: Vec<CString> = data.split(|&byte| byte == 0).map(|word| CString::new(word).unwrap()).collect();
    let words: Vec<&CStr> = words.iter().map(CString::as_c_str).collect();
    let script = Script::parse(&words);
    for directory in &script.directories {
        assert!((4096..=16_777_215).contains(&directory.size) && directory.number >= 2);
        assert!(directory.path.to_bytes().starts_with(b".") || directory.path.to_bytes().starts_with(b"/"));
    }
    let mut route = Route::default();
    let head = data.get(..1000).unwrap_or(data);
    script.route(head, &mut route);
    assert!(route.directories.iter().all(|&index| index < script.directories.len()));
    assert!(route.status_files.iter().all(|&index| index < script.status_files.len()));
    assert!(alert(head).len() <= 204);
    assert_eq!(status_record(head).len(), 1001);
});
