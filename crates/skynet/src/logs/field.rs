//! The processes that a line of a log is about: `LEVEL [wfid wfid] text`, `begin wfid=ID ...` and `item wfid=ID ...` as the
//! exoskeleton logs them, and `wfid=ID` in the lines of others. What the text of a line says besides does not count.
#![forbid(unsafe_code)]

use super::label;

/// The words that lines of the exoskeleton begin with.
const LEVELS: [&[u8]; 4] = [b"DEBUG", b"INFO", b"WARNING", b"ERROR"];

/// Whether `line` is about the process `wfid`.
pub fn is_about(line: &[u8], wfid: &[u8]) -> bool {
    let text = label::text(line);
    if let Some(rest) = LEVELS.iter().find_map(|level| text.strip_prefix(*level)?.strip_prefix(b" [")) {
        let inside = rest.split(|&byte| byte == b']').next().unwrap_or_default();
        return inside.split(|&byte| byte == b' ').any(|word| word == wfid);
    }
    let is_item = text.starts_with(b"item ") || text.starts_with(b"begin ");
    let fields = text.split(|byte| b" \t,;()".contains(byte)).filter_map(|word| word.strip_prefix(b"wfid="));
    fields
        .take(if is_item { 1 } else { usize::MAX })
        .any(|value| value.strip_suffix(b":").unwrap_or(value) == wfid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_a_line_is_about_the_process_in_its_field() {
        let is_about = |text: &str| is_about(text.as_bytes(), b"w-1");
        let lines = [
            "INFO [w-1] hello",
            "@400000006b49d20a075bcbf4 ERROR [w-0 w-1] hello",
            "begin wfid=w-1 participant=p",
            "item wfid=w-1 participant=p ms=1 result=true",
            "mine wfid=w-1: x",
            "mine (wfid=w-1) x",
        ];
        lines.into_iter().for_each(|line| assert!(is_about(line), "{line}"));
        let others = [
            "",
            "w-1",
            "INFO [w-2] of w-1",
            "INFO [w-2] of wfid=w-1",
            "INFO [w-10] x",
            "INFO w-1",
            "begin wfid=w-10 participant=w-1",
            "item wfid=w-2 participant=p ms=1 result=error error=no wfid=w-1",
            "xwfid=w-1",
            "wfid=w-1.2",
        ];
        others.into_iter().for_each(|line| assert!(!is_about(line), "{line}"));
    }
}
