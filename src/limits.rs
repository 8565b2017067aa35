//! softlimit's options: which letter limits what, and what its argument says (docs/compatibility.md 1.15).
#![forbid(unsafe_code)]

/// Something that can be limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of setrlimit")]
pub enum Resource {
    AddressSpace,
    Core,
    Cpu,
    Data,
    FileSize,
    LockedMemory,
    OpenFiles,
    Processes,
    ResidentSet,
    Stack,
}

/// softlimit's options, for [`crate::options`]; each takes an argument.
pub const OPTIONS: &[u8] = b"acdflmoprst";

/// What a letter limits, in order.
pub const fn resources(letter: u8) -> &'static [Resource] {
    use Resource::*;
    match letter {
        b'a' => &[AddressSpace],
        b'c' => &[Core],
        b'd' => &[Data],
        b'f' => &[FileSize],
        b'l' => &[LockedMemory],
        b'm' => &[Data, Stack, LockedMemory, AddressSpace],
        b'o' => &[OpenFiles],
        b'p' => &[Processes],
        b'r' => &[ResidentSet],
        b's' => &[Stack],
        b't' => &[Cpu],
        _ => &[],
    }
}

/// How far a limit goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// As far as the hard limit.
    Most,
    /// So far, or to the hard limit if that is less.
    Number(u64),
}

impl Amount {
    /// Reads `=` or decimal digits, of which there may be none; too large numbers wrap, as in C. `None` if there
    /// is anything else.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text == b"=" {
            return Some(Self::Most);
        }
        let number = text.iter().try_fold(0_u64, |number, byte| {
            let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
            Some(number.wrapping_mul(10).wrapping_add(digit))
        })?;
        Some(Self::Number(number))
    }

    /// The soft limit that this means under the hard limit `hard`.
    pub const fn under(self, hard: u64) -> u64 {
        match self {
            Self::Number(number) if number < hard => number,
            Self::Number(_) | Self::Most => hard,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_limits_something_and_nothing_else_does() {
        for letter in 0..=255 {
            assert_eq!(resources(letter).is_empty(), !OPTIONS.contains(&letter), "{letter}");
        }
    }

    #[track_caller]
    fn check(text: &str, hard: u64, expected: Option<u64>) {
        assert_eq!(Amount::parse(text.as_bytes()).map(|amount| amount.under(hard)), expected, "{text:?}");
    }

    #[test]
    fn amounts_are_digits_or_an_equals_sign() {
        check("5", 10, Some(5));
        check("", 10, Some(0));
        check("=", 10, Some(10));
        check("11", 10, Some(10));
        check("18446744073709551617", 10, Some(1));
        check("18446744073709551615", u64::MAX, Some(u64::MAX));
        for wrong in ["-1", "5x", " 5", "==", "=5", "0x5"] {
            check(wrong, 10, None);
        }
    }
}
