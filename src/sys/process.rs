//! Children: making, signalling and burying them.

use super::{Errno, Result, clock, files, startup};
use crate::exit::Exit;
use crate::file_id::FileId;
use crate::report::Failure;
use crate::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::{ForkResult, Pid, fork};
use std::ffi::{CStr, CString, c_int};
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

pub use super::handle::Handle;

/// A child that has ended; its number is free again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Which child.
    pub pid: i32,
    /// How.
    pub how: Exit,
}

/// Starts a child that runs `body`, and returns its number. What `body` returns are the child's last words;
/// normally it does not return, because it has become another program.
pub fn spawn(body: impl FnOnce() -> Failure) -> Result<i32> {
    // SAFETY: our programs have one thread, so the child's copy of memory and locks is consistent.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(child.as_raw()),
        ForkResult::Child => {
            let code = startup::last_words(&body());
            // SAFETY: ends the child at once, without running exit handlers that belong to the parent.
            unsafe { libc::_exit(i32::from(code)) }
        }
    }
}

/// Has the kernel kill the process that `command` is going to start when this one ends, however that happens.
pub fn end_with_us(command: &mut std::process::Command) {
    use std::os::unix::process::CommandExt;
    let us = Pid::this();
    let follow = move || {
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
        // It may have ended before.
        if Pid::parent() == us { Ok(()) } else { Err(nix::Error::ESRCH.into()) }
    };
    // SAFETY: the closure makes two system calls, and uses no memory but its own copy of a number.
    unsafe { command.pre_exec(follow) };
}

/// Buries one child that has ended, without waiting.
pub fn reap() -> Option<Ended> {
    const ANY: i32 = -1;
    loop {
        let (pid, status) = wait_once(ANY, libc::WNOHANG).ok().filter(|(pid, _)| *pid > 0)?;
        // One that only stops is not the last that there is to tell of.
        if let Some(how) = Exit::decode(status) {
            return Some(Ended { pid, how });
        }
    }
}

/// Buries the child `pid` if it has ended, without waiting. Asked after [`reap`] had nothing to tell, it also finds out that
/// a child is gone of whose end this process was never told.
pub fn ask_after(pid: i32) -> Option<Exit> {
    match wait_once(pid, libc::WNOHANG) {
        Ok((0, _)) => None,
        Ok((_, status)) => Exit::decode(status),
        Err(error) => error.is(libc::ECHILD).then_some(Exit::Unknown),
    }
}

/// Whether process `pid`, which may have ended but was not buried yet, leads a session.
pub fn leads_session(pid: i32) -> bool {
    let pid = Pid::from_raw(pid);
    nix::unistd::getsid(Some(pid)) == Ok(pid)
}

/// Waits for the child `pid` to end.
pub fn wait(pid: i32) -> Result<Exit> {
    loop {
        let (_, status) = wait_once(pid, 0)?;
        if let Some(how) = Exit::decode(status) {
            return Ok(how);
        }
    }
}

/// One call of waitpid(2): which child it tells of, 0 for none, and the status as the kernel has it.
fn wait_once(pid: i32, options: c_int) -> Result<(i32, c_int)> {
    loop {
        let mut status = 0;
        // SAFETY: the kernel writes one number to `status`, which outlives the call.
        let found = unsafe { libc::waitpid(pid, &raw mut status, options) };
        if found != -1 {
            return Ok((found, status));
        }
        let error = Errno::last();
        if !error.is(libc::EINTR) {
            return Err(error);
        }
    }
}

/// Makes this process the leader of a new session and process group. It may be one already.
pub fn lead_session() {
    let _ = nix::unistd::setsid();
}

/// The number of this process.
pub fn own_number() -> i32 {
    Pid::this().as_raw()
}

/// What `/proc/PID/stat` tells of a process that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its number.
    pub pid: i32,
    /// The name of its program.
    pub name: String,
    /// Its parent.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// When it was started, in ticks since boot.
    pub started: u64,
    /// Whether it runs a program of its own yet, and not that of its parent.
    pub has_executed: bool,
    /// Whether it runs, or waits for nothing but a processor.
    pub is_runnable: bool,
}

/// In the flags of a process: it is a copy of its parent that has not become another program (`PF_FORKNOEXEC`).
const FORKED: u64 = 0x40;

