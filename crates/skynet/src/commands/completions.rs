//! Completions for shells, for those who build packages.

use crate::cli::Cli;
use crate::failure::{Failure, Outcome, print};
use clap::CommandFactory;
use clap_complete::{Shell, generate};

/// Prints the completions for `shell`.
pub fn run(shell: Shell) -> Result<Outcome, Failure> {
    let mut text = Vec::new();
    generate(shell, &mut Cli::command(), "skynet", &mut text);
    print(&text)?;
    Ok(Outcome::Done)
}
