//! A workitem: what the process engine sends, and gets back (docs/skynet.md). What is not known here survives
//! unchanged, in its order.
#![forbid(unsafe_code)]

use serde_json::{Map, Value, json};

/// A workitem.
#[derive(Debug, Clone, PartialEq)]
pub struct Workitem(Map<String, Value>);

/// What tells one workitem from another: three members of its `fei`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    wfid: String,
    subid: String,
    expid: String,
}

impl Workitem {
    /// Reads the body of a message; `None` if it is not a JSON object.
    pub fn parse(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok().and_then(Self::from_value)
    }

    /// Takes a value that is an object.
    pub fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self(members)),
            _ => None,
        }
    }

    /// The value that it is.
    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// The same as text.
    pub fn to_text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// The process that it belongs to, as one word; `-` if it does not say.
    pub fn wfid(&self) -> String {
        word(self.fei("wfid"))
    }

    /// What the process calls the participant, as one word; `name` if it does not say.
    pub fn participant(&self, name: &str) -> String {
        let said = self.0.get("participant_name").and_then(Value::as_str).unwrap_or_default();
        word(if said.is_empty() { name } else { said })
    }

    /// What tells it from others; `None` if it does not say.
    pub fn key(&self) -> Option<Key> {
        let part = |name: &str| self.fei(name).to_string();
        let key = Key { wfid: part("wfid"), subid: part("subid"), expid: part("expid") };
        (!key.wfid.is_empty() && !key.expid.is_empty()).then_some(key)
    }

    /// Whether it only says that the process engine has cancelled the work.
    pub fn is_cancel(&self) -> bool {
        self.0.get("cancel").is_some_and(is_true)
    }

    /// Whether no reply is wanted.
    pub fn is_forgotten(&self) -> bool {
        self.params().and_then(|params| params.get("forget")).is_some_and(is_true)
    }

    /// Whether `flag` is set in the fields or the parameters.
    pub fn has_flag(&self, flag: &str) -> bool {
        [self.fields(), self.params()].into_iter().flatten().any(|map| map.get(flag).is_some_and(is_true))
    }

    /// The fields.
    pub fn fields(&self) -> Option<&Map<String, Value>> {
        self.0.get("fields")?.as_object()
    }

    /// The parameters.
    pub fn params(&self) -> Option<&Map<String, Value>> {
        self.fields()?.get("params")?.as_object()
    }

    /// Whether the result is a true one. Everything is that Ruby, in which processes are written, takes for true.
    pub fn result(&self) -> bool {
        self.fields().and_then(|fields| fields.get("__result__")).is_some_and(is_true)
    }

    /// The error of the step that has failed; `None` if there is none.
    pub fn error(&self) -> Option<&Value> {
        self.0.get("error").filter(|error| is_true(error))
    }

    /// Says what has failed.
    pub fn set_error(&mut self, error: Value) {
        self.0.insert("error".to_string(), error);
    }

    /// What somebody who looks for a mistake wants to see in one line.
    pub fn summary(&self) -> String {
        let names = |map: Option<&Map<String, Value>>| {
            let names: Vec<&str> = map.into_iter().flat_map(Map::keys).map(String::as_str).collect();
            names.join(",")
        };
        let text = |name: &str| self.0.get(name).and_then(Value::as_str).unwrap_or("-");
        let (process, participant, expid) = (text("wf_name"), text("participant_name"), self.fei("expid"));
        let (fields, params) = (names(self.fields()), names(self.params()));
        format!("process={process} participant={participant} expid={expid} fields={fields} params={params}")
    }

    fn fei(&self, name: &str) -> &str {
        self.0.get("fei").and_then(|fei| fei.get(name)).and_then(Value::as_str).unwrap_or_default()
    }
}

/// What is published to tell the process engine about a participant: it is called by `regexp` from now on, and its work
/// goes to `queue`; or no longer.
pub fn registration(regexp: &str, queue: &str, which: Registration) -> String {
    let step = match which {
        Registration::Register => "boss_register",
        Registration::Unregister => "boss_register :action => \"unregister\"",
    };
    let definition = format!("Ruote.process_definition do\n  sequence do\n    {step}\n  end\nend\n");
    let fields = json!({"name": regexp, "queue": queue});
    json!({"definition": definition, "fields": fields, "variables": null}).to_string()
}

/// What the process engine is to do with a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Know it.
    Register,
    /// Know it no longer.
    Unregister,
}

fn is_true(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

/// A text as one word of a line of log.
fn word(text: &str) -> String {
    if text.is_empty() {
        return "-".to_string();
    }
    text.chars().map(|c| if c.is_whitespace() || c.is_control() { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workitem(text: &str) -> Workitem {
        Workitem::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn what_is_not_known_survives_in_its_order() {
        let text = r#"{"z":1.50,"fei":{"wfid":"w"},"a":{"y":[],"b":null},"fields":{}}"#;
        assert_eq!(workitem(text).to_text(), text);
        assert_eq!(Workitem::parse(b"[1]"), None);
        assert_eq!(Workitem::parse(b"rubbish"), None);
    }

    #[test]
    fn who_it_is_about() {
        let item =
            workitem(r#"{"fei":{"wfid":"2011 x","subid":"s","expid":"0_0"},"participant_name":"build"}"#);
        assert_eq!((item.wfid().as_str(), item.participant("p").as_str()), ("2011_x", "build"));
        assert!(item.key().is_some());
        let nobody = workitem("{}");
        assert_eq!((nobody.wfid().as_str(), nobody.participant("p").as_str()), ("-", "p"));
        assert_eq!(nobody.key(), None);
    }

    #[test]
    fn what_is_set_in_it() {
        let flags = |text: &str| {
            let item = workitem(text);
            (item.is_forgotten(), item.has_flag("debug_dump"), item.result(), item.is_cancel())
        };
        assert_eq!(flags("{}"), (false, false, false, false));
        assert_eq!(flags(r#"{"fields":{"params":{"forget":true}}}"#), (true, false, false, false));
        assert_eq!(flags(r#"{"fields":{"forget":true,"debug_dump":1}}"#), (false, true, false, false));
        assert_eq!(flags(r#"{"fields":{"params":{"debug_dump":true}}}"#), (false, true, false, false));
        assert_eq!(flags(r#"{"fields":{"__result__":true},"cancel":false}"#), (false, false, true, false));
        assert_eq!(flags(r#"{"fields":{"__result__":false},"cancel":true}"#), (false, false, false, true));
    }

    #[test]
    fn the_engine_is_told_of_participants() {
        let text = registration("build.*", "build", Registration::Register);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["fields"], json!({"name": "build.*", "queue": "build"}));
        assert_eq!(value["variables"], Value::Null);
        assert!(value["definition"].as_str().unwrap().contains("sequence do\n    boss_register\n"));
        let text = registration("a", "b", Registration::Unregister);
        assert!(text.contains(r#"boss_register :action => \"unregister\""#), "{text}");
    }

    #[test]
    fn a_summary_names_what_is_there() {
        let item = workitem(r#"{"wf_name":"p","fei":{"expid":"0"},"fields":{"a":1,"params":{"b":2}}}"#);
        assert_eq!(item.summary(), "process=p participant=- expid=0 fields=a,params params=b");
    }
}
