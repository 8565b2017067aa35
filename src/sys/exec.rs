//! Becoming another program, exactly as daemontools does it (docs/compatibility.md 1.0): `execve` and our own search of
//! PATH, so that a script without `#!` is an error and not a shell script.

use super::{Errno, Result};
use std::convert::Infallible;
use std::ffi::{CStr, CString, c_char};
use std::os::unix::ffi::OsStrExt;

/// A program with its arguments and environment, prepared so that [`Prepared::exec`] allocates nothing: it can
/// run in a forked child, or under limits that leave no memory.
#[derive(Debug)]
pub struct Prepared<'a> {
    /// Where the program may be, in the order in which the places are tried.
    candidates: Vec<CString>,
    /// Null-terminated arrays of pointers into strings that live for `'a`.
    argv: Vec<*const c_char>,
    envp: Vec<*const c_char>,
    strings: std::marker::PhantomData<&'a CStr>,
}

impl<'a> Prepared<'a> {
    /// The program `file`, which is not searched for.
    pub fn file(file: &CStr, argv: &[&'a CStr], environment: &[&'a CStr]) -> Self {
        Self::new(vec![file.to_owned()], argv, environment)
    }

    /// The program `argv[0]`; a name without `/` is looked for in the PATH of this process.
    pub fn command(argv: &[&'a CStr], environment: &[&'a CStr]) -> Self {
        let name = argv.first().copied().unwrap_or(c"");
        let path = std::env::var_os("PATH");
        let path = path.as_ref().map(|path| path.as_bytes());
        Self::new(candidates(name, path), argv, environment)
    }

    fn new(candidates: Vec<CString>, argv: &[&'a CStr], environment: &[&'a CStr]) -> Self {
        let strings = std::marker::PhantomData;
        Self { candidates, argv: pointers(argv), envp: pointers(environment), strings }
    }

    /// Becomes the program, or says why not. "Does not exist" and "no access" let the search go on; the latter
    /// is what is reported if it finds nothing. Any other error ends it.
    pub fn exec(&self) -> Errno {
        let mut reason = Errno::from_raw(libc::ENOENT);
        for candidate in &self.candidates {
            let Err(error) = self.exec_at(candidate);
            if [libc::EACCES, libc::EPERM, libc::EISDIR].iter().any(|&number| error.is(number)) {
                reason = error;
            } else if !error.is(libc::ENOENT) {
                return error;
            }
        }
        reason
    }

    fn exec_at(&self, path: &CStr) -> Result<Infallible> {
        // SAFETY: the path is a string; both arrays are null-terminated and point to strings that live for
        // 'a, which outlives self.
        unsafe { libc::execve(path.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr()) };
        Err(Errno::last())
    }
}

fn pointers(strings: &[&CStr]) -> Vec<*const c_char> {
    strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
}

/// Where `name` may be: itself if it has a `/`, else in each directory of `path`, an empty one being the
/// current directory.
fn candidates(name: &CStr, path: Option<&[u8]>) -> Vec<CString> {
    let name = name.to_bytes();
    if name.contains(&b'/') {
        return CString::new(name).into_iter().collect();
    }
    let directories = path.unwrap_or(b"/bin:/usr/bin").split(|&byte| byte == b':');
    let in_directory = |directory: &[u8]| {
        let directory = if directory.is_empty() { b"." } else { directory };
        CString::new([directory, b"/", name].concat()).ok()
    };
    directories.filter_map(in_directory).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &CStr, path: Option<&str>, expected: &[&str]) {
        let found = candidates(name, path.map(str::as_bytes));
        let found: Vec<&str> = found.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_name_is_looked_for_in_path() {
        check(c"ls", Some("/a:/b"), &["/a/ls", "/b/ls"]);
        check(c"ls", Some(":/b:"), &["./ls", "/b/ls", "./ls"]);
        check(c"ls", Some(""), &["./ls"]);
        check(c"ls", None, &["/bin/ls", "/usr/bin/ls"]);
        check(c"./ls", Some("/a"), &["./ls"]);
        check(c"", Some("/a"), &["/a/"]);
    }
}
