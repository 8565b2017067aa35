//! The manual page lists all that there is, and its examples do what they show.

use crate::support::{Sandbox, is_root};
use std::fmt::Write as _;

const PAGE: &str = include_str!("../man/skynet.8");

/// The words of a line of the page, without what comes after them.
fn says(words: &str) -> bool {
    let is_end = |rest: &str| rest.is_empty() || rest.starts_with(' ');
    PAGE.lines().any(|line| {
        line.match_indices(words).any(|(index, _)| line.get(index + words.len()..).is_some_and(is_end))
    })
}

#[test]
fn the_manual_page_has_every_command_and_every_option() {
    let sandbox = Sandbox::new();
    let commands = |help: &str| -> Vec<String> {
        let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
        let is_command = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
        list.lines()
            .filter(is_command)
            .map(|line| line.split_whitespace().next().unwrap().to_string())
            .collect()
    };
    let mut missing = Vec::new();
    for command in commands(&sandbox.run("skynet --help")).iter().filter(|command| *command != "help") {
        if !says(&format!("Cm {command}")) && !says(&format!("| {command}")) {
            missing.push(format!("the command {command}"));
        }
        let help = sandbox.run(&format!("skynet {command} --help"));
        let options = help.split([' ', '\n', ',']).filter_map(|word| word.strip_prefix("--"));
        for option in options.filter(|option| !option.is_empty()) {
            if !says(&format!("Fl -{option}")) {
                missing.push(format!("--{option} of {command}"));
            }
        }
    }
    assert!(missing.is_empty(), "skynet.8 lacks {missing:?}");
}

#[test]
fn the_examples_of_the_manual_page_do_what_it_shows() {
    if !is_root() {
        return;
    }
    let examples = PAGE.split("\n.Sh ").find_map(|section| section.strip_prefix("EXAMPLES\n")).unwrap();
    let displays = examples.split("\n.Bd -literal -offset indent\n").skip(1);
    let lines: Vec<&str> =
        displays.flat_map(|display| display.split("\n.Ed").next().unwrap().lines()).collect();
    let mut script = String::from(
        "printf '%s\\n' '#!/bin/sh' 'echo ready; exec sleep 1000' >/usr/bin/exo; chmod 755 /usr/bin/exo\n\
         for account in boss builder; do useradd --system $account; done\n\
         printf '%s\\n' '#!/bin/sh' '{ echo \"Subject: $2\"; cat; } >>/var/mail/$3' >/usr/bin/mail; chmod 755 /usr/bin/mail\n\
         # What would go on until it is interrupted goes on until it is ready.\n\
         timeout() { shift; \"$@\" >said & wait_for grep -q ready said; cat said; kill $!; wait $!; }\n\
         rm -f /var/mail/root; mkdir -p /home/me; cd /home/me; export HOME=/home/me; echo pass >build_image.py; scan\n",
    );
    for line in &lines {
        if let Some(command) = line.strip_prefix("$ ").or_else(|| line.strip_prefix("# ")) {
            for awaited in ["/var/log/boss/build_image/current", "/var/mail/root"] {
                if command.contains(awaited) {
                    writeln!(script, "wait_for grep -q ready {awaited}").unwrap();
                }
            }
            write!(script, "echo '{}'\n{command} || :\n", line.replace('\'', "'\\''")).unwrap();
        }
    }
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    let shown = |text: &str| {
        let text = text.replace(&format!(" on {host} "), " on host ");
        // Numbers of processes and moments are others each time.
        text.split(|letter: char| letter.is_ascii_digit())
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("0")
    };
    assert_eq!(shown(&Sandbox::new().system(&script)), shown(&(lines.join("\n") + "\n")));
}
