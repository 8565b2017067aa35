//! The messages between exo and the logic, a JSON object on a line each (participant(7)).
#![forbid(unsafe_code)]

use crate::fault::Fault;
use crate::json;
use crate::level::Level;
use serde_json::{Map, Value, json};
use skynet_core::workitem::Workitem;

/// What the logic is told.
#[derive(Debug, Clone, PartialEq)]
pub enum ToLogic {
    /// Prepare for work, with the settings by section.
    Start {
        /// What the participant is called.
        participant: String,
        /// The settings.
        config: Map<String, Value>,
    },
    /// Do this.
    Work {
        /// What the answer is to name.
        id: u64,
        /// The workitem.
        workitem: Workitem,
    },
    /// Give an item back that was not begun.
    Withdraw {
        /// The item.
        id: u64,
    },
    /// Somebody asks about an item in hand.
    Ask {
        /// The item.
        id: u64,
        /// What is asked.
        request: Request,
    },
    /// The process engine has cancelled something.
    Control {
        /// The item, if it is in hand.
        id: Option<u64>,
        /// What the engine has sent.
        workitem: Workitem,
    },
    /// No more work comes: tidy up and end.
    Stop,
    /// End now.
    Die,
}

/// What can be asked about an item in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// How far it is.
    Status,
    /// That it be given up.
    Cancel,
}

/// What the logic says.
#[derive(Debug, Clone, PartialEq)]
pub enum FromLogic {
    /// It can work now.
    Ready {
        /// On how many items at once.
        at_once: usize,
    },
    /// The work is done.
    Reply {
        /// Which.
        id: u64,
        /// The workitem as it is now.
        workitem: Workitem,
    },
    /// The work has failed.
    Failure {
        /// Which.
        id: u64,
        /// Why.
        error: Fault,
        /// The workitem as it was then.
        workitem: Option<Workitem>,
    },
    /// An item goes back that was not begun.
    Withdrawn {
        /// Which.
        id: u64,
    },
    /// What somebody has asked.
    Answer {
        /// About which item.
        id: u64,
        /// What was asked.
        request: Request,
        /// The answer.
        value: Value,
    },
    /// Something for the log.
    Log {
        /// How important it is.
        level: Level,
        /// What.
        message: String,
        /// The item that it is about.
        id: Option<u64>,
    },
    /// Something for the process engine, at once.
    Send(Workitem),
}

impl Request {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Cancel => "cancel",
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Status, Self::Cancel].into_iter().find(|request| request.name() == name)
    }
}

impl ToLogic {
    /// The line, with its end.
    pub fn to_line(&self) -> Vec<u8> {
        let value = match self {
            Self::Start { participant, config } => {
                json!({"type": "start", "participant": participant, "config": config})
            }
            Self::Work { id, workitem } => json!({"type": "work", "id": id, "workitem": workitem.to_value()}),
            Self::Withdraw { id } => json!({"type": "withdraw", "id": id}),
            Self::Ask { id, request } => json!({"type": request.name(), "id": id}),
            Self::Control { id, workitem } => {
                json!({"type": "control", "id": id, "workitem": workitem.to_value()})
            }
            Self::Stop => json!({"type": "stop"}),
            Self::Die => json!({"type": "die"}),
        };
        let mut line = value.to_string().into_bytes();
        line.push(b'\n');
        line
    }
}

impl FromLogic {
    /// Reads a line; `None` if it is not of the protocol.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let Some(Value::Object(mut members)) = json::read(line, json::LINE) else { return None };
        let id = members.get("id").and_then(Value::as_u64);
        let workitem = members.remove("workitem").and_then(Workitem::from_value);
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        Some(match text("type")? {
            "ready" => {
                let at_once = members.get("at_once").and_then(Value::as_u64).filter(|number| *number > 0);
                let at_once = at_once.and_then(|number| usize::try_from(number).ok());
                Self::Ready { at_once: at_once.unwrap_or(usize::MAX) }
            }
            "withdrawn" => Self::Withdrawn { id: id? },
            "reply" => Self::Reply { id: id?, workitem: workitem? },
            "failure" => Self::Failure { id: id?, error: Fault::from_value(members.get("error")?), workitem },
            "answer" => {
                let request = Request::from_name(text("request")?)?;
                Self::Answer { id: id?, request, value: members.remove("return").unwrap_or(Value::Null) }
            }
            "log" => {
                let level = text("level").and_then(Level::from_name).unwrap_or(Level::Info);
                Self::Log { level, message: text("message")?.to_string(), id }
            }
            "send" => Self::Send(workitem?),
            _ => return None,
        })
    }
}

