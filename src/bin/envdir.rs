//! `envdir dir child`: runs a program with the environment changed as the files in `dir` say.
#![no_main]

servicedir::program!(|_| servicedir::programs::envdir::PROGRAM);
