//! Crashes: which ends of a participant are some, what is said about them, and how often.
#![forbid(unsafe_code)]

use servicedir::exit::Exit;
use servicedir::service::status::Want;
use servicedir::signal::Signal;
use servicedir::tai::{LABEL, Stamp};

/// From one message about a participant to the next.
const INTERVAL: u64 = 60;

/// An end of a participant, as supervise tells `./notify`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crash {
    /// The process.
    pub pid: u32,
    /// How it ended.
    pub how: Exit,
}

/// What supervise tells: a start, an end that nobody has to care about, or a crash.
///
/// An end that was asked for is no crash: the participant is not wanted
/// up, or it was ended by a signal that people end programs with, be it that a shell says so.
pub(crate) fn judge(what: &str, pid: u32, code: i32, want: Want) -> Option<Crash> {
    const INTERRUPT: i32 = 2;
    const TERMINATE: i32 = 15;
    const SHELL: i32 = 128;
    const NOT_KNOWN: i32 = 256;
    let is_asked_for = |number: i32| [INTERRUPT, TERMINATE].contains(&number);
    let how = match (what, code) {
        ("exit", 0) => return None,
        ("exit", code) if is_asked_for(code - SHELL) => return None,
        ("exit", NOT_KNOWN) => Exit::Unknown,
        ("exit", code) => Exit::Exited(code),
        ("killed", number) if !is_asked_for(number) => {
            Signal::from_number(number).map_or(Exit::Unknown, Exit::Killed)
        }
        _ => return None,
    };
    (want == Want::Up).then_some(Crash { pid, how })
}

/// What was told about a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// When the last message was sent.
    pub at: Stamp,
    /// How many crashes there were since that nobody was told of.
    pub suppressed: u64,
}

impl Told {
    /// Reads the file; a damaged one says nothing.
    pub(crate) fn decode(content: &[u8]) -> Option<Self> {
        let (label, rest) = content.split_at_checked(LABEL)?;
        let at = Stamp::from_digits(label.strip_prefix(b"@")?)?;
        let suppressed = std::str::from_utf8(rest).ok()?.trim().parse().ok()?;
        Some(Self { at, suppressed })
    }

    /// Writes the file.
    pub(crate) fn encode(self) -> Vec<u8> {
        [&self.at.to_label()[..], format!(" {}\n", self.suppressed).as_bytes()].concat()
    }

    /// Decides whether a message about a crash is sent now, and with how many suppressed ones; and what was told then.
    pub(crate) fn next(told: Option<Self>, now: Stamp) -> (Option<u64>, Self) {
        // A message from the future is from before the clock was set.
        match told.filter(|told| told.at <= now && now.seconds_since(told.at) < INTERVAL) {
            Some(told) => (None, Self { suppressed: told.suppressed.saturating_add(1), ..told }),
            None => (Some(told.map_or(0, |told| told.suppressed)), Self { at: now, suppressed: 0 }),
        }
    }
}

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// The participant.
    pub name: &'a str,
    /// The machine.
    pub host: &'a str,
    /// When, as people read it.
    pub when: &'a str,
    /// What has happened.
    pub crash: &'a Crash,
    /// How many crashes were suppressed.
    pub suppressed: u64,
    /// The last lines of its log.
    pub log: &'a str,
}

impl Message<'_> {
    /// The text.
    pub(crate) fn text(&self) -> String {
        let Self { name, host, when, crash, suppressed, log } = self;
        let how = match crash.how {
            Exit::Exited(code) => format!("has exited with code {code}"),
            Exit::Killed(signal) => format!("was killed by {signal}"),
            Exit::Unknown => {
                "has ended; how is not known, because its supervise was replaced meanwhile".to_string()
            }
        };
        let mut text = format!("The participant {name} on {host} {how} (process {}) at {when}.\n", crash.pid);
        match suppressed {
            0 => {}
            1 => text += "One more crash since the last message was not told.\n",
            many => text += &format!("{many} more crashes since the last message were not told.\n"),
        }
        if !log.is_empty() {
            text += &format!("The last lines of its log:\n\n{log}");
        }
        text
    }
}

