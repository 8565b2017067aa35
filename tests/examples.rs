//! Does what the manual pages show, and checks that they are complete.
//!
//! A literal display in the EXAMPLES of a page is a transcript. `$ ` begins a command, `# ` a command for root, and
//! all commands of a page are typed into one shell. The lines after a command are what it prints, where numbers may
//! differ, except in `exit status 111`. A command without such lines may print anything, but must not fail.
//! `/service`, `/tmp` and `/var/log` are directories of a sandbox, and `/service` is scanned by svscan.

use crate::support::{Running, Sandbox, is_root, programs};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// How long all examples of a page may take.
const PAGE_DEADLINE: Duration = Duration::from_secs(600);

/// What an example expects to have happened after a second may take longer on a machine that is busy with other things:
/// so many times as long. A page has failed if it has failed with each of them.
const PACES: [u32; 3] = [2, 8, 32];

/// The program `sleep` of the examples.
const SLOW_SLEEP: &str = "case $1 in *.*) exec /bin/sleep \"$1\" ;; esac\nexec /bin/sleep $(($1 * PACE))";

/// The sections of every manual page.
const SECTIONS: [&str; 8] =
    ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "EXAMPLES", "DIAGNOSTICS", "DIFFERENCES", "SEE ALSO"];

#[test]
fn the_examples_of_every_manual_page_do_what_it_shows() {
    // The time goes into waiting, so all pages wait together.
    let failures: Vec<String> = std::thread::scope(|scope| {
        let pages: Vec<_> =
            pages().into_iter().map(|page| scope.spawn(move || check_examples(&page))).collect();
        pages.into_iter().flat_map(|page| page.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_manual_page_has_all_its_sections() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(Path::new(ROOT).join("man").join(&page)).unwrap_or_default();
        let name = page.rsplit_once('.').unwrap().0;
        let mut needed = vec![format!("Nm {name}")];
        needed.extend(SECTIONS.map(|section| format!("Sh {section}")));
        // What the page speaks of has a section that lists it.
        for (mark, section) in [("\n.Ev ", "Sh ENVIRONMENT"), ("\n.Pa ", "Sh FILES")] {
            needed.extend(text.contains(mark).then(|| section.to_owned()));
        }
        let is_there = |line: &String| text.lines().any(|found| found.strip_prefix('.') == Some(line));
        missing
            .extend(needed.into_iter().filter(|line| !is_there(line)).map(|line| format!("{page}: .{line}")));
    }
    assert!(missing.is_empty(), "missing lines:\n{}", missing.join("\n"));
}

#[test]
fn every_option_of_svc_is_in_its_manual_page() {
    let page = fs::read_to_string(Path::new(ROOT).join("man/svc.8")).unwrap();
    for letter in servicedir::service::control::OPTIONS {
        let item = format!(".It Fl {}", char::from(*letter));
        assert!(page.lines().any(|line| line == item), "svc.8 has no {item}");
    }
}

/// All manual pages that there are, and those that there should be.
fn pages() -> BTreeSet<String> {
    let files = fs::read_dir(Path::new(ROOT).join("man")).unwrap();
    let pages = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    pages.chain(programs().iter().map(|program| format!("{program}.8"))).collect()
}

/// A command of a transcript, and the lines after it.
struct Step {
    command: String,
    expected: String,
    needs_root: bool,
}

/// The transcripts of a page.
fn steps(page: &str) -> Vec<Step> {
    let text = fs::read_to_string(Path::new(ROOT).join("man").join(page)).unwrap_or_default();
    let examples = text.split("\n.Sh ").find_map(|section| section.strip_prefix("EXAMPLES\n"));
    let displays = examples.unwrap_or_default().split("\n.Bd -literal -offset indent\n").skip(1);
    let lines = displays.flat_map(|display| display.split("\n.Ed").next().unwrap_or_default().lines());

    let mut steps: Vec<Step> = Vec::new();
    for line in lines.map(|line| plain(page, line)) {
        let unfinished = |step: &&mut Step| step.expected.is_empty() && step.command.ends_with('\\');
        if let Some(step) = steps.last_mut().filter(unfinished) {
            write!(step.command, "\n{line}").unwrap();
        } else if let Some((prompt @ ("$" | "#"), command)) = line.split_once(' ') {
            let (command, needs_root) = (command.to_owned(), prompt == "#");
            steps.push(Step { command, expected: String::new(), needs_root });
        } else {
            let step = steps.last_mut().unwrap_or_else(|| panic!("{page}: `{line}` is before any command"));
            writeln!(step.expected, "{line}").unwrap();
        }
    }
    steps
}

/// A line of a display as it is shown.
fn plain(page: &str, line: &str) -> String {
    let (mut shown, mut rest) = (String::new(), line);
    assert!(!line.starts_with(['.', '\'']), "{page}: `{line}` is a request amid an example");
    while let Some((before, escape)) = rest.split_once('\\') {
        let escapes = [("e", "\\"), ("&", ""), ("-", "-"), ("(aq", "'")];
        let known = escapes.iter().find_map(|(name, text)| Some((escape.strip_prefix(name)?, text)));
        let (after, text) =
            known.unwrap_or_else(|| panic!("{page}: an escape that no example needs in `{line}`"));
        shown.extend([before, text]);
        rest = after;
    }
    shown + rest
}

/// Types in the examples of a page, and returns what is not as the page shows it.
fn check_examples(page: &str) -> Vec<String> {
    let mut failures = Vec::new();
    for pace in PACES {
        failures = check_examples_at(page, pace);
        if failures.is_empty() {
            break;
        }
    }
    failures
}

fn check_examples_at(page: &str, pace: u32) -> Vec<String> {
    let mut steps = steps(page);
    if steps.is_empty() {
        return vec![format!("{page} has no example")];
    }
    steps.retain(|step| is_root() || !step.needs_root);

    let (sandbox, _svscan) = machine_with_services();
    let directory = sandbox.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    sandbox.script("slow/sleep", &SLOW_SLEEP.replace("PACE", &pace.to_string()));
    let mut session = format!("PATH={directory}/slow:$PATH\n");
    for (index, step) in steps.iter().enumerate() {
        let command = relocate(&step.command, &directory);
        write!(session, "exec >{directory}/output{index}\n{command}\necho $? >{directory}/status{index}\n")
            .unwrap();
    }
    sandbox.write("session", &session);
    sandbox.start("sh ./session", "errors").wait_at_most(PAGE_DEADLINE);

    let mut failures = Vec::new();
    for (index, Step { command, expected, .. }) in steps.iter().enumerate() {
        let status = sandbox.read(&format!("status{index}"));
        let actual = sandbox.read(&format!("output{index}")).replace(&directory, "");
        let is_right = match (status.trim_end(), expected.as_str()) {
            ("", _) => false,
            // An example may show how something is killed; anything else that fails is a mistake.
            (status, "") => status == "0" || status.parse::<u8>().is_ok_and(|status| status > 128),
            (_, expected) => mask(&actual) == mask(expected),
        };
        if !is_right {
            let status = if status.is_empty() { "it did not end\n" } else { &status };
            failures.push(format!(
                "--- {page}: {command}\n- the page shows:\n{expected}- it printed:\n{actual}- exit status: {status}"
            ));
        }
    }
    if !failures.is_empty() {
        failures.push(format!(
            "- error messages of {page}:\n{}{}",
            sandbox.read("errors"),
            sandbox.read("svscan.log")
        ));
    }
    failures
}

/// The machine that the pages speak of: two services are up, and one of them has a log.
fn machine_with_services() -> (Sandbox, Running) {
    let sandbox = Sandbox::new();
    sandbox.script("service/web/run", "exec 2>&1\necho starting\nexec sleep 1000");
    sandbox.script("service/web/log/run", "exec multilog t ./main");
    sandbox.script("service/worker/run", "exec sleep 1000");
    sandbox.run("mkdir -p tmp var/log");
    let svscan = sandbox.start(&format!("svscan {}", sandbox.path("service").display()), "svscan.log");
    for service in ["service/web", "service/web/log", "service/worker"] {
        sandbox.pid(service);
    }
    let has_log = || sandbox.log_of("service/web").ends_with(" starting\n");
    sandbox.wait_until("the log has its first line", has_log);
    (sandbox, svscan)
}

/// The command with the sandbox in front of the absolute paths that examples use.
fn relocate(command: &str, directory: &str) -> String {
    let is_part_of_name =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_./".contains(byte));
    let mut relocated = String::new();
    for (index, character) in command.char_indices() {
        let (before, here) = command.split_at(index);
        let is_path = ["/service", "/tmp", "/var/log"].iter().any(|path| {
            let after = here.strip_prefix(path).map(|after| after.strip_prefix('/').map_or(after, |_| ""));
            after.is_some_and(|after| !is_part_of_name(after.as_bytes().first()))
        });
        if is_path && !is_part_of_name(before.as_bytes().last()) {
            relocated.push_str(directory);
        }
        relocated.push(character);
    }
    relocated
}

/// The text without what is different each time: labels, times, pids.
fn mask(text: &str) -> String {
    let mut masked = String::new();
    for line in text.split_inclusive('\n') {
        if line.starts_with("exit status ") {
            masked.push_str(line);
            continue;
        }
        let mut rest = line;
        while let Some(character) = rest.chars().next() {
            let is_label = |hex: &str| hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let (mask, length) = if rest.starts_with('@') && rest.get(1..25).is_some_and(is_label) {
                ("@label", 25)
            } else if character.is_ascii_digit() {
                (
                    "N",
                    rest.len() - rest.trim_start_matches(|character: char| character.is_ascii_digit()).len(),
                )
            } else {
                (&rest[..character.len_utf8()], character.len_utf8())
            };
            masked.push_str(mask);
            rest = &rest[length..];
        }
    }
    masked
}
