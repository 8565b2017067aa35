//! All that svstat can tell about a service: the original's line, a longer one for people, and JSON.
#![forbid(unsafe_code)]

use super::failing::{Failing, LoggerTrouble};
use super::last_exit::LastExit;
use super::sentence::{HasDown, sentence};
use super::status::{Status, Want};
use crate::exit::Exit;
use crate::json::Object;
use crate::tai::Stamp;

/// A service at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its status record.
    pub status: Status,
    /// Whether there is a file `down`.
    pub has_down: HasDown,
    /// What its other files tell.
    pub more: More,
}

/// What the original does not know.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct More {
    /// Since when it has been ready, if it is.
    pub ready: Option<Stamp>,
    /// How it ended last.
    pub last_exit: Option<LastExit>,
    /// How often it was started, if that is known.
    pub starts: Option<u64>,
    /// Why it cannot stay up, if so.
    pub failing: Option<Failing>,
    /// What is wrong with its logger, if something is.
    pub logger: Option<LoggerTrouble>,
}

impl More {
    /// Adds what is wrong to an object for programs.
    pub fn add_trouble(&self, object: &mut Object) {
        match &self.failing {
            Some(failing) => object.raw("failing", &failing.json()),
            None => object.value("failing", None::<u8>),
        };
        match &self.logger {
            Some(logger) => object.raw("logger", &logger.json()),
            None => object.value("logger", None::<u8>),
        };
    }
}

impl Account {
    /// The line that svstat has always printed.
    pub fn sentence(&self, now: Stamp) -> String {
        sentence(&self.status, self.has_down, now)
    }

    /// The same line with what else is known; `clock` shows a moment as people read it.
    pub fn long(&self, now: Stamp, clock: impl Fn(Stamp) -> String) -> String {
        let mut line = format!("{}, since {}", self.sentence(now), clock(self.status.since));
        let is_up = self.status.pid.is_some();
        if let Some(ready) = self.more.ready.filter(|_| is_up) {
            line += &format!(", ready after {}", count(ready.seconds_since(self.status.since), "second"));
        }
        if let Some(restarts) = self.restarts() {
            line += &format!(", {}", count(restarts, "restart"));
        }
        if let Some(LastExit { at, how, .. }) = &self.more.last_exit {
            line += &format!(", last end: {how}, {}", clock(*at));
        }
        if let Some(failing) = &self.more.failing {
            line += &format!(", {}", failing.sentence(&clock));
        }
        if let Some(logger) = &self.more.logger {
            line += &format!(", {}", logger.sentence(&clock));
        }
        line
    }

    /// An object for programs.
    pub fn json(&self, service: &str, now: Stamp) -> String {
        let Self { status, has_down, more } = self;
        let is_up = status.pid.is_some();
        let ready = more.ready.filter(|_| is_up);
        let mut object = Object::default();
        object
            .text("service", service)
            .text("state", if is_up { "up" } else { "down" })
            .value("pid", status.pid)
            .text("since", &status.since.to_rfc3339())
            .value("seconds", Some(now.seconds_since(status.since)))
            .text("want", want(status.want))
            .text("normally", if *has_down == HasDown::Yes { "down" } else { "up" })
            .value("paused", Some(status.paused))
            .value("ready", Some(ready.is_some()));
        match ready {
            Some(ready) => object.text("ready_since", &ready.to_rfc3339()),
            None => object.value("ready_since", None::<u8>),
        };
        match &more.last_exit {
            Some(last) => object.raw("last_exit", &ending(last)),
            None => object.value("last_exit", None::<u8>),
        };
        object.value("restarts", self.restarts());
        self.more.add_trouble(&mut object);
        object.finish()
    }

    /// How often supervise has started it again.
    pub fn restarts(&self) -> Option<u64> {
        self.more.starts.map(|starts| starts.saturating_sub(1))
    }
}

