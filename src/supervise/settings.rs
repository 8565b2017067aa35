//! The files in a service directory with which its owner changes how it is supervised (docs/decisions.md 14).
//! Without any of them, a service is supervised as it always was.
#![forbid(unsafe_code)]

use crate::service::control;
use crate::signal::Signal;
use std::ffi::CStr;
use std::time::Duration;

/// How long `finish` may run if nothing else is said.
const FINISH_TIMEOUT: Duration = Duration::from_secs(5);

/// How long what a service leaves behind may take to end if nothing else is said.
const LEFTOVERS_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest file that can be a setting, in bytes: many times what any setting takes.
pub const LONGEST: usize = 4096;

/// How a service is supervised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Whether there is a `finish` to be run after the service has ended.
    pub finish: bool,
    /// How long `finish` may run; for ever without one.
    pub finish_timeout: Option<Duration>,
    /// How long the service may take to end after it was told to; for ever without one.
    pub kill_timeout: Option<Duration>,
    /// What tells it to end.
    pub down_signal: Signal,
    /// On which descriptor it tells that it is ready.
    pub notification: Option<i32>,
    /// Whether there is a `notify` to be told of starts and ends.
    pub notify: bool,
    /// Whether processes that the service leaves behind are ended.
    pub end_leftovers: bool,
    /// The longest pause between starts that fail quickly.
    pub backoff: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            finish: false,
            finish_timeout: Some(FINISH_TIMEOUT),
            kill_timeout: None,
            down_signal: Signal::TERM,
            notification: None,
            notify: false,
            end_leftovers: false,
            backoff: None,
        }
    }
}

/// A file that says something by what it contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the files")]
pub enum Setting {
    TimeoutFinish,
    TimeoutKill,
    DownSignal,
    NotificationFd,
    Backoff,
}

impl Setting {
    /// Every setting.
    pub const ALL: [Self; 5] =
        [Self::TimeoutFinish, Self::TimeoutKill, Self::DownSignal, Self::NotificationFd, Self::Backoff];

    /// The name of its file.
    pub const fn file(self) -> &'static CStr {
        match self {
            Self::TimeoutFinish => c"timeout-finish",
            Self::TimeoutKill => c"timeout-kill",
            Self::DownSignal => c"down-signal",
            Self::NotificationFd => c"notification-fd",
            Self::Backoff => c"backoff",
        }
    }
}

impl Settings {
    /// How long what the service leaves behind may take to end.
    pub fn grace(&self) -> Duration {
        self.kill_timeout.unwrap_or(LEFTOVERS_TIMEOUT)
    }

    /// Takes note of what a file contains; what to write instead if it makes no sense.
    pub fn read(&mut self, setting: Setting, content: &[u8]) -> Result<(), &'static str> {
        let text = std::str::from_utf8(content).unwrap_or_default().trim();
        let number = |what| text.parse::<u32>().map_err(|_| what);
        match setting {
            Setting::TimeoutFinish => self.finish_timeout = timeout(number(MILLISECONDS)?),
            Setting::TimeoutKill => self.kill_timeout = timeout(number(MILLISECONDS)?),
            Setting::DownSignal => self.down_signal = control::signal(text).ok_or("the name of a signal")?,
            Setting::NotificationFd => {
                let number = number(DESCRIPTOR)?;
                self.notification = Some(
                    i32::try_from(number)
                        .ok()
                        .filter(|number| (3..=1023).contains(number))
                        .ok_or(DESCRIPTOR)?,
                );
            }
            Setting::Backoff => {
                let seconds = number("a number of seconds")?;
                self.backoff = (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)));
            }
        }
        Ok(())
    }
}

const MILLISECONDS: &str = "a number of milliseconds";
const DESCRIPTOR: &str = "the number of a descriptor from 3 to 1023";

/// No milliseconds stand for no limit.
fn timeout(milliseconds: u32) -> Option<Duration> {
    (milliseconds > 0).then(|| Duration::from_millis(u64::from(milliseconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(setting: Setting, content: &str, change: impl FnOnce(&mut Settings)) {
        let (mut read, mut expected) = (Settings::default(), Settings::default());
        change(&mut expected);
        assert_eq!(read.read(setting, content.as_bytes()), Ok(()), "{content:?}");
        assert_eq!(read, expected, "{content:?}");
    }

    #[test]
    fn files_change_how_a_service_is_supervised() {
        check(Setting::TimeoutFinish, "100\n", |s| s.finish_timeout = Some(Duration::from_millis(100)));
        check(Setting::TimeoutFinish, "0", |s| s.finish_timeout = None);
        check(Setting::TimeoutKill, " 2500 \n", |s| s.kill_timeout = Some(Duration::from_millis(2500)));
        check(Setting::DownSignal, "INT\n", |s| s.down_signal = Signal::INT);
        check(Setting::DownSignal, "SIGUSR1", |s| s.down_signal = Signal::USR1);
        check(Setting::NotificationFd, "3\n", |s| s.notification = Some(3));
        check(Setting::Backoff, "8\n", |s| s.backoff = Some(Duration::from_secs(8)));
        check(Setting::Backoff, "0\n", |_| {});
    }

    #[test]
    fn nonsense_changes_nothing_and_says_what_to_write() {
        for (setting, content) in [
            (Setting::TimeoutFinish, ""),
            (Setting::TimeoutKill, "soon"),
            (Setting::TimeoutKill, "-1"),
            (Setting::DownSignal, "NONSENSE"),
            (Setting::NotificationFd, "2"),
            (Setting::NotificationFd, "99999"),
            (Setting::Backoff, "8 s"),
        ] {
            let mut settings = Settings::default();
            assert!(settings.read(setting, content.as_bytes()).is_err(), "{content:?}");
            assert_eq!(settings, Settings::default());
        }
    }
}
