//! The items in hand.
#![forbid(unsafe_code)]

use skynet_core::workitem::Workitem;
use std::collections::BTreeMap;
use std::time::Duration;

/// An item in hand.
#[derive(Debug)]
pub struct Item {
    /// What it is acknowledged by; none once the connection that it came on is lost.
    pub tag: Option<u64>,
    /// As it came.
    pub workitem: Workitem,
    /// The message that it came in. Delivered again, it is the same to the byte.
    pub body: Vec<u8>,
    /// The process that it belongs to.
    pub wfid: String,
    /// How far it is.
    pub phase: Phase,
    /// Whether somebody can ask about it.
    pub is_listening: bool,
    /// How often the logic has ended on it, if it is known for that. It is worked on alone then.
    pub attempts: Option<u16>,
}

/// How far an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// The logic has enough to do.
    Waiting,
    /// The logic has it since then, and works on others before.
    Given(Duration),
    /// The logic works on it, since then.
    Working(Duration),
    /// The reply is on its way; what is noted when it has arrived.
    Replied(String),
    /// The logic does not get it any more, which it was given last at that time.
    Refused(Duration),
}

/// All of them, by number.
#[derive(Debug, Default)]
pub struct Hand {
    items: BTreeMap<u64, Item>,
}

impl Hand {
    /// Adds an item.
    pub fn add(&mut self, id: u64, item: Item) {
        self.items.insert(id, item);
    }

    /// An item.
    pub fn get(&self, id: u64) -> Option<&Item> {
        self.items.get(&id)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, id: u64) -> Option<&mut Item> {
        self.items.get_mut(&id)
    }

    /// Takes an item out.
    pub fn remove(&mut self, id: u64) -> Option<Item> {
        self.items.remove(&id)
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Item)> {
        self.items.iter().map(|(id, item)| (*id, item))
    }

    /// Takes out those that no reply is on its way for.
    pub fn take_unanswered(&mut self) -> Vec<Item> {
        let is_unanswered = |item: &Item| !matches!(item.phase, Phase::Replied(_) | Phase::Refused(_));
        let ids: Vec<u64> = self.iter().filter(|(_, item)| is_unanswered(item)).map(|(id, _)| id).collect();
        ids.into_iter().filter_map(|id| self.items.remove(&id)).collect()
    }

    /// Takes out those that nobody works on yet.
    pub fn take_waiting(&mut self) -> Vec<Item> {
        let ids: Vec<u64> =
            self.iter().filter(|(_, item)| item.phase == Phase::Waiting).map(|(id, _)| id).collect();
        ids.into_iter().filter_map(|id| self.items.remove(&id)).collect()
    }

    /// The connection is lost, and with it what items are acknowledged by. What nobody works on yet comes again.
    pub fn forget_tags(&mut self) {
        self.items.retain(|_, item| !matches!(item.phase, Phase::Waiting | Phase::Refused(_)));
        for item in self.items.values_mut() {
            item.tag = None;
            item.is_listening = false;
        }
    }

    /// How many the logic works on.
    pub fn working(&self) -> usize {
        self.items.values().filter(|item| matches!(item.phase, Phase::Working(_))).count()
    }

    /// How many the logic has.
    pub fn with_logic(&self) -> usize {
        let has = |item: &&Item| matches!(item.phase, Phase::Given(_) | Phase::Working(_));
        self.items.values().filter(has).count()
    }

    /// Those that the logic has and does not work on yet, the oldest first.
    pub fn given(&self) -> impl Iterator<Item = u64> {
        self.iter().filter(|(_, item)| matches!(item.phase, Phase::Given(_))).map(|(id, _)| id)
    }

    /// The oldest that waits.
    pub fn first_waiting(&self) -> Option<u64> {
        self.iter().find(|(_, item)| item.phase == Phase::Waiting).map(|(id, _)| id)
    }

    /// Whether the logic can be given this one now: one on which it has ended is worked on alone.
    pub fn may_begin(&self, id: u64) -> bool {
        let is_working = |item: &&Item| matches!(item.phase, Phase::Working(_));
        let is_known = |item: &Item| item.attempts.is_some();
        let mut working = self.items.values().filter(is_working);
        if self.get(id).is_some_and(is_known) { working.next().is_none() } else { !working.any(is_known) }
    }

    /// Whether there are items that the logic does not get any more.
    pub fn has_refused(&self) -> bool {
        self.items.values().any(|item| matches!(item.phase, Phase::Refused(_)))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The item that a message is, which came before the connection was lost.
    pub fn orphan(&self, body: &[u8]) -> Option<u64> {
        let is_it = |item: &Item| item.tag.is_none() && item.body == body;
        self.iter().find(|(_, item)| is_it(item)).map(|(id, _)| id)
    }

    /// The item of a process that the logic works on.
    pub fn of_process(&self, wfid: &str) -> Option<u64> {
        let is_it = |item: &Item| item.wfid == wfid && matches!(item.phase, Phase::Working(_));
        self.iter().find(|(_, item)| is_it(item)).map(|(id, _)| id)
    }

    /// The item that a message of the process engine is about.
    pub fn same(&self, workitem: &Workitem) -> Option<u64> {
        let key = workitem.key()?;
        self.iter().find(|(_, item)| item.workitem.key().as_ref() == Some(&key)).map(|(id, _)| id)
    }

    /// The processes that the logic works for, for a line of log.
    pub fn wfids(&self) -> String {
        let working = self.items.values().filter(|item| matches!(item.phase, Phase::Working(_)));
        let mut wfids: Vec<&str> = working.map(|item| item.wfid.as_str()).collect();
        wfids.dedup();
        wfids.join(" ")
    }
}
