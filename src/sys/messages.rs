//! Messages of programs that supervise. Nothing of what they do depends on the reader of standard error, which may be
//! slow, stuck or gone.

use super::files;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::fstat;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, Ordering};

/// How many messages have been lost since the last one that was written.
static LOST: AtomicU32 = AtomicU32::new(0);

/// Writes `message` on standard error with one `write(2)` if there is room for it. If there is none it is lost, and the
/// next message that is written says how many were.
pub fn say(message: &[u8]) {
    if message.is_empty() {
        return;
    }
    let lost = LOST.load(Ordering::Relaxed);
    let text = if lost == 0 { message.to_vec() } else { [&report(message, lost), message].concat() };
    let count = if write_now(std::io::stderr().as_fd(), &text) { 0 } else { lost.saturating_add(1) };
    LOST.store(count, Ordering::Relaxed);
}

/// What the program that has this to say tells of messages before it. All messages begin with the name of their program.
fn report(message: &[u8], lost: u32) -> Vec<u8> {
    let program = message.split(|&byte| byte == b':').next().unwrap_or_default();
    let messages = if lost == 1 { "message was" } else { "messages were" };
    let text = format!(": warning: {lost} {messages} lost, because standard error was full\n");
    [program, text.as_bytes()].concat()
}

/// Writes all of `bytes`, if that is possible without waiting for anybody.
fn write_now(target: BorrowedFd<'_>, bytes: &[u8]) -> bool {
    let mut room = [PollFd::new(target, PollFlags::POLLOUT)];
    let is_writable = poll(&mut room, PollTimeout::ZERO) == Ok(1);
    if !is_writable {
        return false;
    }
    // Others write to the same pipe, so the room may be gone again.
    let part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    // SAFETY: the descriptor is open, and the one part is memory that lives during the call and is only read.
    let written = unsafe { libc::pwritev2(target.as_raw_fd(), &raw const part, 1, -1, libc::RWF_NOWAIT) };
    if let Ok(written) = usize::try_from(written) {
        return written == bytes.len();
    }
    let is_file = || fstat(target).is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFREG);
    let waits = super::Errno::last().is(libc::EAGAIN) && !is_file();
    // Where it cannot be said that the call must not wait, the answer of poll has to be enough.
    !waits && files::write_all(target, bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::pipes;

    #[test]
    fn what_a_full_pipe_does_not_take_is_not_waited_for() {
        let (reader, writer) = pipes::new().unwrap();
        let mut written = 0;
        while write_now(writer.as_fd(), &[b'x'; 1000]) {
            written += 1;
            assert!(written < 10_000, "a pipe that is never full");
        }
        assert!(written > 10);
        let mut buffer = [0; 16384];
        files::read_from(reader.as_fd(), &mut buffer).unwrap();
        assert!(write_now(writer.as_fd(), b"there is room again\n"));
        drop(reader);
        nix::sys::signal::SigSet::from_iter([nix::sys::signal::Signal::SIGPIPE]).thread_block().unwrap();
        assert!(!write_now(writer.as_fd(), b"nobody reads\n"));
    }

    #[test]
    fn a_file_takes_everything() {
        let path = std::env::temp_dir().join(format!("messages-{}", std::process::id()));
        let file = std::fs::File::options().append(true).create(true).open(&path).unwrap();
        assert!(write_now(file.as_fd(), b"one\n") && write_now(file.as_fd(), b"two\n"));
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_was_lost_is_told_by_the_program_that_speaks_next() {
        let report = |lost| String::from_utf8(report(b"svscan: warning: x\n", lost)).unwrap();
        assert_eq!(report(1), "svscan: warning: 1 message was lost, because standard error was full\n");
        assert_eq!(report(7), "svscan: warning: 7 messages were lost, because standard error was full\n");
    }
}
