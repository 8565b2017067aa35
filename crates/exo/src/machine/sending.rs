//! What is on its way to the process engine, until the broker has it.
#![forbid(unsafe_code)]

use super::Machine;
use crate::event::Action;
use crate::fault::Fault;
use crate::hand::{Item, Phase};
use crate::level::Level;
use skynet_core::items::{self, End, Note, Verdict};
use std::time::Duration;

/// How long to wait before something is sent again that the broker did not take.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Something for the process engine that the broker has not confirmed.
#[derive(Debug)]
pub(super) struct Sending {
    body: Vec<u8>,
    /// The item that it is the reply to.
    item: Option<u64>,
    /// When it is sent again.
    pub(super) again_at: Option<Duration>,
    /// Whether it only says that the reply was too long.
    is_replaced: bool,
}

impl Machine {
    /// Sends something to the process engine, now or when the broker is there.
    pub(super) fn send(&mut self, body: Vec<u8>, item: Option<u64>) {
        let ticket = self.next;
        self.next += 1;
        if self.is_up() {
            self.act(Action::Publish(ticket, body.clone()));
        }
        self.outbox.insert(ticket, Sending { body, item, again_at: None, is_replaced: false });
    }

    /// Sends what the broker has not confirmed.
    pub(super) fn publish_all(&mut self) {
        for (ticket, sending) in &mut self.outbox {
            sending.again_at = None;
            self.actions.push(Action::Publish(*ticket, sending.body.clone()));
        }
    }

    pub(super) fn send_again(&mut self, now: Duration) {
        if !self.is_up() {
            return;
        }
        for (ticket, sending) in &mut self.outbox {
            if sending.again_at.is_some_and(|at| at <= now) {
                sending.again_at = None;
                self.actions.push(Action::Publish(*ticket, sending.body.clone()));
            }
        }
    }

    pub(super) fn confirmed(&mut self, ticket: u64) {
        if let Some(id) = self.outbox.remove(&ticket).and_then(|sending| sending.item) {
            self.done(id);
        }
    }

    pub(super) fn unconfirmed(&mut self, ticket: u64, reason: &str, now: Duration) {
        let Some(sending) = self.outbox.get_mut(&ticket) else { return };
        sending.again_at = Some(now + AGAIN_AFTER);
        let item = sending.item.and_then(|id| self.hand.get(id));
        let wfid = item.map_or(String::new(), |item| item.wfid.clone());
        let text = format!("the broker did not take a reply, which is sent again: {reason}");
        self.log_about(Level::Warning, wfid, &text);
    }

    /// An item is done with.
    pub(super) fn done(&mut self, id: u64) {
        let Some(Item { tag, body, phase, .. }) = self.hand.remove(id) else { return };
        if let Phase::Replied(note) = phase {
            self.act(Action::Note(note));
        }
        self.forgive(&body);
        match tag {
            Some(tag) => {
                self.act(Action::Ack(tag));
                self.settled.acknowledged(body);
            }
            None => self.settled.unacknowledged(body),
        }
    }

    /// The broker takes nothing of that size: the process engine is told so instead.
    pub(super) fn too_long(&mut self, size: usize, reason: &str) {
        let is_too_long = |sending: &Sending| sending.body.len() >= size;
        let found = self.outbox.iter().filter(|(_, sending)| is_too_long(sending));
        let tickets: Vec<u64> = found.map(|(ticket, _)| *ticket).collect();
        for ticket in tickets {
            self.replace(ticket, reason);
        }
    }

    fn replace(&mut self, ticket: u64, reason: &str) {
        let Some(sending) = self.outbox.get_mut(&ticket) else { return };
        let item = sending.item.and_then(|id| self.hand.get_mut(id));
        let wfid = item.as_ref().map_or(String::new(), |item| item.wfid.clone());
        let about = format!("{} bytes are more than the broker takes", sending.body.len());
        let Some(Item { workitem, phase: Phase::Replied(note), .. }) = item.filter(|_| !sending.is_replaced)
        else {
            let item = self.outbox.remove(&ticket).and_then(|sending| sending.item);
            let text = format!("{about}, and the process engine does not get them: {reason}");
            self.log_about(Level::Error, wfid, &text);
            return item.map_or((), |id| self.done(id));
        };
        let message = format!("the reply is too long: {about}: {reason}");
        let fault = Fault::own("TooLong", message);
        let mut reply = workitem.clone();
        reply.set_error(fault.to_value());
        let summary = fault.summary();
        if let Some(Note::End(work, End { milliseconds, .. })) = items::parse(note.as_bytes()) {
            *note = Note::End(work, End { milliseconds, verdict: Verdict::Error(&summary) }).to_string();
        }
        (sending.body, sending.is_replaced, sending.again_at) = (reply.to_text().into_bytes(), true, None);
        self.log_about(Level::Error, wfid, &summary);
    }
}
