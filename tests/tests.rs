//! The integration tests: real processes, real files, real signals.
#![cfg(test)]
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(clippy::disallowed_methods, reason = "tests start programs as a shell would, and poll with pauses")]

/// The rules of the house.
mod architecture;
/// The same cases with our programs and with Debian's.
mod conformance;
/// The demonstration.
mod demo;
/// The manual pages, and what they show.
mod examples;
/// Random cases with our programs and with Debian's.
mod generated;
/// multilog on bad days.
mod multilog;
/// At most one start a second.
mod pacing;
/// Servers that Debian has service directories for.
mod packages;
/// The original's programs and ours, mixed.
mod pairing;
/// Nothing is lost between a service and its logger.
mod pipe;
/// README.md, followed to the letter.
mod readme;
/// The services to copy.
mod skeletons;
/// Sandboxes, processes, waiting.
mod support;
/// The world's trouble, and what becomes of it.
mod trouble;
