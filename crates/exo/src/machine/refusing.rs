//! Items on which the logic ends each time: they are taken out of the queue, so that those behind them are done.
#![forbid(unsafe_code)]

use super::Machine;
use crate::event::Action;
use crate::fault::Fault;
use crate::hand::{Item, Phase};
use crate::level::Level;
use skynet_core::items::{End, Note, Verdict, Work};
use std::time::Duration;

impl Machine {
    /// How often the logic has ended on a message, by our own count or that of the broker, which cannot tell for what
    /// reason a message has come back: its count alone never refuses an item. `None` if it is not known for that.
    pub(super) fn attempts_on(&self, body: &[u8], returns: u64) -> Option<u16> {
        let limit = self.settings.attempts?;
        let returns = (returns > 0).then(|| u16::try_from(returns).unwrap_or(u16::MAX).min(limit - 1));
        self.attempts.get(body).max(returns)
    }

    pub(super) fn is_over_limit(&self, attempts: Option<u16>) -> bool {
        attempts.zip(self.settings.attempts).is_some_and(|(attempts, limit)| attempts >= limit)
    }

    /// The logic has ended, which counts for the items that it worked on. Of several nobody knows which it was: they are
    /// worked on alone from now on, and only an end while an item is alone can be the last.
    pub(super) fn blame(&mut self) {
        let Some(limit) = self.settings.attempts else { return };
        let is_working = |item: &Item| matches!(item.phase, Phase::Working(_));
        let ids: Vec<u64> = self.hand.iter().filter(|(_, item)| is_working(item)).map(|(id, _)| id).collect();
        let is_alone = ids.len() == 1;
        for id in &ids {
            let Some(item) = self.hand.get_mut(*id) else { continue };
            let before = item.attempts.unwrap_or(0);
            let count = before.saturating_add(1).min(if is_alone { limit } else { before.max(limit - 1) });
            item.attempts = Some(count);
            self.attempts.set(&item.body, count);
            // Without its tag it comes again, and is refused then.
            let is_last = is_alone && count >= limit && item.tag.is_some();
            let (wfid, since) = (item.wfid.clone(), item.phase.clone());
            if let (true, Phase::Working(since)) = (is_last, since) {
                self.refuse(*id, since);
            } else {
                let text = format!("the logic has ended while it worked on this, {count} of {limit} times");
                self.log_about(Level::Warning, wfid, &text);
            }
        }
        if !ids.is_empty() {
            self.act(Action::Remember(self.attempts.to_string()));
        }
    }

    /// The logic is not given this item again.
    pub(super) fn refuse(&mut self, id: u64, since: Duration) {
        if let Some(item) = self.hand.get_mut(id) {
            item.phase = Phase::Refused(since);
            self.act(Action::FindDeadLetters);
        }
    }

    /// The broker puts what is rejected into another queue, or it does not.
    pub(super) fn dead_letters(&mut self, are_kept: bool, now: Duration) {
        let is_refused = |item: &Item| matches!(item.phase, Phase::Refused(_));
        let refused = self.hand.iter().filter(|(_, item)| is_refused(item));
        let ids: Vec<u64> = refused.map(|(id, _)| id).collect();
        for id in ids {
            let count = self.hand.get(id).and_then(|item| item.attempts).unwrap_or_default();
            let message = format!("the logic has ended {count} times while it worked on this item");
            let fault = Fault::own("LogicEnded", message);
            if are_kept {
                self.reject(id, &fault, now);
            } else {
                self.failed(id, &fault, None, now);
            }
        }
    }

    fn reject(&mut self, id: u64, fault: &Fault, now: Duration) {
        let Some(since) = self.since(id) else { return };
        let Some(Item { tag, workitem, body, wfid, .. }) = self.hand.remove(id) else { return };
        let text = format!("{}: it goes to the dead letters", fault.summary());
        self.log_about(Level::Error, wfid.clone(), &text);
        self.log_about(Level::Error, wfid.clone(), &format!("the workitem was {}", workitem.to_text()));
        let milliseconds = u64::try_from(now.saturating_sub(since).as_millis()).unwrap_or(u64::MAX);
        let (participant, summary) = (workitem.participant(&self.settings.name), fault.summary());
        let work = Work { wfid: &wfid, participant: &participant };
        let end = End { milliseconds, verdict: Verdict::Error(&summary) };
        self.act(Action::Note(Note::End(work, end).to_string()));
        if let Some(tag) = tag {
            self.give(Action::Reject(tag));
        }
        self.forgive(&body);
    }

    /// An item was answered: the end of the logic was not its fault, or does not matter any more.
    pub(super) fn forgive(&mut self, body: &[u8]) {
        if self.attempts.remove(body) {
            self.act(Action::Remember(self.attempts.to_string()));
        }
    }
}
