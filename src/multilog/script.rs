//! multilog's arguments: a script of actions that every line goes through (docs/compatibility.md 1.10).
#![forbid(unsafe_code)]

use super::line::{HEAD, Labels};
use super::pattern::matches;
use std::ffi::{CStr, CString};

/// What the arguments ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Whether lines get a label.
    pub labels: Labels,
    /// The actions, in order.
    pub actions: Vec<Action>,
    /// The status files that [`Action::Status`] counts.
    pub status_files: Vec<CString>,
    /// The log directories that [`Action::Log`] counts.
    pub directories: Vec<Directory>,
}

/// What is done with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Select it if it matches.
    Select(Vec<u8>),
    /// Deselect it if it matches.
    Deselect(Vec<u8>),
    /// If it is selected, print its start on standard error.
    Alert,
    /// If it is selected, write its start into a status file.
    Status(usize),
    /// If it is selected, log it in a directory.
    Log(usize),
}

/// A log directory and its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Where it is; starts with `.` or `/`.
    pub path: CString,
    /// The most bytes in one file.
    pub size: u64,
    /// One more than the number of old files that are kept.
    pub number: u64,
    /// The shell command that old files go through.
    pub processor: Option<CString>,
}

/// The size that is used if none is given, and the bounds of one that is.
const SIZE: u64 = 99_999;
const LEAST_SIZE: u64 = 4096;
const MOST_SIZE: u64 = 16_777_215;

/// The same for the number of files, which has no upper bound.
const NUMBER: u64 = 10;
const LEAST_NUMBER: u64 = 2;

/// The most bytes of a line in an alert.
const ALERT: usize = 200;

impl Script {
    /// Reads the arguments. There are no wrong ones: what is not known is ignored.
    pub fn parse(arguments: &[&CStr]) -> Self {
        let mut script = Self {
            labels: Labels::Plain,
            actions: Vec::new(),
            status_files: Vec::new(),
            directories: Vec::new(),
        };
        let (mut size, mut number, mut processor) = (SIZE, NUMBER, None);
        for (index, argument) in arguments.iter().enumerate() {
            let Some((&letter, rest)) = argument.to_bytes().split_first() else { continue };
            match letter {
                b't' if index == 0 => script.labels = Labels::Stamped,
                b'+' => script.actions.push(Action::Select(rest.to_vec())),
                b'-' => script.actions.push(Action::Deselect(rest.to_vec())),
                b'e' => script.actions.push(Action::Alert),
                b's' => size = leading_number(rest).clamp(LEAST_SIZE, MOST_SIZE),
                b'n' => number = leading_number(rest).max(LEAST_NUMBER),
                b'!' => processor = CString::new(rest).ok(),
                b'=' => {
                    script.actions.push(Action::Status(script.status_files.len()));
                    script.status_files.extend(CString::new(rest));
                }
                b'.' | b'/' => {
                    script.actions.push(Action::Log(script.directories.len()));
                    let path = CString::from(*argument);
                    script.directories.push(Directory { path, size, number, processor: processor.clone() });
                }
                _ => {}
            }
        }
        script
    }

    /// Finds out what is to be done with the line that starts with `head`.
    pub fn route(&self, head: &[u8], route: &mut Route) {
        route.alerts = 0;
        route.status_files.clear();
        route.directories.clear();
        let mut selected = true;
        for action in &self.actions {
            match action {
                Action::Select(pattern) if !selected => selected = matches(pattern, head),
                Action::Deselect(pattern) if selected => selected = !matches(pattern, head),
                Action::Alert if selected => route.alerts += 1,
                Action::Status(index) if selected => route.status_files.push(*index),
                Action::Log(index) if selected => route.directories.push(*index),
                _ => {}
            }
        }
    }
}

/// What is to be done with a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// How often it is printed on standard error.
    pub alerts: usize,
    /// The status files that it goes into.
    pub status_files: Vec<usize>,
    /// The directories in which it is logged.
    pub directories: Vec<usize>,
}

/// What an alert prints of a line.
pub fn alert(head: &[u8]) -> Vec<u8> {
    match head.get(..ALERT) {
        Some(start) if head.len() > ALERT => [start, b"...\n"].concat(),
        _ => [head, b"\n"].concat(),
    }
}

