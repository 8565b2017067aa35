//! The items on which the logic has ended, and how often: a table that outlives exo in a small file, with a line
//! `COUNT LENGTH DIGEST` for each.
#![forbid(unsafe_code)]

use std::fmt::{Display, Formatter};

/// How many items are remembered.
const MEMORY: usize = 100;

/// The table, the oldest item first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempts(Vec<Attempt>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attempt {
    count: u16,
    length: usize,
    digest: u64,
}

impl Attempts {
    /// Reads the text of the file; a line that is none of ours is left out.
    pub fn parse(text: &str) -> Self {
        let parse = |line: &str| {
            let mut words = line.split(' ');
            let count = words.next()?.parse().ok()?;
            let length = words.next()?.parse().ok()?;
            let digest = u64::from_str_radix(words.next()?, 16).ok()?;
            words.next().is_none().then_some(Attempt { count, length, digest })
        };
        Self(text.lines().filter_map(parse).take(MEMORY).collect())
    }

    /// How often the logic has ended on a message with this body; `None` if it was never at work on it when it ended.
    pub fn get(&self, body: &[u8]) -> Option<u16> {
        let known = Attempt::new(0, body);
        self.0.iter().find(|attempt| attempt.is_same(&known)).map(|attempt| attempt.count)
    }

    /// The logic has ended so often on this.
    pub fn set(&mut self, body: &[u8], count: u16) {
        self.remove(body);
        if self.0.len() == MEMORY {
            self.0.remove(0);
        }
        self.0.push(Attempt::new(count, body));
    }

    /// Forgets a message that was answered; returns whether it was known.
    pub fn remove(&mut self, body: &[u8]) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let (known, before) = (Attempt::new(0, body), self.0.len());
        self.0.retain(|attempt| !attempt.is_same(&known));
        self.0.len() < before
    }
}

impl Attempt {
    fn new(count: u16, body: &[u8]) -> Self {
        // FNV-1a: the same in all versions of exo, as the file outlives them.
        let digest = body.iter().fold(0xcbf2_9ce4_8422_2325_u64, |digest, byte| {
            (digest ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Self { count, length: body.len(), digest }
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.length, self.digest) == (other.length, other.digest)
    }
}

impl Display for Attempts {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        for Attempt { count, length, digest } in &self.0 {
            writeln!(formatter, "{count} {length} {digest:016x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut attempts = Attempts::default();
        attempts.set(b"", 1);
        attempts.set(b"a", 2);
        attempts.set(b"a", 3);
        let text = attempts.to_string();
        assert_eq!(text, "1 0 cbf29ce484222325\n3 1 af63dc4c8601ec8c\n");
        assert_eq!(Attempts::parse(&text), attempts);
        assert_eq!((attempts.get(b"a"), attempts.get(b"b")), (Some(3), None));
        assert!(attempts.remove(b"a") && !attempts.remove(b"a") && attempts.remove(b""));
        assert_eq!(attempts.to_string(), "");
    }

    #[test]
    fn lines_of_others_are_left_out() {
        let text = "x\n\n1 2\n1 2 zz\n-1 2 00\n70000 2 00\n1 2 00 3\n3 1 af63dc4c8601ec8c";
        assert_eq!(Attempts::parse(text).to_string(), "3 1 af63dc4c8601ec8c\n");
    }

    #[test]
    fn the_table_has_a_limit() {
        let mut attempts = Attempts::default();
        (0..=u8::try_from(MEMORY).unwrap()).for_each(|number| attempts.set(&[number], 1));
        assert_eq!((attempts.get(&[0]), attempts.get(&[1])), (None, Some(1)));
        assert_eq!(attempts.0.len(), MEMORY);
    }
}
