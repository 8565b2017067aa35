//! Text that others have written, made fit to be shown.
#![forbid(unsafe_code)]

/// The text of `bytes` on one line: characters that would control a terminal, or begin another line, become `?`.
pub fn clean(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|character| if character == '\t' { ' ' } else { harmless(character) })
        .collect()
}

/// The character, or `?` if it would control a terminal or begin another line.
pub fn harmless(character: char) -> char {
    // The first three change the order in which what is around them is shown, the last begin a line.
    let is_odd = matches!(
        character,
        '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}'..='\u{2029}'
    );
    if is_odd || character.is_control() { '?' } else { character }
}

/// [`clean`] text, cut to at most `limit` bytes.
pub fn cut(bytes: &[u8], limit: usize) -> String {
    const MARK: &str = "...";
    let mut text = clean(bytes);
    if text.len() > limit {
        let end = (0..=limit.saturating_sub(MARK.len())).rev().find(|&end| text.is_char_boundary(end));
        text.truncate(end.unwrap_or(0));
        text += MARK;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_a_terminal_is_not_shown() {
        for (text, expected) in [
            ("plain", "plain"),
            ("\u{e4}\u{20ac}", "\u{e4}\u{20ac}"),
            ("a\tb", "a b"),
            ("\u{1b}[2J\u{1b}]0;x\u{7}", "?[2J?]0;x?"),
            ("one\ntwo\r", "one?two?"),
            ("\u{9b}2J\u{7f}", "?2J?"),
            ("a\u{202e}b", "a?b"),
            ("a\u{61c}b\u{200f}c\u{2066}d", "a?b?c?d"),
            ("a\u{2028}b\u{2029}c", "a?b?c"),
        ] {
            assert_eq!(clean(text.as_bytes()), expected);
        }
        assert_eq!(clean(b"a\xffb"), "a\u{fffd}b");
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        assert_eq!(cut(b"12345", 5), "12345");
        assert_eq!(cut(b"123456", 5), "12...");
        assert_eq!(cut("\u{e4}\u{e4}\u{e4}".as_bytes(), 5), "\u{e4}...");
        assert_eq!(cut("\u{20ac}\u{20ac}".as_bytes(), 5), "...");
    }
}
