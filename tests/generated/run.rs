//! Running a program on both sides, and telling what is different.

use super::Verdict;
use crate::support::undo_what_a_background_shell_does;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Bytes that are printed as a text, and shortened if they are many.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, length) = (&self.0, self.0.len());
        if length <= 400 {
            return write!(formatter, "b\"{}\"", bytes.escape_ascii());
        }
        let (begin, end) = (bytes[..150].escape_ascii(), bytes[length - 50..].escape_ascii());
        write!(formatter, "b\"{begin}\" ... b\"{end}\" ({length} bytes)")
    }
}

impl From<&str> for Bytes {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

/// Whose program it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Ours,
    Theirs,
}

pub(super) const SIDES: [Side; 2] = [Side::Ours, Side::Theirs];

impl Side {
    /// Where this side's program is.
    pub(super) fn program(self, name: &str) -> PathBuf {
        let directory = match self {
            Self::Ours => std::env::var_os("SVTOOLS_OURS").map_or_else(crate::support::ours, PathBuf::from),
            Self::Theirs => crate::support::theirs(),
        };
        directory.join(name)
    }

    /// The name of this side's directory; both have the same length.
    pub(super) const fn letter(self) -> &'static str {
        match self {
            Self::Ours => "o",
            Self::Theirs => "t",
        }
    }
}

/// A directory in memory with one for each side. It is gone when this is dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let scratch = Self(parent.join(format!("generated-{}-{number}", std::process::id())));
        for side in SIDES {
            fs::create_dir_all(scratch.of(side)).unwrap();
        }
        scratch
    }

    /// The directory of one side.
    pub(super) fn of(&self, side: Side) -> PathBuf {
        self.0.join(side.letter())
    }

    /// A path that belongs to no side.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Runs one side's program in its directory, without environment, and waits for its end.
    pub(super) fn run(&self, side: Side, name: &str, arguments: &[Bytes], input: &[u8]) -> Seen {
        self.run_with(side, name, arguments, input, |_| {})
    }

    /// The same, with something more to be said about the command.
    pub(super) fn run_with(
        &self,
        side: Side,
        name: &str,
        arguments: &[Bytes],
        input: &[u8],
        prepare: impl FnOnce(&mut Command),
    ) -> Seen {
        fs::write(self.path("stdin"), input).unwrap();
        undo_what_a_background_shell_does();
        let mut command = Command::new(side.program(name));
        command.arg0(name).args(arguments.iter().map(|argument| OsStr::from_bytes(&argument.0)));
        command.current_dir(self.of(side)).env_clear();
        command.stdin(File::open(self.path("stdin")).unwrap());
        command.stdout(File::create(self.path("stdout")).unwrap());
        command.stderr(File::create(self.path("stderr")).unwrap());
        prepare(&mut command);
        let mut guard = Guard(command.spawn().unwrap());
        let end = wait(|| guard.0.try_wait().unwrap());
        self.seen(end)
    }

    /// What a program left that had files of ours as stdout and stderr.
    pub(super) fn seen(&self, end: Option<ExitStatus>) -> Seen {
        let read = |name| Bytes(fs::read(self.path(name)).unwrap());
        let end = match end.map(|end| (end.code(), end.signal())) {
            Some((Some(code), _)) => format!("exit {code}"),
            Some((None, signal)) => format!("signal {signal:?}"),
            None => NO_END.to_owned(),
        };
        Seen { end, stdout: read("stdout"), stderr: read("stderr") }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A process that is not there any more when this is dropped.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for the end of a program that should end at once; `None` if it does not.
pub(super) fn wait(mut ended: impl FnMut() -> Option<ExitStatus>) -> Option<ExitStatus> {
    let start = Instant::now();
    let mut pause = Duration::from_micros(100);
    loop {
        let end = ended();
        if end.is_some() || start.elapsed() > crate::support::DEADLINE {
            return end;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(5));
    }
}

/// How a program ends that has to be killed.
const NO_END: &str = "no end";

/// What can be seen of a program from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) end: String,
    pub(super) stdout: Bytes,
    pub(super) stderr: Bytes,
}

/// That two things are the same, or what is different.
pub(super) fn same<T: PartialEq + fmt::Debug>(what: &str, [ours, theirs]: [&T; 2]) -> Verdict {
    if ours == theirs {
        return Ok(());
    }
    Err(format!("different {what}\nours:   {ours:#?}\ntheirs: {theirs:#?}"))
}

/// That two texts are the same, or where they begin to differ.
pub(super) fn same_bytes(what: &str, [ours, theirs]: [&[u8]; 2]) -> Verdict {
    if ours == theirs {
        return Ok(());
    }
    let position = ours.iter().zip(theirs).take_while(|(our, their)| our == their).count();
    let part = |text: &[u8]| {
        let end = text.len().min(position + 60);
        format!("b\"{}\"", text[position.saturating_sub(20)..end].escape_ascii())
    };
    Err(format!(
        "different {what}: {} and {} bytes, not the same from byte {position} on\nours:   {}\ntheirs: {}",
        ours.len(),
        theirs.len(),
        part(ours),
        part(theirs)
    ))
}

/// That a program comes to its end on both sides, and can be seen to do the same.
pub(super) fn same_seen(ours: &Seen, theirs: &Seen) -> Verdict {
    let ends = [&ours.end, &theirs.end];
    let ended = if ends.iter().any(|end| *end == NO_END) { Err("not ended".to_owned()) } else { Ok(()) };
    ended
        .and_then(|()| same("end", ends))
        .and_then(|()| same_bytes("stdout", [&ours.stdout.0, &theirs.stdout.0]))
        .and_then(|()| same_bytes("stderr", [&ours.stderr.0, &theirs.stderr.0]))
        .map_err(|difference| format!("{difference}\nours:   {ours:?}\ntheirs: {theirs:?}"))
}

/// What stands for a label, in its length.
const MASK: &[u8] = b"@LABEL...................";

/// Whether a text begins with a label.
fn has_label(text: &[u8]) -> bool {
    let is_hex = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    text.len() >= 25 && text[0] == b'@' && text[1..25].iter().all(is_hex)
}

/// Puts [`MASK`] in the place of each label at the beginning of a line.
pub(super) fn without_labels(text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    lines
        .flat_map(|line| if has_label(line) { [MASK, &line[25..]] } else { [b"", line] })
        .flatten()
        .copied()
        .collect()
}

/// Puts [`MASK`] in the place of each label, wherever it is.
pub(super) fn without_any_labels(mut text: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(text.len());
    while let Some(at) = text.iter().position(|&byte| byte == b'@') {
        masked.extend_from_slice(&text[..at]);
        let (mask, length): (&[u8], _) = if has_label(&text[at..]) { (MASK, 25) } else { (b"@", 1) };
        masked.extend_from_slice(mask);
        text = &text[at + length..];
    }
    masked.extend_from_slice(text);
    masked
}
