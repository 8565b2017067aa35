//! Why the program `run` of a service cannot be executed, as far as its file tells.
#![forbid(unsafe_code)]

use crate::text::cut;

/// How much of a program is looked at, in bytes.
pub const HEAD: usize = 4096;

/// The longest name of an interpreter that is shown, in bytes.
const NAME: usize = 200;

/// What is in the place of a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunFile {
    /// Nothing.
    Missing,
    /// A symbolic link to nothing.
    Dangling,
    /// A directory.
    Directory,
    /// A device, a fifo or a socket.
    Odd,
    /// A file that nobody may execute.
    Plain,
    /// An executable file that begins so; `None` if we may not read it.
    Program(Option<Vec<u8>>),
    /// We may not know.
    Hidden,
}

/// Whether an interpreter can be executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// There is none.
    Missing,
    /// Nobody may execute it, or it is no file.
    Denied,
    /// It can, or we may not know.
    Granted,
}

/// Says why it cannot be executed; `None` if its file does not tell. `interpreter` is asked about the program that has to
/// read it.
pub fn explain(file: &RunFile, interpreter: impl FnOnce(&[u8]) -> Access) -> Option<String> {
    let head = match file {
        RunFile::Missing => return Some("run does not exist".to_string()),
        RunFile::Dangling => return Some("run is a symbolic link to nothing".to_string()),
        RunFile::Directory => return Some("run is a directory".to_string()),
        RunFile::Odd => return Some("run is not a regular file".to_string()),
        RunFile::Plain => return Some("run is not executable: chmod +x run".to_string()),
        RunFile::Program(Some(head)) => head,
        RunFile::Program(None) | RunFile::Hidden => return None,
    };
    if let Some(sentence) = explain_carriage_return(file) {
        return Some(sentence);
    }
    if head.is_empty() {
        return Some("run is empty".to_string());
    }
    let (name, what) = match (script_interpreter(head), head.starts_with(b"\x7fELF")) {
        (Some([]), _) => return Some("the first line of run names no interpreter after #!".to_string()),
        (Some(name), _) => (name, "interpreter"),
        (None, true) => (loader(head)?, "program loader"),
        (None, false) if head.starts_with(b"\xef\xbb\xbf#!") => {
            return Some("run begins with a byte order mark, which must not stand before #!".to_string());
        }
        (None, false) => return Some("the first line of run does not begin with #!".to_string()),
    };
    let shown = cut(name, NAME);
    match interpreter(name) {
        Access::Missing => Some(format!("the {what} {shown} of run does not exist")),
        Access::Denied => Some(format!("the {what} {shown} of run is not executable")),
        Access::Granted => None,
    }
}

/// Says so if the first line of a script ends with a carriage return, as some editors write it. Even if the interpreter is
/// found, it is given an argument with that character.
pub fn explain_carriage_return(file: &RunFile) -> Option<String> {
    let RunFile::Program(Some(head)) = file else { return None };
    let line = head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let line = line.strip_suffix(b"\r")?;
    let word = line.rsplit(|byte| b" \t".contains(byte)).next()?;
    Some(format!(
        "the first line of run ends with a carriage return (\\r), which counts as a part of {}: \
         save run with Unix line ends",
        cut(word, NAME)
    ))
}

/// The interpreter that the first line of a script names, if it is one.
fn script_interpreter(head: &[u8]) -> Option<&[u8]> {
    let line = head.strip_prefix(b"#!")?.split(|&byte| byte == b'\n').next()?;
    let words = line.split(|byte| b" \t\0".contains(byte));
    Some(words.into_iter().find(|word| !word.is_empty()).unwrap_or_default())
}

