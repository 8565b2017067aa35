//! Differential conformance: the same small shell scripts run against our programs and against the original, and
//! whatever can be seen from outside must be the same: output, exit codes, and the files that are left.
//!
//! `cases/*.sh` hold the cases, one title line each (`#= sentence`), `prelude.sh` the words they are written in.
//! A case that shows a deliberate difference says so (`#! differs ROW`, a row of `differences.txt`) and ends with
//! the transcript that ours must have (`#| line`); the original must then *not* have it. `#! root` marks cases that
//! only root can run, `#! mounts` those that also need a mount namespace. `SVTOOLS_OURS` and `SVTOOLS_THEIRS` choose the two directories of programs, `SVTOOLS_CASE` runs
//! only cases whose file and title contain a text, `SVTOOLS_SHOW` prints the transcripts of ours.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use transcript::{diff, plain, tree};

mod transcript;

const PROGRAMS: [&str; 17] = [
    "svscanboot",
    "svscan",
    "supervise",
    "svc",
    "svok",
    "svstat",
    "fghack",
    "pgrphack",
    "readproctitle",
    "multilog",
    "tai64n",
    "tai64nlocal",
    "setuidgid",
    "envuidgid",
    "envdir",
    "softlimit",
    "setlock",
];
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance");
/// The original sleeps whole seconds, so many cases wait at the same time.
const WORKERS: usize = 12;
/// Only cases that fail take so long: the longest run some thousand programs.
const DEADLINE: Duration = Duration::from_secs(600);

#[test]
fn our_programs_behave_like_the_original() {
    crate::support::undo_what_a_background_shell_does();
    let sides = [
        ("o", programs("SVTOOLS_OURS", &crate::support::ours())),
        ("t", programs("SVTOOLS_THEIRS", Path::new("/usr/bin"))),
    ];
    let missing = |side: usize| PROGRAMS.iter().find(|name| !program(&sides[side], name).exists());
    assert!(
        missing(1).is_none(),
        "install Debian's daemontools (apt-get install daemontools) or set SVTOOLS_THEIRS"
    );
    assert!(missing(0).is_none(), "{} has no {}", sides[0].1.display(), missing(0).unwrap_or(&""));
    let same_programs = sides[0].1 == sides[1].1;

    let (cases, skipped) = selected_cases();
    let root = Scratch::new(&sides);
    let transcripts = run_all(&cases, &root.0);

    let mut failures = Vec::new();
    let show = std::env::var_os("SVTOOLS_SHOW").is_some();
    for (case, [ours, theirs]) in cases.iter().zip(&transcripts) {
        if show {
            say(&format!("### {}:{}: {}\n{ours}", case.file, case.line, case.title));
        }
        let late = ours.contains(LATE) || theirs.contains(LATE);
        let wrong = match &case.differs {
            _ if late => Some("ran into its deadline"),
            Some(_) if !same_programs && ours == theirs => {
                Some("is marked, but shows no difference any more")
            }
            Some(_) if !same_programs && *ours != case.expected => {
                Some("is not the transcript written in the case")
            }
            Some(_) if !same_programs => None,
            _ => (ours != theirs).then_some("differs from the original"),
        };
        if let Some(wrong) = wrong {
            let wanted = if case.differs.is_some() && !same_programs { &case.expected } else { theirs };
            failures.push(format!(
                "### {}:{}: {}\n### {wrong}; lines: - wanted, + ours\n{}### the original:\n{theirs}### ours:\n{ours}",
                case.file, case.line, case.title, diff(wanted, ours)
            ));
        }
    }
    let allowed = cases.iter().filter(|case| case.differs.is_some()).count();
    let summary = format!(
        "conformance: {} cases compared with the original, {allowed} allowed differences{}\n",
        cases.len(),
        if skipped == 0 { String::new() } else { format!(", {skipped} cases need root or mounts") }
    );
    say(&summary);
    assert!(failures.is_empty(), "{}\n{} cases failed", failures.join("\n"), failures.len());
}

/// Not `println!`: the test harness would hide it when the test passes.
fn say(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).expect("stderr is open");
}

/// The directory of programs named by an environment variable, or the default one.
fn programs(variable: &str, default: &Path) -> PathBuf {
    let directory = std::env::var_os(variable).map_or(default.to_path_buf(), PathBuf::from);
    fs::canonicalize(&directory).unwrap_or(directory)
}

