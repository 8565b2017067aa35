//! From when on: so long ago, or a moment as the local clock shows it.
#![forbid(unsafe_code)]

use super::label::Label;
use servicedir::sys::clock::Local;
use servicedir::tai::Stamp;
use std::time::Duration;

const DAY: i64 = 86_400;

/// What is said about a text that is none of this.
pub const HELP: &str = "must be a time ago (90s, 15m, 2h, 3d) or YYYY-MM-DD[THH:MM[:SS]]";

/// The label of the moment that `text` means: `90s`, `15m`, `2h`, `3d` ago, or `YYYY-MM-DD`, with `THH:MM` or `THH:MM:SS`
/// behind it, or a blank in place of the T. `now` is seconds since 1970; `local` says what the local clock showed then.
pub fn parse(text: &str, now: u64, local: impl Fn(i64) -> Option<Local>) -> Option<Label> {
    let since = match ago(text) {
        Some(seconds) => now.saturating_sub(seconds),
        // East of Greenwich, 1970 began before.
        None => u64::try_from(to_unix(civil(text)?, local)?).unwrap_or(0),
    };
    Some(Stamp::from_unix(Duration::from_secs(since)).to_label())
}

/// Seconds, from a number and its unit.
fn ago(text: &str) -> Option<u64> {
    let text = text.strip_suffix(" ago").unwrap_or(text);
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.parse::<u64>().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))?.checked_mul(unit)
}

/// Seconds between the start of 1970 and a moment, both on the same clock, whatever clock that is.
fn civil(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let [year, month, day] = numbers(date, '-')?.try_into().ok()?;
    let time = match numbers(time, ':')?.as_slice() {
        [hour, minute] => [*hour, *minute, 0],
        [hour, minute, second] => [*hour, *minute, *second],
        _ => return None,
    };
    let [hour, minute, second] = time;
    let is_valid = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=length(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    is_valid.then(|| days(year, month, day) * DAY + hour * 3600 + minute * 60 + second)
}

fn numbers(text: &str, separator: char) -> Option<Vec<i64>> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split(separator).map(|part| part.parse().ok().filter(|_| is_number(part))).collect()
}

/// How many days a month has.
const fn length(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month < 12 { (year, month + 1) } else { (year + 1, 1) };
    days(next_year, next, 1) - days(year, month, 1)
}

/// Days from 1970-01-01 to a date.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the day that only some years have is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// When the local clock showed this.
fn to_unix(shown: i64, local: impl Fn(i64) -> Option<Local>) -> Option<i64> {
    let mut guess = shown;
    // The first correction is right unless the clocks were changed in between; then the second one is.
    for _ in 0..2 {
        let Local { year, month, day, hour, minute, second } = local(guess)?;
        let seconds = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        guess += shown - (days(year, i64::from(month), i64::from(day)) * DAY + seconds);
    }
    Some(guess)
}

#[cfg(test)]
mod tests {
    use super::super::label::stamp;
    use super::*;

    /// A clock that is so many hours ahead of universal time until a moment, and one more from then on.
    fn zone(hours: i64, change: i64) -> impl Fn(i64) -> Option<Local> {
        move |unix| {
            let ahead = if unix < change { hours } else { hours + 1 };
            let text = Stamp::from_unix(Duration::from_secs(u64::try_from(unix + ahead * 3600).unwrap_or(0)))
                .to_rfc3339();
            let part = |from: usize, to: usize| text[from..to].parse::<i32>().unwrap();
            let year = i64::from(part(0, 4));
            let (month, day, hour) = (part(5, 7), part(8, 10), part(11, 13));
            Some(Local { year, month, day, hour, minute: part(14, 16), second: part(17, 19) })
        }
    }

    #[track_caller]
    fn check(text: &str, expected: Option<i64>) {
        let label = parse(text, 1_800_000_000, zone(2, 1_790_000_000));
        assert_eq!(label.and_then(|label| stamp(&label)).map(Stamp::to_unix), expected, "{text}");
    }

    #[test]
    fn so_long_ago() {
        check("90s", Some(1_799_999_910));
        check("15m", Some(1_799_999_100));
        check("2h", Some(1_799_992_800));
        check("3d ago", Some(1_799_740_800));
        check("99999999999d", Some(0));
        for text in ["", "s", "-1s", "+1s", "1", "1w", "1.5h", "99999999999999999999d", "\u{e4}"] {
            check(text, None);
        }
    }

    #[test]
    fn a_moment_as_the_local_clock_shows_it() {
        // 1_800_000_000 is 2027-01-15 08:00:00 UTC.
        check("2027-01-15T11:00:00", Some(1_800_000_000));
        check("2027-01-15 11:00", Some(1_800_000_000));
        check("2027-01-15", Some(1_800_000_000 - 11 * 3600));
        check("2025-03-01", Some(1_740_787_200 - 2 * 3600));
        check("1970-01-01", Some(0));
        check("2028-02-29", Some(1_835_395_200 - 3 * 3600));
        check("2026-12-31", Some(1_798_675_200 - 3 * 3600));
        for text in ["2026-02-31", "2027-02-29", "2100-02-29", "2026-04-31", "2026-12-32", "2026-01-00"] {
            check(text, None);
        }
        for text in
            ["2027-13-01", "2027-01", "2027-01-15T", "2027-01-15T25:00", "2027-01-15T1:2:3:4", "1969-01-01"]
        {
            check(text, None);
        }
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(days(2000, 2, 29), 11_016);
        assert_eq!(days(2000, 3, 1), 11_017);
        assert_eq!(days(2100, 3, 1), 47_541);
    }
}
