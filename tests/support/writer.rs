//! Writes the files of tests in a thread that shares no descriptors with the others.
//!
//! The kernel does not run a script that any process has open for writing ("text file busy"). A child that another
//! test has just forked has copies of all descriptors of the other threads until it runs its program, so a script
//! that such a thread has written may be busy for a while after it was closed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};

struct Job {
    path: PathBuf,
    content: Vec<u8>,
    done: Sender<io::Result<()>>,
}

/// Writes a file. Nothing has it open any more when this returns.
#[track_caller]
pub fn write(path: &Path, content: &[u8]) {
    static JOBS: OnceLock<Sender<Job>> = OnceLock::new();
    let jobs = JOBS.get_or_init(|| {
        let (jobs, waiting) = channel();
        std::thread::spawn(move || serve(&waiting));
        jobs
    });
    let (done, result) = channel();
    jobs.send(Job { path: path.to_owned(), content: content.to_vec(), done }).unwrap();
    result.recv().unwrap().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn serve(jobs: &Receiver<Job>) {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_FILES).unwrap();
    // The copies that this thread has now would keep the pipes of others open.
    let copies = fs::read_dir("/proc/thread-self/fd").unwrap().flatten();
    let copies: Vec<i32> = copies.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for copy in copies.into_iter().filter(|&descriptor| descriptor > 2) {
        // The one by which the directory was read is closed already.
        let _ = nix::unistd::close(copy);
    }
    for Job { path, content, done } in jobs {
        // A test that has failed meanwhile does not wait for the answer.
        let _ = done.send(fs::write(path, content));
    }
}
