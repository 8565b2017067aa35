//! Random directories of variables, and random environments, also such as no shell would give. A link that leads
//! nowhere is left out (docs/compatibility.md 1.18, row 2).

use super::run::{Bytes, SIDES, Scratch, Seen, Side, same_seen, wait};
use super::{Generator, Verdict};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use servicedir::report::Failure;
use servicedir::sys::exec::Prepared;
use servicedir::sys::process;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

#[derive(Debug, Clone)]
enum Node {
    File(Bytes),
    /// A link to a file with this content.
    Link(Bytes),
    Fifo,
    Directory,
    Loop,
}

#[derive(Debug, Clone)]
struct Case {
    directory: BTreeMap<String, Node>,
    environment: Vec<CString>,
    arguments: Vec<&'static CStr>,
}

fn content() -> impl Strategy<Value = Bytes> {
    let long = (select(&b"x \0\n"[..]), 0_usize..9000).prop_map(|(byte, length)| vec![byte; length]);
    prop_oneof![
        8 => vec(select(&b"xy= \t\n\0\r\xff"[..]), 0..8).boxed(),
        1 => (vec(select(&b"x \n"[..]), 0..3), long).prop_map(|(begin, end)| [begin, end].concat()).boxed(),
    ]
    .prop_map(Bytes)
}

fn node() -> impl Strategy<Value = Node> {
    prop_oneof![
        60 => content().prop_map(Node::File),
        6 => content().prop_map(Node::Link),
        2 => Just(Node::Fifo),
        1 => Just(Node::Directory),
        1 => Just(Node::Loop),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let name = prop_oneof![4 => "[ABC]{1,2}", 2 => "[ABC=.]{1,4}", 1 => Just("PATH".to_owned())]
        .prop_filter("these are always there", |name| name != "." && name != "..");
    let entry = prop_oneof![
        6 => "[ABC]{1,2}=[xy=]{0,3}",
        2 => "[ABC=.]{0,5}",
        1 => select(&["PATH=/bin", "PATH=/nowhere:/usr/bin", "PATH=", "PATH"][..]).prop_map(str::to_owned),
    ]
    .prop_map(|entry| CString::new(entry).unwrap());
    const NORMAL: &[&CStr] = &[c"d", c"/bin/cat", c"/proc/self/environ"];
    const ODD: [&[&CStr]; 5] = [
        &[c"d", c"cat", c"/proc/self/environ"],
        &[c"d", c"missing"],
        &[c"d"],
        &[],
        &[c"nowhere", c"/bin/cat"],
    ];
    let arguments = prop_oneof![12 => Just(NORMAL), 1 => select(&ODD[..])].prop_map(<[_]>::to_vec);
    (btree_map(name, node(), 0..8), vec(entry, 0..10), arguments)
        .prop_map(|(directory, environment, arguments)| Case { directory, environment, arguments })
}

/// The same directory serves both sides: variables are set in the order in which its names are read.
fn make(case: &Case, scratch: &Scratch) {
    let directory = scratch.path("d");
    fs::create_dir(&directory).unwrap();
    for (name, node) in &case.directory {
        let path = directory.join(name);
        match node {
            Node::File(content) => fs::write(path, &content.0).unwrap(),
            Node::Link(content) => {
                let target = scratch.path(&format!("target-{name}"));
                fs::write(&target, &content.0).unwrap();
                std::os::unix::fs::symlink(target, path).unwrap();
            }
            Node::Fifo => {
                nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
            }
            Node::Directory => fs::create_dir(path).unwrap(),
            Node::Loop => std::os::unix::fs::symlink(name, path).unwrap(),
        }
    }
}

/// A child that is not there any more when this is dropped.
struct Guard {
    pid: Pid,
    ended: bool,
}

impl Guard {
    fn end(&mut self) -> Option<ExitStatus> {
        let end = match waitpid(self.pid, Some(WaitPidFlag::WNOHANG)).unwrap() {
            WaitStatus::Exited(_, code) => Some(ExitStatus::from_raw(code << 8)),
            WaitStatus::Signaled(_, signal, _) => Some(ExitStatus::from_raw(signal as i32)),
            _ => None,
        };
        self.ended = end.is_some();
        end
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.ended {
            process::send(self.pid.as_raw(), servicedir::signal::Signal::KILL);
            let _ = waitpid(self.pid, None);
        }
    }
}

/// Not a `Command`: its environment has no two entries of one name, and none without `=`.
fn run(case: &Case, side: Side, scratch: &Scratch) -> Seen {
    let program = CString::new(side.program("envdir").as_os_str().as_bytes()).unwrap();
    let place = CString::new(scratch.path("").as_os_str().as_bytes()).unwrap();
    let (stdout, stderr) = (scratch.path("stdout"), scratch.path("stderr"));
    let (stdout, stderr) = (File::create(stdout).unwrap(), File::create(stderr).unwrap());
    let arguments: Vec<&CStr> = [&[c"envdir"], &case.arguments[..]].concat();
    let environment: Vec<&CStr> = case.environment.iter().map(|entry| &**entry).collect();
    let prepared = Prepared::file(&program, &arguments, &environment);
    // This process has other threads, but the child only does system calls.
    let child = process::spawn(|| {
        let ready = nix::unistd::dup2_stdout(&stdout)
            .and_then(|()| nix::unistd::dup2_stderr(&stderr))
            .and_then(|()| nix::unistd::chdir(&*place));
        if ready.is_ok() {
            prepared.exec();
        }
        Failure::silent(99)
    });
    let mut guard = Guard { pid: Pid::from_raw(child.ok().unwrap()), ended: false };
    let end = wait(|| guard.end());
    scratch.seen(end)
}

fn check(case: &Case) -> Verdict {
    let scratch = Scratch::new();
    make(case, &scratch);
    let [ours, theirs] = SIDES.map(|side| run(case, side, &scratch));
    if ours.end == "exit 99" {
        return Err("the program could not be run".to_owned());
    }
    same_seen(&ours, &theirs)
}

#[test]
fn the_child_has_the_environment_that_the_original_gives_it() {
    Generator { name: "envdir", cases: 600, workers: 1 }.compare(case, check);
}
