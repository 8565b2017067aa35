//! The life of a participant: what happens becomes what is done (docs/skynet.md). It has no clock: `now` is the time
//! since the start.
#![forbid(unsafe_code)]

mod delivering;
mod linking;
mod refusing;
mod replying;
mod sending;
#[cfg(test)]
mod tests;

use crate::attempts::Attempts;
use crate::event::{Action, Event, Settings};
use crate::hand::{Hand, Item, Phase};
use crate::level::{Level, plain};
use crate::protocol::{FromLogic, ToLogic};
use crate::settled::Settled;
use linking::Link;
use replying::Question;
use sending::Sending;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long an item is in hand before somebody can ask about it: what is done sooner is not worth a queue of its own.
const LISTEN_AFTER: Duration = Duration::from_millis(200);

/// How long the logic may tidy up after `stop`.
const TIDY_UP: Duration = Duration::from_secs(5);

/// How long a logic that has closed its standard output has to end by itself.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// How long replies may take to arrive when the logic has ended.
const LAST_REPLIES: Duration = Duration::from_secs(5);

/// A participant.
#[derive(Debug)]
pub struct Machine {
    settings: Settings,
    link: Link,
    logic: Logic,
    /// How many items the logic works on at once; all that it is given if it has not said.
    at_once: usize,
    /// When it is killed because nothing more can come from it.
    mute_until: Option<Duration>,
    course: Course,
    hand: Hand,
    settled: Settled,
    attempts: Attempts,
    outbox: BTreeMap<u64, Sending>,
    questions: Vec<Question>,
    next: u64,
    is_consuming: bool,
    was_ready: bool,
    has_failed: bool,
    actions: Vec<Action>,
}

/// The logic.
#[derive(Debug, PartialEq, Eq)]
enum Logic {
    Starting,
    Ready,
    /// It was told to stop, and is killed then.
    Stopping(Duration),
    /// It was killed because it took too long.
    Killed,
    Gone,
}

/// Where this is going.
#[derive(Debug, PartialEq, Eq)]
enum Course {
    Working,
    /// What is in hand is finished, until then if there is a limit.
    Finishing(Option<Duration>),
    /// The end comes then at the latest, with this code.
    Leaving(u8, Duration),
    Left,
}

impl Machine {
    /// A participant whose logic has just been started, and what is done first.
    pub fn start(settings: Settings, attempts: Attempts) -> (Self, Vec<Action>) {
        let start = ToLogic::Start { participant: settings.name.clone(), config: settings.config.clone() };
        let machine = Self {
            settings,
            link: Link::Away(0),
            logic: Logic::Starting,
            at_once: usize::MAX,
            mute_until: None,
            course: Course::Working,
            hand: Hand::default(),
            settled: Settled::default(),
            attempts,
            outbox: BTreeMap::new(),
            questions: Vec::new(),
            next: 1,
            is_consuming: false,
            was_ready: false,
            has_failed: false,
            actions: Vec::new(),
        };
        (machine, vec![Action::Tell(start), Action::Connect(Duration::ZERO)])
    }

    /// What is done when something happens.
    pub fn handle(&mut self, event: Event, now: Duration) -> Vec<Action> {
        match event {
            Event::Linked => self.linked(now),
            Event::Lost(reason) => self.lost(&reason, now),
            Event::Refused(refusal) => self.refused(&refusal, now),
            Event::Consuming => self.consuming(),
            Event::Delivery(message) => self.delivered(message, now),
            Event::DeadLetters(are_kept) => self.dead_letters(are_kept, now),
            Event::Known(count) => self.settled.known(count),
            Event::Confirmed(ticket) => self.confirmed(ticket),
            Event::Unconfirmed(ticket, reason) => self.unconfirmed(ticket, &reason, now),
            Event::TooLong(size, reason) => self.too_long(size, &reason),
            Event::Blocked(reason) => self.blocked(&reason),
            Event::Unblocked => self.log(Level::Info, "the broker takes replies again"),
            Event::Asked { wfid, from, body } => self.asked(&wfid, from, &body),
            Event::FromLogic(message) => self.said(message, now),
            Event::Rubbish(line) => self.rubbish(&line, now),
            Event::Stderr(line) => {
                let wfids = self.hand.wfids();
                self.show(&wfids, &String::from_utf8_lossy(&line));
            }
            Event::Unreadable(reason) => {
                self.has_failed = true;
                self.log(Level::Error, &format!("unable to read an item: {reason}"));
            }
            Event::LogicMute => self.mute_until = Some(now + LAST_PATIENCE),
            Event::LogicEnded(how) => self.logic_ended(&how, now),
            Event::Term => self.term(now),
            Event::Drained if self.course == Course::Working => self.finish(None),
            Event::Drained | Event::Tick => {}
        }
        self.tick(now);
        self.proceed(now);
        std::mem::take(&mut self.actions)
    }

