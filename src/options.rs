//! Options as POSIX getopt reads them (docs/compatibility.md 1.0): single letters, clustered, their arguments attached
//! or in the next word; the word `--` ends them and is dropped, a lone `-` or any other word is the first operand.
//! Long options, which getopt does not know, are the `--` words that a program asks for. For getopt, all others end
//! the options, too; here they are mistakes.
#![forbid(unsafe_code)]

use std::ffi::CStr;
use std::time::Duration;

/// The longest time that an option can say: some hundred years.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);

/// One thing found on a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// A letter of the option string, with its argument if it takes one.
    Letter(u8, Option<&'a [u8]>),
    /// A long option with what follows its `=`, if there is one.
    Long(&'static str, Option<&'a [u8]>),
    /// A letter that the option string lacks.
    Illegal(u8),
    /// A letter whose argument is missing.
    MissingArgument(u8),
    /// A word that begins with `--` and is no long option.
    Unknown(&'a CStr),
}

impl Found<'_> {
    /// getopt's own complaint, which starts with the base name of the program as it was called.
    pub fn complaint(&self, called_as: &CStr) -> Option<Vec<u8>> {
        let (text, option): (&[u8], &[u8]) = match self {
            Found::Letter(..) | Found::Long(..) => return None,
            Found::Illegal(letter) => (b": illegal option -- ", &[*letter]),
            Found::MissingArgument(letter) => (b": option requires an argument -- ", &[*letter]),
            Found::Unknown(word) => (b": unknown option ", word.to_bytes()),
        };
        let name = called_as.to_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        Some([name, text, option, b"\n"].concat())
    }
}

/// Long options, without and with an argument, which follows a `=` or is the next word.
#[derive(Debug, Clone, Copy)]
pub struct Long {
    /// Those that stand alone.
    pub flags: &'static [&'static str],
    /// Those with an argument.
    pub valued: &'static [&'static str],
}

/// Reads the options of a command line, one at each call of `next`; what is left then are the operands.
#[derive(Debug)]
pub struct Options<'a> {
    /// Letters without and with an argument.
    flags: &'static [u8],
    valued: &'static [u8],
    long: Long,
    has_letters: bool,
    /// What is left are operands.
    has_ended: bool,
    words: &'a [&'a CStr],
    /// The letters of the present word that are still to be read.
    cluster: &'a [u8],
}

impl<'a> Options<'a> {
    /// Reads `words` (without the program's name); letters in `flags` stand alone, those in `valued` take an
    /// argument.
    pub const fn new(flags: &'static [u8], valued: &'static [u8], words: &'a [&'a CStr]) -> Self {
        let long = Long { flags: &[], valued: &[] };
        Self { flags, valued, long, has_letters: true, has_ended: false, words, cluster: &[] }
    }

    /// Reads `words`, in which only long options are options, for programs that have always taken every other word
    /// as an operand. [`Found::Unknown`] is the first operand, too, if the program does not refuse it; and so is `--`
    /// if no other word follows.
    pub const fn only_long(long: Long, words: &'a [&'a CStr]) -> Self {
        Self { flags: b"", valued: b"", long, has_letters: false, has_ended: false, words, cluster: &[] }
    }

    /// Knows these long options, too.
    pub const fn with_long(self, long: Long) -> Self {
        Self { long, ..self }
    }

    /// The words after the last option. Meaningful once `next` has returned `None`.
    pub const fn operands(&self) -> &'a [&'a CStr] {
        self.words
    }

    /// Opens the next word if it is a cluster of letters, or reads it if it is a known long option.
    fn open_word(&mut self) -> Option<Option<Found<'a>>> {
        let (word, rest) = self.words.split_first()?;
        let letters = word.to_bytes().strip_prefix(b"-").filter(|letters| !letters.is_empty())?;
        let Some(name) = letters.strip_prefix(b"-") else {
            if !self.has_letters {
                return None;
            }
            self.words = rest;
            self.cluster = letters;
            return Some(None);
        };
        let (name, value) = match name.iter().position(|&byte| byte == b'=') {
            Some(end) => (name.get(..end)?, name.get(end + 1..)),
            None => (name, None),
        };
        let is = |known: &&&str| known.as_bytes() == name;
        if let Some(flag) = self.long.flags.iter().find(is) {
            self.words = rest;
            return Some(Some(Found::Long(flag, value)));
        }
        let Some(valued) = self.long.valued.iter().find(is) else {
            let is_end = word.to_bytes() == b"--";
            self.has_ended = is_end || !self.has_letters;
            if self.has_letters || (is_end && !rest.is_empty()) {
                self.words = rest;
            }
            return (!is_end).then_some(Some(Found::Unknown(word)));
        };
        self.words = rest;
        if value.is_some() {
            return Some(Some(Found::Long(valued, value)));
        }
        let next = self.words.split_first();
        self.words = next.map_or(&[], |(_, rest)| rest);
        Some(Some(Found::Long(valued, next.map(|(value, _)| value.to_bytes()))))
    }
}

/// Reads a number of seconds, `5` or `0.25`.
pub fn seconds(text: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(text).ok()?;
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = text.parse::<f64>().ok().filter(|_| is_plain)?;
    Duration::try_from_secs_f64(seconds).ok().filter(|span| *span <= LONGEST)
}

