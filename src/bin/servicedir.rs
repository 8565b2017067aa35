//! All programs that look up no accounts, in one file: which one this is, its name says.
#![no_main]

servicedir::program!(servicedir::programs::choose);
