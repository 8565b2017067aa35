//! docs/skynet.md: the tests that it names are there, and old participants may rely on what it says.

use crate::scene::Sandbox;
use std::fs;
use std::path::Path;
use std::process::Stdio;

const DOCUMENT: &str = include_str!("../../../docs/skynet.md");

/// The cells of the table that has this heading row, without the signs of code around them.
fn table(heading: &str) -> Vec<Vec<&str>> {
    let lines = DOCUMENT.split_once(heading).unwrap().1.lines().skip(2);
    let rows = lines.map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows: Vec<Vec<&str>> = rows.map(|row| row.split(" | ").collect()).collect();
    assert!(rows.len() > 5, "{heading}");
    rows
}

fn code(cell: &str) -> &str {
    cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')).unwrap()
}

#[test]
fn the_life_of_a_participant_is_tested_as_it_is_described() {
    for row in table("| situation | behaviour | test |\n") {
        let tests = row.last().unwrap();
        for test in tests.split(", ").map(code) {
            let (module, name) = test.split_once("::").unwrap();
            let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/{module}.rs"));
            let text = fs::read_to_string(file).unwrap();
            assert!(text.contains(&format!("#[test]\nfn {name}() {{\n")), "{test}");
        }
    }
}

/// Reads lines with a row, its item and its answer, and prints the rows that do not hold.
const JUDGE: &str = r#"
import json, sys
from SkyNET import Workitem
for line in sys.stdin:
    row, item, answer = json.loads(line)
    wi = Workitem(answer) if answer else None
    try:
        holds = eval(row[1])
    except Exception as error:
        holds = repr(error)
    if holds is not True:
        print(row, holds, answer)
"#;

#[test]
fn old_participants_can_rely_on_what_is_promised_to_them() {
    let rows = table("| the logic | holds |\n");
    let item = DOCUMENT.split_once("```json\n{").unwrap().1.lines().next().unwrap();
    let item = |number: usize| format!("{{\"row\":{number},{item}");
    let mut logic = String::from("class ParticipantHandler(object):\n");
    for (number, row) in rows.iter().enumerate() {
        logic += &format!("    def row_{number}(self, wi):\n        {}\n", code(row[0]));
    }
    logic += "    def handle_wi(self, wi):\n        getattr(self, 'row_%d' % wi.to_h()['row'])(wi)\n";
    let sandbox = Sandbox::new();
    sandbox.write("p/participant_logic.py", &logic);
    let items: Vec<String> = (0..rows.len()).map(item).collect();
    let said = sandbox.exo("p", &["--local", "participant_logic.py"], &(items.join("\n") + "\n"));
    assert_eq!(said.code, 0, "{said:?}");
    let mut questions = String::new();
    for (number, (row, item)) in rows.iter().zip(&items).enumerate() {
        let is_answer = |line: &&str| line.starts_with(&format!("{{\"row\":{number},"));
        // What send_to_engine has sent comes before the answer.
        let answer = said.out.lines().rfind(is_answer).unwrap_or("null");
        let row = serde_json::json!([code(row[0]), code(row[1])]);
        questions += &format!("[{row},{item},{answer}]\n");
    }
    sandbox.write("questions", &questions);
    let mut judge = sandbox.command("python3", "");
    judge.args(["-c", JUDGE]).env("PYTHONDONTWRITEBYTECODE", "1");
    judge.env("PYTHONPATH", concat!(env!("CARGO_MANIFEST_DIR"), "/python"));
    judge.stdin(fs::File::open(sandbox.path("questions")).unwrap()).stderr(Stdio::piped());
    let judged = judge.output().unwrap();
    assert!(judged.status.success() && judged.stdout.is_empty(), "{judged:?}");
}
