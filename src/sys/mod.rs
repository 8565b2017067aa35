//! The edge of the operating system: the only module with `unsafe`.
//!
//! What the Rust runtime and the C library would decide behind our backs is decided here, once: programs start
//! without the runtime ([`startup`]), so SIGPIPE, descriptors 0 to 2 and the signal mask are what the caller
//! made them; [`exec`] never hands a script without `#!` to a shell; signals arrive as data ([`signals`]).
#![expect(unsafe_code, reason = "the one place that talks to the system")]

// Entry into a program, and its way out.
#[macro_use]
pub mod startup;
// The clocks.
pub mod clock;
// Files of a directory that another account may own.
pub mod confined;
// Error numbers and their texts.
pub mod errno;
// Becoming another program.
pub mod exec;
// Files, directories, fifos and locks.
pub mod files;
// Processes that are not children.
pub mod handle;
// A child that waits until its parent has taken note of it.
pub mod held;
// Accounts and the identity of this process.
pub mod identity;
// Children that use the memory of this process until they are another program.
pub mod launch;
// Limits of the resources of this process.
pub mod limits;
// The names in a directory.
pub mod listing;
// Who holds a lock.
pub mod locks;
// Large buffers.
pub mod memory;
// Messages that wait for nobody.
pub mod messages;
// Looking into files that others have written.
pub mod peek;
// Pipes.
pub mod pipes;
// Waiting for whatever comes first.
pub mod poll;
// Children.
pub mod process;
// All processes.
pub mod processes;
// File systems that may not answer.
pub mod remote;
// Signals.
pub mod signals;
// Paths through directories of other accounts.
pub mod trusted;
// Changes in directories.
pub mod watch;

pub use errno::Errno;

/// What a system call comes to.
pub type Result<T> = std::result::Result<T, Errno>;