impl<'a> Iterator for Options<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        if self.has_ended {
            return None;
        }
        if self.cluster.is_empty() {
            if let Some(long) = self.open_word()? {
                return Some(long);
            }
        }
        let (&letter, rest) = self.cluster.split_first()?;
        self.cluster = rest;
        if self.flags.contains(&letter) {
            return Some(Found::Letter(letter, None));
        }
        if !self.valued.contains(&letter) {
            return Some(Found::Illegal(letter));
        }
        if !rest.is_empty() {
            self.cluster = &[];
            return Some(Found::Letter(letter, Some(rest)));
        }
        match self.words.split_first() {
            Some((value, rest)) => {
                self.words = rest;
                Some(Found::Letter(letter, Some(value.to_bytes())))
            }
            None => Some(Found::MissingArgument(letter)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    /// Options as a string (`d`, `o=value`, `?z` illegal, `:o` without its argument), `|`, operands.
    #[track_caller]
    fn check(words: &str, expected: &str) {
        let owned: Vec<CString> = words.split(' ').map(|word| CString::new(word).unwrap()).collect();
        let words: Vec<&CStr> = owned.iter().map(CString::as_c_str).collect();
        let mut options =
            Options::new(b"dux", b"o", &words).with_long(Long { flags: &["check"], valued: &["wait"] });
        let mut seen = Vec::new();
        for found in options.by_ref() {
            seen.push(match found {
                Found::Letter(letter, None) => char::from(letter).to_string(),
                Found::Letter(letter, Some(value)) => {
                    format!("{}={}", char::from(letter), String::from_utf8_lossy(value))
                }
                Found::Long(name, value) => {
                    let value =
                        value.map_or(String::new(), |value| format!("={}", String::from_utf8_lossy(value)));
                    format!("--{name}{value}")
                }
                Found::Illegal(letter) => format!("?{}", char::from(letter)),
                Found::MissingArgument(letter) => format!(":{}", char::from(letter)),
                Found::Unknown(word) => format!("?{}", word.to_string_lossy()),
            });
        }
        seen.push("|".to_string());
        seen.extend(options.operands().iter().map(|word| word.to_string_lossy().into_owned()));
        assert_eq!(seen.join(" "), expected);
    }

    #[test]
    fn letters_are_read_as_getopt_reads_them() {
        check("-d a b", "d | a b");
        check("-du -x a", "d u x | a");
        check("a -d", "| a -d");
        check("-d - a", "d | - a");
        check("-d -- -u", "d | -u");
        check("-d --", "d |");
        check("-dz a", "d ?z | a");
        check("-z", "?z |");
        check("-o5 a", "o=5 | a");
        check("-o 5 a", "o=5 | a");
        check("-do 5 a", "d o=5 | a");
        check("-od5 a", "o=d5 | a");
        check("-o", ":o |");
        check("-o -- a", "o=-- | a");
        check("-d -- -- --x -u", "d | -- --x -u");
        check("-d --wait=up -x a", "d --wait=up x | a");
        check("-d --wait up -x a", "d --wait=up x | a");
        check("--check=x -d a", "--check=x d | a");
        check("-d --wait", "d --wait |");
        check("-d-u", "d ?- u |");
    }

    #[test]
    fn a_word_that_looks_like_a_long_option_and_is_none_is_a_mistake() {
        check("-d --u -x", "d ?--u x |");
        check("--check --waiting -d a", "--check ?--waiting d | a");
        check("--wiat=up a", "?--wiat=up | a");
        check("--=up --- a", "?--=up ?--- | a");
        check("-d a --wiat=up", "d | a --wiat=up");
        check("-o --wiat a", "o=--wiat | a");
    }

    #[test]
    fn where_there_are_only_long_options_all_other_words_are_operands() {
        let wait = Found::Long("wait", Some(b"3"));
        for (words, found, operands) in [
            (&[c"--wait", c"3", c"dir"][..], &[wait][..], &[c"dir"][..]),
            (&[c"--wait=3", c"-d"], &[wait], &[c"-d"]),
            (&[c"--other", c"--wait=3"], &[Found::Unknown(c"--other")], &[c"--other", c"--wait=3"]),
            (&[c"--wait=3", c"--other"], &[wait, Found::Unknown(c"--other")], &[c"--other"]),
            (&[c"dir", c"--other"], &[], &[c"dir", c"--other"]),
            (&[c"--"], &[], &[c"--"]),
            (&[c"--", c"--"], &[], &[c"--"]),
            (&[c"--", c"--wait=3"], &[], &[c"--wait=3"]),
            (&[c"--wait=3", c"--", c"dir"], &[wait], &[c"dir"]),
        ] {
            let mut options = Options::only_long(Long { flags: &[], valued: &["wait"] }, words);
            assert_eq!(options.by_ref().collect::<Vec<_>>(), found);
            assert_eq!(options.operands(), operands);
        }
    }

    #[test]
    fn seconds_may_have_a_fraction() {
        assert_eq!(seconds(b"5"), Some(Duration::from_secs(5)));
        assert_eq!(seconds(b"0.25"), Some(Duration::from_millis(250)));
        for nonsense in ["", "-1", "1e3", "inf", "5s", "1.2.3", "99999999999"] {
            assert_eq!(seconds(nonsense.as_bytes()), None, "{nonsense}");
        }
    }

    #[test]
    fn complaints_name_the_program_as_it_was_called() {
        let complaint = |found: Found<'_>| found.complaint(c"/usr/bin/svc");
        assert_eq!(complaint(Found::Illegal(b'z')).unwrap(), b"svc: illegal option -- z\n");
        let missing = Found::MissingArgument(b'o');
        assert_eq!(complaint(missing).unwrap(), b"svc: option requires an argument -- o\n");
        assert_eq!(complaint(Found::Unknown(c"--wiat")).unwrap(), b"svc: unknown option --wiat\n");
        assert_eq!(complaint(Found::Letter(b'd', None)), None);
    }
}
