//! supervise: keeps one service running (CONTRACT.md 1.3).
//!
//! [`machine`] decides, [`run`] does.

// What supervise decides, as a function of what happens. *Pure.*
pub mod machine;
// The lock, the fifos, the loop that performs what the machine decides.
pub mod run;