/// Whether a line that cannot be read is meant to answer for an item.
pub fn is_broken_answer(line: &[u8]) -> bool {
    let text = String::from_utf8_lossy(line);
    let is_answer = ["\"reply\"", "\"failure\""].iter().any(|kind| text.contains(kind));
    // One without its end is the last of a logic that has ended in the middle of it.
    let is_whole = line.ends_with(b"\n") && text.trim_start().starts_with('{');
    is_whole && is_answer && text.contains("\"type\"") && json::read(line, json::LINE).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workitem() -> Workitem {
        Workitem::parse(br#"{"fei":{"wfid":"w"},"n":1.0}"#).unwrap()
    }

    #[test]
    fn what_the_logic_is_told() {
        let item = r#"{"fei":{"wfid":"w"},"n":1.0}"#;
        let config: Map<String, Value> = [("obs".to_string(), json!({"api": "x"}))].into_iter().collect();
        for (message, line) in [
            (
                ToLogic::Start { participant: "p".to_string(), config },
                r#"{"type":"start","participant":"p","config":{"obs":{"api":"x"}}}"#.to_string(),
            ),
            (
                ToLogic::Work { id: 7, workitem: workitem() },
                format!(r#"{{"type":"work","id":7,"workitem":{item}}}"#),
            ),
            (ToLogic::Ask { id: 7, request: Request::Status }, r#"{"type":"status","id":7}"#.to_string()),
            (ToLogic::Ask { id: 7, request: Request::Cancel }, r#"{"type":"cancel","id":7}"#.to_string()),
            (
                ToLogic::Control { id: None, workitem: workitem() },
                format!(r#"{{"type":"control","id":null,"workitem":{item}}}"#),
            ),
            (ToLogic::Stop, r#"{"type":"stop"}"#.to_string()),
            (ToLogic::Die, r#"{"type":"die"}"#.to_string()),
        ] {
            assert_eq!(String::from_utf8(message.to_line()).unwrap(), line + "\n");
        }
    }

    #[test]
    fn what_the_logic_says() {
        let fault = Fault { trace: vec!["t".into()], report: "t".into(), ..Fault::own("E", "m".into()) };
        let log = |level, id| FromLogic::Log { level, message: "hi".to_string(), id };
        for (line, message) in [
            (r#"{"type":"ready"}"#, FromLogic::Ready { at_once: usize::MAX }),
            (r#"{"type":"ready","at_once":0}"#, FromLogic::Ready { at_once: usize::MAX }),
            (r#"{"type":"ready","at_once":2}"#, FromLogic::Ready { at_once: 2 }),
            (r#"{"type":"withdrawn","id":7}"#, FromLogic::Withdrawn { id: 7 }),
            (
                r#"{"id":1,"workitem":{"fei":{"wfid":"w"},"n":1.0},"type":"reply"}"#,
                FromLogic::Reply { id: 1, workitem: workitem() },
            ),
            (
                r#"{"type":"failure","id":2,"error":{"class":"E","message":"m","trace":"t"}}"#,
                FromLogic::Failure { id: 2, error: fault, workitem: None },
            ),
            (
                r#"{"type":"failure","id":2,"error":"m","workitem":{"fei":{"wfid":"w"},"n":1.0}}"#,
                FromLogic::Failure {
                    id: 2,
                    error: Fault { message: "m".into(), ..Fault::default() },
                    workitem: Some(workitem()),
                },
            ),
            (
                r#"{"type":"answer","id":3,"request":"status","return":{"percent":4}}"#,
                FromLogic::Answer { id: 3, request: Request::Status, value: json!({"percent": 4}) },
            ),
            (
                r#"{"type":"answer","id":3,"request":"cancel"}"#,
                FromLogic::Answer { id: 3, request: Request::Cancel, value: Value::Null },
            ),
            (r#"{"type":"log","level":"ERROR","message":"hi","id":4}"#, log(Level::Error, Some(4))),
            (r#"{"type":"log","message":"hi"}"#, log(Level::Info, None)),
            (r#"{"type":"send","workitem":{"fei":{"wfid":"w"},"n":1.0}}"#, FromLogic::Send(workitem())),
        ] {
            assert_eq!(FromLogic::parse(line.as_bytes()), Some(message), "{line}");
        }
    }

    #[test]
    fn rubbish_is_not_of_the_protocol() {
        for line in [
            "",
            "hello",
            "7",
            "[]",
            "{}",
            r#"{"type":"reply","workitem":{}}"#,
            r#"{"type":"reply","id":1}"#,
            r#"{"type":"reply","id":-1,"workitem":{}}"#,
            r#"{"type":"reply","id":1,"workitem":[]}"#,
            r#"{"type":"failure","id":1}"#,
            r#"{"type":"answer","id":1,"request":"dance"}"#,
            r#"{"type":"work","id":1,"workitem":{}}"#,
            "{\"type\":\"log\",\"message\":\"\u{fffd}",
        ] {
            assert_eq!(FromLogic::parse(line.as_bytes()), None, "{line}");
        }
        assert_eq!(FromLogic::parse(b"{\"type\":\"ready\xff\"}"), None);
        assert_eq!(
            FromLogic::parse(b"{\"type\":\"ready\"}\n"),
            Some(FromLogic::Ready { at_once: usize::MAX })
        );
    }

    #[test]
    fn an_answer_that_is_broken_is_known_as_one() {
        let check = |line: &str, expected| assert_eq!(is_broken_answer(line.as_bytes()), expected, "{line}");
        check("{\"type\":\"reply\",\"id\":1,\"workitem\":{NaN}}\n", true);
        check("{\"id\":1, \"type\": \"failure\", \"error\": \"a\u{1}\"}\n", true);
        check("{\"type\":\"reply\",\"id\":1,\"workitem\":{\"a", false);
        check("{\"type\":\"reply\"}\n", false);
        check("{\"type\":\"log\",\"message\":NaN}\n", false);
        check("my \"type\" is \"reply\"\n", false);
    }
}
