//! `svok dir`: exits 0 if supervise runs in `dir`, 100 if not.
#![no_main]

servicedir::program!(|_| servicedir::programs::svok::PROGRAM);
