//! The library that `skynet`, which manages participants, and `exo`, which runs one, share (docs/skynet.md). Reading order:
//! [`ini`] and [`config`] are the settings, [`files`] finds and reads them, [`workitem`] is the message that a participant
//! works on, [`items`] writes and parses the log lines about that work, and [`failure`] is the error that ends a command.

/// Settings.
pub mod config;

/// The error that ends a command.
pub mod failure;

/// Where settings are, and reading them.
pub mod files;

/// The lines of ini files.
pub mod ini;

/// The lines about work that a program can read.
pub mod items;

/// What a participant works on.
pub mod workitem;
