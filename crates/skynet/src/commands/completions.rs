//! Completions for shells, for those who build packages.

use crate::cli::Cli;
use crate::failure::Outcome;
use clap::CommandFactory;
use clap_complete::{Shell, generate};

/// Prints the completions for `shell`.
pub fn run(shell: Shell) -> Outcome {
    generate(shell, &mut Cli::command(), "skynet", &mut std::io::stdout());
    Outcome::Done
}