/// The program loader that a dynamically linked program names, if that is near its beginning.
fn loader(head: &[u8]) -> Option<&[u8]> {
    const CLASS_64_LITTLE_ENDIAN: [u8; 2] = [2, 1];
    const INTERPRETER: u64 = 3;
    // A number of so many bytes.
    let number = |offset: usize, length: usize| -> Option<u64> {
        let bytes = head.get(offset..offset.checked_add(length)?)?;
        Some(bytes.iter().rev().fold(0, |number, &byte| (number << 8) | u64::from(byte)))
    };
    if head.get(4..6)? != CLASS_64_LITTLE_ENDIAN {
        return None;
    }
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    let mut entries = (0..count).map_while(|index| usize::try_from(table.checked_add(index * size)?).ok());
    let entry = entries.find(|&entry| number(entry, 4) == Some(INTERPRETER))?;
    let offset = usize::try_from(number(entry.checked_add(8)?, 8)?).ok()?;
    head.get(offset..)?.split(|&byte| byte == 0).next().filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &[u8], expected: Option<&str>) {
        let found = explain(&RunFile::Program(Some(content.to_vec())), |name| match name {
            b"/bin/sh" => Access::Granted,
            b"/etc/passwd" => Access::Denied,
            _ => Access::Missing,
        });
        assert_eq!(found.as_deref(), expected, "{}", String::from_utf8_lossy(content));
    }

    #[test]
    fn what_is_no_program_is_named() {
        for (file, expected) in [
            (RunFile::Missing, "run does not exist"),
            (RunFile::Dangling, "run is a symbolic link to nothing"),
            (RunFile::Directory, "run is a directory"),
            (RunFile::Odd, "run is not a regular file"),
            (RunFile::Plain, "run is not executable: chmod +x run"),
        ] {
            assert_eq!(explain(&file, |_| Access::Granted).as_deref(), Some(expected));
        }
        assert_eq!(explain(&RunFile::Hidden, |_| Access::Missing), None);
        assert_eq!(explain(&RunFile::Program(None), |_| Access::Missing), None);
    }

    #[test]
    fn an_interpreter_that_cannot_be_executed_is_named() {
        check(b"#!/bin/sh\nexec x\n", None);
        check(b"#!/bin/sh -e\n", None);
        check(b"#! \t/bin/sh", None);
        check(b"#!/no/sh -e\n", Some("the interpreter /no/sh of run does not exist"));
        check(b"#!/etc/passwd\n", Some("the interpreter /etc/passwd of run is not executable"));
        check(b"#!/no/\x1b[2J\n", Some("the interpreter /no/?[2J of run does not exist"));
        check(b"#!\n/bin/sh", Some("the first line of run names no interpreter after #!"));
        check(b"#!  ", Some("the first line of run names no interpreter after #!"));
    }

    #[test]
    fn a_carriage_return_is_named_in_words() {
        let says = |word: &str| {
            format!(
                "the first line of run ends with a carriage return (\\r), which counts as a part of {word}: save \
                 run with Unix line ends"
            )
        };
        check(b"#!/bin/sh\r\nexec x\r\n", Some(&says("/bin/sh")));
        check(b"#!/usr/bin/env bash\r\n", Some(&says("bash")));
        check(b"#!/bin/sh\necho x\r\n", None);
        let file = RunFile::Program(Some(b"#!/bin/sh -e\r\n".to_vec()));
        assert_eq!(explain_carriage_return(&file), Some(says("-e")));
    }

    #[test]
    fn a_file_without_an_interpreter_is_named() {
        check(b"", Some("run is empty"));
        check(b"exec x\n", Some("the first line of run does not begin with #!"));
        check(b"\n#!/bin/sh\n", Some("the first line of run does not begin with #!"));
        check(
            b"\xef\xbb\xbf#!/bin/sh\n",
            Some("run begins with a byte order mark, which must not stand before #!"),
        );
    }

    #[test]
    fn the_loader_of_a_program_is_found() {
        let program = |name: &[u8]| {
            let mut head = vec![0; 200];
            head[..6].copy_from_slice(b"\x7fELF\x02\x01");
            head[32] = 64;
            head[54] = 56;
            head[56] = 2;
            head[64] = 1;
            head[120] = 3;
            head[128] = 180;
            head[180..180 + name.len()].copy_from_slice(name);
            head
        };
        check(&program(b"/bin/sh"), None);
        check(&program(b"/lib/ld.so"), Some("the program loader /lib/ld.so of run does not exist"));
        check(&program(b""), None);
        for length in 4..200 {
            let file = RunFile::Program(Some(program(b"/lib/ld.so")[..length].to_vec()));
            explain(&file, |_| Access::Granted);
        }
        check(b"\x7fELF", None);
    }
}
