//! `skynet history`: what participants have done.

use crate::logs::{archive, line, skynet, write};
use crate::support::{READY, Sandbox};

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
        line(4000, "begin wfid=w-4000 participant=build"),
    ];
    write(&sandbox, "build", "current", &late);
    write(&sandbox, "get", "current", &[line(1, "item wfid=a participant=get ms=7 result=true")]);
    let table = sandbox.run("skynet --root BOSS history");
    let expected = "\
PARTICIPANT  CALLS  FALSE  FAILED  CRASHED  SHORTEST  MEDIAN    95%  LONGEST  LAST FAILURE
build            4      1       2        2      10ms    20ms  3.00s    3.00s  2027-01-15 08:00:02 w-2000 KeyError: 'x y'
get              1      0       0        0       7ms     7ms    7ms      7ms  -
idle             0      0       0        0         -       -      -        -  -
";
    assert_eq!(table, expected);
    let json = sandbox.run("skynet --root BOSS history --json --since 2027-01-15T08:00:01 b");
    let expected = "[\n{\"participant\":\"build\",\"calls\":2,\"false\":1,\"failures\":1,\"crashed\":1,\"shortest_ms\":40,\
        \"median_ms\":40,\"p95_ms\":3000,\"longest_ms\":3000,\"last_failure\":\
        {\"at\":\"2027-01-15T08:00:02.0000005Z\",\"wfid\":\"w-2000\",\"error\":\"KeyError: 'x y'\"}}\n]\n";
    assert_eq!(json, expected);
}

#[test]
fn p4_an_item_in_hand_has_not_crashed_until_its_run_is_over() {
    let sandbox = Sandbox::with_skynet();
    sandbox.enabled_ready("p", &format!("echo begin wfid=w-1 participant=p\n{READY}"));
    let _svscan = sandbox.svscan();
    sandbox.run("skynet wait ready p");
    let table =
        |what: &str| sandbox.run(&format!("skynet {what} | tail -n 1 | tr -s ' ' | cut -d ' ' -f 2,5"));
    sandbox.wait_until("it is in hand", || sandbox.run("skynet log -o p").contains("begin wfid=w-1"));
    assert_eq!(table("history p"), "0 0\n");
    assert!(sandbox.run("skynet processes --json").contains("\"crashed\":0,\"in_hand\":1"));
    sandbox.run("svc -k BOSS/service/p");
    let processes = || sandbox.run("skynet processes --failed --json");
    sandbox.wait_until("it was begun again", || processes().contains("\"crashed\":1,\"in_hand\":1"));
    assert_eq!(table("history p"), "0 1\n");
    sandbox.run("skynet stop p");
    assert!(processes().contains("\"crashed\":2,\"in_hand\":0"), "{}", processes());
}

#[test]
fn p4_processes_are_listed_with_all_that_was_done_for_them() {
    let sandbox = skynet(&["build", "get"]);
    let build = [
        line(1000, "begin wfid=w-1 participant=build"),
        line(2000, "item wfid=w-1 participant=build ms=1 result=true"),
        line(3000, "begin wfid=w-2 participant=build"),
    ];
    write(&sandbox, "build", "current", &build);
    let get = [
        line(4000, "item wfid=w-1 participant=get ms=1 result=true"),
        line(5000, "item wfid=w-3 participant=get ms=1 result=error error=KeyError: 'x'"),
    ];
    write(&sandbox, "get", "current", &get);
    let table = sandbox.run("skynet processes --root BOSS");
    let expected = "\
PROCESS  FIRST                LAST                 ENDED  FAILED  CRASHED  IN HAND  PARTICIPANTS  LAST FAILURE
w-1      2027-01-15 08:00:01  2027-01-15 08:00:04      2       0        0        0  build,get     -
w-2      2027-01-15 08:00:03  2027-01-15 08:00:03      0       0        1        0  build         build CRASHED
w-3      2027-01-15 08:00:05  2027-01-15 08:00:05      1       1        0        0  get           get KeyError: 'x'
";
    assert_eq!(table, expected);
    let first = |words: &str| sandbox.run(&format!("skynet processes --root BOSS {words} | cut -d ' ' -f 1"));
    assert_eq!(first("--failed"), "PROCESS\nw-2\nw-3\n");
    assert_eq!(first("--failed b"), "PROCESS\nw-2\n");
    assert_eq!(first("--since 2027-01-15T08:00:04"), "PROCESS\nw-1\nw-3\n");
}

#[test]
fn what_is_not_there_is_said() {
    let sandbox = skynet(&["idle"]);
    let said = sandbox.fail(1, "skynet --root BOSS log --wfid w-1");
    assert_eq!(said, "skynet: There is no line about process w-1 in the log of any participant\n");
    assert!(sandbox.fail(1, "skynet --root BOSS processes").contains("There is no process in the logs"));
    sandbox.run("rm -r BOSS/participants");
    for command in ["list", "status", "log", "history", "processes"] {
        let said = sandbox.fail(1, &format!("skynet --root BOSS {command}"));
        let expected =
            format!("skynet: There are no participants in {}", sandbox.path("BOSS/participants").display());
        assert!(said.starts_with(&expected), "{command}: {said}");
    }
    assert!(!sandbox.fail(1, "skynet --root BOSS status x").contains("There are no participants"));
}