    /// When a [`Event::Tick`] is due.
    pub fn deadline(&self) -> Option<Duration> {
        let working = self.hand.iter().filter_map(|(_, item)| match item.phase {
            Phase::Working(since) => Some((item, since)),
            Phase::Waiting | Phase::Given(_) | Phase::Replied(_) | Phase::Refused(_) => None,
        });
        let of_items = working.flat_map(|(item, since)| {
            let listen = (!item.is_listening && self.is_up()).then_some(since + LISTEN_AFTER);
            let timeout = self.settings.timeout.filter(|_| self.logic == Logic::Ready);
            [listen, timeout.map(|timeout| since + timeout)]
        });
        let of_logic = match self.logic {
            Logic::Stopping(at) => Some(at),
            Logic::Starting | Logic::Ready => self.mute_until,
            Logic::Killed | Logic::Gone => None,
        };
        let of_course = match self.course {
            Course::Finishing(at) => at,
            Course::Leaving(_, at) => Some(at),
            Course::Working | Course::Left => None,
        };
        let again = self.outbox.values().filter_map(|sending| sending.again_at.filter(|_| self.is_up()));
        of_items.flatten().chain(again).chain(of_logic).chain(of_course).min()
    }

    fn act(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Logs something about all that is in hand.
    fn log(&mut self, level: Level, text: &str) {
        let wfids = self.hand.wfids();
        self.log_about(level, wfids, text);
    }

    fn log_about(&mut self, level: Level, wfids: String, text: &str) {
        self.act(Action::Log(level, wfids, text.to_string()));
    }

    /// The same, whatever the level is from which on lines are logged: somebody wants to see it.
    fn show(&mut self, wfids: &str, text: &str) {
        let lines = Level::Info.lines(wfids, text);
        self.act(Action::Note(lines.trim_end_matches('\n').to_string()));
    }

    fn said(&mut self, message: FromLogic, now: Duration) {
        match message {
            FromLogic::Ready { at_once } if self.logic == Logic::Starting => {
                (self.logic, self.at_once) = (Logic::Ready, at_once);
            }
            FromLogic::Ready { .. } => self.log(Level::Warning, "the logic is ready again, and was already"),
            FromLogic::Reply { id, workitem } => match self.new_error(id, &workitem) {
                Some(fault) => self.failed(id, &fault, Some(workitem), now),
                None => self.replied(id, workitem, None, now),
            },
            FromLogic::Failure { id, error, workitem } => self.failed(id, &error, workitem, now),
            FromLogic::Answer { id, request, value } => self.answered(id, request, &value),
            FromLogic::Log { level, message, id } => {
                let wfid = id.and_then(|id| self.hand.get(id)).map(|item| item.wfid.clone());
                let wfids = wfid.unwrap_or_else(|| self.hand.wfids());
                self.log_about(level, wfids, &plain(&message));
            }
            FromLogic::Withdrawn { id } => self.withdrawn(id),
            FromLogic::Send(workitem) => self.send(workitem.to_text().into_bytes(), None),
        }
        self.fill(now);
    }

    fn logic_ended(&mut self, how: &str, now: Duration) {
        let before = std::mem::replace(&mut self.logic, Logic::Gone);
        match before {
            Logic::Stopping(_) => {
                if let Course::Finishing(_) = self.course {
                    self.exit(0);
                }
            }
            Logic::Starting => self.log(Level::Error, &format!("the logic ended before it was ready: {how}")),
            Logic::Ready | Logic::Killed => self.log(Level::Error, &format!("the logic has ended: {how}")),
            Logic::Gone => {}
        }
        self.blame();
        self.give_back(Hand::take_unanswered);
        if matches!(self.course, Course::Working | Course::Finishing(_)) {
            self.leave(1, now + LAST_REPLIES);
        }
    }

    fn give_back(&mut self, which: fn(&mut Hand) -> Vec<Item>) {
        for item in which(&mut self.hand) {
            self.log_about(Level::Warning, item.wfid, self.settings.origin.fate());
            if let Some(tag) = item.tag {
                self.give(Action::Requeue(tag));
            }
        }
    }

    fn term(&mut self, now: Duration) {
        match self.course {
            Course::Working => {
                self.finish(self.settings.grace.map(|grace| now + grace));
                self.tell_what_is_left();
            }
            Course::Finishing(_) | Course::Leaving(..) => self.die("told to end a second time"),
            Course::Left => {}
        }
    }

    fn die(&mut self, why: &str) {
        if !self.hand.is_empty() {
            self.log(Level::Warning, &format!("{why}: what is in hand {}", self.settings.origin.fate()));
        }
        self.act(Action::Tell(ToLogic::Die));
        self.exit(1);
    }

    /// Says what the end has to wait for, as who has pressed a key cannot see it.
    fn tell_what_is_left(&mut self) {
        let (items, replies) = (self.hand.with_logic(), self.outbox.len());
        let plural = |count: usize, one: &str, more: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {more}")),
        };
        let items = plural(items, "item", "items").map(|text| format!("the logic to finish {text}"));
        let replies = plural(replies, "reply", "replies").map(|text| format!("the broker to take {text}"));
        let left: Vec<String> = [items, replies].into_iter().flatten().collect();
        if !left.is_empty() {
            let most = self.settings.grace.map(|grace| format!(" for up to {} s", grace.as_secs()));
            let (left, most) = (left.join(" and "), most.unwrap_or_default());
            self.log(Level::Info, &format!("waiting{most} for {left}; the next signal ends this at once"));
        }
    }

