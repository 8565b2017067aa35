//! Messages of the broker: which of them are work, and what becomes of the others.
#![forbid(unsafe_code)]

use super::{Course, Logic, Machine};
use crate::event::{Action, Message};
use crate::hand::{Item, Phase};
use crate::json;
use crate::level::{Level, excerpt};
use crate::protocol::ToLogic;
use skynet_core::items::{Note, Work};
use skynet_core::workitem::Workitem;
use std::time::Duration;

impl Machine {
    pub(super) fn delivered(&mut self, message: Message, now: Duration) {
        let Message { tag, is_again, returns, body } = message;
        // The broker counts messages from 1, and delivers no more than `prefetch` that it has not heard of.
        self.settled.known(tag.saturating_sub(u64::try_from(self.settings.prefetch).unwrap_or(u64::MAX)));
        if self.course != Course::Working || self.logic != Logic::Ready {
            return self.give(Action::Requeue(tag));
        }
        let Some(workitem) = json::read(&body, json::BODY).and_then(Workitem::from_value) else {
            let text = format!("a message is no workitem, and thrown away: {}", excerpt(&body));
            self.log(Level::Error, &text);
            self.has_failed = true;
            return self.give(Action::Reject(tag));
        };
        if workitem.is_cancel() {
            let id = self.hand.same(&workitem);
            self.log_about(Level::Info, workitem.wfid(), "the process engine has cancelled this");
            self.act(Action::Tell(ToLogic::Control { id, workitem }));
            return self.give(Action::Ack(tag));
        }
        if is_again && self.settled.take(&body) {
            let text = "delivered again, and answered already";
            self.log_about(Level::Info, workitem.wfid(), text);
            self.settled.acknowledged(body);
            return self.act(Action::Ack(tag));
        }
        let orphan = self.hand.orphan(&body).filter(|_| is_again);
        if let Some(item) = orphan.and_then(|id| self.hand.get_mut(id)) {
            item.tag = Some(tag);
            let wfid = item.wfid.clone();
            return self.log_about(Level::Info, wfid, "delivered again, and in hand already");
        }
        let wfid = workitem.wfid();
        let attempts = self.attempts_on(&body, returns);
        let is_over = self.is_over_limit(attempts);
        let (tag, phase) = (Some(tag), Phase::Waiting);
        let item = Item { tag, workitem, body, wfid, phase, is_listening: false, attempts };
        let id = self.next;
        self.hand.add(id, item);
        self.next += 1;
        if is_over {
            return self.refuse(id, now);
        }
        self.fill(now);
    }

    /// Gives the logic what it can take.
    pub(super) fn fill(&mut self, now: Duration) {
        self.begin(now);
        while self.hand.with_logic() < self.settings.prefetch {
            let Some(id) = self.hand.first_waiting().filter(|id| self.hand.may_begin(*id)) else { return };
            let Some(item) = self.hand.get_mut(id) else { return };
            item.phase = Phase::Given(now);
            let workitem = item.workitem.clone();
            self.begin(now);
            self.act(Action::Tell(ToLogic::Work { id, workitem }));
        }
    }

    /// Notes that the logic begins what it was given and has a hand free for. It works in the order in which it gets items.
    fn begin(&mut self, now: Duration) {
        while self.hand.working() < self.at_once {
            let Some(id) = self.hand.given().next() else { return };
            let Some(item) = self.hand.get_mut(id) else { return };
            item.phase = Phase::Working(now);
            let (wfid, workitem) = (item.wfid.clone(), &item.workitem);
            let participant = workitem.participant(&self.settings.name);
            let note = Note::Begin(Work { wfid: &wfid, participant: &participant }).to_string();
            let summary = workitem.has_flag("debug_trace").then(|| workitem.summary());
            let dump = workitem.has_flag("debug_dump").then(|| workitem.to_text());
            self.act(Action::Note(note));
            for text in [summary, dump].into_iter().flatten() {
                self.show(&wfid, &text);
            }
        }
    }

    /// The logic has not begun an item, and does not get to it any more.
    pub(super) fn withdrawn(&mut self, id: u64) {
        if self.since(id).is_none() {
            return self.log(Level::Warning, &format!("the logic gave back {id}, which is not in hand"));
        }
        self.stop_listening(id);
        let Some(Item { tag, wfid, .. }) = self.hand.remove(id) else { return };
        self.log_about(Level::Info, wfid, &format!("not begun, and {}", self.settings.origin.fate()));
        if let Some(tag) = tag {
            self.give(Action::Requeue(tag));
        }
    }

    /// Tells the broker what becomes of a message that was not answered.
    pub(super) fn give(&mut self, action: Action) {
        self.settled.returned();
        self.act(action);
    }
}