/// What there is to know about process `pid`; `None` if it has ended, or if `/proc` cannot be read.
pub fn look(pid: i32) -> Option<Facts> {
    // Many times as much as there ever is, and comes with one read.
    let mut buffer = [0; 2048];
    let length = std::fs::File::open(format!("/proc/{pid}/stat")).ok()?.read(&mut buffer).ok()?;
    let stat = buffer.get(..length)?;
    // The name, in parentheses, may contain anything, parentheses too.
    let before_name = stat.iter().position(|&byte| byte == b'(')?;
    let after_name = stat.iter().rposition(|&byte| byte == b')')?;
    let name = String::from_utf8_lossy(stat.get(before_name + 1..after_name)?).into_owned();
    let fields = std::str::from_utf8(stat.get(after_name + 1..)?).ok()?;
    let mut fields = fields.split_ascii_whitespace();
    let state = fields.next()?;
    let parent = fields.next()?.parse().ok()?;
    let (group, session) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let flags: u64 = fields.nth(2)?.parse().ok()?;
    let threads: u64 = fields.nth(10)?.parse().ok()?;
    let started = fields.nth(1)?.parse().ok()?;
    // The first thread may end before the others; a process has ended when all have.
    let is_dead = state == "X" || (state == "Z" && threads <= 1);
    let has_executed = flags & FORKED == 0;
    let is_runnable = state == "R";
    (!is_dead).then_some(Facts { pid, name, parent, group, session, started, has_executed, is_runnable })
}

/// When process `pid` was started, in ticks since boot; `None` if it has ended, or if `/proc` cannot be read.
pub fn started(pid: i32) -> Option<u64> {
    look(pid).map(|facts| facts.started)
}

/// Whether the process that was given the number `pid` at this time, in ticks since boot, has not ended.
pub fn runs(pid: i32, since: u64) -> bool {
    started(pid) == Some(since)
}

/// A path to the current directory of process `pid`, wherever that is by now.
pub fn way_to_directory(pid: i32) -> CString {
    // Digits have no NUL byte.
    CString::new(format!("/proc/{pid}/cwd")).unwrap_or_default()
}

/// The parent of this process, the parent of that, and so on, as far as `/proc` tells.
pub fn ancestors() -> impl Iterator<Item = i32> {
    ancestors_of(own_number())
}

/// The same of the process `pid`.
pub fn ancestors_of(pid: i32) -> impl Iterator<Item = i32> {
    let parent = |&pid: &i32| look(pid).map(|facts| facts.parent).filter(|&parent| parent > 0);
    std::iter::successors(parent(&pid), parent)
}

/// How long ago that was at least, by the clock that the kernel counts these ticks with, which nobody can set.
pub fn age(started: u64) -> Duration {
    // It may have been at the end of that tick.
    let began = Duration::from_secs(started.saturating_add(1)) / ticks_per_second();
    clock::since_boot().saturating_sub(began)
}

/// The present in these ticks, rounded up.
pub fn ticks() -> u64 {
    let ticks = clock::since_boot().as_millis() * u128::from(ticks_per_second());
    u64::try_from(ticks.div_ceil(1000)).unwrap_or(u64::MAX)
}

/// In these ticks, the moment when the wall clock shows `since_1970`.
pub fn ticks_at(since_1970: Duration) -> u64 {
    let ago = clock::wall().saturating_sub(since_1970).as_millis() * u128::from(ticks_per_second()) / 1000;
    ticks().saturating_sub(u64::try_from(ago).unwrap_or(u64::MAX))
}

fn ticks_per_second() -> u32 {
    // SAFETY: a call without pointers.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u32::try_from(ticks).unwrap_or(0).max(1)
}

/// Whether process `pid` has certainly ended; where `/proc` cannot be read, only one that has been reaped has.
pub fn has_ended(pid: i32) -> bool {
    // Read first, so that one that is reaped meanwhile is found to be gone.
    match std::fs::read(format!("/proc/{pid}/stat")) {
        Ok(_) => look(pid).is_none(),
        Err(_) => kill(Pid::from_raw(pid), None) == Err(nix::Error::ESRCH),
    }
}

/// The current directory of process `pid`: device and inode; `None` if we may not know.
pub fn directory(pid: i32) -> Option<FileId> {
    files::look(files::HERE, &way_to_directory(pid)).ok()?.map(|facts| facts.identity)
}

/// Whether process `pid` acts for the account of this process alone: by all its numbers, and not because its program has
/// the rights of its owner (set-user-id). False if we may not know.
pub fn is_of_our_account(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let own = nix::unistd::geteuid().to_string();
    let is_ours = numbers.is_some_and(|numbers| numbers.split_ascii_whitespace().all(|number| number == own));
    // Digits have no NUL byte.
    let program = CString::new(format!("/proc/{pid}/exe")).unwrap_or_default();
    let facts = files::look(files::HERE, &program).ok().flatten();
    is_ours && facts.is_some_and(|facts| facts.mode & (libc::S_ISUID | libc::S_ISGID) == 0)
}

