//! Why the broker has closed a channel: its words come to what they mean for us.
#![forbid(unsafe_code)]

/// That the broker has closed a channel, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The kind of reason.
    pub code: u16,
    /// What it did not like: class and method.
    pub method: (u16, u16),
    /// What it says.
    pub text: String,
}

const ACCESS_REFUSED: u16 = 403;
const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;
const CONSUME: (u16, u16) = (60, 20);
const PUBLISH: (u16, u16) = (60, 40);

impl Closed {
    /// Whether the account lacks the permission. Another consumer that is exclusive has the same code.
    pub fn is_forbidden(&self) -> bool {
        self.code == ACCESS_REFUSED && self.text.contains("refused for user")
    }

    /// Whether a limit that the administrator has set is reached: `queue limit in vhost 'v' (2) is reached`, or `has reached
    /// the maximum allowed user limit of (5)`.
    pub fn is_limit(&self) -> bool {
        self.text.contains("limit") && self.text.contains("reached")
    }

    /// Whether there is no such queue, or none at present because its node is down.
    pub fn is_missing(&self) -> bool {
        self.code == NOT_FOUND
    }

    /// Whether the queue would not survive a restart of the broker.
    pub fn is_not_durable(&self) -> bool {
        self.code == PRECONDITION_FAILED && self.text.contains("inequivalent arg 'durable'")
    }

    /// Whether it may not read from the queue.
    pub fn is_no_reading(&self) -> bool {
        self.is_forbidden() && self.method == CONSUME
    }

    /// Whether it may not write to the process engine.
    pub fn is_no_writing(&self) -> bool {
        self.is_forbidden() && self.method == PUBLISH
    }

    /// How long a message was that is too long: `message size 200 is larger than configured max size 100`.
    pub fn too_long(&self) -> Option<usize> {
        let is_it = self.code == PRECONDITION_FAILED && self.method == PUBLISH;
        let mut numbers = self.text.split(' ').filter_map(|word| word.parse().ok());
        numbers.next().filter(|_| is_it && self.text.contains("size"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_channel_says_how_long_is_too_long() {
        let check = |code, method, text: &str, expected| {
            assert_eq!(Closed { code, method, text: text.to_string() }.too_long(), expected, "{text}");
        };
        let text = "PRECONDITION_FAILED - message size 2000000 is larger than configured max size 1000000";
        check(406, PUBLISH, text, Some(2_000_000));
        check(406, PUBLISH, "PRECONDITION_FAILED - message size 7 larger than max size 5", Some(7));
        check(403, PUBLISH, text, None);
        check(406, CONSUME, text, None);
        check(406, PUBLISH, "PRECONDITION_FAILED - invalid expiration 5", None);
    }

    #[test]
    fn limits_permissions_and_other_users_are_not_confused() {
        #[track_caller]
        fn check(code: u16, text: &str, expected: [bool; 3]) {
            let closed = Closed { code, method: CONSUME, text: text.to_string() };
            assert_eq!(
                [closed.is_forbidden(), closed.is_limit(), closed.is_not_durable()],
                expected,
                "{text}"
            );
        }
        let permission = [true, false, false];
        check(403, "ACCESS_REFUSED - access to queue 'p' in vhost 'v' refused for user 'u'", permission);
        check(403, "ACCESS_REFUSED - read access to queue 'p' in vhost 'v' refused for user 'u'", permission);
        check(403, "ACCESS_REFUSED - queue 'p' in vhost 'v' in exclusive use", [false; 3]);
        let limit = [false, true, false];
        let text = "PRECONDITION_FAILED - cannot declare queue 'p': queue limit in vhost 'v' (2) is reached";
        check(406, text, limit);
        check(
            530,
            "NOT_ALLOWED - number of channels opened for user 'u' has reached the maximum allowed user limit of (5)",
            limit,
        );
        let text = "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'p' in vhost 'v': received 'true' but current is 'false'";
        check(406, text, [false, false, true]);
        let text = "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'p' in vhost 'v': received none but current is the value 'quorum'";
        check(406, text, [false; 3]);
    }
}
