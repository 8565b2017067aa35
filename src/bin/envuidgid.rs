//! `envuidgid account child`: runs a program with the numbers of an account in `UID` and `GID`.
#![no_main]

servicedir::program!(|_| servicedir::programs::envuidgid::PROGRAM);
