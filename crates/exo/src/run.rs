//! The one loop: waits for broker, logic, signals and time, tells the machine, and carries out what that decides.

use crate::attempts::Attempts;
use crate::broker::Broker;
use crate::event::{Action, Event, Origin};
use crate::ledger::Ledger;
use crate::level::Level;
use crate::local::{Local, Source};
use crate::logic::{Logic, Program};
use crate::machine::Machine;
use crate::ready::Readiness;
use crate::session::Wanted;
use crate::setup::Setup;
use skynet_core::failure::Failure;
use std::io::Write;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What work comes from.
enum Link {
    Broker(Box<Broker>),
    Local(Local),
}

/// Where lines of log go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    Output,
    Error,
}

struct Exo {
    link: Link,
    logic: Logic,
    signals: [Signal; 3],
    readiness: Option<Readiness>,
    level: Level,
    log: Log,
    ledger: Ledger,
}

/// Works until it is told to end; returns the exit code.
pub async fn run(setup: &Setup, source: Option<Source>) -> Result<u8, Failure> {
    let (origin, log) =
        if source.is_some() { (Origin::Local, Log::Error) } else { (Origin::Broker, Log::Output) };
    let settings = setup.settings(origin)?;
    for oddity in &setup.oddities {
        write(log, &Level::Warning.lines("", oddity));
    }
    let program = Program::find(&setup.code())?;
    // Before there is a process that could inherit it.
    let readiness = if source.is_some() { None } else { Readiness::find(&setup.directory) };
    let on =
        |kind| signal(kind).map_err(|error| Failure::trouble(format_args!("unable to get signals: {error}")));
    // After HUP there is new logic, so it is as after TERM: supervise starts this again.
    let signals = [on(SignalKind::terminate())?, on(SignalKind::interrupt())?, on(SignalKind::hangup())?];
    let logic = Logic::start(&program, &setup.name, &setup.directory)?;
    let link = match source {
        Some(source) => Link::Local(Local::new(source, settings.prefetch)),
        None => Link::Broker(Box::new(Broker::new(Wanted {
            nodes: setup.nodes.clone(),
            name: setup.name.clone(),
            queue: setup.queue.clone(),
            dead_letters: setup.dead_letters,
            prefetch: u16::try_from(settings.prefetch).unwrap_or(u16::MAX),
        }))),
    };
    let (level, ledger) = (setup.level, Ledger::new(&setup.directory, &setup.name));
    let attempts = Attempts::parse(&ledger.read());
    let mut exo = Exo { link, logic, signals, readiness, level, log, ledger };
    let (mut machine, mut actions) = Machine::start(settings, attempts);
    let start = Instant::now();
    loop {
        for action in actions {
            if let Action::Exit(code) = action {
                exo.end().await;
                return Ok(code);
            }
            exo.perform(action).await;
        }
        let event = exo.next(machine.deadline().and_then(|at| start.checked_add(at))).await;
        actions = machine.handle(event, start.elapsed());
    }
}

impl Exo {
    async fn next(&mut self, deadline: Option<Instant>) -> Event {
        let [term, int, hup] = &mut self.signals;
        let link = async {
            match &mut self.link {
                Link::Broker(broker) => broker.next().await,
                Link::Local(local) => local.next().await,
            }
        };
        let pause = deadline.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
        let tick = async {
            match deadline {
                // A timer has a whole millisecond, and may be early by a part of it.
                Some(_) => tokio::time::sleep(pause + Duration::from_millis(1)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = term.recv() => Event::Term,
            _ = int.recv() => Event::Term,
            _ = hup.recv() => Event::Term,
            event = self.logic.next() => event,
            event = link => event,
            () = tick => Event::Tick,
        }
    }

    async fn perform(&mut self, action: Action) {
        match action {
            Action::Tell(message) => self.logic.tell(&message),
            Action::Kill => self.logic.kill(),
            Action::Ready => drop(self.readiness.take().map(Readiness::tell)),
            Action::Log(level, wfids, text) if level >= self.level => {
                write(self.log, &level.lines(&wfids, &text))
            }
            Action::Remember(text) => {
                if let Err(error) = self.ledger.write(&text) {
                    let text = format!("unable to remember how often the logic has ended: {error}");
                    write(self.log, &Level::Warning.lines("", &text));
                }
            }
            Action::Note(line) => write(self.log, &format!("{line}\n")),
            Action::Log(..) | Action::Exit(_) => {}
            action => self.link.perform(action).await,
        }
    }

    async fn end(mut self) {
        if let Link::Broker(broker) = &mut self.link {
            broker.close().await;
        }
        self.logic.end().await;
    }
}

impl Link {
    async fn perform(&mut self, action: Action) {
        match self {
            Self::Broker(broker) => match action {
                Action::Connect(pause) => broker.connect(pause),
                Action::Consume => broker.consume().await,
                Action::CancelConsumer => broker.cancel_consumer().await,
                Action::Publish(ticket, body) => broker.publish(ticket, body).await,
                Action::Ack(tag) => broker.ack(tag).await,
                Action::Reject(tag) => broker.reject(tag).await,
                Action::Requeue(tag) => broker.requeue(tag).await,
                Action::FindDeadLetters => broker.find_dead_letters(),
                Action::Listen(wfid) => broker.listen(wfid),
                Action::Unlisten(wfid) => broker.unlisten(&wfid),
                Action::Answer(to, body) => broker.answer(to, body).await,
                _ => {}
            },
            Self::Local(local) => match action {
                Action::Connect(_) => local.connect(),
                Action::Consume => local.consume(true),
                Action::CancelConsumer => local.consume(false),
                Action::Publish(ticket, body) => local.publish(ticket, body),
                Action::Ack(_) | Action::Reject(_) | Action::Requeue(_) => local.done(),
                _ => {}
            },
        }
    }
}

/// That nobody takes the log is nobody's fault here.
fn write(log: Log, text: &str) {
    let _ = match log {
        Log::Output => std::io::stdout().lock().write_all(text.as_bytes()),
        Log::Error => std::io::stderr().lock().write_all(text.as_bytes()),
    };
}
