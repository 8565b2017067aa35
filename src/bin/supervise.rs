//! `supervise [--delay=SECONDS] dir`: keeps the service in `dir` running.
#![no_main]

servicedir::program!(|_| servicedir::programs::supervise::PROGRAM);
