//! How a program starts and ends.
//!
//! [`crate::program!`] makes a C `main`, so the Rust runtime never runs: it would ignore SIGPIPE, open `/dev/null` on
//! closed standard descriptors and install handlers and stacks, all of which our children would inherit or our
//! memory would pay for.

use crate::report::Failure;
use std::ffi::{CStr, c_char, c_int};
use std::io::Write;

/// A word of the command line or of the environment; it lives as long as the process.
pub type Word = &'static CStr;

/// Makes `$run`, a `fn(&[Word]) -> Result<u8, Failure>`, the program. It is given the whole command line, the
/// program's name first, and answers with the exit code.
#[macro_export]
macro_rules! program {
    ($run:expr) => {
        #[unsafe(no_mangle)]
        extern "C" fn main(
            count: ::std::ffi::c_int,
            words: *const *const ::std::ffi::c_char,
        ) -> ::std::ffi::c_int {
            // SAFETY: these are the arguments that the C library calls `main` with.
            unsafe { $crate::sys::startup::enter(count, words, $run) }
        }
    };
}

/// The same as [`crate::program!`] for a `fn(&[Word], &mut [u8]) -> Result<u8, Failure>` that shows something in the list
/// of processes: the second argument is the memory of the last word, which is not among the words.
#[macro_export]
macro_rules! program_with_title {
    ($run:expr) => {
        #[unsafe(no_mangle)]
        extern "C" fn main(
            count: ::std::ffi::c_int,
            words: *const *mut ::std::ffi::c_char,
        ) -> ::std::ffi::c_int {
            // SAFETY: these are the arguments that the C library calls `main` with.
            unsafe { $crate::sys::startup::enter_with_title(count, words, $run) }
        }
    };
}

/// Runs `run` on the command line and turns its result into a message and an exit code.
///
/// # Safety
/// `count` and `words` must be what the C library gave to `main`: `count` strings that live, unchanged, as long
/// as the process.
pub unsafe fn enter(
    count: c_int,
    words: *const *const c_char,
    run: fn(&[Word]) -> Result<u8, Failure>,
) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: by this function's contract, `words` points to `count` pointers.
    let pointers = unsafe { std::slice::from_raw_parts(words, count) };
    // SAFETY: by this function's contract, each is a string that lives as long as the process.
    let words: Vec<Word> = pointers.iter().map(|&word| unsafe { CStr::from_ptr(word) }).collect();
    leave(run(&words))
}

/// Runs `run` on the command line without its last word, and on the memory of that.
///
/// # Safety
/// As for [`enter`]; besides, nothing else may use the last word.
pub unsafe fn enter_with_title(
    count: c_int,
    words: *const *mut c_char,
    run: fn(&[Word], &mut [u8]) -> Result<u8, Failure>,
) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: by this function's contract, `words` points to `count` pointers.
    let pointers = unsafe { std::slice::from_raw_parts(words, count) };
    let Some((&title, pointers)) = pointers.split_last() else { return leave(run(&[], &mut [])) };
    // SAFETY: by this function's contract, each is a string that lives as long as the process.
    let words: Vec<Word> = pointers.iter().map(|&word| unsafe { CStr::from_ptr(word) }).collect();
    // SAFETY: by this function's contract, it is a string.
    let length = unsafe { CStr::from_ptr(title) }.count_bytes();
    // SAFETY: these bytes are the string without its end, writable as C guarantees, and nobody else uses them.
    let title = unsafe { std::slice::from_raw_parts_mut(title.cast::<u8>(), length) };
    leave(run(&words, title))
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

fn leave(result: Result<u8, Failure>) -> c_int {
    c_int::from(result.unwrap_or_else(|failure| last_words(&failure)))
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
