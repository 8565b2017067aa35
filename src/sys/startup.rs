//! How a program starts and ends.
//!
//! [`crate::program!`] makes a C `main`, so the Rust runtime never runs: it would ignore SIGPIPE, open `/dev/null` on
//! closed standard descriptors and install handlers and stacks, all of which our children would inherit or our
//! memory would pay for.

use crate::report::Failure;
use std::ffi::{CStr, CString, c_char, c_int};
use std::io::Write;

/// A word of the command line or of the environment; it lives as long as the process.
pub type Word = &'static CStr;

/// What a program does with its command line, the program's name first. It answers with the exit code.
#[derive(Debug, Clone, Copy)]
pub enum Program {
    /// It only reads it.
    Plain(fn(&[Word]) -> Result<u8, Failure>),
    /// It shows something in the list of processes: the second argument is the memory of the last word, which is not among
    /// the words.
    Titled(fn(&[Word], &mut [u8]) -> Result<u8, Failure>),
}

/// Makes the `main` of a file: the [`Program`] that `$choose`, a `fn(Word) -> Program`, chooses when it is told what the
/// program was called.
#[macro_export]
macro_rules! program {
    ($choose:expr) => {
        #[unsafe(no_mangle)]
        extern "C" fn main(
            count: ::std::ffi::c_int,
            words: *const *mut ::std::ffi::c_char,
        ) -> ::std::ffi::c_int {
            // SAFETY: these are the arguments that the C library calls `main` with.
            unsafe { $crate::sys::startup::enter(count, words, $choose) }
        }
    };
}

/// Runs the program that `choose` chooses on the command line and turns its result into a message and an exit code.
///
/// # Safety
/// `count` and `words` must be what the C library gave to `main`: `count` strings that live as long as the process,
/// and that nobody else changes.
pub unsafe fn enter(count: c_int, words: *const *mut c_char, choose: impl FnOnce(Word) -> Program) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: by this function's contract, `words` points to `count` pointers.
    let pointers = unsafe { std::slice::from_raw_parts(words, count) };
    // SAFETY: by this function's contract, it is a string that lives as long as the process.
    let called_as = pointers.first().map_or(c"", |&word| unsafe { CStr::from_ptr(word) });
    let program = choose(called_as);
    let (title, pointers) = match (program, pointers.split_last()) {
        (Program::Titled(_), Some((&title, pointers))) => (Some(title), pointers),
        (Program::Titled(_), None) | (Program::Plain(_), _) => (None, pointers),
    };
    // SAFETY: by this function's contract, each is a string that lives as long as the process.
    let words: Vec<Word> = pointers.iter().map(|&word| unsafe { CStr::from_ptr(word) }).collect();
    let result = match program {
        Program::Plain(run) => run(&words),
        // SAFETY: nothing else uses the last word.
        Program::Titled(run) => run(&words, title.map_or(&mut [], |title| unsafe { memory(title) })),
    };
    c_int::from(result.unwrap_or_else(|failure| last_words(&failure)))
}

/// The bytes of a string, without its end.
///
/// # Safety
/// It must be a string that lives as long as the process, and that nothing else uses.
unsafe fn memory(string: *mut c_char) -> &'static mut [u8] {
    // SAFETY: by this function's contract, it is a string.
    let length = unsafe { CStr::from_ptr(string) }.count_bytes();
    // SAFETY: these bytes are writable, as C guarantees for the words of a command line, and nobody else uses them.
    unsafe { std::slice::from_raw_parts_mut(string.cast::<u8>(), length) }
}

/// The path that was executed, as the kernel tells; of a script, its own. Empty if it does not tell.
pub fn executed() -> &'static [u8] {
    // SAFETY: a call without pointers.
    let address = unsafe { libc::getauxval(libc::AT_EXECFN) };
    let path = std::ptr::with_exposed_provenance::<c_char>(usize::try_from(address).unwrap_or(0));
    if path.is_null() {
        return b"";
    }
    // SAFETY: the kernel has put a string there, which lives as long as the process.
    unsafe { CStr::from_ptr(path) }.to_bytes()
}

/// The path of the file that this process runs, as far as that can be known.
pub fn own_file() -> Option<Vec<u8>> {
    super::files::read_link(c"/proc/self/exe").ok().map(CString::into_bytes)
}

/// Makes sure that no file which a resident program opens becomes its standard input, output or error: a warning
/// must not end up in a fifo. A closed one stays useless to us and closed to our children: it is `/dev/null`,
/// opened the wrong way round and closed on exec.
pub fn occupy_standard_descriptors() {
    for (number, how) in [(0, libc::O_WRONLY), (1, libc::O_RDONLY), (2, libc::O_RDONLY)] {
        // SAFETY: a call without pointers.
        let is_open = unsafe { libc::fcntl(number, libc::F_GETFD) } != -1;
        if !is_open {
            // SAFETY: the path is a string. The lowest free number is this one.
            unsafe { libc::open(c"/dev/null".as_ptr(), how | libc::O_CLOEXEC) };
        }
    }
}

/// Prints a failure's message and returns its code.
pub(super) fn last_words(failure: &Failure) -> u8 {
    say(failure.message());
    failure.code()
}

/// Writes `message` on standard error with one `write(2)`; if that fails there is nobody to tell.
pub fn say(message: &[u8]) {
    if !message.is_empty() {
        let _ = std::io::stderr().write_all(message);
    }
}

/// The environment that this process was started with, in its order.
pub fn environment() -> Vec<Word> {
    let mut words = Vec::new();
    // SAFETY: this process never changes its environment, and has one thread.
    let mut next = unsafe { environ };
    while !next.is_null() {
        // SAFETY: `next` is within the array, which ends with a null pointer.
        let word = unsafe { *next };
        if word.is_null() {
            break;
        }
        // SAFETY: the entries are strings that live as long as the process.
        words.push(unsafe { CStr::from_ptr(word) });
        // SAFETY: `next` was not the end of the array.
        next = unsafe { next.add(1) };
    }
    words
}

unsafe extern "C" {
    static environ: *const *const c_char;
}
