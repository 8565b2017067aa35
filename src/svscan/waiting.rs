//! What svscan says it still waits for in the end.
#![forbid(unsafe_code)]

use super::role::Role;
use std::ffi::CString;
use std::time::Duration;

/// How many services are named.
const NAMED: usize = 10;

/// A service, or a logger, that has not ended yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awaited {
    /// The name of the service.
    pub name: CString,
    /// Whether it is the service or its logger.
    pub role: Role,
    /// When it is killed, if that is known: the time from now on.
    pub killed_in: Option<Duration>,
}

/// What an end still waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The time since it began.
    pub since: Duration,
    /// What has not ended yet.
    pub awaited: Vec<Awaited>,
}

impl Waiting {
    /// The message, without the name of the program.
    pub fn text(&self) -> Vec<u8> {
        let since = seconds(self.since.as_secs());
        let mut names: Vec<Vec<u8>> = self.awaited.iter().take(NAMED).map(Awaited::text).collect();
        if let Some(more) = self.awaited.len().checked_sub(NAMED).filter(|&more| more > 0) {
            names.push(format!("and {more} more").into_bytes());
        }
        [format!("told to end {since} ago, still waiting for ").as_bytes(), &names.join(&b", "[..])].concat()
    }
}

impl Awaited {
    fn text(&self) -> Vec<u8> {
        let log: &[u8] = if self.role == Role::Log { b"/log" } else { b"" };
        let when = match self.killed_in {
            Some(Duration::ZERO) => " (being killed)".to_string(),
            // Rounded up, so that it is not killed before that.
            Some(rest) => {
                format!(" (killed in {})", seconds(rest.as_secs() + u64::from(rest.subsec_nanos() > 0)))
            }
            None => String::new(),
        };
        [self.name.to_bytes(), log, when.as_bytes()].concat()
    }
}

fn seconds(number: u64) -> String {
    format!("{number} second{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(awaited: &[(&str, Role, Option<u64>)], expected: &str) {
        let awaited = awaited.iter().map(|&(name, role, milliseconds)| {
            let (name, killed_in) = (CString::new(name).unwrap(), milliseconds.map(Duration::from_millis));
            Awaited { name, role, killed_in }
        });
        let waiting = Waiting { since: Duration::from_millis(2010), awaited: awaited.collect() };
        let expected = format!("told to end 2 seconds ago, still waiting for {expected}");
        assert_eq!(String::from_utf8(waiting.text()).unwrap(), expected);
    }

    #[test]
    fn each_is_named_with_the_time_that_it_has() {
        check(&[("web", Role::Main, Some(7990))], "web (killed in 8 seconds)");
        check(
            &[("web", Role::Main, Some(1)), ("db", Role::Log, None), ("a", Role::Main, Some(0))],
            "web (killed in 1 second), db/log, a (being killed)",
        );
    }

    #[test]
    fn of_many_some_are_named() {
        let many = [("a", Role::Main, None); NAMED + 2];
        check(&many[..NAMED], "a, a, a, a, a, a, a, a, a, a");
        check(&many, "a, a, a, a, a, a, a, a, a, a, and 2 more");
    }
}
