//! `svstat [--long|--json] dirs...`: a line about each service.
#![no_main]

servicedir::program!(|_| servicedir::programs::svstat::PROGRAM);
