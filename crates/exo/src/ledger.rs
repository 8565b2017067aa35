//! The file in which the table of [`crate::attempts`] outlives exo: `attempts` in the participant's directory, or in a
//! private directory below that for temporary files if the participant may not write to its own.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{Read, Result, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The most bytes that are read.
const LONGEST: u64 = 65536;

/// Where the file may be, the better place first.
#[derive(Debug)]
pub struct Ledger {
    own: PathBuf,
    private: PathBuf,
}

impl Ledger {
    /// Of the participant `name`, which is in that directory.
    pub fn new(directory: &Path, name: &str) -> Self {
        let account = nix::unistd::geteuid();
        let name = name.replace('/', "_");
        let private = std::env::temp_dir().join(format!("exo-{account}")).join(format!("{name}.attempts"));
        Self { own: directory.join("attempts"), private }
    }

    /// What was written last; empty if nothing was.
    pub fn read(&self) -> String {
        let private = self.is_private().then(|| text_of(&self.private));
        text_of(&self.own).or_else(|_| private.unwrap_or_else(|| Ok(String::new()))).unwrap_or_default()
    }

    /// Writes the text, or removes the file if it is empty.
    pub fn write(&self, text: &str) -> Result<()> {
        if text.is_empty() {
            for path in [&self.own, &self.private] {
                let _ = fs::remove_file(path);
            }
            return Ok(());
        }
        replace(&self.own, text).or_else(|_| {
            if let Some(directory) = self.private.parent() {
                let _ = DirBuilder::new().mode(0o700).create(directory);
            }
            if !self.is_private() {
                return Err(std::io::Error::other("another account has its directory"));
            }
            replace(&self.private, text)
        })
    }

    /// Whether only this account can write to the private directory.
    fn is_private(&self) -> bool {
        let found = self.private.parent().and_then(|directory| fs::symlink_metadata(directory).ok());
        let account = nix::unistd::geteuid().as_raw();
        found.is_some_and(|found| found.is_dir() && found.uid() == account && found.mode() & 0o022 == 0)
    }
}

fn text_of(path: &Path) -> Result<String> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut text = String::new();
    if file.metadata()?.is_file() {
        file.take(LONGEST).read_to_string(&mut text)?;
    }
    Ok(text)
}

/// Writes a file beside the old one, and puts it into its place.
fn replace(path: &Path, text: &str) -> Result<()> {
    let new = path.with_extension("new");
    let _ = fs::remove_file(&new);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}