    /// Takes no more work, and ends when all is done.
    fn finish(&mut self, deadline: Option<Duration>) {
        self.course = Course::Finishing(deadline);
        self.stop_consuming();
        self.give_back(Hand::take_waiting);
        for id in self.hand.given().collect::<Vec<u64>>() {
            self.act(Action::Tell(ToLogic::Withdraw { id }));
        }
    }

    /// Ends at the given time, or when no reply is on its way any more.
    fn leave(&mut self, code: u8, at: Duration) {
        self.course = Course::Leaving(code, at);
        self.stop_consuming();
    }

    fn stop_consuming(&mut self) {
        if std::mem::take(&mut self.is_consuming) {
            self.act(Action::CancelConsumer);
        }
    }

    fn exit(&mut self, code: u8) {
        self.course = Course::Left;
        let is_failure = self.settings.is_strict && self.has_failed;
        self.act(Action::Exit(if is_failure { code.max(1) } else { code }));
    }

    /// Does what is due.
    fn tick(&mut self, now: Duration) {
        self.listen(now);
        self.send_again(now);
        let late = self.settings.timeout.filter(|_| self.logic == Logic::Ready).and_then(|timeout| {
            let is_late = |item: &Item| matches!(item.phase, Phase::Working(since) if since + timeout <= now);
            let found = self.hand.iter().find(|(_, item)| is_late(item));
            found.map(|(_, item)| (item.wfid.clone(), timeout))
        });
        if let Some((wfid, timeout)) = late {
            let text = format!("the logic has worked longer than {} s, and is killed", timeout.as_secs());
            self.kill_logic(wfid, &text);
        }
        if matches!(self.logic, Logic::Starting | Logic::Ready) && self.mute_until.is_some_and(|at| at <= now)
        {
            self.kill_logic(self.hand.wfids(), "the logic has closed its standard output, and is killed");
        }
        if matches!(self.logic, Logic::Stopping(at) if at <= now) {
            self.log(Level::Warning, "the logic did not end after stop, and is killed");
            self.logic = Logic::Stopping(Duration::MAX);
            self.act(Action::Kill);
        }
        match self.course {
            Course::Finishing(Some(at)) if at <= now => self.die("the grace is over"),
            Course::Leaving(code, at) if at <= now => self.exit(code),
            Course::Working | Course::Finishing(_) | Course::Leaving(..) | Course::Left => {}
        }
    }

    fn kill_logic(&mut self, wfids: String, why: &str) {
        self.logic = Logic::Killed;
        self.log_about(Level::Error, wfids, why);
        self.act(Action::Kill);
    }

    /// Goes on to what is possible now.
    fn proceed(&mut self, now: Duration) {
        match self.course {
            Course::Working => self.consume(),
            Course::Finishing(_) if self.hand.is_empty() && self.outbox.is_empty() => self.stop_logic(now),
            // Replies of a logic that is gone have their time if they can arrive.
            Course::Leaving(1, _) if !self.is_up() => self.exit(1),
            Course::Leaving(1, _) if self.outbox.is_empty() && !self.hand.has_refused() => self.exit(1),
            Course::Finishing(_) | Course::Leaving(..) | Course::Left => {}
        }
    }

    fn stop_logic(&mut self, now: Duration) {
        if matches!(self.logic, Logic::Starting | Logic::Ready) {
            self.logic = Logic::Stopping(now + TIDY_UP);
            self.act(Action::Tell(ToLogic::Stop));
        }
    }
}
