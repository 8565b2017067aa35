//! The messages whose acknowledgement may not have reached the broker, which would deliver them again.
//!
//! Only these are in doubt: a message that is delivered again for another reason, such as the end of another instance that
//! had it, is a new item. A message is known by its body, as the broker changes nothing in it.
#![forbid(unsafe_code)]

use std::collections::VecDeque;

/// How many messages of lost connections are remembered.
const MEMORY: usize = 1000;

/// What was answered, and may come again.
#[derive(Debug, Default)]
pub struct Settled {
    /// How many messages the broker was told about on the present connection.
    told: u64,
    /// The answered ones of them that it may not know of yet, each with its place among them.
    acknowledged: VecDeque<(u64, Vec<u8>)>,
    /// The messages of lost connections.
    doubtful: VecDeque<Vec<u8>>,
}

impl Settled {
    /// The broker is told to take a message back, or to throw it away.
    pub fn returned(&mut self) {
        self.told += 1;
    }

    /// The broker is told that a message was answered.
    pub fn acknowledged(&mut self, body: Vec<u8>) {
        self.told += 1;
        self.acknowledged.push_back((self.told, body));
    }

    /// A message was answered that came on a connection that is lost.
    pub fn unacknowledged(&mut self, body: Vec<u8>) {
        if self.doubtful.len() == MEMORY {
            self.doubtful.pop_front();
        }
        self.doubtful.push_back(body);
    }

    /// The broker has shown that it knows of the first `count` messages that it was told about on this connection.
    pub fn known(&mut self, count: u64) {
        while self.acknowledged.front().is_some_and(|(place, _)| *place <= count) {
            self.acknowledged.pop_front();
        }
    }

    /// The connection is lost, and with it perhaps the last acknowledgements.
    pub fn lose(&mut self) {
        self.told = 0;
        for (_, body) in std::mem::take(&mut self.acknowledged) {
            self.unacknowledged(body);
        }
    }

    /// Whether a message that was delivered before is one of these. It is none of them from now on.
    pub fn take(&mut self, body: &[u8]) -> bool {
        let found = self.doubtful.iter().position(|known| known == body);
        found.and_then(|index| self.doubtful.remove(index)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells the broker of messages, of which `-` goes back; it has shown that it knows of so many; the connection is lost.
    #[track_caller]
    fn check(messages: &str, known: u64, doubtful: &str) {
        let mut settled = Settled::default();
        for message in messages.split_terminator(' ') {
            match message {
                "-" => settled.returned(),
                body => settled.acknowledged(body.into()),
            }
        }
        settled.known(known);
        settled.lose();
        let found: Vec<String> =
            settled.doubtful.iter().map(|body| String::from_utf8_lossy(body).into_owned()).collect();
        assert_eq!(found.join(" "), doubtful, "{messages}: {known}");
    }

    #[test]
    fn only_what_the_broker_may_not_know_of_is_in_doubt() {
        check("", 0, "");
        check("a b c", 0, "a b c");
        check("a b c", 2, "c");
        check("a b c", 3, "");
        check("- a - b", 2, "b");
        check("- a - b", 1, "a b");
        check("a", 7, "");
    }

    #[test]
    fn a_message_in_doubt_is_recognised_once_and_by_all_of_its_body() {
        let mut settled = Settled::default();
        settled.acknowledged(b"a".to_vec());
        assert!(!settled.take(b"a"), "its acknowledgement is on its way");
        settled.lose();
        assert!(!settled.take(b"a ") && settled.take(b"a") && !settled.take(b"a"));
        // The next connection counts anew.
        settled.acknowledged(b"b".to_vec());
        settled.known(1);
        settled.lose();
        assert!(!settled.take(b"b"));
    }

    #[test]
    fn memory_has_a_limit() {
        let mut settled = Settled::default();
        for number in 0..=MEMORY {
            settled.unacknowledged(number.to_string().into_bytes());
        }
        assert!(!settled.take(b"0") && settled.take(b"1") && settled.take(MEMORY.to_string().as_bytes()));
    }
}
