//! What `skynet`, which manages participants, and `exo`, which runs one, have in common (SKYNET.md). Reading order:
//! [`config`] the settings, [`files`] where they are, [`workitem`] what a participant works on, [`items`] what is logged
//! about that.

/// Settings.
pub mod config;

/// Where settings are, and reading them.
pub mod files;

/// The lines about work that a program can read.
pub mod items;

/// What a participant works on.
pub mod workitem;