/// The last `count` lines of a text, of which the first may be cut off unless the text `is_whole`.
pub(crate) fn last_lines(text: &[u8], is_whole: Whole, count: usize) -> &[u8] {
    let text = match (is_whole, text.iter().position(|&byte| byte == b'\n')) {
        (Whole::No, Some(first)) => text.get(first + 1..).unwrap_or_default(),
        (Whole::No, None) | (Whole::Yes, _) => text,
    };
    let ends = text.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    let start =
        ends.skip_while(|(at, _)| at + 1 == text.len()).nth(count.saturating_sub(1)).map(|(at, _)| at + 1);
    text.get(start.unwrap_or(0)..).unwrap_or_default()
}

/// Whether a text begins where its file does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    /// It does.
    Yes,
    /// It is the end of a longer one.
    No,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[track_caller]
    fn check(what: &str, code: i32, want: Want, expected: Option<Exit>) {
        let crash = judge(what, 7, code, want);
        assert_eq!(crash, expected.map(|how| Crash { pid: 7, how }), "{what} {code}");
    }

    #[test]
    fn an_end_that_was_not_asked_for_is_a_crash() {
        check("start", 0, Want::Up, None);
        check("exit", 0, Want::Up, None);
        check("exit", 3, Want::Up, Some(Exit::Exited(3)));
        check("exit", 256, Want::Up, Some(Exit::Unknown));
        check("killed", 11, Want::Up, Some(Exit::Killed(Signal::SEGV)));
        check("killed", 9, Want::Up, Some(Exit::Killed(Signal::KILL)));
        // svc -t, and a shell that was told so.
        check("killed", 15, Want::Up, None);
        check("exit", 143, Want::Up, None);
        check("exit", 130, Want::Up, None);
        // It was told to stop.
        check("killed", 9, Want::Down, None);
        check("exit", 1, Want::Down, None);
        check("exit", 1, Want::Once, None);
    }

    #[test]
    fn there_is_one_message_a_minute_and_it_counts_what_was_suppressed() {
        let at = |second| Stamp::from_unix(Duration::from_secs(second));
        let (sent, told) = Told::next(None, at(100));
        assert_eq!((sent, told), (Some(0), Told { at: at(100), suppressed: 0 }));
        let (sent, told) = Told::next(Some(told), at(101));
        assert_eq!(sent, None);
        let (sent, told) = Told::next(Some(told), at(159));
        assert_eq!((sent, told), (None, Told { at: at(100), suppressed: 2 }));
        assert_eq!(Told::decode(&told.encode()), Some(told));
        let (sent, told) = Told::next(Some(told), at(160));
        assert_eq!((sent, told), (Some(2), Told { at: at(160), suppressed: 0 }));
        // The clock was set back.
        assert_eq!(Told::next(Some(told), at(50)).0, Some(0));
        assert_eq!(Told::decode(b"@"), None);
        assert_eq!(Told::decode(b"@400000006b49d20a075bcbf4 x\n"), None);
    }

    #[test]
    fn the_message_says_what_has_happened() {
        let crash = Crash { pid: 7, how: Exit::Killed(Signal::SEGV) };
        let message =
            Message { name: "p", host: "h", when: "T", crash: &crash, suppressed: 2, log: "a\nb\n" };
        let expected = "The participant p on h was killed by SEGV (process 7) at T.\n\
                        2 more crashes since the last message were not told.\n\
                        The last lines of its log:\n\na\nb\n";
        assert_eq!(message.text(), expected);
        let exited = Crash { pid: 8, how: Exit::Exited(3) };
        let message = Message { crash: &exited, suppressed: 0, log: "", ..message };
        assert_eq!(message.text(), "The participant p on h has exited with code 3 (process 8) at T.\n");
    }

    #[test]
    fn the_last_lines_are_whole_ones() {
        let last = |text: &'static str, is_whole| last_lines(text.as_bytes(), is_whole, 2);
        assert_eq!(last("a\nb\nc\n", Whole::Yes), b"b\nc\n");
        assert_eq!(last("a\nb\nc", Whole::Yes), b"b\nc");
        assert_eq!(last("a\n", Whole::Yes), b"a\n");
        assert_eq!(last("a\nb\n", Whole::No), b"b\n");
        assert_eq!(last("", Whole::No), b"");
    }
}
