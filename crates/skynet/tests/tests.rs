//! skynet as the people of the stories use it (docs/skynet.md), whose ids the tests carry.
#![cfg(test)]
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(clippy::disallowed_methods, reason = "tests run programs, and wait with a deadline")]

// What all of them need.
mod support;

// The command line.
mod options;
// Making, enabling and removing participants in a mini-SkyNET.
mod installing;
// The same in a whole system.
mod system;
// The same from a package, and on a machine without systemd.
mod packages;
// The manual page.
mod page;

// What participants have logged, across rotations.
mod logs;
// How often they were called, how long they took, what failed.
mod history;
// The same of a gigabyte: `cargo test --release -p skynet --test integration -- --ignored --nocapture gigabyte`.
mod gigabyte;

// Crashes: restarts, and who is told.
mod crashes;
// The pipe from a participant to its logger.
mod pipe;
// start, stop, restart, reload, wait.
mod control;
// Several participants, of which one stands in the way.
mod several;
// Nobody is told twice.
mod once;
// status and list.
mod status;

// The document of the names, formats and behaviour that stay.
mod document;
// What people have always done.
mod habits;
// What packages and documents have always written.
mod old_words;
// What scripts of packages do that are older than this program.
mod maintainers;
// A participant that says when it is ready, and names.
mod readiness;
// Every story has its test.
mod stories;
