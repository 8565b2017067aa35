//! The logic: a process of its own, and the pipes to it.

use crate::event::Event;
use crate::protocol::{FromLogic, ToLogic};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use servicedir::sys::process;
use skynet_core::failure::Failure;
use skynet_core::ini::without_mark;
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, UnboundedSender, channel, unbounded_channel};
use tokio::time::Instant;

/// The class that logic for the adapter has.
const HANDLER: &str = "ParticipantHandler";

/// How many bytes of a file are searched for it.
const LONGEST_SOURCE: u64 = 1 << 20;

/// How many lines of the logic are read ahead.
const AHEAD: usize = 64;

/// How long a logic that was told to end at once may use the moment.
const LAST_MOMENT: Duration = Duration::from_secs(5);

/// How long what the logic has printed may take to arrive after its end, should somebody else hold the pipes, and perhaps
/// print without end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The logic.
pub struct Logic {
    child: Child,
    group: Option<Pid>,
    input: Option<UnboundedSender<Vec<u8>>>,
    output: Receiver<Event>,
    how: Option<String>,
    /// Until when its last words are waited for, once it has ended.
    until: Option<Instant>,
    is_over: bool,
}

/// What is run, and what is added to its environment.
#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// The program with its arguments.
    pub words: Vec<OsString>,
    /// The directory of the Python package, if it is needed.
    pub python: Option<PathBuf>,
}

impl Program {
    /// How the logic in a file is run: as it is, or by the adapter for Python.
    pub fn find(code: &Path) -> Result<Self, Failure> {
        let found = std::fs::metadata(code).ok().filter(std::fs::Metadata::is_file);
        let Some(facts) = found else {
            let text =
                format!("there is no logic {}: change code in [participant] of config.exo", code.display());
            return Err(Failure::mistake(text));
        };
        let is_executable = facts.permissions().mode() & 0o111 != 0;
        // First: as packages install them, participants in Python are executable, and often begin with a line for Python 2.
        if !has_handler(code) {
            if is_executable {
                return Ok(Self { words: vec![code.into()], python: None });
            }
            if code.extension() != Some(OsStr::new("py")) {
                let text =
                    format!("the logic {} is neither executable nor in Python: chmod +x", code.display());
                return Err(Failure::mistake(text));
            }
        }
        let words = ["python3", "-m", "SkyNET.adapter"].map(OsString::from).into_iter();
        Ok(Self { words: words.chain([code.into()]).collect(), python: Some(python()?) })
    }
}

/// Whether a file has a `ParticipantHandler`, which makes it logic for the adapter.
fn has_handler(code: &Path) -> bool {
    let mut text = Vec::new();
    let read = std::fs::File::open(code).and_then(|file| file.take(LONGEST_SOURCE).read_to_end(&mut text));
    let is_text = read.is_ok() && !text.contains(&0);
    is_text && without_mark(&String::from_utf8_lossy(&text)).lines().any(makes_handler)
}

/// Whether a line of Python makes, or imports, a `ParticipantHandler`.
fn makes_handler(line: &str) -> bool {
    let is_other = |c: char| !(c.is_alphanumeric() || c == '_');
    let mut words = line.split(is_other).filter(|word| !word.is_empty());
    match line.strip_prefix(HANDLER) {
        Some(rest) => rest.trim_start().starts_with('=') && !rest.trim_start().starts_with("=="),
        None => match words.next() {
            Some("class") if line.starts_with("class") => words.next() == Some(HANDLER),
            Some("from") if line.starts_with("from") => {
                words.by_ref().any(|word| word == "import") && words.any(|word| word == HANDLER)
            }
            _ => false,
        },
    }
}

/// The directory of the package SkyNET: what `SKYNET_PYTHON` names, or where it is installed with this program.
fn python() -> Result<PathBuf, Failure> {
    let named = std::env::var_os("SKYNET_PYTHON").map(PathBuf::from);
    let ours = std::env::current_exe()
        .ok()
        .and_then(|path| Some(path.parent()?.parent()?.join("share/servicedir/python")));
    let source = cfg!(debug_assertions).then(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("python"));
    let is_it = |path: &PathBuf| path.join("SkyNET/adapter.py").is_file();
    [named, ours, source].into_iter().flatten().find(is_it).ok_or_else(|| {
        let text = "the Python package SkyNET is neither in ../share/servicedir/python beside this program nor in SKYNET_PYTHON";
        Failure::mistake(text)
    })
}

