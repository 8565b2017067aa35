//! A child that waits until its parent has taken note of it.

use super::{Result, files, pipes, process};
use crate::report::{Failure, SYSTEM};
use std::os::fd::AsFd;

/// Starts a child with a copy of the memory of this process, and returns its number. The child runs `body`, as in
/// [`process::spawn`], when `introduce`, which is told its number, has returned in this process. This process does not wait
/// for more than that, also if the child hangs; if this process ends before, the child ends as well.
pub fn start(introduce: impl FnOnce(i32), body: impl FnOnce() -> Failure) -> Result<i32> {
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
    introduce(pid);
    // A child that was killed meanwhile does not read; its end is told as that of any other.
    if let Some(key) = &key {
        let _ = files::write_all(key.as_fd(), b"!");
    }
    Ok(pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn a_child_begins_when_its_parent_has_taken_note_of_it() {
        let (mut noted, file) = (0, std::env::temp_dir().join(format!("held-{}", std::process::id())));
        let pid = start(
            |pid| {
                noted = pid;
                std::fs::write(&file, "noted").unwrap();
            },
            || Failure::silent(if file.exists() { 3 } else { 4 }),
        );
        assert_eq!(pid, Ok(noted));
        assert_eq!(process::wait(noted), Ok(Exit::Exited(3)));
        std::fs::remove_file(&file).unwrap();
    }
}
