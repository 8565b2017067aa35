//! `skynet install`: makes participants from their logic.

use super::making::{self, Make};
use crate::cli::Install;
use crate::edit::is_value;
use crate::failure::{Failure, Outcome, say};
use crate::names;
use crate::plan::{Mode, Request, is_name_of_logic};
use crate::site::{Participant, Site};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// How many instances are made at most.
const MOST: u32 = 1000;

/// The logic that somebody brings.
struct Logic {
    file_name: String,
    content: Vec<u8>,
    mode: Mode,
}

/// Carries out `skynet install`.
pub fn run(site: &Site, arguments: &Install) -> Result<Outcome, Failure> {
    let path = arguments.logic.as_deref().or(arguments.old_logic.as_deref());
    let path = path.ok_or_else(|| Failure::mistake("install what? Name the file with the logic"))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = arguments.name.as_deref().unwrap_or(&stem);
    let may_be_missing = arguments.skip_missing || arguments.old_logic.is_some();
    if may_be_missing && fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        say(format_args!("SKIPPING {name}: there is no {}", path.display()));
        return Ok(Outcome::Done);
    }
    let logic = read(path)?;
    let names = match arguments.instances {
        Some(count) if !(1..=MOST).contains(&count) => {
            return Err(Failure::mistake(format_args!("-i {count}: from 1 to {MOST} can be made")));
        }
        Some(count) => (0..count).map(|number| format!("{name}_{number}")).collect(),
        None => vec![name.to_string()],
    };
    for name in &names {
        if !names::is_valid(name) {
            return Err(Failure::mistake(format_args!(
                "{name} cannot be the name of a participant: letters, digits and ._-+@ can; choose one with -n"
            )));
        }
    }
    for (option, value) in [("-q", &arguments.queue), ("-r", &arguments.regexp)] {
        if !value.as_deref().is_none_or(is_value) {
            return Err(Failure::mistake(format_args!(
                "what {option} gives has a character in it, or a blank at an end, that cannot be in config.exo"
            )));
        }
    }
    let participants = site.participants()?;
    if let Some(taken) = participants.iter().find(|known| known.is_packaged && names.contains(&known.name)) {
        let name = &taken.name;
        return Err(Failure::mistake(format_args!(
            "{name} is a participant that a package owns; choose another name with -n"
        )));
    }
    let request = Request {
        user: arguments.user.as_deref(),
        queue: arguments.queue.as_deref(),
        regexp: arguments.regexp.as_deref(),
        code: Some(&logic.file_name),
        instances: arguments.instances.map(|count| (count, name)),
    };
    let file = (logic.file_name.as_str(), logic.content.as_slice(), logic.mode);
    let makes: Vec<Make> = names
        .iter()
        .map(|name| Make::plan(site, name, &site.layout.storage.join(name), &request, Some(file)))
        .collect::<Result<_, _>>()?;
    if site.layout.is_home() {
        making::scan_directory(site)?;
    }
    for (name, make) in names.iter().zip(&makes) {
        say(format_args!("{name}: {}", make.carry_out()?));
    }
    let is_left = |known: &&Participant| {
        let number =
            known.name.strip_prefix(name).and_then(|rest| rest.strip_prefix('_')?.parse::<u32>().ok());
        arguments.instances.zip(number).is_some_and(|(count, number)| number >= count)
    };
    for Participant { name, .. } in participants.iter().filter(is_left) {
        say(format_args!("{name} is there from before: skynet uninstall {name} removes it"));
    }
    Ok(Outcome::Done)
}

fn read(path: &Path) -> Result<Logic, Failure> {
    let name = path.file_name().unwrap_or_default();
    let file_name = name.to_str().filter(|name| is_name_of_logic(name)).map(str::to_string);
    let facts = fs::metadata(path).map_err(|error| Failure::file("read", path, &error))?;
    if facts.is_dir() {
        let path = path.display();
        return Err(Failure::mistake(format_args!("{path} is a directory; name the file with the logic")));
    }
    if !facts.is_file() {
        let path = path.display();
        return Err(Failure::mistake(format_args!("{path} is not a regular file, which logic is")));
    }
    let file_name = file_name.ok_or_else(|| {
        let name = PathBuf::from(name);
        Failure::mistake(format_args!(
            "{} cannot be the name of logic: it means something else in the directory of a participant, or has \
             characters other than letters, digits and ._-+@",
            name.display()
        ))
    })?;
    let content = fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
    let is_program = facts.permissions().mode() & 0o111 != 0;
    Ok(Logic { file_name, content, mode: if is_program { Mode::Program } else { Mode::Data } })
}
