//! How many items of work a participant has in hand, and how many it has done, from the lines of its log.
#![forbid(unsafe_code)]

use memchr::memchr;
use servicedir::tai::{LABEL, Stamp};
use skynet_core::items::{Note, parse};
use std::collections::BTreeSet;

/// What a log tells about work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// Items that were begun, and not yet done.
    pub in_hand: usize,
    /// Items that were done.
    pub done: usize,
    /// The moment from which on the log has everything.
    pub since: Stamp,
}

/// Counts the items in the text of a log from `since` on. What was done before the text begins is not counted.
pub fn count(log: &[u8], since: Stamp) -> Count {
    let from = since.to_label();
    let mut open = BTreeSet::new();
    let mut done = 0;
    let recent = lines(log).filter(|line| **line >= from[..]);
    for note in recent.filter_map(|line| parse(line.get(LABEL + 1..)?)) {
        match note {
            Note::Begin(work) => {
                open.insert(work.wfid);
            }
            Note::End(work, _) => {
                open.remove(work.wfid);
                done += 1;
            }
        }
    }
    let first = log.get(1..LABEL).and_then(Stamp::from_digits);
    Count { in_hand: open.len(), done, since: first.map_or(since, |first| first.max(since)) }
}

/// The lines of a text; one that is still being written is none.
fn lines(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (line, rest) = text.split_at_checked(memchr(b'\n', text)?)?;
        text = rest.get(1..)?;
        Some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn label(second: u64) -> String {
        let stamp = Stamp::from_unix(Duration::from_secs(second));
        String::from_utf8(stamp.to_label().to_vec()).unwrap()
    }

    fn log(lines: &[(u64, &str)]) -> String {
        lines.iter().map(|(second, text)| format!("{} {text}\n", label(*second))).collect()
    }

    #[test]
    fn items_of_the_present_run_count() {
        let text = log(&[
            (1, "begin wfid=old participant=p"),
            (2, "item wfid=older participant=p ms=1 result=true"),
            (5, "hello"),
            (5, "begin wfid=a participant=p"),
            (6, "a says begin wfid=z participant=p"),
            (7, "item wfid=a participant=p ms=2000 result=true"),
            (8, "begin wfid=b participant=p"),
            (8, "begin wfid=c participant=p"),
            (9, "item wfid=c participant=p ms=1 result=error"),
        ]);
        let at = |second| Stamp::from_unix(Duration::from_secs(second));
        let counted = count(text.as_bytes(), at(5));
        assert_eq!(counted, Count { in_hand: 1, done: 2, since: at(5) });
        // Half a line is not there yet.
        let half = [&text, &log(&[(9, "begin wfid=d participant=p")])[..40]].concat();
        assert_eq!(count(half.as_bytes(), at(5)), counted);
        // The log was rotated since.
        assert_eq!(count(text.as_bytes(), at(0)).since, at(1));
        assert_eq!(count(b"", at(5)), Count { in_hand: 0, done: 0, since: at(5) });
    }
}
