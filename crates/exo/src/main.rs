//! `exo`: the exoskeleton of a SkyNET participant (docs/skynet.md). It gets workitems from a broker, gives
//! them to the logic, which is a process of its own, and sends what comes back to the process engine.
//!
//! Reading order: [`protocol`] is what exo and the logic say to each other, [`fault`] an error, [`event`] what happens and what
//! is done, [`hand`] the items in hand, [`settled`] those that may come again, [`attempts`] those on which the logic has
//! ended, [`machine`] the life of a participant, all of them pure, with [`level`], the lines of log, [`json`], [`flow`],
//! [`address`], [`endpoint`] and [`closed`].
//! The edge: [`setup`] reads the settings, [`logic`] is the process, [`amqp`], [`tls`], [`queue`], [`callbacks`],
//! [`listening`], [`session`] and [`broker`] the connection, [`local`](mod@local) stands in for that, [`ready`] tells supervise,
//! [`ledger`] keeps what outlives exo, [`dead_letters`] asks what becomes of a rejected message, [`run`] is the loop that
//! joins them, and [`client`] sends single messages.

#![expect(
    unreachable_pub,
    reason = "`pub` says what a module has for the others: a program has no other outside"
)]

mod address;
mod amqp;
mod attempts;
mod broker;
mod callbacks;
mod client;
mod closed;
mod dead_letters;
mod endpoint;
mod event;
mod fault;
mod flow;
mod hand;
mod incoming;
mod json;
mod ledger;
mod level;
mod listening;
mod local;
mod logic;
mod machine;
mod protocol;
mod queue;
mod ready;
mod run;
mod session;
mod settled;
mod setup;
mod tls;

use local::Source;
use protocol::Request;
use setup::Setup;
use skynet_core::failure::Failure;
use skynet_core::workitem::Registration;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: exo config.exo
       exo --local [--fail] LOGIC|config.exo [DIR]
       exo --register config.exo
       exo --unregister config.exo
       exo --control config.exo WFID status|cancel";

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    match carry_out(&words) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "exo: fatal: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

fn carry_out(words: &[OsString]) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::trouble(format_args!("unable to start: {error}")))?;
    let result = runtime.block_on(command(words));
    // Somebody may still wait for standard input.
    runtime.shutdown_background();
    result
}

/// Works without a broker, with the words behind the first option.
async fn local(words: &[OsString]) -> Result<u8, Failure> {
    let (is_strict, words) = match words {
        [option, rest @ ..] if option == "--fail" => (true, rest),
        words => (false, words),
    };
    if words.first().is_some_and(|word| word.as_encoded_bytes().starts_with(b"-")) {
        return Err(Failure::mistake(USAGE));
    }
    let (file, source) = match words {
        [file] => (file, Source::Input),
        [file, directory] => (file, Source::directory(Path::new(directory))?),
        _ => return Err(Failure::mistake(USAGE)),
    };
    let mut setup = Setup::read_local(Path::new(file))?;
    setup.is_strict = is_strict;
    run::run(&setup, Some(source)).await
}

async fn command(words: &[OsString]) -> Result<u8, Failure> {
    let texts: Vec<Option<&str>> = words.iter().map(|word| word.to_str()).collect();
    let read = |word: &OsString| Setup::read(Path::new(word));
    match (texts.as_slice(), words) {
        ([Some("--local"), ..], [_, rest @ ..]) => local(rest).await,
        ([Some("--register"), ..], [_, own]) => client::register(&read(own)?, Registration::Register).await,
        ([Some("--unregister"), ..], [_, own]) => {
            client::register(&read(own)?, Registration::Unregister).await
        }
        ([Some("--control"), _, Some(wfid), Some(what)], [_, own, _, _]) => {
            let request = Request::from_name(what).ok_or_else(|| Failure::mistake(USAGE))?;
            client::ask(&read(own)?, wfid, request).await
        }
        ([Some(word)], [own]) if !word.starts_with('-') => run::run(&read(own)?, None).await,
        _ => Err(Failure::mistake(USAGE)),
    }
}
