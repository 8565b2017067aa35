//! `setuidgid account child`: runs a program as another account.
#![no_main]

servicedir::program!(|_| servicedir::programs::setuidgid::PROGRAM);
