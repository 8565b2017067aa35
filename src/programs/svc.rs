//! `svc [-udopchaitkxq12w] [--check] [--wait=STATE] [--for=SECONDS] [--timeout=SECONDS] dirs...`: controls services.

use crate::options::{Found, Options};
use crate::report::{Failure, USAGE};
use crate::service::command::{LONG_OPTIONS, Order, give};
use crate::service::control::OPTIONS;
use crate::sys::startup::{Program, Word};
use crate::sys::{files, signals};

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

const USAGE_LINE: &[u8] = b"svc options: u up, d down, o once, x exit, p pause, c continue, \
    h hup, a alarm, i interrupt, t term, k kill\n";

const LONG_USAGE_LINE: &[u8] =
    b"svc long options: --check, --wait=up, --wait=down, --wait=ready, --for=SECONDS, --timeout=SECONDS\n";

fn run(words: &[Word]) -> Result<u8, Failure> {
    signals::ignore_broken_pipes();
    let (called_as, words) = words.split_first().ok_or(Failure::silent(USAGE))?;
    let mut options = Options::new(OPTIONS, b"", words).with_long(LONG_OPTIONS);
    let mut order = Order::default();
    for found in options.by_ref() {
        match found {
            Found::Letter(letter, _) => order.letters.add(letter),
            Found::Long(name, value) => order.read(name, value)?,
            Found::Illegal(_) | Found::MissingArgument(_) => {
                return Err(Failure::new(USAGE, USAGE_LINE.to_vec()).after(found.complaint(called_as)));
            }
            Found::Unknown(_) => {
                let usage = Failure::new(USAGE, [USAGE_LINE, LONG_USAGE_LINE].concat());
                return Err(usage.after(found.complaint(called_as)));
            }
        }
    }
    order.check()?;
    let here = files::open_read(files::HERE, c".")
        .map_err(|error| Failure::fatal("svc", &[b"unable to open current directory: ", error.bytes()]))?;
    Ok(give(&order, &here, options.operands()))
}