/// Whether process `pid` has the file or directory with this device and inode open, as far as we may know.
pub fn has_open(pid: i32, identity: FileId) -> bool {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let mut links =
        descriptors.filter_map(|entry| CString::new(entry.path().into_os_string().into_vec()).ok());
    links.any(|link| {
        files::look(files::HERE, &link).ok().flatten().is_some_and(|facts| facts.identity == identity)
    })
}

/// The last word of the command line of process `pid`.
pub fn last_word(pid: i32) -> Option<CString> {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let words = line.strip_suffix(&[0])?;
    CString::new(words.rsplit(|&byte| byte == 0).next()?).ok()
}

/// The file `path` that process `pid` has open although it was removed, for writing.
pub fn removed_file_of(pid: i32, path: &CStr) -> Option<std::fs::File> {
    let end = [b"/", path.to_bytes(), b" (deleted)"].concat();
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let mut links = descriptors.flatten().map(|entry| entry.path());
    let link = links.find(|link| {
        std::fs::read_link(link).is_ok_and(|file| file.as_os_str().as_bytes().ends_with(&end))
    })?;
    files::open_write(files::HERE, &CString::new(link.into_os_string().into_vec()).ok()?).ok()
}

/// Whether `/proc` is about the processes that we can see; it may be that of another namespace.
pub(super) fn proc_is_ours() -> bool {
    let own = own_number().to_string();
    std::fs::read_link("/proc/self").is_ok_and(|number| number.as_os_str() == own.as_str())
}

/// Whether anybody is in the process group that `leader` leads, or has led.
pub fn has_group(leader: i32) -> bool {
    nix::sys::signal::killpg(Pid::from_raw(leader), None).is_ok()
}

/// Sends `signal` to the process group that `pid` leads; to the process alone if it leads none.
pub fn send_to_group(pid: i32, signal: Signal) {
    let is_leader = nix::unistd::getpgid(Some(Pid::from_raw(pid))) == Ok(Pid::from_raw(pid));
    if !is_leader || raw_kill(-pid, signal).is_err() {
        send(pid, signal);
    }
}

/// What distinguishes this boot of the machine, or of the container, from all others. Fails if `/proc` cannot be read, or
/// is that of another namespace.
pub fn boot() -> Result<String> {
    if !proc_is_ours() {
        return Err(Errno::from_raw(libc::ENOENT));
    }
    let mut buffer = [0; 64];
    let length = std::fs::File::open("/proc/sys/kernel/random/boot_id")?.read(&mut buffer)?;
    let text = String::from_utf8_lossy(buffer.get(..length).unwrap_or_default());
    // A container has the machine's, but a process 1 of its own.
    Ok(format!("{}-{}", text.trim(), started(1).unwrap_or(0)))
}

/// Makes this process the parent of all descendants whose own parents end. Where that is refused, they go to
/// process 1, as ever.
pub fn gather_orphans() {
    // SAFETY: a system call without pointers.
    unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
}

/// The children of this process; none if `/proc` cannot be read, or is that of another namespace of processes.
pub fn children() -> Vec<i32> {
    if !proc_is_ours() {
        return Vec::new();
    }
    let own = own_number();
    let list = std::fs::read_to_string(format!("/proc/{own}/task/{own}/children")).unwrap_or_default();
    list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Sends `signal` to process `pid`. That it is gone already is no error worth a word.
pub fn send(pid: i32, signal: Signal) {
    let _ = raw_kill(pid, signal);
}

/// kill(2), which nix cannot call with a real-time signal.
fn raw_kill(pid: i32, signal: Signal) -> Result<()> {
    // SAFETY: kill takes two numbers and touches no memory of ours.
    let result = unsafe { libc::kill(pid, signal.number()) };
    nix::errno::Errno::result(result).map(drop).map_err(Errno::from)
}

/// Whether this process may send signals to process `pid`.
pub fn may_signal(pid: i32) -> bool {
    kill(Pid::from_raw(pid), None) != Err(nix::Error::EPERM)
}

/// Forbids this process and its children to make files that others may write (`umask 022`).
pub fn protect_new_files() {
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
}

/// Moves this process into the directory that is open as `directory`.
pub fn enter(directory: impl std::os::fd::AsFd) -> Result<()> {
    nix::unistd::fchdir(directory).map_err(Errno::from)
}