/// The object for a service of which there is nothing to tell but the trouble.
pub fn trouble(service: &str, trouble: &str) -> String {
    let mut object = Object::default();
    object.text("service", service).text("state", "unknown").text("error", trouble);
    object.finish()
}

fn count(number: u64, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

const fn want(want: Want) -> &'static str {
    match want {
        Want::Up => "up",
        Want::Down => "down",
        Want::Once => "once",
    }
}

/// The object that tells how a service ended.
pub fn ending(last: &LastExit) -> String {
    let mut object = Object::default();
    match last.how {
        Exit::Exited(code) => object.text("how", "exited").value("code", Some(code)),
        Exit::Killed(signal) => object.text("how", "killed").text("signal", &signal.to_string()),
        Exit::Unknown => object.text("how", "unknown"),
    };
    object.text("at", &last.at.to_rfc3339()).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::last_exit::Failures;
    use crate::signal::Signal;
    use std::num::NonZeroU32;
    use std::time::Duration;

    fn at(seconds: u64) -> Stamp {
        Stamp::from_unix(Duration::from_secs(seconds))
    }

    fn account(pid: u32, more: More) -> Account {
        let status = Status { since: at(100), pid: NonZeroU32::new(pid), paused: false, want: Want::Up };
        Account { status, has_down: HasDown::No, more }
    }

    fn known() -> More {
        let last = LastExit { at: at(99), how: Exit::Killed(Signal::SEGV), failures: None };
        More { ready: Some(at(103)), last_exit: Some(last), starts: Some(3), ..More::default() }
    }

    #[test]
    fn the_long_line_begins_like_the_short_one() {
        let clock = |stamp: Stamp| format!("<{}>", stamp.to_unix());
        let long = |account: Account| account.long(at(142), clock);
        assert_eq!(long(account(7, More::default())), "up (pid 7) 42 seconds, since <100>");
        assert_eq!(
            long(account(7, known())),
            "up (pid 7) 42 seconds, since <100>, ready after 3 seconds, 2 restarts, last end: killed by SEGV, <99>"
        );
        let last = LastExit { at: at(100), how: Exit::Exited(3), failures: None };
        let down = account(0, More { last_exit: Some(last), starts: Some(2), ..More::default() });
        assert_eq!(
            long(down),
            "down 42 seconds, normally up, want up, since <100>, 1 restart, last end: exit 3, <100>"
        );
        let failures = Some(Failures { times: 5, since: at(90), error: Some(2) });
        let failing = Failing { failures, reason: "run is empty".to_string(), log: None };
        let failing = More { failing: Some(failing), logger: Some(LoggerTrouble::Down), ..More::default() };
        assert_eq!(
            long(account(0, failing)),
            "down 42 seconds, normally up, want up, since <100>, failed 5 times in a row since <90>: run is empty, its \
             logger is down"
        );
    }

    #[test]
    fn json_has_the_same_members_whatever_is_known() {
        assert_eq!(
            account(7, known()).json("/service/web", at(142)),
            concat!(
                r#"{"service":"/service/web","state":"up","pid":7,"since":"1970-01-01T00:01:40.0000005Z","#,
                r#""seconds":42,"want":"up","normally":"up","paused":false,"ready":true,"#,
                r#""ready_since":"1970-01-01T00:01:43.0000005Z","#,
                r#""last_exit":{"how":"killed","signal":"SEGV","at":"1970-01-01T00:01:39.0000005Z"},"restarts":2,"failing":null,"logger":null}"#
            )
        );
        assert_eq!(
            account(0, More::default()).json("w", at(142)),
            concat!(
                r#"{"service":"w","state":"down","pid":null,"since":"1970-01-01T00:01:40.0000005Z","#,
                r#""seconds":42,"want":"up","normally":"up","paused":false,"ready":false,"ready_since":null,"#,
                r#""last_exit":null,"restarts":null,"failing":null,"logger":null}"#
            )
        );
    }
}
