//! The command lines that docs/skynet.md promises to old packages and documents.

use crate::support::Sandbox;

const DOCUMENT: &str = include_str!("../../../docs/skynet.md");

#[test]
fn old_command_lines_do_what_is_promised() {
    let sandbox = Sandbox::with_skynet();
    sandbox.script("bin/exo", "echo exo \"$1\"");
    sandbox.write("logic.py", "pass\n");
    sandbox.run("skynet install -n x logic.py; mkdir -p BOSS/participants/x/log/main");
    sandbox.write("BOSS/participants/x/log/main/current", "a line\n");
    let table = DOCUMENT.split_once("| command | exit status | first line |\n").unwrap().1;
    let rows = table.lines().skip(1).map_while(|line| line.strip_prefix("| `")?.strip_suffix("` |"));
    let mut count = 0;
    for row in rows {
        let [command, code, line]: [&str; 3] = row.split(" | ").collect::<Vec<_>>().try_into().unwrap();
        let command = command.trim_end_matches('`');
        let said = sandbox.run(&format!("{command} >said 2>&1; echo $?; head -n 1 said"));
        assert_eq!(said, format!("{code}\n{}\n", line.trim_start_matches('`')), "{command}");
        count += 1;
    }
    assert!(count > 5);
}
