//! servicedir: a memory-safe, drop-in daemontools.
//!
//! The modules, in reading order. Data flows one way: bytes, through a codec, become an event; a machine
//! turns the event into actions; the edge performs the actions. Machines and codecs (marked *pure* below)
//! do no input or output, never fail, never block and never read a clock: `now` is an argument.
//!
//! Arrows: `bin -> programs -> {run, chain, service} -> {pure, sys}`, `pure -> pure`, `sys -> {std, nix, libc}`.
//! `unsafe` lives in [`sys`] alone. `tests/architecture.rs` checks these rules.

// The result of a program that could not do its job, and the shape of its message. *Pure.*
pub mod report;

// Options as getopt reads them. *Pure.*
pub mod options;

// TAI64N stamps: 12 bytes, `@` labels, and local time. *Pure.*
pub mod tai;

// The identity of a file. *Pure.*
pub mod file_id;

// Signals by their numbers and names. *Pure.*
pub mod signal;

// How a process ended. *Pure.*
pub mod exit;

// Writing JSON. *Pure.*
pub mod json;

// Text that others have written, made fit to be shown. *Pure.*
pub mod text;

// Environments, and the files that change them. *Pure.*
pub mod environment;

// softlimit's letters and numbers. *Pure.*
pub mod limits;

// One service directory: its control bytes, its status, its sentence, its files.
pub mod service;

// supervise: keeps one service running.
pub mod supervise;

// svscan: keeps one supervise running for every directory.
pub mod svscan;

// multilog: reads lines, selects them, keeps them in directories that never grow too large.
pub mod multilog;

// The loop that tai64n and tai64nlocal share: standard input, through a function, to standard output.
pub mod filter;

// The end that programs such as setuidgid share: become another program, or say why not.
pub mod chain;

// The programs.
pub mod programs;

// The edge of the operating system.
pub mod sys;
