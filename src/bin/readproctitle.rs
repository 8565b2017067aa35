//! `readproctitle args... dots`: shows the end of its standard input in the list of processes.
#![no_main]

servicedir::program!(|_| servicedir::programs::readproctitle::PROGRAM);
