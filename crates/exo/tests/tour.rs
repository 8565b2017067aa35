//! `make demo-skynet`.

use crate::scene::{Said, Sandbox};

#[test]
fn the_tour_ends_by_itself_and_shows_what_it_promises() {
    let sandbox = Sandbox::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../skynet/demo/skynet.sh");
    let programs = std::path::Path::new(env!("CARGO_BIN_EXE_exo")).parent().unwrap();
    let mut tour = sandbox.command("sh", "");
    tour.arg(script).arg(programs).env("TMPDIR", sandbox.path(""));
    let said = Said::from(tour.output().unwrap());
    assert_eq!(said.code, 0, "{said:?}");
    for number in 0..10 {
        let sum: u32 = (0..number + 2).sum();
        let line = format!("process-{number} has ended: the sum is {sum}\n");
        assert!(said.out.contains(&line), "{line}{said:?}");
    }
    let log = said.out.lines().filter(|line| line.contains("wfid=process-7 "));
    assert_eq!(log.count(), 4, "begin and end in two participants: {said:?}");
    assert!(said.out.contains("\nadder STOPPED\nreporter STOPPED\n"), "{said:?}");
    let last = "No process of this demo is alive any more, and its directory is removed.\n";
    assert!(said.out.ends_with(last), "{said:?}");
    assert_eq!(std::fs::read_dir(sandbox.path("")).unwrap().count(), 0);
}
