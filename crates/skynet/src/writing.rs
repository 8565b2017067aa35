//! Carries plans out: makes what is missing, rewrites what differs, and leaves alone what is as it should be.

use crate::accounts::Ids;
use crate::failure::Failure;
use crate::plan::{Entry, Mode, Owner, Plan, What};
use skynet_core::files::read;
use std::fs::{self, Metadata, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// The directory was not there.
    Made,
    /// These files were not as they should be.
    Rewritten(Vec<PathBuf>),
    /// Nothing.
    Unchanged,
}

/// The accounts that files are given to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Owners {
    /// For [`Owner::Root`]; nothing is given to anybody without it.
    pub root: Option<Ids>,
    /// For [`Owner::Logger`].
    pub logger: Option<Ids>,
}

impl Owners {
    const fn of(self, owner: Owner) -> Option<Ids> {
        match owner {
            Owner::Root => self.root,
            Owner::Logger => self.logger,
        }
    }
}

/// Carries out a plan.
pub fn carry_out(plan: &Plan, owners: Owners) -> Result<Written, Failure> {
    let was_there = plan.directory.is_dir();
    let mut changed = Vec::new();
    for entry in &plan.entries {
        let path = place(plan, entry);
        let write = || make(&path, entry, owners.of(entry.owner));
        if write().map_err(|error| Failure::file("write", &path, &error))? {
            changed.push(entry.path.clone());
        }
    }
    Ok(match (was_there, changed.is_empty()) {
        (false, _) => Written::Made,
        (true, false) => Written::Rewritten(changed),
        (true, true) => Written::Unchanged,
    })
}

/// Where something is to be.
fn place(plan: &Plan, entry: &Entry) -> PathBuf {
    // To join nothing would add a slash.
    let is_itself = entry.path.as_os_str().is_empty();
    if is_itself { plan.directory.clone() } else { plan.directory.join(&entry.path) }
}

/// Makes sure that something is there; says whether anything had to be done.
fn make(path: &Path, entry: &Entry, owner: Option<Ids>) -> io::Result<bool> {
    match &entry.what {
        What::Directory => {
            let is_new = !path.is_dir();
            if is_new {
                directories(path)?;
            }
            let is_other = own(path, owner)?;
            // An administrator may have closed it to others.
            if is_new {
                fs::set_permissions(path, Permissions::from_mode(0o755))?;
            }
            Ok(is_new || is_other)
        }
        What::File(content, mode) => file(path, content, *mode, owner),
        What::Default(..) if fs::symlink_metadata(path).is_ok() => Ok(false),
        What::Default(content, mode) => file(path, content, *mode, owner),
        What::Link(target) => link(path, target),
    }
}

/// Makes a directory and those that lead to it, which everybody may pass.
pub fn directories(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.is_dir()) {
        directories(parent)?;
    }
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(0o755)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a link, in one step where there was something else.
pub fn link(path: &Path, target: &Path) -> io::Result<bool> {
    if fs::read_link(path).is_ok_and(|present| present == target) {
        return Ok(false);
    }
    replace(path, |new| symlink(target, new))
}

fn file(path: &Path, content: &[u8], mode: Mode, owner: Option<Ids>) -> io::Result<bool> {
    let bits = match mode {
        Mode::Data => 0o644,
        Mode::Program => 0o755,
    };
    let is_same = |present: Metadata| {
        let has_owner = owner.is_none_or(|owner| owner == (present.uid(), present.gid()));
        let has_mode = present.permissions().mode() & 0o7777 == bits;
        // Where somebody has put a link to a file of their own, its mode and its owner are their business.
        present.is_symlink() || (present.is_file() && has_owner && has_mode)
    };
    let is_content = |path| read(path, content.len()).is_ok_and(|present| present == content);
    if fs::symlink_metadata(path).is_ok_and(is_same) && is_content(path) {
        return Ok(false);
    }
    replace(path, |new| {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(new)?;
        file.write_all(content)?;
        own(new, owner)?;
        file.set_permissions(Permissions::from_mode(bits))?;
        // svscan starts nothing that is open for writing.
        file.sync_all()
    })
}

/// Puts in one step what `make` makes beside it in the place of what is there.
fn replace(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<bool> {
    let new = beside(path);
    remove(&new)?;
    let made = make(&new).and_then(|()| fs::rename(&new, path));
    if made.is_err() {
        let _ = remove(&new);
    }
    made.map(|()| true)
}

/// Gives a file or directory to its owner; says whether it was somebody else's.
fn own(path: &Path, owner: Option<Ids>) -> io::Result<bool> {
    let Some((user, group)) = owner else { return Ok(false) };
    let present = fs::metadata(path)?;
    if (present.uid(), present.gid()) == (user, group) {
        return Ok(false);
    }
    chown(path, Some(user), Some(group)).map(|()| true)
}

/// The name of something that is being written: svscan takes up no directory that begins with a dot, and others may be
/// writing the same.
fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.new", std::process::id()))
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
