//! The directory `supervise/` of a service, held open for as long as supervise runs, with its lock and its fifos.

use super::messages::{unable, warn};
use crate::report::{Failure, SYSTEM};
use crate::service::directory::is_of;
use crate::service::names::{CONTROL, LOCK, OK, SUPERVISE, inside};
use crate::sys::Errno;
use crate::sys::confined::Confined;
use crate::sys::files::{self, Contention, Facts, HERE};
use std::ffi::CStr;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};

/// The longest symbolic link in place of `supervise/` that is followed, in bytes.
const LONGEST_LINK: usize = 255;

/// The open directory.
#[derive(Debug)]
pub struct StateDirectory {
    directory: Confined,
    lock: File,
    control: File,
    /// A writer of our own, so that `control` never comes to its end.
    _writer: File,
    /// Open for as long as svok is to answer that supervise runs.
    ok: Option<File>,
    /// What stood in the way of making it again, if that was reported and still does.
    reported: Option<Vec<u8>>,
}

/// Why the directory cannot be used.
enum Obstacle {
    /// What is not possible, `acquire sv/supervise/lock`, and why.
    Unable(Vec<u8>, &'static [u8]),
    /// The original's only message without the name of the program.
    Link,
}

impl Obstacle {
    fn new(verb: &[u8], name: &CStr, path: &CStr) -> impl FnOnce(Errno) -> Self {
        let what = [verb, b" ", name.to_bytes(), b"/", path.to_bytes()].concat();
        move |error| Self::Unable(what, error.bytes())
    }

    fn fatal(self) -> Failure {
        match self {
            Self::Unable(what, reason) => unable(&[&what], reason),
            Self::Link => Failure::new(SYSTEM, b"unable to readlink ./supervise: unknown error\n".to_vec()),
        }
    }

    fn sentence(&self) -> Vec<u8> {
        match self {
            Self::Unable(what, reason) => [b"unable to ", &what[..], b": ", reason].concat(),
            Self::Link => b"unable to readlink ./supervise: unknown error".to_vec(),
        }
    }
}

impl StateDirectory {
    /// Makes the directory if it is missing, locks it, and opens the fifo for commands. `name` is the service directory,
    /// which is the current one.
    ///
    /// # Errors
    /// Those of the original (docs/compatibility.md 1.3), and one for a `control` that is not a fifo.
    pub fn open(name: &CStr) -> Result<Self, Failure> {
        let open = || {
            let directory = open_directory(name)?;
            let lock = take_lock(&directory, name)?;
            let (control, writer) = open_control(&directory, name)?;
            Ok(Self { directory, lock, control, _writer: writer, ok: None, reported: None })
        };
        open().map_err(Obstacle::fatal)
    }

    /// Opens the fifo by which svok sees that supervise runs.
    ///
    /// # Errors
    /// That of the original (docs/compatibility.md 1.3).
    pub fn announce(&mut self, name: &CStr) -> Result<(), Failure> {
        self.open_ok(name).map_err(Obstacle::fatal)
    }

    /// The directory, for its other files.
    pub const fn files(&self) -> &Confined {
        &self.directory
    }

    /// The number of the descriptor that is locked, which children have, too, until they become other programs.
    pub fn lock_number(&self) -> i32 {
        self.lock.as_raw_fd()
    }

    /// The fifo for commands.
    pub const fn control(&self) -> &File {
        &self.control
    }

    /// Whether the directory, its lock and its fifos are still those that other programs find by their names.
    pub fn is_in_place(&self) -> bool {
        let files = [(Some(&self.lock), LOCK), (Some(&self.control), CONTROL), (self.ok.as_ref(), OK)];
        is_same(&self.directory, files::look(HERE, SUPERVISE).ok().flatten())
            && files.into_iter().all(|(file, path)| {
                file.is_none_or(|file| is_same(file, self.directory.look(inside(path)).ok().flatten()))
            })
    }