/// Where one program of a side is. Ours that is a script is not built, and lies elsewhere.
fn program((side, programs): &(&str, PathBuf), name: &str) -> PathBuf {
    let path = programs.join(name);
    if *side == "o" && name == "svscanboot" && !path.exists() {
        return Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts")).join(name);
    }
    path
}

struct Case {
    file: String,
    line: usize,
    title: String,
    body: String,
    needs_root: bool,
    needs_mounts: bool,
    differs: Option<String>,
    expected: String,
}

/// Reads all cases, checks the marks against `differences.txt`, and returns those that are to run here.
fn selected_cases() -> (Vec<Case>, usize) {
    let mut files: Vec<PathBuf> = fs::read_dir(format!("{HERE}/cases"))
        .expect("cases/")
        .map(|entry| entry.expect("entry").path())
        .collect();
    files.sort();
    let mut cases: Vec<Case> = files.iter().flat_map(|file| parse(file)).collect();

    let table = fs::read_to_string(format!("{HERE}/differences.txt")).expect("differences.txt");
    let rows: BTreeSet<&str> = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split('|').next().unwrap_or(line).trim())
        .collect();
    let marks: BTreeSet<&str> = cases.iter().filter_map(|case| case.differs.as_deref()).collect();
    assert_eq!(
        marks, rows,
        "the rows named by cases (left) and those of differences.txt (right) must be the same"
    );

    if let Some(text) = std::env::var("SVTOOLS_CASE").ok().filter(|text| !text.is_empty()) {
        cases.retain(|case| format!("{}: {}", case.file, case.title).contains(&text));
    }
    assert!(!cases.is_empty(), "no case is selected");
    let is_root = fs::metadata("/proc/self").expect("/proc").uid() == 0;
    let all = cases.len();
    let may_mount = may_mount();
    cases.retain(|case| (is_root || !case.needs_root) && (may_mount || !case.needs_mounts));
    let skipped = all - cases.len();
    (cases, skipped)
}

/// Whether we can have mounts of our own, as root outside of a container can.
fn may_mount() -> bool {
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "--pid", "--fork", "--mount-proc", "true"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn parse(file: &Path) -> Vec<Case> {
    let name = file.file_name().expect("a file name").to_string_lossy().into_owned();
    let mut cases: Vec<Case> = Vec::new();
    for (index, line) in fs::read_to_string(file).expect("a case file is text").lines().enumerate() {
        if let Some(title) = line.strip_prefix("#= ") {
            cases.push(Case {
                file: name.clone(),
                line: index + 1,
                title: title.to_string(),
                body: String::new(),
                needs_root: false,
                needs_mounts: false,
                differs: None,
                expected: String::new(),
            });
            continue;
        }
        // What comes before the first title is a comment for the reader and for shellcheck.
        let Some(case) = cases.last_mut() else { continue };
        if let Some(row) = line.strip_prefix("#! differs ") {
            case.differs = Some(row.to_string());
        } else if line == "#! root" {
            case.needs_root = true;
        } else if line == "#! mounts" {
            case.needs_mounts = true;
        } else if let Some(expected) = line.strip_prefix("#|") {
            writeln!(case.expected, "{}", expected.strip_prefix(' ').unwrap_or(expected)).expect("a String");
        } else {
            assert!(!line.starts_with("#! "), "{name}:{}: unknown mark {line}", index + 1);
            writeln!(case.body, "{line}").expect("a String");
        }
    }
    cases
}

/// The directory of one run: `o/` for ours, `t/` for theirs, names of one length so that no message is longer.
struct Scratch(PathBuf);

impl Scratch {
    fn new(sides: &[(&str, PathBuf); 2]) -> Self {
        let root = std::env::temp_dir().join(format!("conformance-{}", std::process::id()));
        fs::create_dir(&root).expect("a fresh directory");
        let root = fs::canonicalize(root).expect("it exists");
        open_to_all(&root);
        for side in sides {
            // Only these, so that nothing else in that directory is found first.
            let bin = root.join(side.0).join("bin");
            fs::create_dir_all(&bin).expect("bin/");
            open_to_all(&root.join(side.0));
            open_to_all(&bin);
            for name in PROGRAMS {
                symlink(program(side, name), bin.join(name)).expect("a link to a program");
            }
        }
        Scratch(root)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Cases that drop to another account must be able to go there, whatever our umask is.
fn open_to_all(directory: &Path) {
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("our own directory");
}

/// Runs every case on both sides and returns the pairs of transcripts in the order of the cases.
fn run_all(cases: &[Case], root: &Path) -> Vec<[String; 2]> {
    let next = AtomicUsize::new(0);
    let transcripts = Mutex::new(vec![[String::new(), String::new()]; cases.len()]);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    let (index, side) = (job / 2, job % 2);
                    let Some(case) = cases.get(index) else { break };
                    let [side_root, other] = [side, 1 - side].map(|side| root.join(["o", "t"][side]));
                    let transcript = run(case, &side_root, &other, index);
                    transcripts.lock().expect("no worker panicked")[index][side] = transcript;
                }
            });
        }
    });
    transcripts.into_inner().expect("no worker panicked")
}

