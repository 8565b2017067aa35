//! Replies and answers: from the logic to the process engine, and to who has asked about an item.
#![forbid(unsafe_code)]

use super::{LISTEN_AFTER, Machine};
use crate::event::{Action, Caller};
use crate::fault::Fault;
use crate::hand::{Item, Phase};
use crate::json;
use crate::level::{Level, excerpt};
use crate::protocol::{Request, ToLogic, is_broken_answer};
use serde_json::{Value, json};
use skynet_core::items::{End, Note, Verdict, Work};
use skynet_core::workitem::Workitem;
use std::time::Duration;

/// What somebody has asked, and waits for.
#[derive(Debug)]
pub(super) struct Question {
    id: u64,
    request: Request,
    from: Caller,
    message: Value,
}

impl Machine {
    /// The logic has done its work on an item, or failed so.
    pub(super) fn replied(&mut self, id: u64, reply: Workitem, failure: Option<&str>, now: Duration) {
        let Some(since) = self.since(id) else {
            return self.log(Level::Warning, &format!("the logic replied to {id}, which is not in hand"));
        };
        self.stop_listening(id);
        let Some(item) = self.hand.get_mut(id) else { return };
        let participant = item.workitem.participant(&self.settings.name);
        let milliseconds = u64::try_from((now.saturating_sub(since)).as_millis()).unwrap_or(u64::MAX);
        let verdict = match failure {
            Some(text) => Verdict::Error(text),
            None if reply.result() => Verdict::True,
            None => Verdict::False,
        };
        let work = Work { wfid: &item.wfid, participant: &participant };
        let note = Note::End(work, End { milliseconds, verdict }).to_string();
        // The logic may have changed its mind, or that of the process, about a reply.
        let is_forgotten = reply.is_forgotten();
        item.phase = Phase::Replied(note);
        if is_forgotten {
            return self.done(id);
        }
        self.send(reply.to_text().into_bytes(), Some(id));
    }

    /// The error that the logic has set in a workitem, which had none, or another one, when it came.
    pub(super) fn new_error(&self, id: u64, reply: &Workitem) -> Option<Fault> {
        let before = self.hand.get(id)?.workitem.error();
        let error = reply.error().filter(|error| before != Some(error))?;
        Some(Fault::from_value(error))
    }

    /// The logic could not do its work.
    pub(super) fn failed(&mut self, id: u64, fault: &Fault, reply: Option<Workitem>, now: Duration) {
        let Some(item) = self.hand.get(id).filter(|_| self.since(id).is_some()) else {
            let text = format!("the logic failed with {id}, which is not in hand: {}", fault.summary());
            return self.log(Level::Warning, &text);
        };
        let (wfid, original) = (item.wfid.clone(), item.workitem.clone());
        self.has_failed = true;
        self.log_about(Level::Error, wfid.clone(), &fault.report());
        self.log_about(Level::Error, wfid, &format!("the workitem was {}", original.to_text()));
        let mut reply = reply.unwrap_or(original);
        reply.set_error(fault.to_value());
        self.replied(id, reply, Some(&fault.summary()), now);
    }

    /// A line that is none of the protocol. Who would wait for another answer instead of a broken one would wait for ever.
    pub(super) fn rubbish(&mut self, line: &[u8], now: Duration) {
        let text = format!("the logic printed what is not of the protocol: {}", excerpt(line));
        self.log(Level::Warning, &text);
        let is_in_hand = |item: &Item| matches!(item.phase, Phase::Working(_));
        let ids: Vec<u64> = self.hand.iter().filter(|(_, item)| is_in_hand(item)).map(|(id, _)| id).collect();
        if let ([id], true) = (ids.as_slice(), is_broken_answer(line)) {
            let message = "the logic replied with what is not JSON".to_string();
            let fault = Fault::own("Unreadable", message);
            self.failed(*id, &fault, None, now);
            self.fill(now);
        }
    }

    /// When the logic began to work on an item, or was given it.
    pub(super) fn since(&self, id: u64) -> Option<Duration> {
        match self.hand.get(id)?.phase {
            Phase::Given(since) | Phase::Working(since) | Phase::Refused(since) => Some(since),
            Phase::Waiting | Phase::Replied(_) => None,
        }
    }

    /// Lets people ask about what is in hand for a while.
    pub(super) fn listen(&mut self, now: Duration) {
        if !self.is_up() {
            return;
        }
        let is_due = |item: &Item| {
            !item.is_listening && matches!(item.phase, Phase::Working(since) if since + LISTEN_AFTER <= now)
        };
        let due: Vec<u64> = self.hand.iter().filter(|(_, item)| is_due(item)).map(|(id, _)| id).collect();
        for id in due {
            let Some(wfid) = self.hand.get(id).map(|item| item.wfid.clone()) else { continue };
            let is_new = !self.listens_to(&wfid);
            if let Some(item) = self.hand.get_mut(id) {
                item.is_listening = true;
            }
            if is_new {
                self.act(Action::Listen(wfid));
            }
        }
    }

    fn listens_to(&self, wfid: &str) -> bool {
        self.hand.iter().any(|(_, item)| item.is_listening && item.wfid == wfid)
    }

    /// Nobody can ask about this item any more; who has asked gets no answer of the logic.
    pub(super) fn stop_listening(&mut self, id: u64) {
        let (late, rest) = std::mem::take(&mut self.questions)
            .into_iter()
            .partition(|question: &Question| question.id == id);
        self.questions = rest;
        for question in late {
            self.answer(question, &Value::Null);
        }
        let Some(item) = self.hand.get_mut(id) else { return };
        let wfid = item.wfid.clone();
        if std::mem::take(&mut item.is_listening) && !self.listens_to(&wfid) {
            self.act(Action::Unlisten(wfid));
        }
    }

    /// A client asks about an item: `{"msgID": .., "args": ["status"]}`.
    pub(super) fn asked(&mut self, wfid: &str, from: Caller, body: &[u8]) {
        let asked = json::read(body, json::BODY);
        let argument = asked.as_ref().and_then(|asked| asked.get("args")?.get(0)?.as_str());
        let request = argument.and_then(Request::from_name);
        let (Some(asked), Some(request)) = (&asked, request) else {
            let text = format!("a question that is neither status nor cancel: {}", excerpt(body));
            return self.log_about(Level::Warning, wfid.to_string(), &text);
        };
        let message = asked.get("msgID").cloned().unwrap_or(Value::Null);
        let id = self.hand.of_process(wfid);
        let question = Question { id: id.unwrap_or(0), request, from, message };
        let Some(id) = id else { return self.answer(question, &Value::Null) };
        self.questions.push(question);
        self.act(Action::Tell(ToLogic::Ask { id, request }));
    }

    /// The logic has answered all who have asked this.
    pub(super) fn answered(&mut self, id: u64, request: Request, value: &Value) {
        let is_it = |question: &Question| question.id == id && question.request == request;
        let (answered, rest) = std::mem::take(&mut self.questions).into_iter().partition(is_it);
        self.questions = rest;
        for question in answered {
            self.answer(question, value);
        }
    }

    fn answer(&mut self, question: Question, value: &Value) {
        let body = json!({"msgID": question.message, "return": value}).to_string();
        self.act(Action::Answer(question.from, body.into_bytes()));
    }
}
