//! All processes of the machine, as far as `/proc` shows them.

use super::files::{self, HERE};
use super::listing;
use super::memory;
use super::process::{self, Facts};
use super::trusted;
use crate::file_id::FileId;
use std::ffi::CString;

/// Shows the number of every process, without memory for a list of them; none if `/proc` cannot be read, or is that of
/// another namespace.
fn each(mut see: impl FnMut(i32)) {
    let directory = process::proc_is_ours().then(|| trusted::open_directory(HERE, c"/proc"));
    let Some(Ok(directory)) = directory else { return };
    // A process that starts or ends meanwhile may be missing. If `/proc` cannot be listed, all are.
    let _ = listing::each(&directory, |name, _| {
        if let Some(pid) = name.to_str().ok().and_then(|name| name.parse().ok()) {
            see(pid);
        }
    });
}

/// All processes that have not ended, and of which this is true.
pub fn find(mut is_wanted: impl FnMut(&Facts) -> bool) -> Vec<Facts> {
    let mut found = Vec::new();
    each(|pid| found.extend(process::look(pid).filter(&mut is_wanted)));
    found
}

/// The processes of the account of this process, by the directories that they are in.
#[derive(Debug)]
pub struct ByDirectory(Vec<(FileId, i32)>);

impl ByDirectory {
    /// Looks at all processes. Those for which there is no memory are left out.
    pub fn read() -> Self {
        let (mut list, mut is_full) = (Vec::new(), false);
        let own = nix::unistd::geteuid().as_raw();
        each(|pid| {
            if is_full {
                return;
            }
            // Digits have no NUL byte.
            let path = CString::new(format!("/proc/{pid}")).unwrap_or_default();
            let is_ours = files::look(HERE, &path).ok().flatten().is_some_and(|facts| facts.owner == own);
            let directory = is_ours.then(|| process::directory(pid)).flatten();
            is_full = directory.is_some_and(|directory| memory::push(&mut list, (directory, pid)).is_err());
        });
        list.sort_unstable();
        Self(list)
    }

    /// The processes that are in this directory.
    pub fn in_directory(&self, directory: FileId) -> impl Iterator<Item = i32> {
        let first = self.0.partition_point(|&(other, _)| other < directory);
        let rest = self.0.get(first..).unwrap_or_default().iter();
        rest.take_while(move |&&(other, _)| other == directory).map(|&(_, pid)| pid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_in_its_directory() {
        let own = process::own_number();
        let here = files::look(HERE, c".").unwrap().unwrap().identity;
        let processes = ByDirectory::read();
        assert!(processes.in_directory(here).any(|pid| pid == own));
        assert!(!processes.in_directory(FileId { inode: here.inode + 1, ..here }).any(|pid| pid == own));
        assert_eq!(find(|facts| facts.pid == own).len(), 1);
    }
}
