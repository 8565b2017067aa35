//! Children that use the memory of this process until they are another program.

use super::{Errno, Result, messages};
use crate::report::Failure;
use std::cell::Cell;
use std::ffi::{c_int, c_void};

/// How much stack [`launch`] gives to a child, in bytes: many times what it takes to prepare and call `execve`.
const STACK: usize = 256 * 1024;

/// A child that [`launch`] has made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launched<T> {
    /// Its number.
    pub pid: i32,
    /// What it had to tell when it became another program, or ended.
    pub told: T,
}

/// The same as [`super::process::spawn`] for a child that becomes another program at once. Nothing is copied for it: until it
/// is that program it uses the memory of this process, which waits. Its descriptors are its own from the beginning: what it
/// opens or closes, this process does not. So `body`, which is given its number, cannot assign to what this process has, and
/// must not do so through a cell other than the one that it is given. That takes a plain value, so an open file of the child
/// cannot be taken for one of this process. What the child has allocated and not freed when it becomes the program is never
/// freed.
pub fn launch<T: Copy + Default, B: Fn(i32, &Cell<T>) -> Failure>(body: B) -> Result<Launched<T>> {
    struct Child<B, T> {
        body: B,
        pid: c_int,
        told: Cell<T>,
    }
    extern "C" fn child<B: Fn(i32, &Cell<T>) -> Failure, T>(child: *mut c_void) -> c_int {
        // SAFETY: `launch` passes this pointer, and does not go on before this process has another memory or has ended.
        let Child { body, pid, told } = unsafe { &*child.cast::<Child<B, T>>() };
        let code = {
            let failure = body(*pid, told);
            // The parent waits as long as this takes.
            messages::say(failure.message());
            failure.code()
        };
        // What the child has allocated is freed by now: the memory is the parent's.
        // SAFETY: ends the child at once, without running exit handlers that belong to the parent.
        unsafe { libc::_exit(c_int::from(code)) }
    }
    let mut new = Child { body, pid: 0, told: Cell::new(T::default()) };
    let (protection, kind) =
        (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_STACK);
    // SAFETY: asks for new memory.
    let stack = unsafe { libc::mmap(std::ptr::null_mut(), STACK, protection, kind, -1, 0) };
    if stack == libc::MAP_FAILED {
        return Err(Errno::last());
    }
    // The kernel writes the number of the child before the child begins.
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PARENT_SETTID | libc::SIGCHLD;
    let argument = &raw mut new;
    // SAFETY: the pointer is that of a variable, of which this is a part.
    let number = unsafe { &raw mut (*argument).pid };
    // SAFETY: this is the end of that memory, from which the stack grows down.
    let end = unsafe { stack.byte_add(STACK) };
    // SAFETY: the stack is the child's alone, and `child` gets what it expects. This process has one thread, and the
    // kernel keeps that waiting as long as the child uses its memory.
    let pid = unsafe { libc::clone(child::<B, T>, end, flags, argument.cast(), number) };
    let launched = if pid == -1 { Err(Errno::last()) } else { Ok(Launched { pid, told: new.told.get() }) };
    // SAFETY: the child uses this memory no longer.
    unsafe { libc::munmap(stack, STACK) };
    launched
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::SYSTEM;
    use crate::sys::{files, process};
    use std::os::fd::AsRawFd;

    #[test]
    fn a_child_tells_its_number() {
        let launched = launch(|pid, told| {
            told.set(pid);
            Failure::silent(7)
        });
        let Launched { pid, told } = launched.unwrap();
        assert_eq!(pid, told);
        assert_eq!(process::wait(pid), Ok(crate::exit::Exit::Exited(7)));
    }

    #[test]
    fn what_a_child_opens_and_closes_this_process_does_not() {
        // So large that no other test has it.
        const NUMBER: i32 = 200;
        let ours = files::open_read(files::HERE, c"/dev/null").unwrap();
        let launched = launch(|_, told: &Cell<bool>| {
            told.set(files::become_descriptor(&ours, NUMBER).is_ok());
            files::close_copy(ours.as_raw_fd());
            Failure::silent(SYSTEM)
        });
        let Launched { pid, told } = launched.unwrap();
        process::wait(pid).unwrap();
        assert!(told);
        assert!(files::look_open(&ours).is_ok());
        // SAFETY: asks about a number.
        assert_eq!(unsafe { libc::fcntl(NUMBER, libc::F_GETFD) }, -1);
    }
}