/// What a status file contains: the head of a line, and newlines up to one byte more than a head can have.
pub fn status_record(head: &[u8]) -> Vec<u8> {
    let mut record = head.to_vec();
    record.resize(HEAD + 1, b'\n');
    record
}

/// The decimal number at the start of `text`, 0 if there is none; too large ones wrap, as in C.
fn leading_number(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0_u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &str) -> Script {
        let owned: Vec<CString> = arguments.split(' ').map(|word| CString::new(word).unwrap()).collect();
        let words: Vec<&CStr> = owned.iter().map(CString::as_c_str).collect();
        Script::parse(&words)
    }

    /// The directories as `PATH,SIZE,NUMBER[,PROCESSOR]`.
    #[track_caller]
    fn check_directories(arguments: &str, expected: &str) {
        let describe = |directory: &Directory| {
            let path = directory.path.to_string_lossy();
            let processor = directory.processor.as_ref();
            let processor = processor.map_or(String::new(), |text| format!(",{}", text.to_string_lossy()));
            format!("{path},{},{}{processor}", directory.size, directory.number)
        };
        let seen: Vec<String> = parse(arguments).directories.iter().map(describe).collect();
        assert_eq!(seen.join(" "), expected);
    }

    #[test]
    fn rules_hold_for_the_directories_after_them() {
        check_directories("./a", "./a,99999,10");
        check_directories("s5000 n3 ./a s6000 /b", "./a,5000,3 /b,6000,3");
        check_directories("./a !cat ./b ! ./c", "./a,99999,10 ./b,99999,10,cat ./c,99999,10,");
    }

    #[test]
    fn sizes_and_numbers_have_bounds() {
        check_directories("s0 n0 ./a", "./a,4096,2");
        check_directories("s n ./a", "./a,4096,2");
        check_directories("status now ./a", "./a,4096,2");
        check_directories("s4095 n1 ./a s4097k ./b", "./a,4096,2 ./b,4097,2");
        check_directories("s999999999999 n999999999999 ./a", "./a,16777215,999999999999");
        check_directories("s18446744073709551617 ./a", "./a,4096,10");
    }

    #[test]
    fn labels_are_asked_for_by_the_first_argument_alone() {
        assert_eq!(parse("t ./a").labels, Labels::Stamped);
        assert_eq!(parse("tai ./a").labels, Labels::Stamped);
        assert_eq!(parse("./a t").labels, Labels::Plain);
    }

    #[test]
    fn what_is_not_known_is_ignored() {
        let script = parse("x  a Tt ~b");
        assert_eq!((script.actions.len(), script.directories.len()), (0, 0));
    }

    #[track_caller]
    fn check_route(arguments: &str, line: &str, expected: (usize, &[usize], &[usize])) {
        let mut route = Route { alerts: 9, status_files: vec![9], directories: vec![9] };
        parse(arguments).route(line.as_bytes(), &mut route);
        assert_eq!((route.alerts, &route.status_files[..], &route.directories[..]), expected, "{line}");
    }

    #[test]
    fn actions_are_taken_from_left_to_right() {
        check_route("./a", "x", (0, &[], &[0]));
        check_route("-* ./a +x ./b", "x", (0, &[], &[1]));
        check_route("-* ./a +x ./b", "y", (0, &[], &[]));
        check_route("-x* +xy* e =s ./a", "xz", (0, &[], &[]));
        check_route("-x* +xy* e =s ./a", "xyz", (1, &[0], &[0]));
        check_route("e e =a -b =b ./a", "b", (2, &[0], &[]));
        check_route("-- ./a", "-", (0, &[], &[]));
    }

    #[test]
    fn an_alert_shows_two_hundred_bytes() {
        let long = "x".repeat(201);
        assert_eq!(alert(b""), b"\n");
        assert_eq!(alert(&long.as_bytes()[..200]), format!("{}\n", &long[..200]).as_bytes());
        assert_eq!(alert(long.as_bytes()), format!("{}...\n", &long[..200]).as_bytes());
    }

    #[test]
    fn a_status_record_is_1001_bytes_and_ends_in_a_newline() {
        assert_eq!(status_record(b"ab"), format!("ab{}", "\n".repeat(999)).as_bytes());
        assert_eq!(status_record(&[b'x'; HEAD]), [&[b'x'; HEAD][..], b"\n"].concat());
    }
}
