//! Why work has failed, as the logic says it, and in the one form that the process engine understands.
#![forbid(unsafe_code)]

use serde_json::{Value, json};

/// Why work has failed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fault {
    /// The kind of failure.
    pub class: String,
    /// What a person is told.
    pub message: String,
    /// Where in the logic it happened: `file:line: in ...`, an element for each call.
    pub trace: Vec<String>,
    /// What the log has of it; nothing but the summary and the trace if it is empty.
    pub report: String,
}

/// The class of every error that the process engine gets: it makes an exception of it, and knows no classes but its own.
const REMOTE_ERROR: &str = "Ruote::Amqp::RemoteError";

impl Fault {
    /// A failure that exo itself has found.
    pub fn own(class: &str, message: String) -> Self {
        Self { class: class.to_string(), message, ..Self::default() }
    }

    /// Reads an error as the logic writes it: an object, or the text of a message.
    pub fn from_value(value: &Value) -> Self {
        let text = |name: &str| value.get(name).map(text_of).unwrap_or_default();
        let (class, message) = match value {
            Value::Object(_) => (text("class"), text("message")),
            other => (String::new(), text_of(other)),
        };
        let trace = value.get("trace");
        let lines = match trace {
            Some(Value::Array(lines)) => lines.iter().map(text_of).collect(),
            Some(trace) => text_of(trace).lines().map(str::to_string).collect(),
            None => Vec::new(),
        };
        let report = match (value.get("report").map(text_of).filter(|report| !report.is_empty()), trace) {
            (Some(report), _) => report,
            // A text is how the language itself shows a trace.
            (None, Some(Value::String(trace))) => trace.clone(),
            (None, _) => String::new(),
        };
        // An error of an earlier participant has its class in its message already.
        let class = if class == REMOTE_ERROR { String::new() } else { class };
        Self { class, message, trace: lines, report }
    }

    /// The form in which the process engine gets it, whichever language the logic is written in.
    pub fn to_value(&self) -> Value {
        json!({"class": REMOTE_ERROR, "message": self.message(), "trace": self.trace})
    }

    /// The class and the message.
    fn message(&self) -> String {
        match (self.class.as_str(), self.message.as_str()) {
            ("", message) => message.to_string(),
            (class, "") => class.to_string(),
            (class, message) => format!("{class}: {message}"),
        }
    }

    /// All that the log has of it, in as many lines as it takes.
    pub fn report(&self) -> String {
        match (self.report.as_str(), self.trace.as_slice()) {
            ("", []) => self.summary(),
            ("", trace) => format!("{}\n{}", self.summary(), trace.join("\n")),
            (report, _) => report.to_string(),
        }
    }

    /// In one line.
    pub fn summary(&self) -> String {
        match (first_line(&self.class), first_line(&self.message)) {
            ("", message) => message.to_string(),
            (class, "") => class.to_string(),
            (class, message) => format!("{class}: {message}"),
        }
    }
}

/// A text as it is; of anything else its JSON, and nothing of null.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// What comes behind it could pass for lines of log of ours.
fn first_line(text: &str) -> &str {
    text.split(['\n', '\r']).next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_gets_every_error_in_the_one_form_that_it_knows() {
        #[track_caller]
        fn check(error: &str, message: &str, trace: &[&str], report: &str) {
            let fault = Fault::from_value(&serde_json::from_str(error).unwrap());
            let expected = json!({"class": REMOTE_ERROR, "message": message, "trace": trace});
            assert_eq!((fault.to_value(), fault.report().as_str()), (expected, report), "{error}");
        }
        check(r#""no""#, "no", &[], "no");
        check("{}", "", &[], "");
        check(r#"["not","good"]"#, r#"["not","good"]"#, &[], r#"["not","good"]"#);
        check(r#"{"class":"E","message":"no"}"#, "E: no", &[], "E: no");
        check(r#"{"class":"E"}"#, "E", &[], "E");
        check(r#"{"message":7,"trace":null}"#, "7", &[], "7");
        check(r#"{"class":"E","message":"no","trace":"a\nb\n"}"#, "E: no", &["a", "b"], "a\nb\n");
        check(r#"{"class":"E","message":"no","trace":["a:1: in f",2]}"#, "E: no", &["a:1: in f", "2"], {
            "E: no\na:1: in f\n2"
        });
        check(r#"{"class":"E","trace":["a:1: in f"],"report":"all"}"#, "E", &["a:1: in f"], "all");
        let earlier = r#"{"class":"Ruote::Amqp::RemoteError","message":"E: no","trace":[]}"#;
        check(earlier, "E: no", &[], "E: no");
    }

    #[test]
    fn a_failure_has_a_line() {
        let fault = |class: &str, message: &str| Fault::own(class, message.into()).summary();
        assert_eq!(fault("KeyError", "'a'\nmore"), "KeyError: 'a'");
        assert_eq!(fault("E\nitem wfid=forged", "no\rmore"), "E: no");
        assert_eq!(fault("\nE", "no"), "no");
        assert_eq!(fault("", "no"), "no");
        assert_eq!(fault("E", ""), "E");
    }
}
