//! supervise: keeps one service running (docs/compatibility.md 1.3).
//!
//! [`run`] waits for what happens, [`machine`] decides, [`perform`] does it.

// Where an earlier supervise has left off.
pub mod beginning;
// Its words: what can happen, and what can be done. *Pure.*
pub mod event;
// The files in `supervise/`.
pub mod facts;
// What a service leaves running.
pub mod leftovers;
// What supervise decides, as a function of what happens. *Pure.*
pub mod machine;
// What supervise says.
pub mod messages;
// The present, on both clocks. *Pure.*
pub mod now;
// The pauses between starts. *Pure.*
pub mod pacing;
// Performs what the machine decides.
pub mod perform;
// Which of its processes have ended.
pub mod reaper;
// What is written down for others, and when.
pub mod records;
// The lock, the fifos, the loop that waits for what happens.
pub mod run;
// `finish` and `notify`.
pub mod scripts;
// The files with which a service's owner changes how it is supervised. *Pure.*
pub mod settings;
// Reads these files.
pub mod settings_files;
// Sending signals to a service.
pub mod sending;
// The directory `supervise/`, its lock and its fifos.
pub mod state_directory;
// How often in a row the service has failed. *Pure.*
pub mod streak;
// Taking over a service that runs.
pub mod takeover;
