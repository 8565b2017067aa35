//! multilog: reads lines from standard input, selects them by patterns, and keeps them in directories that
//! never grow too large (docs/compatibility.md 1.10).
//!
//! A chunk of input goes through [`mod@line`], [`script`] and [`pattern`] into the buffers of the directories; for
//! each directory, [`rotation`] decides what to write, and when to begin a new file.

// The names of old log files, and which of them have to go. *Pure.*
pub mod archive;
// The open file `current`, and what was written to one that was removed.
pub mod current;
// Where a log file ends. *Pure.*
pub mod cut;
// One log directory: performs what its rotation decides.
pub mod directory;
// The steps of a track, and its pauses. *Pure.*
pub mod lane;
// From chunks of input to lines. *Pure.*
pub mod line;
// Whether a line matches. *Pure.*
pub mod pattern;
// What is to be written to a `current`. *Pure.*
pub mod pending;
// Where a log directory is: opening, locking and inspecting it.
pub mod place;
// The command that old files go through.
pub mod processor;
// What a log directory does next. *Pure.*
pub mod rotation;
// Signals, standard input, and the loop around all directories.
pub mod run;
// What the arguments ask for. *Pure.*
pub mod script;
// The files that show the last line.
pub mod status_files;
// What can be done in a log directory, and what can be seen of it. *Pure.*
pub mod step;
// What was not possible, and why.
pub mod trouble;

/// The program's name in its messages.
const PROGRAM: &str = "multilog";
