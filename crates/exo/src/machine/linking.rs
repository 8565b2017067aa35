//! Coming to the broker, and coming back to it.
#![forbid(unsafe_code)]

use super::{Course, Logic, Machine};
use crate::event::{Action, Origin, Refusal};
use crate::level::Level;
use std::time::Duration;

/// The longest pause between attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How long a connection has to last before the next attempts begin with short pauses: one that the broker closes whatever
/// is done with it is not to be made all the time.
const STEADY: Duration = Duration::from_secs(10);

/// The connection to the broker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Link {
    /// Not there since so many attempts.
    Away(u32),
    /// There since then, after so many attempts.
    Up(Duration, u32),
}

impl Machine {
    pub(super) fn is_up(&self) -> bool {
        matches!(self.link, Link::Up(..))
    }

    pub(super) fn linked(&mut self, now: Duration) {
        if let Link::Away(attempts) = self.link {
            self.link = Link::Up(now, attempts);
        }
        if self.settings.origin == Origin::Broker {
            self.log(Level::Info, "connected to the broker");
        }
        // First, as a broker that is short of memory does not listen any more to who has published.
        if self.course == Course::Working {
            self.consume();
        }
        self.publish_all();
    }

    pub(super) fn lost(&mut self, reason: &str, now: Duration) {
        if self.is_up() || self.link == Link::Away(0) {
            self.log(Level::Warning, &format!("the broker is away, trying again: {reason}"));
        }
        let pause = self.unlink(now);
        self.act(Action::Connect(pause));
    }

    /// Whoever has nothing to do may leave it to supervise to try again.
    pub(super) fn refused(&mut self, refusal: &Refusal, now: Duration) {
        self.log(Level::Error, &refusal.text);
        let pause = self.unlink(now);
        let has_work = self.was_ready && !(self.hand.is_empty() && self.outbox.is_empty());
        match self.course {
            Course::Working | Course::Finishing(_) if has_work => {
                self.act(Action::Connect(pause.max(refusal.pause)));
            }
            Course::Working | Course::Finishing(_) => self.leave(111, now + refusal.pause),
            Course::Leaving(..) | Course::Left => {}
        }
    }

    /// There is no connection any more, or still none; how long to wait before the next attempt.
    fn unlink(&mut self, now: Duration) -> Duration {
        let attempts = match self.link {
            Link::Up(since, _) if since + STEADY <= now => 0,
            Link::Up(_, attempts) | Link::Away(attempts) => attempts,
        };
        self.link = Link::Away(attempts.saturating_add(1));
        self.is_consuming = false;
        self.hand.forget_tags();
        self.settled.lose();
        self.questions.clear();
        Duration::from_secs(1 << attempts.min(5)).min(LONGEST_PAUSE)
    }

    pub(super) fn consume(&mut self) {
        if self.is_up() && self.logic == Logic::Ready && !self.is_consuming {
            self.is_consuming = true;
            self.act(Action::Consume);
        }
    }

    pub(super) fn consuming(&mut self) {
        if self.course == Course::Working && !std::mem::replace(&mut self.was_ready, true) {
            self.act(Action::Ready);
        }
    }

    pub(super) fn blocked(&mut self, reason: &str) {
        self.log(Level::Warning, &format!("the broker takes no replies at present: {reason}"));
    }
}
