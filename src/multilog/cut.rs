//! Where a log file ends: never beyond its size, and at the end of a line if there is one close enough.
#![forbid(unsafe_code)]

use memchr::{memchr, memrchr};

/// A file counts as full once a line ends within so many bytes of its greatest size.
const MARGIN: u64 = 2000;

/// The full line is looked for in blocks of this size, so that files come out as long as the original's.
const BLOCK: u64 = 512;

/// How much to write to the present file, and whether it is full then.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cut {
    /// How many bytes to write.
    pub length: usize,
    /// Whether the file is full then.
    pub full: bool,
}

/// Decides how many of the `pending` bytes go into a file that has `written` bytes and may have `size`. Files
/// end at the end of a line if there is one within the margin.
pub fn cut(written: u64, size: u64, pending: &[u8]) -> Cut {
    let room = usize::try_from(size.saturating_sub(written)).unwrap_or(usize::MAX);
    let fitting = pending.get(..room).unwrap_or(pending);
    let everything = Cut { length: fitting.len(), full: fitting.len() == room };
    let before_margin = size.saturating_sub(MARGIN).saturating_sub(written).saturating_sub(1);
    let Ok(before_margin) = usize::try_from(before_margin) else { return everything };
    let within_margin = fitting.get(before_margin..).unwrap_or_default();
    let Some(newline) = memchr(b'\n', within_margin) else { return everything };
    let first_end = before_margin + newline + 1;
    let block_end = (written + u64::try_from(first_end).unwrap_or(0)).next_multiple_of(BLOCK) - written;
    let block = usize::try_from(block_end).ok().and_then(|end| fitting.get(..end)).unwrap_or(fitting);
    Cut { length: memrchr(b'\n', block).map_or(first_end, |last| last + 1), full: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(written: u64, size: u64, pending: &str, length: usize, full: bool) {
        assert_eq!(cut(written, size, pending.as_bytes()), Cut { length, full });
    }

    #[test]
    fn far_from_the_margin_everything_is_written() {
        check(0, 4096, "abc", 3, false);
        check(0, 4096, &"x\n".repeat(1000), 2000, false);
        check(2095, 4096, "abc", 3, false);
    }

    #[test]
    fn a_line_that_ends_within_the_margin_ends_the_file() {
        check(2090, 4096, "abcde\n", 6, true);
        check(2090, 4096, "abcd\n", 5, false);
        check(3000, 4096, "\n", 1, true);
        check(3000, 4096, "a\nb", 2, true);
    }

    #[test]
    fn the_last_line_of_a_block_is_the_last_of_the_file() {
        let line = "abcdefghijklm\n";
        check(0, 4096, &line.repeat(1000), 2548, true);
        check(2548, 4096, &line.repeat(1000), 3066 - 2548, true);
    }

    #[test]
    fn without_a_newline_the_size_ends_the_file() {
        check(0, 4096, &"x".repeat(5000), 4096, true);
        check(4000, 4096, &"x".repeat(96), 96, true);
        check(4000, 4096, &"x".repeat(95), 95, false);
        check(4096, 4096, "x\n", 0, true);
        check(9999, 4096, "x\n", 0, true);
        let late = format!("{}\n{}", "x".repeat(4000), "y".repeat(1000));
        check(0, 4096, &late, 4001, true);
    }

    #[test]
    fn files_are_never_larger_than_their_size_and_end_within_the_margin() {
        for length in 1..300 {
            let line = format!("{}\n", "x".repeat(length)).repeat(1 + 20_000 / length);
            let mut pending = line.as_str();
            for size in [4096, 5000, 9999] {
                let mut written = 0;
                loop {
                    let Cut { length, full } = cut(written, size, pending.as_bytes());
                    pending = &pending[length..];
                    written += u64::try_from(length).unwrap();
                    if full {
                        break;
                    }
                    assert!(pending.is_empty());
                }
                assert!(written <= size && written >= size - MARGIN, "{written} of {size}");
            }
        }
    }
}
