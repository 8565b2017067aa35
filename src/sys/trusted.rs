//! Opening files by paths that may lead through directories of other accounts. A symbolic link on the way is followed only if
//! root or the account of this process owns it: so an account that may write to one directory of a path cannot turn the path
//! elsewhere.

use super::files::{self, Facts};
use super::{Errno, Result};
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::sys::stat::Mode;
use std::collections::VecDeque;
use std::ffi::{CStr, CString, OsString};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

/// As many links as the kernel follows in one path.
const MOST_LINKS: u32 = 40;

/// Opens `path`, seen from `at`, with these flags of open(2).
///
/// # Errors
/// Those of openat(2); `ELOOP` for a link of another account.
pub fn open(at: impl AsFd, path: &CStr, how: OFlag) -> Result<OwnedFd> {
    let plain = OpenHow::new().flags(how | OFlag::O_CLOEXEC).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    match openat2(&at, path, plain) {
        Ok(file) => Ok(file),
        // There is a link; or the system does not know this call, or forbids it.
        Err(nix::Error::ELOOP | nix::Error::ENOSYS | nix::Error::EPERM) => {
            walk(at, path, how | OFlag::O_CLOEXEC)
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens the directory `path` to read it and to work in it. Fails where reading it or changing to it would, and for a link of
/// another account.
pub fn open_directory(at: impl AsFd, path: &CStr) -> Result<File> {
    let directory: File = open(at, path, OFlag::O_RDONLY | OFlag::O_NONBLOCK)?.into();
    files::open_place(&directory, c".")?;
    Ok(directory)
}

/// Opens for reading, without waiting, the file that has this name itself, and no link in its place.
///
/// # Errors
/// Those of [`open`].
pub fn read(at: impl AsFd, path: &CStr) -> Result<File> {
    Ok(open(at, path, OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK)?.into())
}

/// The same for writing.
///
/// # Errors
/// Those of [`open`].
pub fn write(at: impl AsFd, path: &CStr) -> Result<File> {
    Ok(open(at, path, OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK)?.into())
}

/// Goes from directory to directory.
fn walk(at: impl AsFd, path: &CStr, how: OFlag) -> Result<OwnedFd> {
    let place = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut left = VecDeque::new();
    let mut here = begin(at, path.to_bytes(), &mut left)?;
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        let is_last = left.is_empty();
        if is_last && how.contains(OFlag::O_NOFOLLOW) {
            return Ok(openat(&here, part.as_c_str(), how, Mode::empty())?);
        }
        let next = openat(&here, part.as_c_str(), place, Mode::empty())?;
        let facts = files::look_open(&next)?;
        if facts.is_link {
            links += 1;
            if links > MOST_LINKS || !is_trusted(&facts) {
                return Err(Errno::from_raw(libc::ELOOP));
            }
            let target: OsString = readlinkat(&next, c"")?;
            here = begin(&here, &target.into_vec(), &mut left)?;
        } else if is_last {
            return Ok(openat(&here, part.as_c_str(), how | OFlag::O_NOFOLLOW, Mode::empty())?);
        } else {
            here = next;
        }
    }
    Ok(openat(&here, c".", how, Mode::empty())?)
}

/// Puts the parts of a path before those that are left, and returns where the first begins.
fn begin(at: impl AsFd, path: &[u8], left: &mut VecDeque<CString>) -> Result<OwnedFd> {
    for part in path.split(|&byte| byte == b'/').rev().filter(|part| !part.is_empty()) {
        left.push_front(CString::new(part).map_err(|_| Errno::from_raw(libc::EINVAL))?);
    }
    let place = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let begin = if path.starts_with(b"/") { c"/" } else { c"." };
    let at = if path.starts_with(b"/") { AT_FDCWD } else { at.as_fd() };
    if path.is_empty() {
        return Err(Errno::from_raw(libc::ENOENT));
    }
    Ok(openat(at, begin, place, Mode::empty())?)
}

fn is_trusted(facts: &Facts) -> bool {
    facts.is_owned_by_root_or_us()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::{lchown, symlink};

    fn content(at: impl AsFd, path: &CStr, how: OFlag) -> std::result::Result<String, i32> {
        let file = open(at, path, how).map_err(|error| error.number())?;
        let mut text = String::new();
        File::from(file).read_to_string(&mut text).unwrap();
        Ok(text)
    }

    #[test]
    fn links_of_root_and_of_ours_are_followed_and_no_others() {
        let directory = std::env::temp_dir().join(format!("trusted-{}", std::process::id()));
        fs::create_dir_all(directory.join("a/b")).unwrap();
        fs::write(directory.join("a/b/file"), "text").unwrap();
        symlink("a", directory.join("link")).unwrap();
        symlink(directory.join("link/b"), directory.join("absolute")).unwrap();
        symlink("../../absolute/file", directory.join("a/b/back")).unwrap();
        symlink("loop", directory.join("loop")).unwrap();
        let at = File::open(&directory).unwrap();
        let (plain, direct) = (OFlag::O_RDONLY, OFlag::O_RDONLY | OFlag::O_NOFOLLOW);
        for path in [c"a/b/file", c"link/b/file", c"absolute/file", c"./a//b/../b/file", c"absolute/back"] {
            assert_eq!(content(&at, path, plain), Ok("text".to_owned()), "{path:?}");
        }
        assert_eq!(content(&at, c"link/b/file", direct), Ok("text".to_owned()));
        for (path, how, error) in [
            (c"absolute/back", direct, libc::ELOOP),
            (c"loop", plain, libc::ELOOP),
            (c"loop/x", plain, libc::ELOOP),
            (c"link/none", plain, libc::ENOENT),
            (c"link/b/file/x", plain, libc::ENOTDIR),
            (c"", plain, libc::ENOENT),
        ] {
            assert_eq!(content(&at, path, how), Err(error), "{path:?}");
        }
        if nix::unistd::geteuid().is_root() {
            lchown(directory.join("link"), Some(1), Some(1)).unwrap();
            assert_eq!(content(&at, c"link/b/file", plain), Err(libc::ELOOP));
            assert_eq!(content(&at, c"absolute/file", plain), Err(libc::ELOOP));
            assert_eq!(content(&at, c"a/b/file", plain), Ok("text".to_owned()));
        }
        fs::remove_dir_all(directory).unwrap();
    }
}
