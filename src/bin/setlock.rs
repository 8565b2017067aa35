//! `setlock [-nNxX] file program [arg ...]`: runs a program with a file locked.
#![no_main]

servicedir::program!(|_| servicedir::programs::setlock::PROGRAM);
