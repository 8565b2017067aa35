//! multilog's patterns. They match whole lines, or their first 1000 bytes.
#![forbid(unsafe_code)]

use memchr::memchr;

/// Whether `pattern` matches `line`.
///
/// A `*` at the end of the pattern matches whatever is left. Any other `*` skips to the first place where the
/// byte after it stands, and the match goes on from there, without a second try: `*ab` does not match `aab`.
/// That byte stands for itself even if it is a `*`. Every other byte matches itself.
pub fn matches(mut pattern: &[u8], mut line: &[u8]) -> bool {
    while let Some((&byte, rest)) = pattern.split_first() {
        let (wanted, skipped, rest) = match (byte, rest.split_first()) {
            (b'*', None) => return true,
            (b'*', Some((&wanted, rest))) => match memchr(wanted, line) {
                Some(skipped) => (wanted, skipped, rest),
                None => return false,
            },
            _ => (byte, 0, rest),
        };
        match line.get(skipped..).and_then(<[u8]>::split_first) {
            Some((&first, after)) if first == wanted => (pattern, line) = (rest, after),
            _ => return false,
        }
    }
    line.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, lines: &[&str], strangers: &[&str]) {
        for line in lines {
            assert!(matches(pattern.as_bytes(), line.as_bytes()), "{pattern} against {line}");
        }
        for line in strangers {
            assert!(!matches(pattern.as_bytes(), line.as_bytes()), "{pattern} against {line}");
        }
    }

    #[test]
    fn bytes_match_themselves() {
        check("", &[""], &["a"]);
        check("abc", &["abc"], &["", "ab", "abcd", "abx"]);
    }

    #[test]
    fn a_star_at_the_end_matches_the_rest() {
        check("*", &["", "a", "***"], &[]);
        check("a*", &["a", "ab", "a*"], &["", "ba"]);
    }

    #[test]
    fn a_star_skips_to_the_first_place_and_never_looks_back() {
        check("*b", &["b", "ab", "aab"], &["", "abb", "abc"]);
        check("*ab", &["ab", "xab"], &["aab", "abab"]);
        check("*:*:x", &["::x", "a:b:x"], &["a:b:c:x"]);
        check("a*c*", &["ac", "abc", "accc"], &["a", "b"]);
    }

    #[test]
    fn a_star_after_a_star_stands_for_itself() {
        check("**", &["*", "a*"], &["", "a", "**"]);
        check("***", &["*", "a*b", "**"], &["", "a"]);
    }

    #[test]
    fn any_byte_can_be_matched() {
        assert!(matches(b"a\0\r*\xff", b"a\0\rzz\xff"));
    }
}
