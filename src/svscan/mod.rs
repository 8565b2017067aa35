//! svscan: keeps one supervise running for every directory, and a second one for its log (docs/compatibility.md 1.2).
//!
//! [`table`] decides, [`run`] does.

// Who has how much time in the end. *Pure.*
pub mod ending;
// Its words: what can happen, and what can be done. *Pure.*
pub mod event;
// Watching the lock and the fifos of supervises.
pub mod guard;
// Who supervises a directory already.
pub mod holder;
// What is behind a name.
pub mod inspect;
// What is in the scan directory, and being told of changes.
pub mod look;
// Starting a supervise.
pub mod launch;
// What svscan says.
pub mod messages;
// What services leave behind, and how it is ended.
pub mod orphans;
// How long it waits for what. *Pure.*
pub mod pauses;
// The pipe that a service and its logger have already.
pub mod pipe;
// Which of the two supervises of a service. *Pure.*
pub mod role;
// The scan directory, and the loop that performs what the table decides.
pub mod run;
// One service, as svscan knows it. *Pure.*
pub mod service;
// One of the two supervises of a service. *Pure.*
pub mod supervisor;
// Supervises whose service directories have vanished.
pub mod strays;
// Telling supervises what to do.
pub mod telling;
// What svscan decides, as a function of what it finds. *Pure.*
pub mod table;
// What the end still waits for. *Pure.*
pub mod waiting;