    /// Makes again what was removed or replaced; says whether that was possible. Warns of what stands in its way, once. The
    /// commands that wait in the present fifo must have been read.
    pub fn restore(&mut self, name: &CStr) -> bool {
        let mut restore = || {
            let directory = open_directory(name)?;
            // Two open files of one lock exclude each other, also in one process.
            if !is_same(&self.lock, directory.look(inside(LOCK)).ok().flatten()) {
                self.lock = take_lock(&directory, name)?;
            }
            (self.control, self._writer) = open_control(&directory, name)?;
            self.directory = directory;
            self.open_ok(name)
        };
        let sentence = restore().err().map(|obstacle| obstacle.sentence());
        if let Some(sentence) = sentence.as_ref().filter(|_| sentence != self.reported) {
            warn(&[sentence]);
        }
        self.reported = sentence;
        self.reported.is_none()
    }

    fn open_ok(&mut self, name: &CStr) -> Result<(), Obstacle> {
        // An error shows when the fifo is opened.
        let _ = self.directory.make_fifo(inside(OK));
        self.ok = Some(self.directory.read(inside(OK)).map_err(Obstacle::new(b"read", name, OK))?);
        Ok(())
    }
}

/// Makes `supervise/` and opens it. Where it is a symbolic link to nothing, makes what it points to, so that the service
/// directory itself can be read-only.
fn open_directory(name: &CStr) -> Result<Confined, Obstacle> {
    if files::make_directory(HERE, SUPERVISE, 0o700).is_err() {
        if let Ok(target) = files::read_link(SUPERVISE) {
            if target.to_bytes().len() > LONGEST_LINK {
                return Err(Obstacle::Link);
            }
            // An error shows when the directory is opened.
            let _ = files::make_directory(HERE, &target, 0o700);
        }
    }
    Confined::open(HERE, SUPERVISE).map_err(Obstacle::new(b"acquire", name, LOCK))
}

/// Locks the service directory for as long as the file is open.
fn take_lock(directory: &Confined, name: &CStr) -> Result<File, Obstacle> {
    let unable = || Obstacle::new(b"acquire", name, LOCK);
    let lock = directory.lock(inside(LOCK)).map_err(unable())?;
    let here = files::look_open(directory).map_err(unable())?;
    if !is_of(files::look_open(&lock).map_err(unable())?, here) {
        let what = [b"acquire ", name.to_bytes(), b"/", LOCK.to_bytes()].concat();
        return Err(Obstacle::Unable(
            what,
            b"another service has it, too; remove it, and supervise makes one",
        ));
    }
    files::lock(&lock, Contention::Fail).map_err(unable())?;
    Ok(lock)
}

/// Opens both ends of the fifo for commands. The end to write to makes sure that it never comes to its end.
fn open_control(directory: &Confined, name: &CStr) -> Result<(File, File), Obstacle> {
    // That it is there already is fine; anything else shows when it is opened.
    let _ = directory.make_fifo(inside(CONTROL));
    let control = directory.read(inside(CONTROL)).map_err(Obstacle::new(b"read", name, CONTROL))?;
    let writer = directory.write(inside(CONTROL)).map_err(Obstacle::new(b"write", name, CONTROL))?;
    let here = files::look_open(directory).map_err(Obstacle::new(b"read", name, CONTROL))?;
    let found = files::look_open(&control).map_err(Obstacle::new(b"read", name, CONTROL))?;
    let odd: Option<&[u8]> = if !found.is_fifo {
        Some(b"it is not a fifo; remove it, and supervise makes one")
    } else {
        let reason = b"another service has it, too; remove it, and supervise makes one";
        (!is_of(found, here)).then_some(reason)
    };
    if let Some(reason) = odd {
        let what = [b"read ", name.to_bytes(), b"/", CONTROL.to_bytes()].concat();
        return Err(Obstacle::Unable(what, reason));
    }
    Ok((control, writer))
}

/// Whether an open file is what was found under a name.
fn is_same(open: impl AsFd, found: Option<Facts>) -> bool {
    let open = files::look_open(open).ok();
    open.zip(found).is_some_and(|(open, found)| open.identity == found.identity)
}