const LATE: &str = "*** still running at its deadline";

/// Runs one case on one side, the programs of the other within reach; when it returns, no process of the case is left.
fn run(case: &Case, side: &Path, other: &Path, index: usize) -> String {
    let private = side.join(index.to_string());
    let scratch = private.join("scratch");
    fs::create_dir_all(&scratch).expect("a scratch directory");
    open_to_all(&private);
    open_to_all(&scratch);
    fs::write(private.join("body"), &case.body).expect("the script");
    let output = File::options().append(true).create(true).open(private.join("output")).expect("the output");

    let mut child = Command::new("/bin/sh")
        .args(["-c", r#". "$1" && . "$CASE/body""#, "sh", &format!("{HERE}/prelude.sh")])
        .current_dir(&scratch)
        .env_clear()
        .env("PATH", format!("{}/bin:/usr/bin:/bin", side.display()))
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .env("HOME", &scratch)
        .env("CASE", &private)
        .env("OTHER", other.join("bin"))
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("a descriptor"))
        .stderr(output)
        .process_group(0)
        .spawn()
        .expect("/bin/sh");
    let mut status = None;
    wait_until(DEADLINE, || {
        status = child.try_wait().expect("our own child");
        status.is_some()
    });
    end_processes(child.id(), &private);
    let status = status.unwrap_or_else(|| child.wait().expect("our own child"));

    let mut transcript = plain(&fs::read(private.join("output")).expect("the output"));
    if !transcript.is_empty() && !transcript.ends_with('\n') {
        transcript.push_str("<no newline>\n");
    }
    match (status.code(), status.signal()) {
        (Some(code), _) => writeln!(transcript, "exit {code}"),
        (None, signal) => writeln!(transcript, "{LATE} (signal {signal:?})"),
    }
    .expect("a String");
    tree(&scratch, "", &mut transcript, &mut 0);
    fs::remove_dir_all(&private).expect("no process of the case is left");
    transcript.replace(&*side.to_string_lossy(), "$SIDE").replace(&*other.to_string_lossy(), "$OTHER")
}

/// Kills the process group of a case and then whatever left the group: all that carry this case's `CASE` variable.
/// No process is ever looked up by name.
fn end_processes(group: u32, private: &Path) {
    let kill = |target: String| {
        let script = r#"kill -KILL "$1" 2>/dev/null"#;
        let _ = Command::new("/bin/sh").args(["-c", script, "sh", &target]).status().expect("/bin/sh");
    };
    kill(format!("-{group}"));
    let mark = [b"CASE=", private.as_os_str().as_bytes(), b"\0"].concat();
    let carries_mark = |pid: &str| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.windows(mark.len()).any(|window| window == mark)
    };
    let ended = wait_until(DEADLINE, || {
        let entries = fs::read_dir("/proc").expect("/proc");
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let left: Vec<String> =
            names.filter(|name| name.parse::<u32>().is_ok() && carries_mark(name)).collect();
        left.iter().cloned().for_each(kill);
        left.is_empty()
    });
    assert!(ended, "{}: processes of the case survive KILL", private.display());
}

/// The one place where this suite sleeps: polls until the condition holds; false if it did not hold in time.
fn wait_until(limit: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if condition() {
            return true;
        }
        if start.elapsed() > limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
