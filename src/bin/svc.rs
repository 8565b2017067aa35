//! `svc [-udopchaitkxq12w] [--check] [--wait=STATE] [--timeout=SECONDS] dirs...`: controls services.
#![no_main]

servicedir::program!(|_| servicedir::programs::svc::PROGRAM);
