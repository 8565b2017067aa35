//! Random options, letters and directories.

use super::run::{Bytes, SIDES, Scratch, Side, same, same_seen};
use super::{Generator, Verdict};
use nix::sys::stat::Mode;
use proptest::collection::vec;
use proptest::prelude::*;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt;

/// Directories whose control somebody reads.
const READ: [&str; 3] = ["a", "b", "-u"];

/// An argument: mostly clusters of letters.
fn argument() -> impl Strategy<Value = Bytes> {
    const OPERANDS: [&str; 13] =
        ["a", "b", "-u", "none", "missing", "", ".", "a/.", "../x/a", "-", "--", "-?", "u"];
    prop_oneof![
        4 => "-[udopchaitkx]{1,6}",
        // Letters that only our svc knows are left out.
        1 => "-[udopchaitkx]{0,3}[-a-pr-vx-zA-Z03-9:?* ]{1,2}[udopchaitkx]{0,2}",
        4 => proptest::sample::select(&OPERANDS[..]).prop_map(str::to_owned),
    ]
    .prop_filter("is refused, on purpose", |text| !text.starts_with("--") || text == "--")
    .prop_map(|text| Bytes(text.into_bytes()))
}

fn prepare(scratch: &Scratch, side: Side) -> Vec<File> {
    let supervise = |name: &str| {
        let path = scratch.of(side).join(name).join("supervise");
        fs::create_dir_all(&path).unwrap();
        path.join("control")
    };
    fs::create_dir(scratch.of(side).join("missing")).unwrap();
    let fifo = |name: &str| {
        let control = supervise(name);
        nix::unistd::mkfifo(&control, Mode::from_bits_truncate(0o600)).unwrap();
        control
    };
    fifo("none");
    // With both ends open, what is written stays, and reading never waits.
    let open =
        |name| File::options().read(true).write(true).custom_flags(nix::libc::O_NONBLOCK).open(fifo(name));
    READ.iter().map(|name| open(name).unwrap()).collect()
}

fn check(arguments: &[Bytes]) -> Verdict {
    let scratch = Scratch::new();
    let [ours, theirs] = SIDES.map(|side| {
        let fifos = prepare(&scratch, side);
        let seen = scratch.run(side, "svc", arguments, b"");
        let written: Vec<Bytes> = fifos
            .into_iter()
            .map(|mut fifo| {
                let mut bytes = vec![0; 4096];
                let length = fifo.read(&mut bytes).unwrap_or(0);
                bytes.truncate(length);
                Bytes(bytes)
            })
            .collect();
        (seen, written)
    });
    same_seen(&ours.0, &theirs.0)?;
    same("bytes in the fifos of a, b and -u", [&ours.1, &theirs.1])
}

#[test]
fn letters_go_where_the_original_sends_them() {
    let generator = Generator { name: "svc", cases: 600, workers: 1 };
    generator.compare(|| vec(argument(), 0..7), |arguments| check(arguments));
}
