//! `svstat dirs...`: a line about each service.
#![no_main]

use servicedir::report::Failure;
use servicedir::service::directory::{Directory, NoStatus};
use servicedir::service::sentence::sentence;
use servicedir::sys::startup::Word;
use servicedir::sys::{Errno, clock, files};
use servicedir::tai::Stamp;
use std::ffi::CStr;
use std::os::fd::AsFd;

servicedir::program!(run);

fn run(words: &[Word]) -> Result<u8, Failure> {
    let here = files::open_read(files::HERE, c".")
        .map_err(|error| Failure::fatal("svstat", &[b"unable to open current directory: ", error.bytes()]))?;
    let mut output = Vec::new();
    for path in words.iter().skip(1) {
        let line = describe(&here, path).unwrap_or_else(|trouble| trouble);
        output.extend_from_slice(&[path.to_bytes(), b": ", line.as_bytes(), b"\n"].concat());
    }
    // Like the original, svstat has nobody to tell that its standard output is gone.
    let _ = files::write_all(files::output(), &output);
    Ok(0)
}

/// What the line says after the name of the service, be it trouble or not.
fn describe(here: impl AsFd, path: &CStr) -> Result<String, String> {
    let unable = |what: &str, error: Errno| format!("unable to {what}: {}", error.text());
    let directory = Directory::open(here, path).map_err(|error| unable("chdir", error))?;
    let has_down = directory.has_down().map_err(|error| unable("stat down", error))?;
    directory.knock().map_err(|error| match error.is(libc::ENXIO) {
        true => "supervise not running".to_string(),
        false => unable("open supervise/ok", error),
    })?;
    let status = directory.status().map_err(|trouble| match trouble {
        NoStatus::Unopened(error) => unable("open supervise/status", error),
        NoStatus::Unread(error) => unable("read supervise/status", error),
        NoStatus::BadFormat => "unable to read supervise/status: bad format".to_string(),
    })?;
    Ok(sentence(&status, has_down, Stamp::from_unix(clock::wall())))
}
