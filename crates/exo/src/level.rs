//! Lines of the log: `LEVEL [wfid] text`.
#![forbid(unsafe_code)]

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For who looks for a mistake.
    Debug,
    /// What happens.
    Info,
    /// Something is odd.
    Warning,
    /// Something has failed.
    Error,
}

const LEVELS: [(Level, &str); 4] =
    [(Level::Debug, "DEBUG"), (Level::Info, "INFO"), (Level::Warning, "WARNING"), (Level::Error, "ERROR")];

impl Level {
    /// What it is called.
    pub fn name(self) -> &'static str {
        LEVELS.iter().find(|(level, _)| *level == self).map_or("", |(_, name)| name)
    }

    /// The one of that name, in small letters or capitals.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = match name.to_ascii_uppercase().as_str() {
            "WARN" => "WARNING".to_string(),
            "CRITICAL" | "FATAL" => "ERROR".to_string(),
            name => name.to_string(),
        };
        LEVELS.iter().find(|(_, known)| *known == name).map(|(level, _)| *level)
    }

    /// `text`, about the processes `wfids`, as lines of log: each of its lines has the level and the processes.
    pub fn lines(self, wfids: &str, text: &str) -> String {
        let mut lines = String::with_capacity(text.len() + 64);
        for line in text.trim_end_matches(['\n', '\r']).split('\n') {
            lines.push_str(self.name());
            if !wfids.is_empty() {
                lines.push_str(" [");
                lines.push_str(wfids);
                lines.push(']');
            }
            lines.push(' ');
            lines.push_str(line.trim_end_matches('\r'));
            lines.push('\n');
        }
        lines
    }
}

/// A text for the log in which nothing is left that would do something to a terminal.
pub fn plain(text: &str) -> String {
    let is_plain = |c: char| !c.is_control() || ['\n', '\t'].contains(&c);
    text.replace("\r\n", "\n").chars().map(|c| if is_plain(c) { c } else { '?' }).collect()
}

/// The first 200 bytes of something that is not what it should be, as text of one line.
pub fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)).into_owned();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_plain_text_moves_a_terminal() {
        assert_eq!(plain("a\r\nb\tc\r\u{1b}[31m\0\u{9b}é"), "a\nb\tc??[31m??é");
    }

    #[test]
    fn every_line_has_the_process() {
        assert_eq!(Level::Error.lines("w", "a\r\n b\n"), "ERROR [w] a\nERROR [w]  b\n");
        assert_eq!(Level::Info.lines("", "a"), "INFO a\n");
    }

    #[test]
    fn levels_have_names() {
        assert_eq!(Level::from_name("warn"), Some(Level::Warning));
        assert_eq!(Level::from_name("Critical"), Some(Level::Error));
        assert_eq!(Level::from_name("loud"), None);
        assert!(Level::Debug < Level::Error);
    }

    #[test]
    fn an_excerpt_is_short_and_one_line() {
        assert_eq!(excerpt(b"a\nb\xff\n"), "a b\u{fffd}");
        assert_eq!(excerpt(&[b'x'; 1000]).len(), 200);
    }
}
