//! `fghack child`: stays in the foreground for a program that puts itself into the background.
#![no_main]

servicedir::program!(|_| servicedir::programs::fghack::PROGRAM);
