//! A child that waits until its parent has taken note of it.

use super::launch::Launched;
use super::{Result, files, pipes, process};
use crate::report::{Failure, SYSTEM};
use std::os::fd::AsFd;

/// Starts a child with a copy of the memory of this process, and returns its number, and what `introduce`, which is told
/// that, returns in this process. Then the child runs `body`, as in [`process::spawn`]. This process does not wait for more
/// than that, also if the child hangs; if this process ends before, the child ends as well.
pub fn start<T>(introduce: impl FnOnce(i32) -> T, body: impl FnOnce() -> Failure) -> Result<Launched<T>> {
    let (gate, key) = pipes::new()?;
    let mut key = Some(key);
    let pid = process::spawn(|| {
        // With this copy, the pipe would not come to its end when the parent ends.
        key = None;
        match files::read_from(gate.as_fd(), &mut [0]) {
            Ok(1) => body(),
            Ok(_) | Err(_) => Failure::silent(SYSTEM),
        }
    })?;
    let told = introduce(pid);
    // A child that was killed meanwhile does not read; its end is told as that of any other.
    if let Some(key) = &key {
        let _ = files::write_all(key.as_fd(), b"!");
    }
    Ok(Launched { pid, told })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_child_begins_when_its_parent_has_taken_note_of_it() {
        let file = std::env::temp_dir().join(format!("held-{}", std::process::id()));
        let started = start(
            |pid| {
                std::fs::write(&file, "noted").unwrap();
                pid
            },
            || Failure::silent(if file.exists() { 3 } else { 4 }),
        );
        let Launched { pid, told } = started.unwrap();
        assert_eq!(pid, told);
        assert_eq!(process::wait(pid), Ok(Exit::Exited(3)));
        std::fs::remove_file(&file).unwrap();
    }
}
