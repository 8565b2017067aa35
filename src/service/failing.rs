//! What there is to say about a service that cannot stay up, and about its logger.
#![forbid(unsafe_code)]

use super::last_exit::Failures;
use crate::exit::Exit;
use crate::json::Object;
use crate::tai::Stamp;

/// A service that keeps failing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    /// How often in a row, and since when, if its supervise counts that.
    pub failures: Option<Failures>,
    /// Why.
    pub reason: String,
    /// The last line of its log, if it was written since.
    pub log: Option<String>,
}

/// What is wrong with the logger of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggerTrouble {
    /// It cannot stay up.
    Failing(Failing),
    /// It was told to go down.
    Down,
    /// The disk is full to which it writes.
    DiskFull,
    /// No supervise runs for it.
    Unsupervised,
    /// It runs, but does not read, so that the service waits once the pipe is full.
    Blocked,
}

impl Failing {
    /// `failed 5 times in a row since ...: reason`; `clock` shows a moment as people read it.
    pub fn sentence(&self, clock: impl Fn(Stamp) -> String) -> String {
        let mut sentence = match &self.failures {
            Some(Failures { times: 1, since, .. }) => format!("failed once since {}: ", clock(*since)),
            Some(Failures { times, since, .. }) => {
                format!("failed {times} times in a row since {}: ", clock(*since))
            }
            None => "cannot be started: ".to_string(),
        };
        sentence += &self.reason;
        if let Some(log) = &self.log {
            sentence += &format!("; last line of the log: {log}");
        }
        sentence
    }

    /// An object for programs.
    pub fn json(&self) -> String {
        let mut object = Object::default();
        object.value("times", self.failures.map(|failures| failures.times));
        match &self.failures {
            Some(failures) => object.text("since", &failures.since.to_rfc3339()),
            None => object.value("since", None::<u8>),
        };
        object.text("reason", &self.reason);
        match &self.log {
            Some(log) => object.text("log", log),
            None => object.value("log", None::<u8>),
        };
        object.finish()
    }
}

impl LoggerTrouble {
    /// `its logger ...`.
    pub fn sentence(&self, clock: impl Fn(Stamp) -> String) -> String {
        match self {
            Self::Failing(failing) => format!("its logger {}", failing.sentence(clock)),
            Self::Down => "its logger is down".to_string(),
            Self::DiskFull => "the disk of its log is full".to_string(),
            Self::Unsupervised => "its logger has no supervisor".to_string(),
            Self::Blocked => "its logger is blocked: it does not read what is logged".to_string(),
        }
    }

    /// An object for programs.
    pub fn json(&self) -> String {
        let mut object = Object::default();
        match self {
            Self::Failing(failing) => object.text("trouble", "failing").raw("failing", &failing.json()),
            Self::Down => object.text("trouble", "down").value("failing", None::<u8>),
            Self::DiskFull => object.text("trouble", "disk full").value("failing", None::<u8>),
            Self::Unsupervised => object.text("trouble", "unsupervised").value("failing", None::<u8>),
            Self::Blocked => object.text("trouble", "blocked").value("failing", None::<u8>),
        };
        object.finish()
    }
}

/// How a run has ended, and what that means by custom.
pub fn explain_end(how: Exit) -> String {
    let meaning = match how {
        Exit::Exited(0) => ": has run put itself into the background?",
        Exit::Exited(100) => ", by which programs such as softlimit report a mistake in run",
        Exit::Exited(111) => ", by which programs such as setuidgid and multilog report trouble",
        Exit::Exited(126) => ": a program that run names cannot be executed",
        Exit::Exited(127) => ": a program that run names was not found",
        Exit::Exited(_) | Exit::Killed(_) | Exit::Unknown => "",
    };
    format!("{how}{meaning}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::Signal;
    use std::time::Duration;

    fn failing(times: u32, log: Option<&str>) -> Failing {
        let since = Stamp::from_unix(Duration::from_secs(100));
        let failures = Some(Failures { times, since, error: None }).filter(|_| times > 0);
        Failing { failures, reason: "exit 3".to_string(), log: log.map(str::to_string) }
    }

    #[test]
    fn a_sentence_says_how_often_since_when_and_why() {
        let clock = |stamp: Stamp| format!("<{}>", stamp.to_unix());
        let sentence = |times, log| failing(times, log).sentence(clock);
        assert_eq!(sentence(5, None), "failed 5 times in a row since <100>: exit 3");
        assert_eq!(sentence(1, None), "failed once since <100>: exit 3");
        assert_eq!(sentence(0, None), "cannot be started: exit 3");
        let expected = "failed 5 times in a row since <100>: exit 3; last line of the log: no port";
        assert_eq!(sentence(5, Some("no port")), expected);
        let logger = LoggerTrouble::Failing(failing(2, None)).sentence(clock);
        assert_eq!(logger, "its logger failed 2 times in a row since <100>: exit 3");
        assert_eq!(LoggerTrouble::Down.sentence(clock), "its logger is down");
        assert_eq!(LoggerTrouble::DiskFull.sentence(clock), "the disk of its log is full");
    }

    #[test]
    fn programs_get_objects() {
        let expected =
            r#"{"times":5,"since":"1970-01-01T00:01:40.0000005Z","reason":"exit 3","log":"no port"}"#;
        assert_eq!(failing(5, Some("no port")).json(), expected);
        let bare = r#"{"times":null,"since":null,"reason":"exit 3","log":null}"#;
        assert_eq!(failing(0, None).json(), bare);
        let logger = LoggerTrouble::Failing(failing(0, None)).json();
        assert_eq!(logger, format!(r#"{{"trouble":"failing","failing":{bare}}}"#));
        assert_eq!(LoggerTrouble::DiskFull.json(), r#"{"trouble":"disk full","failing":null}"#);
        assert_eq!(LoggerTrouble::Down.json(), r#"{"trouble":"down","failing":null}"#);
    }

    #[test]
    fn some_exit_codes_have_a_meaning() {
        for (how, expected) in [
            (Exit::Exited(3), "exit 3"),
            (Exit::Killed(Signal::SEGV), "killed by SEGV"),
            (Exit::Exited(127), "exit 127: a program that run names was not found"),
            (Exit::Exited(0), "exit 0: has run put itself into the background?"),
        ] {
            assert_eq!(explain_end(how), expected);
        }
    }
}
