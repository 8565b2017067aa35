//! The stamp at the start of a line that `multilog t` has written: `@` and 24 hex digits. Labels order as time does.
#![forbid(unsafe_code)]

use servicedir::tai::{LABEL, Stamp};

/// A label.
pub type Label = [u8; LABEL];

/// The label of what has none, before all others.
pub const NONE: Label = [0; LABEL];

/// The label at the start of `line`, if it has one.
pub fn of(line: &[u8]) -> Option<&Label> {
    let label = line.first_chunk::<LABEL>()?;
    let [at, digits @ ..] = label;
    let is_digit = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    let ends = matches!(line.get(LABEL), None | Some(b' ' | b'\n'));
    (*at == b'@' && ends && digits.iter().all(is_digit)).then_some(label)
}

/// The label of the last of these lines that has one.
pub fn last(lines: &[u8]) -> Option<Label> {
    lines.rsplit(|&byte| byte == b'\n').find_map(of).copied()
}

/// What follows the label and a blank; all of a line that has no label.
pub fn text(line: &[u8]) -> &[u8] {
    match of(line) {
        Some(_) => line.get(LABEL + 1..).unwrap_or_default(),
        None => line,
    }
}

/// The moment that a label stands for.
pub fn stamp(label: &Label) -> Option<Stamp> {
    let [_, digits @ ..] = label;
    Stamp::from_digits(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_an_at_and_24_digits_before_a_blank() {
        let label = "@400000006b0079fa1fc00764";
        assert_eq!(of(format!("{label} x").as_bytes()), label.as_bytes().first_chunk());
        assert_eq!(text(format!("{label} x y").as_bytes()), b"x y");
        assert_eq!(text(label.as_bytes()), b"");
        assert_eq!(last(format!("@{:024} x\n{label} y\nz\n", 1).as_bytes()).as_ref(), of(label.as_bytes()));
        assert_eq!(last(b"x\ny"), None);
        for other in ["", "x", "@", &label[..20], &format!("{label}0 x"), "@400000006B0079FA1FC00764 x"] {
            assert_eq!(of(other.as_bytes()), None, "{other}");
            assert_eq!(text(other.as_bytes()), other.as_bytes());
        }
    }
}
