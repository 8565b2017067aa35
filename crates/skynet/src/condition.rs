//! How a participant is: what `skynet status` tells about it, for people and for programs.
#![forbid(unsafe_code)]

use crate::tally::Count;
use servicedir::json::Object;
use servicedir::service::account::{self, Account, More};
use servicedir::service::status::Want;
use servicedir::tai::Stamp;

/// What is said of a participant for which no supervise runs.
pub const UNSUPERVISED: &str = "is not running and has no supervisor";

/// What is said of a participant without a link in the scan directory.
pub const NOT_ENABLED: &str = "It is not enabled for automatic running";

/// A participant at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub directory: String,
    /// Whether it is started at boot.
    pub is_enabled: bool,
    /// Whether a package owns it.
    pub is_packaged: bool,
    /// What its supervise says.
    pub supervised: Supervised,
}

/// What the supervise of a participant says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Supervised {
    /// There is none; and what is said then.
    No(String),
    /// We may not know, or do not understand; why.
    Unknown(String),
    /// This.
    Yes(Box<Facts>),
}

/// What is known of a participant that is supervised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// What its supervise has written down.
    pub account: Account,
    /// Whether it says when it is ready.
    pub tells_readiness: bool,
    /// Whether its present run was told to end.
    pub is_told: bool,
    /// The work of its present run, if its log can be read.
    pub items: Option<Count>,
}

impl Facts {
    /// The state in a word.
    fn state(&self) -> &'static str {
        let status = &self.account.status;
        match (status.pid.is_some(), status.want) {
            (true, _) if status.paused => "paused",
            (true, Want::Down) => "stopping",
            (true, _) if self.is_told => "stopping",
            (true, Want::Up | Want::Once) if self.tells_readiness && self.account.more.ready.is_none() => {
                "starting"
            }
            (true, Want::Up | Want::Once) => "running",
            (false, Want::Up) => "restarting",
            (false, Want::Down | Want::Once) => "stopped",
        }
    }

    /// Its cells in the table, but for the last.
    fn cells(&self, clock: &impl Fn(Stamp) -> String) -> Vec<String> {
        let status = &self.account.status;
        let items = self.items.map(|items| format!("{} in hand, {} done", items.in_hand, items.done));
        let last = self.account.more.last_exit.as_ref();
        vec![
            self.state().to_string(),
            status.pid.map_or("-".to_string(), |pid| format!("pid {pid}")),
            format!("since {}", clock(status.since)),
            items.unwrap_or("-".to_string()),
            last.map_or("-".to_string(), |last| format!("last end: {}, {}", last.how, clock(last.at))),
        ]
    }
}

/// A table with a line for each; `clock` shows a moment as people read it.
pub(crate) fn table(conditions: &[Condition], clock: impl Fn(Stamp) -> String) -> String {
    let names = conditions.iter().map(|condition| condition.name.len()).max().unwrap_or(0);
    let rows: Vec<Vec<String>> = conditions
        .iter()
        .map(|condition| match &condition.supervised {
            Supervised::Yes(facts) => facts.cells(&clock),
            Supervised::No(_) | Supervised::Unknown(_) => Vec::new(),
        })
        .collect();
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = String::new();
    for (condition, row) in conditions.iter().zip(&rows) {
        text += &format!("{:names$}  ", condition.name);
        for (cell, width) in row.iter().zip(&widths) {
            text += &format!("{cell:width$}  ");
        }
        text += match &condition.supervised {
            Supervised::No(what) | Supervised::Unknown(what) => what,
            Supervised::Yes(_) if condition.is_enabled => "enabled",
            Supervised::Yes(_) => NOT_ENABLED,
        };
        if let Supervised::Yes(facts) = &condition.supervised {
            let More { failing, logger, .. } = &facts.account.more;
            let failing = failing.as_ref().map(|failing| failing.sentence(&clock));
            let logger = logger.as_ref().map(|logger| logger.sentence(&clock));
            failing.into_iter().chain(logger).for_each(|sentence| text += &format!(", {sentence}"));
        }
        text.push('\n');
    }
    text
}

impl Condition {
    /// An object for programs.
    pub(crate) fn json(&self, now: Stamp) -> String {
        let mut object = Object::default();
        object
            .text("name", &self.name)
            .text("directory", &self.directory)
            .value("enabled", Some(self.is_enabled))
            .value("packaged", Some(self.is_packaged));
        match &self.supervised {
            Supervised::No(_) => object.text("state", "unsupervised").finish(),
            Supervised::Unknown(why) => object.text("state", "unknown").text("error", why).finish(),
            Supervised::Yes(facts) => {
                facts.add_to(&mut object, now);
                object.finish()
            }
        }
    }
}

