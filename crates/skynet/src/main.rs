//! `skynet`: manages SkyNET participants with one command (docs/skynet.md).
//!
//! A participant is a service directory like any other. This program writes such directories, links them into the scan
//! directory, and talks to their supervises through the same modules as svc and svstat. Reading order: [`cli`] is the
//! command line, [`layout`] where everything is, [`names`] who is meant, [`site`] what is there, [`plan`] what a
//! participant consists of (with [`edit`], which changes lines of its files), [`writing`] carries such a plan out,
//! [`accounts`] knows who owns what, [`advice`] the words of earlier versions, [`scanning`] talks to svscan, [`progress`] knows what starting and stopping comes to
//! and [`carry`] carries it out (with [`told`], so that nobody is told twice), [`condition`] how a participant is, [`tally`] what logs tell about work, [`crash`] what is
//! told about crashes, [`logs`], [`history`], [`processes`] and
//! [`open`] what was logged, [`table`] how that is shown, and [`commands`] has a module for
//! each command or two.

#![expect(
    unreachable_pub,
    reason = "`pub` says what a module has for the others: a program has no other outside"
)]

mod accounts;
mod advice;
mod carry;
mod cli;
mod commands;
mod condition;
mod crash;
mod edit;
mod failure;
mod history;
mod layout;
mod logs;
mod meter;
mod names;
mod open;
mod plan;
mod processes;
mod progress;
mod scanning;
mod site;
mod table;
mod tally;
mod told;
mod writing;

use clap::Parser;
use clap::error::ContextKind;
use cli::{Cli, Command};
use failure::{Failure, Outcome};
use site::Site;
use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(mut answer) => {
            // What looks similar to a wrong word is seldom what was meant.
            for kind in [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::Suggested]
            {
                answer.remove(kind);
            }
            // That nobody listens is nobody's fault.
            let _ = answer.print();
            if let Some(advice) = advice::find(std::env::args_os().skip(1)).filter(|_| answer.use_stderr()) {
                failure::complain(advice);
            }
            return ExitCode::from(if answer.use_stderr() { failure::MISTAKE } else { 0 });
        }
    };
    match run(&cli) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::NotDone) => ExitCode::from(1),
        Err(failure) => {
            failure::tell(&failure);
            ExitCode::from(failure.code)
        }
    }
}

fn run(cli: &Cli) -> Result<Outcome, Failure> {
    if let Command::Completions { shell } = cli.command {
        return commands::completions::run(shell);
    }
    // An option of its own would have clap show it in every line about usage.
    let root = || std::env::var_os("SKYNET_ROOT").filter(|root| !root.is_empty()).map(PathBuf::from);
    let root = cli.root.clone().or_else(|| root().filter(|_| cli.sysroot.is_none()));
    let site = Site::find(root.as_deref(), cli.sysroot.as_deref())?;
    match &cli.command {
        Command::Install(arguments) => commands::install::run(&site, arguments),
        Command::Uninstall(selection) => commands::uninstall::run(&site, selection),
        Command::Enable(switch) => commands::enable::enable(&site, switch),
        Command::Disable(switch) => commands::enable::disable(&site, switch),
        Command::Start(patient) => commands::start::start(&site, patient),
        Command::Stop(patient) => commands::start::stop(&site, patient),
        Command::Restart(patient) => commands::start::restart(&site, patient),
        Command::Reload(patient) => commands::start::reload(&site, patient),
        Command::Wait(wait) => commands::start::wait(&site, wait),
        Command::Status(arguments) => commands::status::run(&site, arguments),
        Command::List(arguments) => commands::list::run(&site, arguments),
        Command::Log(arguments) => commands::log::run(&site, arguments),
        Command::History(arguments) => commands::history::run(&site, arguments),
        Command::Processes(arguments) => commands::processes::run(&site, arguments),
        Command::Notify(arguments) => commands::notify::run(&site, arguments),
        Command::Manual(one) => commands::manual::run(&site, one),
        Command::Register(arguments) => commands::register::run(&site, arguments, "--register"),
        Command::Unregister(arguments) => commands::register::run(&site, arguments, "--unregister"),
        Command::Item(item) => commands::engine::item(&site, item),
        Command::Rebuild(arguments) => commands::rebuild::run(&site, arguments),
        Command::Apply => commands::apply::run(&site),
        Command::Completions { .. } => Ok(Outcome::Done),
    }
}
