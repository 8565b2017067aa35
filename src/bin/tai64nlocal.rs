//! `tai64nlocal`: turns the TAI64N labels at the start of lines into local time.
#![no_main]

servicedir::program!(|_| servicedir::programs::tai64nlocal::PROGRAM);
