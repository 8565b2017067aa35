//! `tai64n`: puts a TAI64N label in front of each line of standard input.
#![no_main]

servicedir::program!(|_| servicedir::programs::tai64n::PROGRAM);
