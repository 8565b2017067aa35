//! `softlimit [-acdflmoprst N] child`: runs a program with less of what it could have.
#![no_main]

servicedir::program!(|_| servicedir::programs::softlimit::PROGRAM);
