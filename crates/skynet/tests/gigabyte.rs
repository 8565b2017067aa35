//! How long a gigabyte of logs takes, and how much memory.

use crate::logs::{archive, line, skynet};
use std::fs::File;
use std::io::{BufWriter, Write};

const PARTICIPANTS: usize = 10;
const FILES: u64 = 10;
const SIZE: u64 = 10_000_000;

/// `PARTICIPANTS` logs of `FILES` files of `SIZE` bytes each, whose times are interleaved; each tenth line is the end of
/// an item.
fn make(sandbox: &crate::support::Sandbox) {
    for participant in 0..PARTICIPANTS {
        let mut now = u64::try_from(participant).unwrap();
        for file in 0..FILES {
            let main = format!("BOSS/participants/p{participant}/log/main");
            let mut output = BufWriter::with_capacity(
                1 << 20,
                File::create(sandbox.path(&format!("{main}/new"))).unwrap(),
            );
            let mut size = 0;
            while size < SIZE {
                now += 10;
                let item = now / 100;
                let text = if now / 10 % 10 == 0 {
                    format!(
                        "item wfid=20270115-{item} participant=p{participant} ms={} result=true",
                        item * 7919 % 90_000
                    )
                } else {
                    format!("INFO wfid=20270115-{item} an ordinary line of a log, about as long as they are")
                };
                let text = line(now, &text);
                size += u64::try_from(text.len()).unwrap();
                output.write_all(text.as_bytes()).unwrap();
            }
            drop(output);
            let name = if file == FILES - 1 { "current".to_string() } else { archive(now) };
            sandbox.run(&format!("mv {main}/new {main}/{name}"));
        }
    }
}

#[test]
#[ignore = "makes a gigabyte of files: a measurement"]
fn a_gigabyte_of_logs() {
    let names: Vec<String> = (0..PARTICIPANTS).map(|number| format!("p{number}")).collect();
    let sandbox = skynet(&names.iter().map(String::as_str).collect::<Vec<_>>());
    make(&sandbox);
    for command in [
        "cat BOSS/participants/*/log/main/*",
        "skynet --root BOSS log",
        "skynet --root BOSS log p0",
        "skynet --root BOSS log --wfid 20270115-1000",
        "skynet --root BOSS log -n 1000",
        "skynet --root BOSS log -n 1000000",
        "skynet --root BOSS log -n 10 --wfid 20270115-1000",
        "skynet --root BOSS log --since '2027-01-15 10:00'",
        "skynet --root BOSS history",
    ] {
        let output = sandbox.sh(&format!("/usr/bin/time -f '%e s, %M KB' {command} 2>&1 >/dev/null"));
        let figures = String::from_utf8_lossy(&output.stdout).into_owned();
        crate::support::show(&format!("{command}: {}", figures.trim()));
        let memory: u64 =
            figures.split(" s, ").nth(1).unwrap().trim().trim_end_matches(" KB").parse().unwrap();
        assert!(memory < 20_000, "{command}: {figures}");
    }
    // From the disk, on a terminal.
    sandbox.run("for file in BOSS/participants/*/log/main/*; do dd of=$file oflag=nocache conv=notrunc,fdatasync count=0 status=none; done");
    let printed =
        sandbox.run("script -qec '/usr/bin/time -f \"%e s, %M KB\" skynet --root BOSS history' /dev/null");
    crate::support::show(&printed.replace('\r', "\n"));
}
