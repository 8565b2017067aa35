//! TAI64N stamps, as daemontools counts them: seconds are unix time + 2^62 + 10, for ever (docs/compatibility.md 1.0).
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

    /// The stamp of a moment since 1970, to the nanosecond.
    pub const fn from_time(since_1970: Duration) -> Self {
        Self { seconds: EPOCH.wrapping_add(since_1970.as_secs()), nanoseconds: since_1970.subsec_nanos() }
    }

    /// The moment since 1970, to the nanosecond; 1970 itself before that.
    pub fn to_time(self) -> Duration {
        Duration::new(u64::try_from(self.to_unix()).unwrap_or(0), self.nanoseconds.min(999_999_999))
    }

    /// The stamp of one nanosecond later.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.nanoseconds < 999_999_999 {
            Self { seconds: self.seconds, nanoseconds: self.nanoseconds + 1 }
        } else {
            Self { seconds: self.seconds.wrapping_add(1), nanoseconds: 0 }
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
        Labeler::default().label(self)
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

    /// The time since 1970; zero before.
    pub fn since_1970(self) -> Duration {
        Duration::new(u64::try_from(self.to_unix()).unwrap_or(0), self.nanoseconds)
    }

    /// Shows the moment in universal time as RFC 3339 has it; fractions of a second only as long as they must be.
    pub fn to_rfc3339(self) -> String {
        const DAY: i64 = 86_400;
        let (days, second) = (self.to_unix().div_euclid(DAY), self.to_unix().rem_euclid(DAY));
        let (year, month, day) = civil(days);
        let fraction = format!(".{:09}", self.nanoseconds);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
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

/// Writes many labels. Most of them share much with the one before, whose digits are still there then.
#[derive(Debug)]
pub struct Labeler {
    stamp: Stamp,
    label: [u8; LABEL],
}

impl Default for Labeler {
    fn default() -> Self {
        let mut label = [b'0'; LABEL];
        if let Some(first) = label.first_mut() {
            *first = b'@';
        }
        Self { stamp: Stamp { seconds: 0, nanoseconds: 0 }, label }
    }
}

impl Labeler {
    /// The label of `stamp`.
    pub fn label(&mut self, stamp: Stamp) -> [u8; LABEL] {
        if self.stamp != stamp {
            let [_, seconds @ .., a, b, c, d, e, f, g, h] = &mut self.label;
            if self.stamp.seconds != stamp.seconds {
                write_digits(&stamp.seconds.to_be_bytes(), seconds);
            }
            let mut nanoseconds = [0; 8];
            write_digits(&stamp.nanoseconds.to_be_bytes(), &mut nanoseconds);
            [*a, *b, *c, *d, *e, *f, *g, *h] = nanoseconds;
            self.stamp = stamp;
        }
        self.label
    }
}

/// How many bytes of input that came together share one reading of the clock: what takes a few microseconds, while to
/// read the clock takes longer than all else that is done about a short line.
const TOGETHER: usize = 4096;

/// The time at which the lines of a chunk of input are there.
#[derive(Debug)]
pub struct Arrivals<N> {
    now: N,
    /// The time that was read last, and how much of the chunk was left then.
    last: Option<(usize, Stamp)>,
}

impl<N: FnMut() -> Stamp> Arrivals<N> {
    /// The times of one chunk, by the clock `now`.
    pub const fn new(now: N) -> Self {
        Self { now, last: None }
    }

    /// The time of the line that begins where so many bytes of the chunk are `left`.
    pub fn at(&mut self, left: usize) -> Stamp {
        match self.last {
            Some((then, stamp)) if then.saturating_sub(left) < TOGETHER => stamp,
            _ => {
                let stamp = (self.now)();
                self.last = Some((left, stamp));
                stamp
            }
        }
    }
}

/// Two lowercase hex digits for each byte.
fn write_digits(bytes: &[u8], digits: &mut [u8]) {
    const PAIRS: [[u8; 2]; 256] = pairs();
    for (pair, &byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(PAIRS.get(usize::from(byte)).unwrap_or(&[0; 2]));
    }
}

#[expect(clippy::indexing_slicing, reason = "computed when this is compiled")]
const fn pairs() -> [[u8; 2]; 256] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        pairs[byte] = [DIGITS[byte >> 4], DIGITS[byte & 15]];
        byte += 1;
    }
    pairs
}

/// Year, month and day of the day that many days after 1970-01-01, in the calendar that has always been Gregorian.
const fn civil(days: i64) -> (i64, i64, i64) {
    // Counted from 0000-03-01, so that the day that only some years have is the last of its year.
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let months = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months + 2) / 5 + 1;
    let (month, next) = if months < 10 { (months + 3, 0) } else { (months - 9, 1) };
    (year + era * 400 + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::new(1_800_000_000, 123_456_789);

    #[test]
    fn a_stamp_is_a_moment_to_the_nanosecond() {
        for (seconds, nanoseconds) in [(0, 0), (1, 999_999_999), (1_700_000_000, 123_456_789)] {
            let time = Duration::new(seconds, nanoseconds);
            assert_eq!(Stamp::from_time(time).to_time(), time);
            assert_eq!(Stamp::from_time(time).next().to_time(), time + Duration::from_nanos(1));
            assert!(Stamp::from_time(time) < Stamp::from_time(time).next());
        }
        assert_eq!(Stamp::default().to_time(), Duration::ZERO);
    }

    #[test]
    fn a_stamp_is_unix_time_plus_ten_in_the_middle_of_its_microsecond() {
        let label = Stamp::from_unix(MOMENT).to_label();
        assert_eq!(std::str::from_utf8(&label), Ok("@400000006b49d20a075bcbf4"));
    }

    #[test]
    fn a_labeler_writes_the_labels_of_each_stamp() {
        let mut labeler = Labeler::default();
        for (seconds, nanoseconds) in [(0, 0), (1, 2), (1, u32::MAX), (u64::MAX, 3), (0, 4), (0, 0)] {
            let stamp = Stamp { seconds, nanoseconds };
            let expected = format!("@{seconds:016x}{nanoseconds:08x}");
            assert_eq!(String::from_utf8_lossy(&labeler.label(stamp)), expected);
        }
    }

    #[test]
    fn lines_that_come_together_share_a_stamp_for_a_while() {
        let mut count = 0;
        let mut arrivals = Arrivals::new(|| {
            count += 1;
            Stamp { seconds: count, nanoseconds: 0 }
        });
        let lefts = [10_000, 9_000, 10_001 - TOGETHER, 10_000 - TOGETHER, 5_000, 1];
        assert_eq!(lefts.map(|left| arrivals.at(left).seconds), [1, 1, 1, 2, 2, 3]);
    }

    #[test]
    fn moments_are_shown_as_rfc_3339_has_it() {
        let show = |seconds, nanoseconds| {
            Stamp { seconds: EPOCH.wrapping_add_signed(seconds), nanoseconds }.to_rfc3339()
        };
        assert_eq!(show(0, 0), "1970-01-01T00:00:00Z");
        assert_eq!(show(1_800_000_000, 123_456_500), "2027-01-15T08:00:00.1234565Z");
        assert_eq!(show(951_782_399, 5), "2000-02-28T23:59:59.000000005Z");
        assert_eq!(show(951_782_400, 0), "2000-02-29T00:00:00Z");
        assert_eq!(show(4_107_542_400, 0), "2100-03-01T00:00:00Z");
        assert_eq!(show(-1, 0), "1969-12-31T23:59:59Z");
        assert_eq!(show(-62_135_596_800, 0), "0001-01-01T00:00:00Z");
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
