//! The library that `skynet`, which manages participants, and `exo`, which runs one, share (docs/skynet.md). Reading order:
//! [`ini`] and [`config`] are the settings, [`files`] finds and reads them, [`workitem`] is the message that a participant
//! works on, and [`items`] writes and parses the log lines about that work.

/// Settings.
pub mod config;

/// Where settings are, and reading them.
pub mod files;

/// The lines of ini files.
pub mod ini;

/// The lines about work that a program can read.
pub mod items;

/// What a participant works on.
pub mod workitem;
