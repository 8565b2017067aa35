//! The rules of the house that a program can check.

use crate::support::Sandbox;
use imports::Crate;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

mod imports;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The directories of the crates that have more than one module.
const CRATES: [&str; 5] = ["src", "benches", "crates/skynet-core/src", "crates/skynet/src", "crates/exo/src"];

/// The words of the domain, which all others use, `src/sys` too: pure, over the names and numbers of nix and libc.
const VOCABULARY: [&str; 3] = ["src/exit.rs", "src/file_id.rs", "src/signal.rs"];

/// Every Rust file below `directory`, with its text without tests.
fn sources(directory: &str) -> Vec<(String, String)> {
    let mut found = files(directory);
    found.retain(|(path, _)| !path.ends_with("/tests.rs") && !path[directory.len()..].contains("/tests/"));
    for (_, text) in &mut found {
        text.truncate(text.find("\n#[cfg(test)]").unwrap_or(text.len()));
    }
    found
}

/// Every Rust file below `directory`, with its text.
fn files(directory: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut pending = vec![Path::new(ROOT).join(directory)];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push((relative(&path), fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(!found.is_empty(), "{directory} has no Rust files");
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(ROOT).unwrap().to_str().unwrap().to_string()
}

fn programs() -> Vec<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_str().unwrap().to_string();
    let names = sources("src/bin").into_iter().map(|(path, _)| stem(PathBuf::from(path)));
    // That is all of them in one file.
    names.filter(|name| name != "servicedir").collect()
}

/// Lines of code: no comments, no documentation.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[track_caller]
fn check(breaches: &[String], rule: &str) {
    assert!(breaches.is_empty(), "{rule}:\n  {}", breaches.join("\n  "));
}

/// Whether a module is pure: it forbids `unsafe`.
fn is_pure(text: &str) -> bool {
    text.contains("#![forbid(unsafe_code)]")
}

#[test]
fn pure_modules_know_pure_modules_alone() {
    let strangers = [
        "libc::",
        "nix::{",
        "use nix",
        "std::fs",
        "io::Read",
        "io::Write",
        "io::std",
        "Tcp",
        "Udp",
        "os::unix::net",
        "std::process",
        "std::env",
        "std::thread",
        "Instant::now",
        "SystemTime",
    ];
    let mut breaches = Vec::new();
    for house in CRATES.map(Crate::read) {
        for (module, imported) in house.imports() {
            let (path, text) = &house.modules[module];
            if !is_pure(text) {
                continue;
            }
            let edges = imported.into_iter().map(|module| &house.modules[module]);
            let edges = edges.filter(|(_, text)| !is_pure(text));
            breaches.extend(edges.map(|(edge, _)| format!("{path} imports {edge}")));
            if VOCABULARY.contains(&path.as_str()) {
                continue;
            }
            let lines = code(text).filter(|line| strangers.iter().any(|stranger| line.contains(stranger)));
            breaches.extend(lines.map(|line| format!("{path}: {}", line.trim())));
        }
    }
    check(&breaches, "what is marked as pure does no input or output");
}

#[test]
fn no_module_imports_itself_through_others() {
    let breaches: Vec<String> = CRATES.map(Crate::read).iter().flat_map(Crate::circles).collect();
    check(&breaches, "modules have one direction");
}

#[test]
fn what_is_called_pure_forbids_unsafe_code() {
    let house = Crate::read("src");
    let mut breaches = Vec::new();
    for (module, (path, text)) in house.modules.iter().filter(|(_, (path, _))| path.ends_with("/mod.rs")) {
        let mut above = "";
        for line in text.lines() {
            if let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
                let (_, text) = &house.modules[&[&module[..], &[name.to_owned()]].concat()];
                if above.ends_with("*Pure.*") != is_pure(text) {
                    breaches.push(format!("{path}: {name}"));
                }
            }
            above = line;
        }
    }
    check(&breaches, "the list of modules says which are pure");
}

#[test]
fn unsafe_code_lives_in_sys_alone() {
    let is_unsafe = |line: &str| line.contains("unsafe") && !line.contains("unsafe_code");
    let all = sources("src").into_iter().chain(sources("crates"));
    let breaches: Vec<String> = all
        .filter(|(path, _)| !path.starts_with("src/sys/"))
        .flat_map(|(path, text)| {
            code(&text)
                .filter(|line| is_unsafe(line))
                .map(|line| format!("{path}: {line}"))
                .collect::<Vec<_>>()
        })
        .collect();
    check(&breaches, "`unsafe` is for src/sys");
}

#[test]
fn sys_knows_nothing_of_services() {
    let breaches: Vec<String> = sources("src/sys")
        .into_iter()
        .flat_map(|(path, text)| {
            let known = |line: &&str| {
                let allowed =
                    ["crate::sys", "crate::report", "crate::exit", "crate::file_id", "crate::signal"];
                line.contains("crate::") && !allowed.iter().any(|module| line.contains(module))
            };
            code(&text).filter(known).map(|line| format!("{path}: {line}")).collect::<Vec<_>>()
        })
        .collect();
    check(
        &breaches,
        "src/sys knows std, nix and libc, the words of the domain, and how a program's last words look",
    );
}

