//! Options as POSIX getopt reads them (CONTRACT.md 1.0): single letters, clustered, their arguments attached
//! or in the next word; a word that starts with `--` ends them and is dropped, a lone `-` or any other word is
//! the first operand.
#![forbid(unsafe_code)]

use std::ffi::CStr;

/// One thing found on a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// A letter of the option string, with its argument if it takes one.
    Letter(u8, Option<&'a [u8]>),
    /// A letter that the option string lacks.
    Illegal(u8),
    /// A letter whose argument is missing.
    MissingArgument(u8),
}

impl Found<'_> {
    /// getopt's own complaint, which starts with the base name of the program as it was called.
    pub fn complaint(&self, called_as: &CStr) -> Option<Vec<u8>> {
        let (text, letter): (&[u8], u8) = match *self {
            Found::Letter(..) => return None,
            Found::Illegal(letter) => (b": illegal option -- ", letter),
            Found::MissingArgument(letter) => (b": option requires an argument -- ", letter),
        };
        let name = called_as.to_bytes().rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        Some([name, text, &[letter, b'\n']].concat())
    }
}

/// Reads the options of a command line, one at each call of `next`; what is left then are the operands.
#[derive(Debug)]
pub struct Options<'a> {
    /// Letters without and with an argument.
    flags: &'static [u8],
    valued: &'static [u8],
    words: &'a [&'a CStr],
    /// The letters of the present word that are still to be read.
    cluster: &'a [u8],
}

impl<'a> Options<'a> {
    /// Reads `words` (without the program's name); letters in `flags` stand alone, those in `valued` take an
    /// argument.
    pub const fn new(flags: &'static [u8], valued: &'static [u8], words: &'a [&'a CStr]) -> Self {
        Self { flags, valued, words, cluster: &[] }
    }

    /// The words after the last option. Meaningful once `next` has returned `None`.
    pub const fn operands(&self) -> &'a [&'a CStr] {
        self.words
    }

    /// Opens the next word if it is a cluster of letters.
    fn open_word(&mut self) -> Option<()> {
        let (word, rest) = self.words.split_first()?;
        let letters = word.to_bytes().strip_prefix(b"-").filter(|letters| !letters.is_empty())?;
        self.words = rest;
        if letters.starts_with(b"-") {
            return None;
        }
        self.cluster = letters;
        Some(())
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = Found<'a>;

    fn next(&mut self) -> Option<Found<'a>> {
        if self.cluster.is_empty() {
            self.open_word()?;
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
        let mut options = Options::new(b"dux", b"o", &words);
        let mut seen = Vec::new();
        for found in options.by_ref() {
            seen.push(match found {
                Found::Letter(letter, None) => char::from(letter).to_string(),
                Found::Letter(letter, Some(value)) => {
                    format!("{}={}", char::from(letter), String::from_utf8_lossy(value))
                }
                Found::Illegal(letter) => format!("?{}", char::from(letter)),
                Found::MissingArgument(letter) => format!(":{}", char::from(letter)),
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
        check("-d --u -x", "d | -x");
        check("-d-u", "d ?- u |");
    }

    #[test]
    fn complaints_name_the_program_as_it_was_called() {
        let complaint = |found: Found<'_>| found.complaint(c"/usr/bin/svc");
        assert_eq!(complaint(Found::Illegal(b'z')).unwrap(), b"svc: illegal option -- z\n");
        let missing = Found::MissingArgument(b'o');
        assert_eq!(complaint(missing).unwrap(), b"svc: option requires an argument -- o\n");
        assert_eq!(complaint(Found::Letter(b'd', None)), None);
    }
}
