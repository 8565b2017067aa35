//! `svscan [--stagger=SECONDS] [--then=PROGRAM] [dir]`: keeps a supervise running for every directory in `dir`.

use super::is_mistyped;
use crate::options::{Found, Long, Options, seconds};
use crate::report::Failure;
use crate::svscan::run::{Order, run as scan};
use crate::sys::startup::{Program, Word};
use std::ffi::CString;

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

const LONG_OPTIONS: Long = Long { flags: &[], valued: &["stagger", "then"] };

fn run(words: &[Word]) -> Result<u8, Failure> {
    let usage = || Failure::usage("svscan", "svscan [--stagger=SECONDS] [--then=PROGRAM] [dir]");
    let mut options = Options::only_long(LONG_OPTIONS, words.get(1..).unwrap_or_default());
    let mut order = Order::default();
    let mut then = None;
    for found in options.by_ref() {
        match found {
            Found::Long("stagger", Some(value)) => order.stagger = seconds(value).ok_or_else(usage)?,
            Found::Long(_, Some(value)) => then = Some(CString::new(value).map_err(|_| usage())?),
            Found::Unknown(_) if !is_mistyped(found) => {}
            _ => return Err(usage().after(found.complaint(c"svscan"))),
        }
    }
    order.then = then.as_deref();
    order.directory = options.operands().first().copied();
    scan(&order)
}
