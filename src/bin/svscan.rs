//! `svscan [--stagger=SECONDS] [--then=PROGRAM] [dir]`: keeps a supervise running for every directory in `dir`.
#![no_main]

servicedir::program!(|_| servicedir::programs::svscan::PROGRAM);
