//! svscan: keeps one supervise running for every directory, and a second one for its log (CONTRACT.md 1.2).
//!
//! [`table`] decides, [`run`] does.

// The scan directory, and the loop that performs what the table decides.
pub mod run;
// What svscan decides, as a function of what it finds. *Pure.*
pub mod table;
