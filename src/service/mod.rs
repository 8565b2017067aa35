//! One service directory, as every program sees it: supervise and the programs that talk to it read and write
//! its formats through these modules alone.

// Commands and the bytes that carry them. *Pure.*
pub mod control;
// The files under `supervise/`.
pub mod directory;
// svstat's line. *Pure.*
pub mod sentence;
// The 18 bytes of `supervise/status`. *Pure.*
pub mod status;
