//! JSON that others have written: what is allowed, but not known to serde_json, is read as far as it can be.
#![forbid(unsafe_code)]

use serde_json::{Deserializer, Value};

/// How deep a message of the broker may be. Who works on a value, and who drops it, needs stack for each level.
pub const BODY: usize = 400;

/// How deep a line of the logic may be: it has the item in it, and what was added to that.
pub const LINE: usize = 500;

/// Reads a value that is at most so deep. Bytes that are not UTF-8, and halves of surrogate pairs, become U+FFFD.
pub fn read(bytes: &[u8], depth: usize) -> Option<Value> {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return Some(value);
    }
    if depth_of(bytes) > depth {
        return None;
    }
    let text = without_halves(&String::from_utf8_lossy(bytes));
    let mut deserializer = Deserializer::from_str(&text);
    deserializer.disable_recursion_limit();
    let mut values = deserializer.into_iter();
    let value = values.next()?.ok()?;
    values.next().is_none().then_some(value)
}

/// How deep a text is, if it is JSON.
fn depth_of(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut is_in_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_in_text => is_escaped = true,
            b'"' => is_in_text = !is_in_text,
            b'[' | b'{' if !is_in_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !is_in_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The same text with `\\ufffd` for each escape that is half of a surrogate pair.
fn without_halves(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        result.push_str(before);
        let is_pair = is_half(escape, "89AB") && escape.get(6..).is_some_and(|next| is_half(next, "CDEF"));
        let length = match escape {
            _ if is_pair => 12,
            _ if is_half(escape, "89ABCDEF") => 6,
            _ => 1 + escape.chars().nth(1).map_or(0, char::len_utf8),
        };
        let (known, behind) = escape.split_at_checked(length).unwrap_or((escape, ""));
        result.push_str(if length == 6 { "\\ufffd" } else { known });
        rest = behind;
    }
    result + rest
}

/// Whether a text begins with `\\uD` and one of these digits, and so with half of a pair.
fn is_half(text: &str, which: &str) -> bool {
    let digits = text.strip_prefix("\\u").and_then(|digits| digits.get(..4));
    digits.is_some_and(|digits| {
        let digits = digits.to_ascii_uppercase();
        let is_hex = digits.chars().all(|digit| digit.is_ascii_hexdigit());
        is_hex && digits.starts_with('D') && digits.get(1..2).is_some_and(|second| which.contains(second))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Option<&str>) {
        let text = read(bytes, 3).map(|value| value.to_string());
        assert_eq!(text.as_deref(), expected, "{}", String::from_utf8_lossy(bytes));
    }

    #[test]
    fn what_serde_does_not_know_is_read_nevertheless() {
        check(br#"{"b":1.50,"a":2}"#, Some(r#"{"b":1.50,"a":2}"#));
        check(br#"["\ud83d\ude00"]"#, Some("[\"\u{1f600}\"]"));
        let replaced = Some("[\"x\u{fffd}y\"]");
        check(br#"["x\ud83dy"]"#, replaced);
        check(br#"["x\uDE00y"]"#, replaced);
        check(b"[\"x\xffy\"]", replaced);
        check(br#"["\ud83d\u0041","\ud83d\ud83d\ude00","\ud83d\n"]"#, {
            Some("[\"\u{fffd}A\",\"\u{fffd}\u{1f600}\",\"\u{fffd}\\n\"]")
        });
        // A backslash that is itself escaped begins nothing.
        check(br#"["\\ud83d\ud83d"]"#, Some("[\"\\\\ud83d\u{fffd}\"]"));
    }

    #[test]
    fn what_is_not_json_is_not_read() {
        for bytes in [
            b"".as_slice(),
            b"rubbish",
            b"{",
            b"{} {}",
            b"[NaN]",
            b"[\"\\",
            b"[\"\\ud83",
            b"[\"\\ud83d\"",
            b"[\"\\\xff\"]",
            b"[\"a\x01\"]",
        ] {
            check(bytes, None);
        }
    }

    #[test]
    fn depth_has_a_limit() {
        let deep = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
        assert!(read(&deep(LINE), LINE).is_some());
        assert!(read(&deep(LINE + 1), LINE).is_none());
        assert!(read(&deep(1_000_000), LINE).is_none());
        assert_eq!(depth_of(br#"[{"a[[[":"\"[["},[]]"#), 2);
    }
}
