//! Lines put together from chunks: nothing lost, nothing added, no head longer than it may be.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicedir::multilog::line::{Assembler, HEAD, Labels, Piece};
use servicedir::tai::Stamp;

fuzz_target!(|data: &[u8]| {
    let Some((&size, data)) = data.split_first() else { return };
    for labels in [Labels::Plain, Labels::Stamped] {
        let mut assembler = Assembler::new(labels);
        let (mut output, mut heads) = (Vec::new(), 0);
        let mut take = |piece: Piece<'_>| match piece {
            Piece::Head(head) => {
                assert!(head.len() <= HEAD);
                heads += 1;
                output.extend_from_slice(head);
            }
            Piece::Rest(rest) => output.extend_from_slice(rest),
            Piece::End => output.push(b'\n'),
        };
        for chunk in data.chunks(usize::from(size) * 7 + 1) {
            assembler.feed(chunk, Stamp::default, &mut take);
        }
        assembler.finish(&mut take);
        let lines = data.split_inclusive(|&byte| byte == b'\n').count();
        assert_eq!(heads, lines);
        let added = usize::from(!data.is_empty() && !data.ends_with(b"\n"));
        let stamps = if labels == Labels::Stamped { 26 * lines } else { 0 };
        assert_eq!(output.len(), data.len() + added + stamps);
        if labels == Labels::Plain {
            assert!(output.starts_with(data));
        }
    }
});
