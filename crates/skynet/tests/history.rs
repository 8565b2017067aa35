//! `skynet history`: what participants have done.

use crate::logs::{archive, line, skynet, write};

#[test]
fn p4_how_long_how_often_and_what_failed() {
    let sandbox = skynet(&["build", "get", "idle"]);
    let item = |at: u64, ms: u64, result: &str| {
        line(at, &format!("item wfid=w-{at} participant=build ms={ms} result={result}"))
    };
    let early = [
        line(100, "begin wfid=w participant=build"),
        item(200, 10, "true"),
        item(300, 20, "error error=early"),
    ];
    write(&sandbox, "build", &archive(500), &early);
    let late = [
        item(1000, 40, "false"),
        item(2000, 3000, "error error=KeyError: 'x y'"),
        line(3000, "item of news"),
    ];
    write(&sandbox, "build", "current", &late);
    write(&sandbox, "get", "current", &[line(1, "item wfid=a participant=get ms=7 result=true")]);
    let table = sandbox.run("skynet --root BOSS history");
    let expected = "\
PARTICIPANT  CALLS  FALSE  FAILED  SHORTEST  MEDIAN    95%  LONGEST  LAST FAILURE
build            4      1       2      10ms    20ms  3.00s    3.00s  2027-01-15 08:00:02 w-2000 KeyError: 'x y'
get              1      0       0       7ms     7ms    7ms      7ms  -
idle             0      0       0         -       -      -        -  -
";
    assert_eq!(table, expected);
    let json = sandbox.run("skynet --root BOSS history --json --since 2027-01-15T08:00:01 b");
    let expected = "[\n{\"participant\":\"build\",\"calls\":2,\"false\":1,\"failures\":1,\"shortest_ms\":40,\
        \"median_ms\":40,\"p95_ms\":3000,\"longest_ms\":3000,\"last_failure\":\
        {\"at\":\"2027-01-15T08:00:02.0000005Z\",\"wfid\":\"w-2000\",\"error\":\"KeyError: 'x y'\"}}\n]\n";
    assert_eq!(json, expected);
}
