//! Work without a broker: items from standard input or from files, replies on standard output.

use crate::event::{Event, Message};
use skynet_core::failure::Failure;
use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead, ErrorKind, Write};
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::{Receiver, channel};

/// In the place of the broker.
pub struct Local {
    items: Receiver<Result<Vec<u8>, String>>,
    events: VecDeque<Event>,
    is_consuming: bool,
    in_hand: usize,
    prefetch: usize,
    next: u64,
}

/// What replies are printed as.
pub enum Source {
    /// Items are lines of standard input.
    Input,
    /// Items are files.
    Files(Vec<PathBuf>),
}

impl Source {
    /// The files `*.json` of a directory, in the order of their names.
    pub fn directory(directory: &Path) -> Result<Self, Failure> {
        let entries = fs::read_dir(directory).map_err(|error| Failure::file("read", directory, &error))?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        Ok(Self::Files(paths))
    }
}

impl Local {
    /// Work of that source, so many items at once.
    pub fn new(source: Source, prefetch: usize) -> Self {
        let (sender, items) = channel(1);
        tokio::task::spawn_blocking(move || {
            let send = |item| sender.blocking_send(item).is_ok();
            match source {
                Source::Input => {
                    let lines = std::io::stdin().lock().split(b'\n').map_while(Result::ok);
                    let mut lines = lines.filter(|line| !line.trim_ascii().is_empty());
                    lines.all(|line| send(Ok(line)));
                }
                Source::Files(paths) => {
                    let read = |path: PathBuf| {
                        fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
                    };
                    paths.into_iter().map(read).all(send);
                }
            }
        });
        let events = VecDeque::new();
        Self { items, events, is_consuming: false, in_hand: 0, prefetch, next: 1 }
    }

    /// It is always there.
    pub fn connect(&mut self) {
        self.events.push_back(Event::Linked);
    }

    /// Lets items come, or no longer.
    pub fn consume(&mut self, is_consuming: bool) {
        self.is_consuming = is_consuming;
        if is_consuming {
            self.events.push_back(Event::Consuming);
        }
    }

    /// Prints a reply.
    pub fn publish(&mut self, ticket: u64, mut body: Vec<u8>) {
        body.push(b'\n');
        let mut output = std::io::stdout().lock();
        let written = output.write_all(&body).and_then(|()| output.flush());
        match written {
            Ok(()) => self.events.push_back(Event::Confirmed(ticket)),
            // Nobody wants replies any more, as with `head`: this one is done with, and no other is worth the work.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.events.extend([Event::Confirmed(ticket), Event::Drained]);
            }
            Err(error) => self.events.push_back(Event::Unconfirmed(ticket, error.to_string())),
        }
    }

    /// An item is done with.
    pub fn done(&mut self) {
        self.in_hand = self.in_hand.saturating_sub(1);
    }

    /// What happens next.
    pub async fn next(&mut self) -> Event {
        if let Some(event) = self.events.pop_front() {
            return event;
        }
        if !self.is_consuming || self.in_hand == self.prefetch {
            return std::future::pending().await;
        }
        match self.items.recv().await {
            Some(Ok(body)) => {
                self.in_hand += 1;
                self.next += 1;
                Event::Delivery(Message { tag: self.next, is_again: false, returns: 0, body })
            }
            Some(Err(error)) => Event::Unreadable(error),
            None if self.in_hand == 0 => Event::Drained,
            None => std::future::pending().await,
        }
    }
}
