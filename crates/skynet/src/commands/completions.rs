//! Completions for shells, for those who build packages.

use crate::cli::Cli;
use crate::failure::{Failure, Outcome, print};
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};

/// What bash finds names with; a mini-SkyNET may be named on the line.
const BASH: &str = r#"_skynet_names() {
    local index
    local -a site=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        case ${COMP_WORDS[index]} in
            --root|--sysroot) site=("${COMP_WORDS[index]}" "${COMP_WORDS[index + 1]}") ;;
        esac
    done
    command skynet "${site[@]}" list 2>/dev/null | cut -c 3-
}

"#;

/// What zsh finds names with.
const ZSH: &str = r#"
_skynet_names() {
    compadd -- ${(f)"$(command skynet list 2>/dev/null | cut -c 3-)"}
}
"#;

/// Prints the completions for `shell`.
pub fn run(shell: Shell) -> Result<Outcome, Failure> {
    let mut text = Vec::new();
    generate(shell, &mut Cli::command(), "skynet", &mut text);
    let text = String::from_utf8_lossy(&text);
    print(with_names(&text, shell).as_bytes())?;
    Ok(Outcome::Done)
}

/// The commands that participants are named after, with their other names.
fn naming_commands() -> Vec<String> {
    let takes_names = |command: &&Command| {
        command.get_positionals().any(|argument| ["name", "names"].contains(&argument.get_id().as_str()))
    };
    let command = Cli::command();
    let commands = command.get_subcommands().filter(takes_names);
    commands.filter(|command| !command.is_hide_set()).map(|command| command.get_name().to_string()).collect()
}

/// Adds the names of participants to the completions, which know only what is always the same.
fn with_names(text: &str, shell: Shell) -> String {
    let commands = naming_commands();
    match shell {
        Shell::Bash => {
            let mut is_naming = false;
            let mut lines = String::from(BASH);
            for line in text.lines() {
                if let Some(label) = line.trim().strip_prefix("skynet__subcmd__") {
                    is_naming = commands.iter().any(|name| label == format!("{name})"));
                }
                match line.split_once("opts=\"") {
                    Some((blanks, words)) if is_naming => {
                        lines += &format!("{blanks}opts=\"$(_skynet_names) {words}\n");
                    }
                    _ => lines += &format!("{line}\n"),
                }
            }
            lines
        }
        Shell::Zsh => {
            let lines = text.lines().map(|line| {
                let is_name = line.starts_with("'*::names -- ") || line.starts_with("':name -- ");
                match line.split_once(":_default'").filter(|_| is_name) {
                    Some((argument, rest)) => format!("{argument}:_skynet_names'{rest}\n"),
                    None if line == "autoload -U is-at-least" => format!("{line}\n{ZSH}"),
                    None => format!("{line}\n"),
                }
            });
            lines.collect()
        }
        Shell::Fish => {
            let names = "(command skynet list 2>/dev/null | string sub -s 3)";
            let line = |command: &String| {
                format!(
                    "complete -c skynet -n \"__fish_skynet_using_subcommand {command}\" -f -a \"{names}\"\n"
                )
            };
            commands.iter().map(line).fold(text.to_string(), |text, line| text + &line)
        }
        _ => text.to_string(),
    }
}
