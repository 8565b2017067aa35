//! How a program says that something is wrong, and what it exits with.
//!
//! docs/compatibility.md 1.0: `PROG: usage: PROG ARGS` and 100 for the caller's mistake, `PROG: fatal: TEXT: ERROR` and
//! 111 for the system's trouble, `PROG: warning: TEXT: ERROR` for trouble that the program survives. A message
//! is built whole, so that it reaches a shared log in one piece.
#![forbid(unsafe_code)]

/// Exit code for a mistake of the caller.
pub const USAGE: u8 = 100;

/// Exit code for trouble with the system.
pub const SYSTEM: u8 = 111;

/// Why a program ends: its last words and its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    code: u8,
    message: Vec<u8>,
}

impl Failure {
    /// Ends with `code` and not a word.
    pub const fn silent(code: u8) -> Self {
        Self { code, message: Vec::new() }
    }

    /// Ends with `code` after `message`, which brings its own newline.
    pub const fn new(code: u8, message: Vec<u8>) -> Self {
        Self { code, message }
    }

    /// `PROG: usage: SYNOPSIS`, exit 100. The synopsis starts with the program's name.
    pub fn usage(program: &str, synopsis: &str) -> Self {
        let parts = [program.as_bytes(), b": usage: ", synopsis.as_bytes()];
        Self { code: USAGE, message: line(&parts) }
    }

    /// The same after a complaint, which brings its own newline.
    pub fn after(self, complaint: Option<Vec<u8>>) -> Self {
        Self { message: [complaint.unwrap_or_default(), self.message].concat(), ..self }
    }

    /// `PROG: fatal: PARTS`, exit 111. The parts follow each other without anything in between.
    pub fn fatal(program: &str, parts: &[&[u8]]) -> Self {
        Self { code: SYSTEM, message: tagged(program, ": fatal: ", parts) }
    }

    /// The exit code.
    pub const fn code(&self) -> u8 {
        self.code
    }

    /// The message with its newline; empty if there is nothing to say.
    pub fn message(&self) -> &[u8] {
        &self.message
    }
}

/// A failure whose last part, the text of an error, is still to come. To finish it takes no memory.
#[derive(Debug, Clone)]
pub struct Draft(Vec<u8>);

impl Draft {
    /// The longest last part that needs no memory any more.
    const SPARE: usize = 64;

    /// `PROG: fatal: PARTS`, up to the last part.
    pub fn new(program: &str, parts: &[&[u8]]) -> Self {
        let mut message = tagged(program, ": fatal: ", parts);
        // The newline comes at the very end.
        message.pop();
        message.reserve_exact(Self::SPARE);
        Self(message)
    }

    /// The failure, exit 111.
    pub fn finish(mut self, text: &str) -> Failure {
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(b'\n');
        Failure { code: SYSTEM, message: self.0 }
    }
}

/// `PROG: warning: PARTS` and a newline.
pub fn warning(program: &str, parts: &[&[u8]]) -> Vec<u8> {
    tagged(program, ": warning: ", parts)
}

fn tagged(program: &str, tag: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut message = [program.as_bytes(), tag.as_bytes()].concat();
    message.extend_from_slice(&line(parts));
    message
}

fn line(parts: &[&[u8]]) -> Vec<u8> {
    let mut line = parts.concat();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(failure: &Failure, code: u8, message: &str) {
        assert_eq!((failure.code(), failure.message()), (code, message.as_bytes()));
    }

    #[test]
    fn a_failure_knows_its_code_and_its_message() {
        check(&Failure::silent(100), 100, "");
        check(&Failure::usage("svok", "svok dir"), 100, "svok: usage: svok dir\n");
        let complaint = Some(b"svok: unknown option --x\n".to_vec());
        let usage = Failure::usage("svok", "svok dir");
        check(&usage.clone().after(complaint), 100, "svok: unknown option --x\nsvok: usage: svok dir\n");
        check(&usage.after(None), 100, "svok: usage: svok dir\n");
        let text: [&[u8]; 4] = [b"unable to chdir to ", b"x", b": ", b"not a directory"];
        check(&Failure::fatal("svok", &text), 111, "svok: fatal: unable to chdir to x: not a directory\n");
    }

    #[test]
    fn a_draft_is_finished_without_memory() {
        let draft = Draft::new("setlock", &[b"unable to run ", b"x", b": "]);
        let capacity = draft.0.capacity();
        let failure = draft.finish("access denied");
        check(&failure, 111, "setlock: fatal: unable to run x: access denied\n");
        assert_eq!(failure.message.capacity(), capacity);
    }

    #[test]
    fn a_warning_is_one_line() {
        assert_eq!(
            warning("svc", &[b"unable to chdir to ", b"\xff"]),
            b"svc: warning: unable to chdir to \xff\n"
        );
    }
}
