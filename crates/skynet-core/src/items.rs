//! The lines that a program can read about items of work, as an exoskeleton logs them behind the label:
//! `begin wfid=ID participant=NAME` when an item is taken in hand, and at its end
//! `item wfid=ID participant=NAME ms=123 result=true|false|error`, the last one with ` error=TEXT` to the end of the line.
#![forbid(unsafe_code)]

/// What the end of an item begins with.
pub const ITEM: &[u8] = b"item wfid=";

/// What is in each of these lines.
pub const PARTICIPANT: &[u8] = b" participant=";

/// What its begin begins with.
const BEGIN: &[u8] = b"begin wfid=";

/// What a line tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note<'a> {
    /// An item was taken in hand.
    Begin(Work<'a>),
    /// An item is done with.
    End(Work<'a>, End<'a>),
}

/// An item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work<'a> {
    /// The process that it belongs to.
    pub wfid: &'a str,
    /// What the process calls the participant.
    pub participant: &'a str,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End<'a> {
    /// How long it took.
    pub milliseconds: u64,
    /// What came of it.
    pub verdict: Verdict<'a>,
}

/// What came of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// The result is true.
    True,
    /// The result is false: an answer, not a failure.
    False,
    /// It failed so.
    Error(&'a str),
}

impl std::fmt::Display for Note<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Begin(Work { wfid, participant }) => {
                write!(formatter, "begin wfid={wfid} participant={participant}")
            }
            Self::End(Work { wfid, participant }, End { milliseconds, verdict }) => {
                write!(formatter, "item wfid={wfid} participant={participant} ms={milliseconds} {verdict}")
            }
        }
    }
}

impl std::fmt::Display for Verdict<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::True => formatter.write_str("result=true"),
            Self::False => formatter.write_str("result=false"),
            Self::Error("") => formatter.write_str("result=error"),
            Self::Error(text) => write!(formatter, "result=error error={text}"),
        }
    }
}

/// Reads a line without its label; `None` if it is not exactly one of these.
pub fn parse(text: &[u8]) -> Option<Note<'_>> {
    if let Some(rest) = text.strip_prefix(BEGIN) {
        let rest = std::str::from_utf8(rest).ok()?;
        let (work, rest) = work(rest)?;
        return rest.is_none().then_some(Note::Begin(work));
    }
    let rest = text.strip_prefix(ITEM)?;
    // What an error says may be in any encoding, up to there.
    let rest = std::str::from_utf8(rest)
        .or_else(|error| std::str::from_utf8(rest.get(..error.valid_up_to()).unwrap_or_default()));
    let (work, rest) = work(rest.ok()?)?;
    let (milliseconds, rest) = rest?.strip_prefix("ms=")?.split_once(' ')?;
    let milliseconds = milliseconds.parse().ok()?;
    let verdict = match rest.strip_prefix("result=")? {
        "true" => Verdict::True,
        "false" => Verdict::False,
        "error" => Verdict::Error(""),
        error => Verdict::Error(error.strip_prefix("error error=")?),
    };
    Some(Note::End(work, End { milliseconds, verdict }))
}

/// `ID participant=NAME`, and what comes behind a blank then.
fn work(text: &str) -> Option<(Work<'_>, Option<&str>)> {
    let (wfid, rest) = text.split_once(' ')?;
    let rest = rest.strip_prefix("participant=")?;
    let (participant, rest) = rest.split_once(' ').map_or((rest, None), |(name, rest)| (name, Some(rest)));
    (!wfid.is_empty() && !participant.is_empty()).then_some((Work { wfid, participant }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Work<'static> = Work { wfid: "2011-x", participant: "build" };

    #[track_caller]
    fn check(rest: &str, milliseconds: u64, verdict: Verdict<'_>) {
        let line = format!("item wfid=2011-x participant=build {rest}");
        let note = Note::End(WORK, End { milliseconds, verdict });
        assert_eq!(parse(line.as_bytes()), Some(note));
        assert_eq!(note.to_string(), line);
    }

    #[test]
    fn lines_about_items_are_read() {
        assert_eq!(parse(b"begin wfid=2011-x participant=build"), Some(Note::Begin(WORK)));
        assert_eq!(Note::Begin(WORK).to_string(), "begin wfid=2011-x participant=build");
        check("ms=123 result=true", 123, Verdict::True);
        check("ms=0 result=false", 0, Verdict::False);
        check("ms=7 result=error", 7, Verdict::Error(""));
        check("ms=7 result=error error=KeyError: 'a b' x=1", 7, Verdict::Error("KeyError: 'a b' x=1"));
        let odd = b"item wfid=a participant=b ms=1 result=error error=x\xff";
        assert!(matches!(parse(odd), Some(Note::End(_, End { verdict: Verdict::Error("x"), .. }))));
    }

    #[test]
    fn other_lines_are_not() {
        for line in [
            "",
            "item",
            "item wfid= participant=b ms=1 result=true",
            "item wfid=a participant= ms=1 result=true",
            "item wfid=a participant=b ms=-1 result=true",
            "item wfid=a participant=b ms=1 result=maybe",
            "item wfid=a participant=b ms=1",
            "item wfid=a ms=1 participant=b result=true",
            "item wfid=a participant=b ms=1 result=true x",
            " item wfid=a participant=b ms=1 result=true",
            "begin wfid=a participant=b x",
            "begin wfid=a",
        ] {
            assert_eq!(parse(line.as_bytes()), None, "{line}");
        }
    }
}
