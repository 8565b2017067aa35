//! TAI64N stamps, as daemontools counts them: seconds are unix time + 2^62 + 10, for ever (CONTRACT.md 1.0).
//!
//! A stamp is 12 bytes in a status file and a label of `@` and 24 hex digits in a log.
#![forbid(unsafe_code)]

// Labels at the start of lines: put there, and made readable.
pub mod lines;

use std::time::Duration;

/// What the seconds of a stamp show at the start of 1970.
const EPOCH: u64 = (1 << 62) + 10;

/// The length of a label: `@` and 24 digits.
pub const LABEL: usize = 25;

/// A moment of the wall clock. Any 12 bytes are a stamp; stamps order as their labels do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Stamp {
    seconds: u64,
    nanoseconds: u32,
}

impl Stamp {
    /// The stamp of a moment since 1970. It is as fine as a microsecond and points to its middle, as the
    /// original's do.
    pub fn from_unix(since_1970: Duration) -> Self {
        Self {
            seconds: EPOCH.wrapping_add(since_1970.as_secs()),
            nanoseconds: since_1970.subsec_micros() * 1000 + 500,
        }
    }

    /// Reads the 12 bytes of a status file.
    pub const fn from_bytes(bytes: [u8; 12]) -> Self {
        let [a, b, c, d, e, f, g, h, nanoseconds @ ..] = bytes;
        Self {
            seconds: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
            nanoseconds: u32::from_be_bytes(nanoseconds),
        }
    }

    /// Writes the 12 bytes of a status file.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        let (seconds, nanoseconds) = bytes.split_at_mut(8);
        seconds.copy_from_slice(&self.seconds.to_be_bytes());
        nanoseconds.copy_from_slice(&self.nanoseconds.to_be_bytes());
        bytes
    }

    /// Writes the label: `@` and 24 lowercase hex digits.
    pub fn to_label(self) -> [u8; LABEL] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut label = [b'@'; LABEL];
        let digits = self.to_bytes().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
        for (place, digit) in label.iter_mut().skip(1).zip(digits) {
            *place = DIGITS.get(usize::from(digit)).copied().unwrap_or_default();
        }
        label
    }

    /// Reads the digits of a label as the original does: the last 24 count, fewer stand for leading zeros.
    /// `None` if one is not a lowercase hex digit.
    pub fn from_digits(digits: &[u8]) -> Option<Self> {
        let mut stamp = Self::default();
        for &digit in digits {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            stamp.seconds = (stamp.seconds << 4) | u64::from(stamp.nanoseconds >> 28);
            stamp.nanoseconds = (stamp.nanoseconds << 4) | u32::from(value);
        }
        Some(stamp)
    }

    /// Seconds since 1970; negative before.
    pub fn to_unix(self) -> i64 {
        i64::from_ne_bytes(self.seconds.wrapping_sub(EPOCH).to_ne_bytes())
    }

    /// The nanoseconds within the second, which in a damaged label can be more than a second's worth.
    pub const fn nanoseconds(self) -> u32 {
        self.nanoseconds
    }

    /// Seconds from `earlier` to this stamp, as svstat counts them: whole ones, whatever the nanoseconds; 0 if
    /// `earlier` is later.
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        self.seconds.saturating_sub(earlier.seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::new(1_800_000_000, 123_456_789);

    #[test]
    fn a_stamp_is_unix_time_plus_ten_in_the_middle_of_its_microsecond() {
        let label = Stamp::from_unix(MOMENT).to_label();
        assert_eq!(std::str::from_utf8(&label), Ok("@400000006b49d20a075bcbf4"));
    }

    #[test]
    fn bytes_and_labels_round_trip() {
        let stamp = Stamp::from_unix(MOMENT);
        assert_eq!(Stamp::from_bytes(stamp.to_bytes()), stamp);
        assert_eq!(Stamp::from_digits(&stamp.to_label()[1..]), Some(stamp));
        assert_eq!(stamp.to_unix(), 1_800_000_000);
        assert_eq!(stamp.nanoseconds(), 123_456_500);
    }

    #[test]
    fn only_lowercase_hex_digits_make_a_stamp_and_the_last_24_count() {
        assert_eq!(Stamp::from_digits(b"4000000037c219bf2ef02eg4"), None);
        assert_eq!(Stamp::from_digits(b"4000000037C219BF2EF02E94"), None);
        assert_eq!(
            Stamp::from_digits(b"fff4000000037c219bf2ef02e94"),
            Stamp::from_digits(b"4000000037c219bf2ef02e94")
        );
        assert_eq!(Stamp::from_digits(b"").unwrap().to_unix(), -(1 << 62) - 10);
    }

    #[test]
    fn seconds_are_whole_and_never_negative() {
        let at = |milliseconds| Stamp::from_unix(Duration::from_millis(milliseconds));
        assert_eq!(at(5_100).seconds_since(at(4_900)), 1);
        assert_eq!(at(4_900).seconds_since(at(4_100)), 0);
        assert_eq!(at(4_000).seconds_since(at(9_000)), 0);
    }
}
