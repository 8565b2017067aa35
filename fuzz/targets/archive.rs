//! Listings of a log directory: only archives are ever removed, the right number of them, never the newest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::multilog::archive::{Archive, ArchiveOrder};

fuzz_target!(|data: &[u8]| {
    let Some((&number, data)) = data.split_first() else { return };
    let names = data.split(|&byte| byte == b'\n' || byte == 0);
    let mut archives = Vec::new();
    for name in names {
        if let Some(archive) = Archive::from_name(name) {
            assert_eq!(archive.name().to_bytes(), name);
            if !archives.contains(&archive) {
                archives.push(archive);
            }
        }
    }
    let mut made = ArchiveOrder::default();
    let newest = archives.last().copied();
    newest.into_iter().for_each(|archive| made.add(archive.stamp));
    let surplus = made.surplus(&archives, u64::from(number)).unwrap();
    let most = usize::from(number.saturating_sub(1)).max(1);
    assert_eq!(archives.len() - surplus.len(), archives.len().min(most));
    assert!(surplus.iter().all(|archive| archives.contains(archive)));
    let twins =
        archives.iter().filter(|archive| Some(archive.stamp) == newest.map(|newest| newest.stamp)).count();
    assert!(twins > 1 || newest.is_none_or(|newest| !surplus.contains(&newest)));
});
