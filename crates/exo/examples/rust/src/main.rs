//! Adds up fields.numbers into fields.sum, params.pause seconds after each; tells how far it is, and can be cancelled.

use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// An item in hand, as the thread sees it that answers questions about it.
struct Job {
    /// How far it is.
    progress: Arc<Mutex<String>>,
    /// Cancels it.
    cancel: Sender<()>,
    worker: thread::JoinHandle<()>,
}

fn main() -> ExitCode {
    let mut limit = usize::MAX;
    let mut jobs: HashMap<u64, Job> = HashMap::new();
    for line in io::stdin().lock().lines() {
        let Ok(mut message) = line.map_err(|_| ()).and_then(|line| line.parse::<Value>().map_err(|_| ()))
        else {
            break;
        };
        jobs.retain(|_, job| !job.worker.is_finished());
        let id = message["id"].as_u64().unwrap_or_default();
        let kind = message["type"].take();
        match kind.as_str().unwrap_or_default() {
            "start" => {
                let text = message["config"]["sum"]["limit"].as_str();
                limit = text.and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
                tell(&json!({"type": "ready"}));
            }
            "work" => {
                jobs.insert(id, begin(id, message["workitem"].take(), limit));
            }
            request @ ("status" | "cancel") => {
                let value = jobs.get(&id).map_or(Value::Null, |job| ask(job, request));
                tell(&json!({"type": "answer", "id": id, "request": request, "return": value}));
            }
            "control" => {
                if let Some(job) = jobs.get(&id) {
                    ask(job, "cancel");
                }
            }
            "stop" => {
                for job in jobs.into_values() {
                    // A worker that has panicked has said so on standard error.
                    let _ = job.worker.join();
                }
                return ExitCode::SUCCESS;
            }
            "die" => break,
            _ => {}
        }
    }
    ExitCode::FAILURE
}

/// Has a thread work on an item.
fn begin(id: u64, mut workitem: Value, limit: usize) -> Job {
    let progress = Arc::new(Mutex::new(String::new()));
    let (cancel, cancelled) = mpsc::channel();
    let seen = Arc::clone(&progress);
    let worker = thread::spawn(move || match add(id, &mut workitem, limit, &progress, &cancelled) {
        Ok(()) => tell(&json!({"type": "reply", "id": id, "workitem": workitem})),
        Err(message) => {
            let error = json!({"class": "Refused", "message": message});
            tell(&json!({"type": "failure", "id": id, "error": error, "workitem": workitem}));
        }
    });
    Job { progress: seen, cancel, worker }
}

/// The work itself.
fn add(
    id: u64,
    workitem: &mut Value,
    limit: usize,
    progress: &Mutex<String>,
    cancelled: &Receiver<()>,
) -> Result<(), String> {
    let numbers: Option<Vec<f64>> =
        workitem["fields"]["numbers"].as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
    let numbers = numbers.ok_or("fields.numbers is no list of numbers")?;
    if numbers.len() > limit {
        return Err(format!("more than {limit} numbers"));
    }
    let at = |done: usize| {
        if let Ok(mut progress) = progress.lock() {
            *progress = format!("{done} of {}", numbers.len());
        }
    };
    at(0);
    tell(&json!({"type": "log", "level": "INFO", "message": format!("{} numbers", numbers.len()), "id": id}));
    let pause = Duration::from_secs_f64(workitem["fields"]["params"]["pause"].as_f64().unwrap_or(0.0));
    let mut sum = 0.0;
    let mut is_cancelled = false;
    for (done, number) in numbers.iter().enumerate() {
        at(done);
        is_cancelled = cancelled.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
        if is_cancelled {
            break;
        }
        sum += number;
    }
    workitem["fields"]["sum"] = json!(sum);
    workitem["fields"]["__result__"] = json!(!is_cancelled);
    Ok(())
}

/// Answers a question about an item.
fn ask(job: &Job, request: &str) -> Value {
    if request == "cancel" {
        // Who is not there to be cancelled is done.
        return json!(job.cancel.send(()).is_ok());
    }
    json!(*job.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// Sends a message. If exo is not there to read it, nor is any work to be done.
fn tell(message: &Value) {
    let mut line = message.to_string();
    line.push('\n');
    let mut output = io::stdout().lock();
    if output.write_all(line.as_bytes()).and_then(|()| output.flush()).is_err() {
        std::process::exit(1);
    }
}
