//! Whether work flows: a broker that has some, and does not deliver it to who waits for it, has forgotten its consumer.
#![forbid(unsafe_code)]

/// What is known about it, on the present connection and on those before it.
#[derive(Debug)]
pub struct Flow {
    room: u16,
    in_hand: u16,
    is_suspicious: bool,
    /// A new connection was made for this, and nothing has come since: the broker has a reason, such as another consumer
    /// that comes first.
    is_explained: bool,
}

impl Flow {
    /// For a consumer that takes so many messages at once.
    pub fn new(room: u16) -> Self {
        Self { room, in_hand: 0, is_suspicious: false, is_explained: false }
    }

    /// There is a new connection.
    pub fn begin(&mut self) {
        self.in_hand = 0;
        self.is_suspicious = false;
    }

    /// A message has come.
    pub fn delivered(&mut self) {
        self.in_hand = self.in_hand.saturating_add(1);
        self.is_suspicious = false;
        self.is_explained = false;
    }

    /// The broker was told what became of one.
    pub fn settled(&mut self) {
        self.in_hand = self.in_hand.saturating_sub(1);
        self.is_suspicious = false;
    }

    /// So many messages wait at the broker. Whether a new connection is to be made, because they do for the second time
    /// without reason.
    pub fn has_stopped(&mut self, waiting: u32) -> bool {
        let is_odd = waiting > 0 && self.in_hand < self.room;
        let has_stopped = std::mem::replace(&mut self.is_suspicious, is_odd) && is_odd;
        has_stopped && !std::mem::replace(&mut self.is_explained, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_that_wait_twice_while_nothing_happens_are_odd() {
        let mut flow = Flow::new(1);
        assert!(!flow.has_stopped(0) && !flow.has_stopped(1));
        assert!(flow.has_stopped(1));
        // There is a reason.
        flow.delivered();
        assert!(!flow.has_stopped(1) && !flow.has_stopped(1));
        // Something happens.
        flow.settled();
        assert!(!flow.has_stopped(1));
        flow.delivered();
        flow.settled();
        assert!(!flow.has_stopped(1) && !flow.has_stopped(0) && !flow.has_stopped(1));
    }

    #[test]
    fn a_new_connection_is_made_once_if_it_does_not_help() {
        let mut flow = Flow::new(1);
        assert!(!flow.has_stopped(1) && flow.has_stopped(1));
        flow.begin();
        assert!(!flow.has_stopped(1) && !flow.has_stopped(1) && !flow.has_stopped(1));
        flow.delivered();
        flow.settled();
        assert!(!flow.has_stopped(1) && flow.has_stopped(1));
    }
}
