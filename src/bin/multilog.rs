//! `multilog script...`: logs standard input in directories that never grow too large.
#![no_main]

servicedir::program!(|_| servicedir::programs::multilog::PROGRAM);