impl Facts {
    fn add_to(&self, object: &mut Object, now: Stamp) {
        let Account { status, more, .. } = &self.account;
        let ready = more.ready.filter(|_| status.pid.is_some());
        object
            .text("state", self.state())
            .value("pid", status.pid)
            .text("since", &status.since.to_rfc3339())
            .value("seconds", Some(now.seconds_since(status.since)))
            .value("ready", self.tells_readiness.then_some(ready.is_some()))
            .value("restarts", self.account.restarts());
        match &more.last_exit {
            Some(last) => object.raw("last_exit", &account::ending(last)),
            None => object.value("last_exit", None::<u8>),
        };
        object
            .value("in_hand", self.items.map(|items| items.in_hand))
            .value("done", self.items.map(|items| items.done));
        match self.items {
            Some(items) => object.text("counted_since", &items.since.to_rfc3339()),
            None => object.value("counted_since", None::<u8>),
        };
        more.add_trouble(object);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use servicedir::exit::Exit;
    use servicedir::service::failing::{Failing, LoggerTrouble};
    use servicedir::service::last_exit::{Failures, LastExit};
    use servicedir::service::sentence::HasDown;
    use servicedir::service::status::Status;
    use servicedir::signal::Signal;
    use std::num::NonZeroU32;
    use std::time::Duration;

    fn at(seconds: u64) -> Stamp {
        Stamp::from_unix(Duration::from_secs(seconds))
    }

    fn facts(pid: u32, want: Want) -> Facts {
        let status = Status { since: at(100), pid: NonZeroU32::new(pid), paused: false, want };
        let account = Account { status, has_down: HasDown::No, more: More::default() };
        Facts { account, tells_readiness: true, is_told: false, items: None }
    }

    fn condition(name: &str, supervised: Supervised) -> Condition {
        let (name, directory) = (name.to_string(), format!("/p/{name}"));
        Condition { name, directory, is_enabled: true, is_packaged: false, supervised }
    }

    #[test]
    fn a_state_is_one_word() {
        assert_eq!(facts(7, Want::Up).state(), "starting");
        assert_eq!(facts(7, Want::Down).state(), "stopping");
        assert_eq!(facts(0, Want::Down).state(), "stopped");
        assert_eq!(facts(0, Want::Once).state(), "stopped");
        assert_eq!(facts(0, Want::Up).state(), "restarting");
        assert_eq!(Facts { tells_readiness: false, ..facts(7, Want::Once) }.state(), "running");
        let mut facts = facts(7, Want::Up);
        facts.account.more.ready = Some(at(101));
        assert_eq!(facts.state(), "running");
        facts.account.status.paused = true;
        assert_eq!(facts.state(), "paused");
        facts.account.status.paused = false;
        facts.is_told = true;
        assert_eq!(facts.state(), "stopping");
        facts.account.status.pid = None;
        assert_eq!(facts.state(), "restarting");
    }

    /// Some participants, each in another condition.
    fn some() -> Vec<Condition> {
        let mut busy = facts(1234, Want::Up);
        busy.account.more.ready = Some(at(103));
        busy.account.more.last_exit =
            Some(LastExit { at: at(99), how: Exit::Killed(Signal::SEGV), failures: None });
        busy.account.more.starts = Some(3);
        busy.items = Some(Count { in_hand: 1, done: 17, since: at(105) });
        let mut disabled = condition("b", Supervised::Yes(Box::new(facts(0, Want::Down))));
        disabled.is_enabled = false;
        vec![
            condition("build_image", Supervised::Yes(Box::new(busy))),
            disabled,
            condition("c", Supervised::No(format!("{UNSUPERVISED}. {NOT_ENABLED}"))),
            condition("d", Supervised::Unknown("access denied".to_string())),
        ]
    }

    #[test]
    fn people_get_a_table() {
        let expected = "\
build_image  running  pid 1234  since <100>  1 in hand, 17 done  last end: killed by SEGV, <99>  enabled
b            stopped  -         since <100>  -                   -                               It is not enabled for automatic running
c            is not running and has no supervisor. It is not enabled for automatic running
d            access denied
";
        assert_eq!(table(&some(), |stamp| format!("<{}>", stamp.to_unix())), expected);
    }

    #[test]
    fn what_keeps_one_from_running_is_told() {
        let mut failing = facts(0, Want::Up);
        let failures = Some(Failures { times: 5, since: at(90), error: None });
        let reason = "exit 3".to_string();
        failing.account.more.failing = Some(Failing { failures, reason, log: None });
        failing.account.more.logger = Some(LoggerTrouble::Down);
        let conditions = [condition("a", Supervised::Yes(Box::new(failing)))];
        let expected = "a  restarting  -  since <100>  -  -  enabled, failed 5 times in a row since <90>: exit 3, its \
                        logger is down\n";
        assert_eq!(table(&conditions, |stamp| format!("<{}>", stamp.to_unix())), expected);
        let told =
            r#""failing":{"times":5,"since":"1970-01-01T00:01:30.0000005Z","reason":"exit 3","log":null},"#;
        assert!(conditions[0].json(at(142)).contains(told));
    }

    #[test]
    fn programs_get_objects() {
        let objects: Vec<String> = some().iter().map(|condition| condition.json(at(142))).collect();
        let expected = [
            r#"{"name":"build_image","directory":"/p/build_image","enabled":true,"packaged":false,"state":"running","pid":1234,"since":"1970-01-01T00:01:40.0000005Z","seconds":42,"ready":true,"restarts":2,"last_exit":{"how":"killed","signal":"SEGV","at":"1970-01-01T00:01:39.0000005Z"},"in_hand":1,"done":17,"counted_since":"1970-01-01T00:01:45.0000005Z","failing":null,"logger":null}"#,
            r#"{"name":"b","directory":"/p/b","enabled":false,"packaged":false,"state":"stopped","pid":null,"since":"1970-01-01T00:01:40.0000005Z","seconds":42,"ready":false,"restarts":null,"last_exit":null,"in_hand":null,"done":null,"counted_since":null,"failing":null,"logger":null}"#,
            r#"{"name":"c","directory":"/p/c","enabled":true,"packaged":false,"state":"unsupervised"}"#,
            r#"{"name":"d","directory":"/p/d","enabled":true,"packaged":false,"state":"unknown","error":"access denied"}"#,
        ];
        assert_eq!(objects, expected);
    }
}
