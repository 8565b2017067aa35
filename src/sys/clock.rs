//! The clocks: one that never jumps, for deadlines, and one that people set, for labels.

use std::time::{Duration, Instant, SystemTime};

/// The present on CLOCK_MONOTONIC.
pub fn monotonic() -> Instant {
    Instant::now()
}

/// The present on the wall clock, since 1970; zero on a machine that thinks it is earlier.
pub fn wall() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// The time since the machine was booted, in which it may have been suspended; zero if the system does not say.
pub fn since_boot() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for the call.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut now) };
    Duration::new(now.tv_sec.try_into().unwrap_or(0), now.tv_nsec.try_into().unwrap_or(0))
}

/// What the local clock showed `seconds` after the start of 1970, if the C library can say.
pub fn local(seconds: i64) -> Option<Local> {
    // SAFETY: all-zero is a valid `tm`: numbers and a null pointer.
    let mut broken: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are valid for the call, and there is one thread.
    if unsafe { libc::localtime_r(&raw const seconds, &raw mut broken) }.is_null() {
        return None;
    }
    Some(Local {
        year: i64::from(broken.tm_year) + 1900,
        month: broken.tm_mon + 1,
        day: broken.tm_mday,
        hour: broken.tm_hour,
        minute: broken.tm_min,
        second: broken.tm_sec,
    })
}

/// The same as `YYYY-MM-DD HH:MM:SS`; the bare number if the C library cannot say.
pub fn local_text(seconds: i64) -> String {
    local(seconds).map_or_else(
        || seconds.to_string(),
        |Local { year, month, day, hour, minute, second }| {
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
        },
    )
}

/// Reads the time zone of this process (`TZ`, else the system's); call it once before [`local`] and [`local_text`].
pub fn load_time_zone() {
    // SAFETY: there is one thread, and nothing changes the environment.
    unsafe { tzset() }
}

unsafe extern "C" {
    fn tzset();
}

/// A moment as the local clock shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Local {
    pub year: i64,
    pub month: i32,
    pub day: i32,
    pub hour: i32,
    pub minute: i32,
    pub second: i32,
}
