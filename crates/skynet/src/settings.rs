//! The files with settings, in the order in which they are read: what comes later wins.

use crate::layout::Layout;
use std::fs;
use std::path::{Path, PathBuf};

/// Those of all participants.
pub fn common(layout: &Layout) -> Vec<PathBuf> {
    let mut fragments: Vec<PathBuf> = match fs::read_dir(&layout.fragments) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => Vec::new(),
    };
    fragments.retain(|path| path.extension().is_some_and(|extension| extension == "conf"));
    fragments.sort();
    layout.settings.iter().cloned().chain(fragments).collect()
}

/// Those that hold for the participant `name`, whose own is `own_file`.
pub fn all(layout: &Layout, name: &str, own_file: &Path) -> Vec<PathBuf> {
    let last_word = (!layout.is_home()).then(|| layout.own.join(format!("{name}.conf")));
    common(layout).into_iter().chain([own_file.to_path_buf()]).chain(last_word).collect()
}
