//! `pgrphack child`: runs a program in a session and process group of its own.
#![no_main]

servicedir::program!(|_| servicedir::programs::pgrphack::PROGRAM);
