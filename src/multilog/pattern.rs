//! multilog's patterns. They match whole lines, or their first 1000 bytes.
#![forbid(unsafe_code)]

use memchr::memchr;

/// Whether `pattern` matches `line`.
///
/// A `*` at the end of the pattern matches whatever is left. Any other `*` skips to the first place where the
/// byte after it stands, and the match goes on from there, without a second try: `*ab` does not match `aab`.
/// Every other byte matches itself.
pub fn matches(mut pattern: &[u8], mut line: &[u8]) -> bool {
    while let Some((&byte, rest)) = pattern.split_first() {
        pattern = rest;
        if byte == b'*' {
            let Some(&wanted) = rest.first() else { return true };
            match memchr(wanted, line) {
                Some(skipped) => line = line.get(skipped..).unwrap_or_default(),
                None => return false,
            }
        } else {
            match line.split_first() {
                Some((&first, after)) if first == byte => line = after,
                _ => return false,
            }
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
    fn a_star_after_a_star_skips_to_a_star_and_skips_again() {
        check("**", &["*", "a*", "**", "x*y"], &["", "a"]);
        check("**b", &["*b", "x*yb"], &["", "b", "*", "*bb"]);
        check("a**", &["a*", "ax*y"], &["a", "ab", "b*"]);
    }

    #[test]
    fn any_byte_can_be_matched() {
        assert!(matches(b"a\0\r*\xff", b"a\0\rzz\xff"));
    }
}
