//! Error numbers, and the texts that daemontools gives them (docs/compatibility.md 1.0), which are not those of strerror.

use std::io;

/// The number of an error of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno(i32);

impl Errno {
    /// What `error` stands for. Of the errors that the system did not make, only a lack of memory has a number
    /// of its own; others count as `EIO`.
    pub fn of(error: &io::Error) -> Self {
        let made_here = if error.kind() == io::ErrorKind::OutOfMemory { libc::ENOMEM } else { libc::EIO };
        Self(error.raw_os_error().unwrap_or(made_here))
    }

    /// The error that the last failing C call left behind.
    pub(super) fn last() -> Self {
        Self::of(&io::Error::last_os_error())
    }

    /// A known number, such as `libc::ENOENT`.
    pub const fn from_raw(number: i32) -> Self {
        Self(number)
    }

    /// The system's number.
    pub const fn number(self) -> i32 {
        self.0
    }

    /// Whether this is error `number`.
    pub const fn is(self, number: i32) -> bool {
        self.0 == number
    }

    /// The text that administrators know it by.
    pub fn text(self) -> &'static str {
        TEXTS.iter().find(|(number, _)| *number == self.0).map_or("unknown error", |(_, text)| text)
    }

    /// The same, ready to be a part of a message.
    pub fn bytes(self) -> &'static [u8] {
        self.text().as_bytes()
    }
}

impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        Self::of(&error)
    }
}

impl From<nix::Error> for Errno {
    fn from(error: nix::Error) -> Self {
        Self(error as i32)
    }
}

const TEXTS: &[(i32, &str)] = &[
    (0, "no error"),
    (libc::EINTR, "interrupted system call"),
    (libc::ENOMEM, "out of memory"),
    (libc::ENOENT, "file does not exist"),
    (libc::ETXTBSY, "text busy"),
    (libc::EIO, "input/output error"),
    (libc::EEXIST, "file already exists"),
    (libc::ETIMEDOUT, "timed out"),
    (libc::EINPROGRESS, "operation in progress"),
    (libc::EAGAIN, "temporary failure"),
    (libc::EPIPE, "broken pipe"),
    (libc::EPERM, "permission denied"),
    (libc::EACCES, "access denied"),
    (libc::ENXIO, "device not configured"),
    (libc::EPROTO, "protocol error"),
    (libc::EISDIR, "is a directory"),
    (libc::ECONNREFUSED, "connection refused"),
    (libc::ENOTDIR, "not a directory"),
    (libc::ESRCH, "no such process"),
    (libc::E2BIG, "argument list too long"),
    (libc::ENOEXEC, "exec format error"),
    (libc::EBADF, "file descriptor not open"),
    (libc::ECHILD, "no child processes"),
    (libc::EDEADLK, "operation would cause deadlock"),
    (libc::EFAULT, "bad address"),
    (libc::ENOTBLK, "not a block device"),
    (libc::EBUSY, "device busy"),
    (libc::EXDEV, "cross-device link"),
    (libc::ENODEV, "device does not support operation"),
    (libc::EINVAL, "invalid argument"),
    (libc::ENFILE, "system cannot open more files"),
    (libc::EMFILE, "process cannot open more files"),
    (libc::ENOTTY, "not a tty"),
    (libc::EFBIG, "file too big"),
    (libc::ENOSPC, "out of disk space"),
    (libc::ESPIPE, "unseekable descriptor"),
    (libc::EROFS, "read-only file system"),
    (libc::EMLINK, "too many links"),
    (libc::EDOM, "input out of range"),
    (libc::ERANGE, "output out of range"),
    (libc::EALREADY, "operation already in progress"),
    (libc::ENOTSOCK, "not a socket"),
    (libc::EDESTADDRREQ, "destination address required"),
    (libc::EMSGSIZE, "message too long"),
    (libc::EPROTOTYPE, "incorrect protocol type"),
    (libc::ENOPROTOOPT, "protocol not available"),
    (libc::EPROTONOSUPPORT, "protocol not supported"),
    (libc::ESOCKTNOSUPPORT, "socket type not supported"),
    (libc::EOPNOTSUPP, "operation not supported"),
    (libc::EPFNOSUPPORT, "protocol family not supported"),
    (libc::EAFNOSUPPORT, "address family not supported"),
    (libc::EADDRINUSE, "address already used"),
    (libc::EADDRNOTAVAIL, "address not available"),
    (libc::ENETDOWN, "network down"),
    (libc::ENETUNREACH, "network unreachable"),
    (libc::ENETRESET, "network reset"),
    (libc::ECONNABORTED, "connection aborted"),
    (libc::ECONNRESET, "connection reset"),
    (libc::ENOBUFS, "out of buffer space"),
    (libc::EISCONN, "already connected"),
    (libc::ENOTCONN, "not connected"),
    (libc::ESHUTDOWN, "socket shut down"),
    (libc::ETOOMANYREFS, "too many references"),
    (libc::ELOOP, "symbolic link loop"),
    (libc::ENAMETOOLONG, "file name too long"),
    (libc::EHOSTDOWN, "host down"),
    (libc::EHOSTUNREACH, "host unreachable"),
    (libc::ENOTEMPTY, "directory not empty"),
    (libc::EUSERS, "too many users"),
    (libc::EDQUOT, "disk quota exceeded"),
    (libc::ESTALE, "stale NFS file handle"),
    (libc::EREMOTE, "too many levels of remote in path"),
    (libc::ENOLCK, "no locks available"),
    (libc::ENOSYS, "system call not available"),
    (libc::ENOSTR, "not a stream device"),
    (libc::ETIME, "timer expired"),
    (libc::ENOSR, "out of stream resources"),
    (libc::ENOMSG, "no message of desired type"),
    (libc::EBADMSG, "bad message type"),
    (libc::EIDRM, "identifier removed"),
    (libc::ENONET, "machine not on network"),
    (libc::ENOLINK, "link severed"),
    (libc::EADV, "advertise error"),
    (libc::ESRMNT, "srmount error"),
    (libc::ECOMM, "communication error"),
    (libc::EMULTIHOP, "multihop attempted"),
    (libc::EREMCHG, "remote address changed"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_of_daemontools() {
        let text = |number| Errno::from_raw(number).text();
        assert_eq!(text(libc::ENOENT), "file does not exist");
        assert_eq!(text(libc::EACCES), "access denied");
        assert_eq!(text(libc::EPERM), "permission denied");
        assert_eq!(text(libc::EWOULDBLOCK), "temporary failure");
        assert_eq!(text(libc::EILSEQ), "unknown error");
    }

    #[test]
    fn no_number_has_two_texts() {
        for (index, (number, text)) in TEXTS.iter().enumerate() {
            let first = TEXTS.iter().position(|(other, _)| other == number);
            assert_eq!(first, Some(index), "{text}");
        }
    }
}
