//! One service directory, as every program sees it: supervise and the programs that talk to it read and write
//! its formats through these modules alone.

// All there is to tell about a service. *Pure.*
pub mod account;
// Commands for many services, and waiting for them.
pub mod command;
// Commands and the bytes that carry them. *Pure.*
pub mod control;
// Why a service cannot stay up.
pub mod diagnosis;
// The files under `supervise/`.
pub mod directory;
// What there is to say about a service that cannot stay up. *Pure.*
pub mod failing;
// What somebody waits for. *Pure.*
pub mod goal;
// Which processes supervise a service, and are it. *Pure.*
pub mod instance;
// Where the record of these is, and whether it is trusted.
pub mod instance_file;
// How a service ended last. *Pure.*
pub mod last_exit;
// Looking at the process of a service.
pub mod observation;
// Why `run` cannot be executed. *Pure.*
pub mod run_file;
// What the script `run` asks for. *Pure.*
pub mod script;
// What its files are called. *Pure.*
pub mod names;
// svstat's line. *Pure.*
pub mod sentence;
// The 18 bytes of `supervise/status`. *Pure.*
pub mod status;
// Which run was told to end. *Pure.*
pub mod told;
// Finding out about a service.
pub mod survey;
// Waiting for services.
pub mod waiting;
