//! The commands, a module for each that has something of its own.

pub(crate) mod apply;
pub(crate) mod completions;
pub(crate) mod enable;
pub(crate) mod engine;
pub(crate) mod history;
pub(crate) mod install;
pub(crate) mod list;
pub(crate) mod log;
pub(crate) mod making;
pub(crate) mod manual;
pub(crate) mod notify;
pub(crate) mod processes;
pub(crate) mod rebuild;
pub(crate) mod register;
pub(crate) mod start;
pub(crate) mod status;
pub(crate) mod uninstall;