#[test]
fn the_system_is_reached_through_sys() {
    let breaches: Vec<String> = sources("src")
        .into_iter()
        .filter(|(path, _)| !path.starts_with("src/sys/") && !VOCABULARY.contains(&path.as_str()))
        .flat_map(|(path, text)| {
            let direct = |line: &&str| {
                ["nix::", "std::env", "std::process", "std::thread"].iter().any(|name| line.contains(name))
            };
            code(&text).filter(direct).map(|line| format!("{path}: {line}")).collect::<Vec<_>>()
        })
        .collect();
    check(&breaches, "nix, the environment and processes are for src/sys");
}

#[test]
fn a_program_is_at_most_60_lines() {
    let long: Vec<String> = sources("src/bin")
        .into_iter()
        .chain(sources("src/programs"))
        .filter(|(path, _)| path != "src/programs/mod.rs")
        .filter(|(_, text)| text.lines().count() > 60)
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    check(&long, "a program is options, one call, an exit code");
}

#[test]
fn a_file_is_at_most_400_lines() {
    // Unit tests in the file of what they test do not count.
    let are_tests = |path: &str| path.ends_with("/tests.rs") || path.contains("/tests/");
    let tests = ["src", "crates"].into_iter().flat_map(files).filter(|(path, _)| are_tests(path));
    let long: Vec<String> = ["src", "crates"]
        .into_iter()
        .flat_map(sources)
        .chain(tests)
        .chain(files("tests"))
        .filter(|(_, text)| text.lines().count() > 400)
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    check(&long, "split what is larger");
}

#[test]
fn every_program_has_a_manual_page_a_test_and_its_line_in_the_readme() {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let mut breaches = Vec::new();
    for program in programs() {
        let page = (1..=8).any(|section| Path::new(ROOT).join(format!("man/{program}.{section}")).exists());
        let cases = Path::new(ROOT).join(format!("tests/conformance/cases/{program}.sh"));
        for (lacks, what) in [
            (!page, "a manual page"),
            (!cases.exists(), "conformance cases"),
            (!readme.contains(&format!("| `{program}` |")), "its row in README.md"),
        ] {
            if lacks {
                breaches.push(format!("{program} lacks {what}"));
            }
        }
    }
    check(&breaches, "every program is documented and tested");
}

#[test]
fn nothing_is_left_for_later() {
    let words = [
        "TO".to_owned() + "DO",
        "FIX".to_owned() + "ME",
        "unimple".to_owned() + "mented!",
        "todo".to_owned() + "!",
    ];
    let mut everywhere = sources("src");
    everywhere.extend(sources("tests"));
    let breaches: Vec<String> = everywhere
        .into_iter()
        .filter(|(_, text)| words.iter().any(|word| text.contains(word)))
        .map(|(path, _)| path)
        .collect();
    check(&breaches, "finish it, or file an issue");
}

#[test]
fn every_dependency_says_why_it_is_there() {
    let mut breaches = Vec::new();
    let crates = fs::read_dir(Path::new(ROOT).join("crates")).unwrap().map(|entry| entry.unwrap().path());
    for manifest in crates.chain([ROOT.into()]).map(|directory| directory.join("Cargo.toml")) {
        let text = fs::read_to_string(&manifest).unwrap();
        let mut above = "";
        let mut in_dependencies = false;
        for line in text.lines() {
            if line.starts_with('[') {
                in_dependencies = ["[dependencies]", "[dev-dependencies]"].contains(&line);
            } else if in_dependencies && line.contains('=') && !above.starts_with('#') {
                breaches.push(format!("{}: {line}", relative(&manifest)));
            }
            above = line;
        }
    }
    check(&breaches, "a dependency needs a sentence");
}

/// The files that git tracks in `root`, if that is a checkout; sources from an archive have no list.
fn tracked(root: &Path) -> Vec<PathBuf> {
    // Root may check the sources of another account.
    let git =
        Command::new("git").args(["-c", "safe.directory=*", "ls-files", "-z"]).current_dir(root).output();
    let Some(list) = git.ok().filter(|git| git.status.success()).map(|git| git.stdout) else {
        return Vec::new();
    };
    let names = list.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    names.map(|name| root.join(OsStr::from_bytes(name))).collect()
}

/// The tracked files of `root` that are not text, as git sees it: they contain a NUL byte.
fn binaries(root: &Path) -> Vec<String> {
    // A file that was removed may still be tracked.
    let is_binary = |path: &PathBuf| path.is_file() && fs::read(path).is_ok_and(|bytes| bytes.contains(&0));
    tracked(root).into_iter().filter(is_binary).map(|path| path.display().to_string()).collect()
}

#[test]
fn no_tracked_file_is_binary() {
    check(&binaries(Path::new(ROOT)), "the product is built from text; remove what it does not need");
}

#[test]
fn a_tracked_binary_is_found_and_sources_without_git_are_left_alone() {
    let sandbox = Sandbox::new();
    let make = "mkdir -p sources/deep && cd sources && printf 'a\\0b' >deep/binary && echo text >text";
    sandbox.run(make);
    assert_eq!(binaries(&sandbox.path("sources")), [""; 0]);
    sandbox.run("cd sources && git init --quiet && git add deep text && printf '\\0' >untracked");
    let expected = sandbox.path("sources/deep/binary").display().to_string();
    assert_eq!(binaries(&sandbox.path("sources")), [expected]);
}
