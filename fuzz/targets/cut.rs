//! Where log files end: every file within its bounds, nothing lost between them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::multilog::cut::cut;

fuzz_target!(|data: &[u8]| {
    let Some(([written, size], data)) = data.split_first_chunk::<2>() else { return };
    let size = 4096 + u64::from(*size);
    let mut written = u64::from(*written) * 16;
    let long = data.repeat(20_000 / data.len().max(1));
    let mut pending = long.as_slice();
    while !pending.is_empty() {
        let cut = cut(written, size, pending);
        assert!(cut.length <= pending.len());
        assert!(cut.length > 0 || cut.full);
        let (file, rest) = pending.split_at(cut.length);
        written += file.len() as u64;
        assert!(written <= size);
        if cut.full {
            assert!(written >= size - 2000);
            assert!(written == size || file.ends_with(b"\n"));
            written = 0;
        } else {
            assert!(rest.is_empty());
        }
        pending = rest;
    }
});
