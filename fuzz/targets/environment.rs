//! envdir's files: what they make of an environment.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::environment::{Change, Environment};
use std::ffi::{CStr, CString};

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(3, |&byte| byte == 0xff);
    let mut next = || parts.next().unwrap_or_default();
    let (name, inherited, content) = (next(), next(), next());
    let Ok(name) = CString::new(name) else { return };
    let inherited: Vec<CString> =
        inherited.split(|&byte| byte == 0).map(|entry| CString::new(entry).unwrap()).collect();
    let entries: Vec<&CStr> = inherited.iter().map(CString::as_c_str).collect();
    let mut environment = Environment::new(&entries);
    let change = Change::from_file(&name, content).expect("no NUL byte is left");
    environment.change(&change);
    let sets = !content.is_empty() || name.to_bytes().contains(&b'=');
    let after = environment.entries();
    assert!(after.len() + 1 >= entries.len() && after.len() <= entries.len() + 1);
    if sets {
        assert!(after.last().unwrap().to_bytes().starts_with(name.to_bytes()));
    }
});
