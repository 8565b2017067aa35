//! What `skynet`, which manages participants, and `exo`, which runs one, have in common (docs/skynet.md). Reading order:
//! [`ini`] and [`config`] the settings, [`files`] where they are, [`workitem`] what a participant works on, [`items`] what is logged
//! about that.

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
