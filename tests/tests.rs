//! The integration tests: real processes, real files, real signals.
#![cfg(test)]
#![expect(unreachable_pub, reason = "a test binary has no outside")]
#![expect(clippy::disallowed_methods, reason = "tests start programs as a shell would, and poll with pauses")]

/// What may be adopted, and with what.
mod adopted;
/// No death of svscan or supervise disturbs a service.
mod adoption;
/// The rules of the house.
mod architecture;
/// Broken services, and what svstat says about them.
mod broken;
/// The same cases with our programs and with Debian's.
mod conformance;
/// svscan as the first process of a container.
mod containers;
/// How many system calls things take.
mod counts;
/// svscan and supervise killed at any moment.
mod crashes;
/// The demonstration.
mod demo;
/// Documents that are cited, and the table of differences.
mod documents;
/// What controls a terminal, in data of others.
mod escapes;
/// The manual pages, and what they show.
mod examples;
/// What svstat tells beyond the original.
mod facts;
/// Services that cannot stay up.
mod failing;
/// What comes after the end of a service.
mod finish;
/// Records and locks of other accounts.
mod forged;
/// Control fifos that are full.
mod full;
/// Random cases with our programs and with Debian's.
mod generated;
/// The end of svscan, with services that do not obey.
mod grace;
/// Signals to whole groups of processes, and what a service leaves behind.
mod groups;
/// Programs on a file system that does not answer.
mod hanging;
/// When svscan looks, and that it sleeps.
mod looking;
/// multilog on bad days.
mod multilog;
/// Children whose ends have no name, and those that are gone without a word.
mod odd_ends;
/// Files that are endless, huge, or no files, in the places of those that programs read.
mod odd_files;
/// One file that is many programs.
mod one_file;
/// At most one start a second.
mod pacing;
/// Servers that Debian has service directories for.
mod packages;
/// The original's programs and ours, mixed.
mod pairing;
/// Nothing is lost between a service and its logger.
mod pipe;
/// svscan as process 1, and what takes its place in the end.
mod process_one;
/// multilog and its processors.
mod processors;
/// README.md, followed to the letter.
mod readme;
/// What was removed from `supervise/`.
mod removed;
/// multilog whose files are removed, renamed or replaced.
mod repairs;
/// Debian's package, replaced in a running system.
mod replacing;
/// What comes into the scan directory runs.
mod scanning;
/// What files of a service directory say about stopping and pausing.
mod settings;
/// The end of svscan, with services that obey.
mod shutdown;
/// The services to copy.
mod skeletons;
/// What the skeletons show beyond starting a program.
mod skeletons_more;
/// What takes too long for every day.
mod soak;
/// First starts that are spaced.
mod stagger;
/// svscan from boot on, under each init.
mod startup;
/// Sandboxes, processes, waiting.
mod support;
/// What svscan stops at HUP.
mod sweeping;
/// What a service tells, and who is told.
mod telling;
/// Signals that reach svscan and its supervises together.
mod together;
/// The world's trouble, and what becomes of it.
mod trouble;
/// Files of other accounts in `supervise/` or in a log directory.
mod trust;
/// What happens while a service has no supervise.
mod unseen;
/// svc that waits, and says honestly how it went.
mod waiting;