impl Logic {
    /// Starts the logic of the participant `name` in its directory.
    pub fn start(program: &Program, name: &str, directory: &Path) -> Result<Self, Failure> {
        let Some((first, rest)) = program.words.split_first() else {
            return Err(Failure::mistake("there is no logic"));
        };
        let mut command = Command::new(first);
        command.args(rest).current_dir(directory).env("PARTICIPANT", name).process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some(python) = &program.python {
            let known = std::env::var_os("PYTHONPATH").unwrap_or_default();
            let paths = std::iter::once(python.clone()).chain(std::env::split_paths(&known));
            let paths = paths.filter(|path| !path.as_os_str().is_empty());
            command.env("PYTHONPATH", std::env::join_paths(paths).unwrap_or_default());
        }
        process::end_with_us(command.as_std_mut());
        let mut child = command.spawn().map_err(|error| Failure::file("run", Path::new(first), &error))?;
        let group = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        let (sender, output) = channel(AHEAD);
        let (input, lines) = unbounded_channel();
        if let Some(stdin) = child.stdin.take() {
            tokio::spawn(write(stdin, lines));
        }
        if let Some(stdout) = child.stdout.take() {
            let sender = sender.clone();
            tokio::spawn(async move {
                read(stdout, &sender, message).await;
                let _ = sender.send(Event::LogicMute).await;
            });
        }
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(async move { read(stderr, &sender, |line| Event::Stderr(bare(line))).await });
        }
        Ok(Self { child, group, input: Some(input), output, how: None, until: None, is_over: false })
    }

    /// What it says next; its end comes after all that it has printed.
    pub async fn next(&mut self) -> Event {
        if self.is_over {
            return std::future::pending().await;
        }
        if self.how.is_none() {
            tokio::select! {
                // Its end first: others who hold the pipes may always have something to say.
                biased;
                status = self.child.wait() => {
                    self.how = Some(status.map_or_else(|error| error.to_string(), describe));
                    self.until = Some(Instant::now() + LAST_WORDS);
                    // What it has left behind does not outlive it.
                    self.kill();
                }
                Some(event) = self.output.recv() => return event,
            }
        }
        let until = self.until.unwrap_or_else(Instant::now);
        let is_late = until <= Instant::now();
        match tokio::time::timeout_at(until, self.output.recv()).await {
            Ok(Some(event)) if !is_late => event,
            Ok(_) | Err(_) => {
                self.is_over = true;
                self.group = None;
                Event::LogicEnded(self.how.clone().unwrap_or_default())
            }
        }
    }

    /// Tells it something.
    pub fn tell(&self, message: &ToLogic) {
        if let Some(input) = &self.input {
            let _ = input.send(message.to_line());
        }
    }

    /// Ends it, and all that it has started.
    pub fn kill(&self) {
        if let Some(group) = self.group {
            let _ = killpg(group, Signal::SIGKILL);
        }
    }

    /// Waits for its end, but not long, and ends it then.
    pub async fn end(mut self) {
        self.input = None;
        if self.how.is_none() {
            let _ = tokio::time::timeout(LAST_MOMENT, self.child.wait()).await;
        }
        self.kill();
    }
}

fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited {code}"),
        (None, Some(number)) => match Signal::try_from(number) {
            Ok(signal) => format!("killed by {signal}"),
            // A real-time signal has no name.
            Err(_) => format!("killed by signal {number}"),
        },
        (None, None) => "killed".to_string(),
    }
}

fn message(line: Vec<u8>) -> Event {
    FromLogic::parse(&line).map_or(Event::Rubbish(line), Event::FromLogic)
}

/// A line without its end.
fn bare(mut line: Vec<u8>) -> Vec<u8> {
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    line
}

/// A logic that does not read holds up nobody but itself.
async fn write(mut stdin: ChildStdin, mut lines: UnboundedReceiver<Vec<u8>>) {
    while let Some(line) = lines.recv().await {
        if stdin.write_all(&line).await.is_err() {
            return;
        }
    }
}

async fn read(pipe: impl AsyncRead + Unpin, sender: &Sender<Event>, event: fn(Vec<u8>) -> Event) {
    let mut reader = BufReader::new(pipe);
    loop {
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if sender.send(event(line)).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_makes_a_handler_or_only_speaks_of_one() {
        for (line, expected) in [
            ("class ParticipantHandler(object):", true),
            ("class ParticipantHandler:", true),
            ("class  ParticipantHandler (Base) :", true),
            ("ParticipantHandler = make()", true),
            ("from base import ParticipantHandler", true),
            ("from base import Handler as ParticipantHandler, x", true),
            ("class ParticipantHandlers:", false),
            ("class MyParticipantHandler(ParticipantHandler):", false),
            ("    class ParticipantHandler:", false),
            ("# class ParticipantHandler:", false),
            ("ParticipantHandler == x", false),
            ("ParticipantHandler()", false),
            ("from ParticipantHandler import x", false),
            ("echo class ParticipantHandler", false),
            ("", false),
        ] {
            assert_eq!(makes_handler(line), expected, "{line}");
        }
    }

    #[test]
    fn how_the_logic_has_ended_is_said_for_every_signal() {
        for (status, expected) in [
            (0x0300, "exited 3"),
            (9, "killed by SIGKILL"),
            (34, "killed by signal 34"),
            (64, "killed by signal 64"),
        ] {
            assert_eq!(describe(ExitStatus::from_raw(status)), expected);
        }
    }
}
