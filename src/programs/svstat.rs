//! `svstat [--long|--json] dirs...`: a line about each service.

use super::is_mistyped;
use crate::json;
use crate::options::{Found, Long, Options};
use crate::report::Failure;
use crate::service::account;
use crate::service::survey::{Depth, survey};
use crate::sys::startup::{Program, Word};
use crate::sys::{clock, files};
use crate::tai::Stamp;

/// What it does.
pub const PROGRAM: Program = Program::Plain(run);

const LONG_OPTIONS: Long = Long { flags: &["json", "long"], valued: &[] };

fn run(words: &[Word]) -> Result<u8, Failure> {
    let mut options = Options::only_long(LONG_OPTIONS, words.get(1..).unwrap_or_default());
    let mut form = None;
    for found in options.by_ref() {
        match found {
            Found::Long(name, None) if form.is_none_or(|form| form == name) => form = Some(name),
            Found::Unknown(_) if !is_mistyped(found) => {}
            _ => {
                let usage = Failure::usage("svstat", "svstat [--long|--json] dirs...");
                return Err(usage.after(found.complaint(c"svstat")));
            }
        }
    }
    let here = files::open_read(files::HERE, c".")
        .map_err(|error| Failure::fatal("svstat", &[b"unable to open current directory: ", error.bytes()]))?;
    let depth = if form.is_some() { Depth::All } else { Depth::Record };
    let now = Stamp::from_unix(clock::wall());
    if form == Some("long") {
        clock::load_time_zone();
    }
    let mut output = Vec::new();
    let mut objects = Vec::new();
    for path in options.operands() {
        let known = survey(&here, path, depth);
        if form == Some("json") {
            let name = path.to_string_lossy();
            objects.push(known.map_or_else(|it| account::trouble(&name, &it), |it| it.json(&name, now)));
        } else {
            let line = match form {
                Some(_) => known.map(|it| it.long(now, |stamp| clock::local_text(stamp.to_unix()))),
                None => known.map(|it| it.sentence(now)),
            };
            let line = line.unwrap_or_else(|trouble| trouble);
            output.extend_from_slice(&[path.to_bytes(), b": ", line.as_bytes(), b"\n"].concat());
        }
    }
    if form == Some("json") {
        output = json::lines(&objects).into_bytes();
    }
    // Like the original, svstat has nobody to tell that its standard output is gone.
    let _ = files::write_all(files::output(), &output);
    Ok(0)
}
