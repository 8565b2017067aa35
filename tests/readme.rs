//! Follows README.md as a stranger would, from the clone to the last command.

use crate::support::{Sandbox, built, programs};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Most of it is the build, which may wait for others, and for a processor.
const SESSION_DEADLINE: Duration = Duration::from_secs(4 * 3600);

/// Where `make install` would write if it ignored DESTDIR.
const SYSTEM: [&str; 4] = ["/usr/bin", "/usr/share/man/man7", "/usr/share/man/man8", "/usr/share/servicedir"];

#[test]
fn the_commands_of_the_readme_install_run_control_and_remove_a_service() {
    let sandbox = Sandbox::new();
    clone(&sandbox.path("clone"));
    // Started by root, the service drops to an account that must get there.
    sandbox.run("install -d -m 755 home");
    sandbox.write("session", &format!("umask 022\n{}command -v svscan\n", shell_blocks()));
    let files = below(&sandbox.path("clone"));
    let system = SYSTEM.map(|directory| below(Path::new(directory)));

    let mut shell = sandbox.command("sh");
    shell.args(["-eu", "../session"]).current_dir(sandbox.path("clone"));
    shell.env("HOME", sandbox.path("home")).envs(toolchain());
    let status = sandbox.spawn(shell, "output").wait_at_most(SESSION_DEADLINE);

    let output = sandbox.read("output");
    assert!(status.is_some_and(|status| status.success()), "{status:?}\n{output}");
    let hello = format!("{}/service/hello: up (pid ", sandbox.path("home").display());
    assert_eq!(output.matches(&hello).count(), 2, "svstat says twice that it is up:\n{output}");
    assert!(output.contains(" the example service is alive\n"), "its log has its lines:\n{output}");
    for path in ["\nitem wfid=demo-", "\ngreet RUNNING\n", " greet: item wfid=demo-"] {
        assert!(
            output.contains(path),
            "developers, administrators and process writers see {path:?}:\n{output}"
        );
    }
    let svscan = format!("{}\n", sandbox.path("home/sd/usr/bin/svscan").display());
    assert!(output.ends_with(&svscan), "the programs are the new ones:\n{output}");
    sandbox.wait_until("everything has ended", || sandbox.processes().is_empty());

    check_installed(&sandbox, "home/sd/usr", &files);
    check_same(&files, &below(&sandbox.path("clone")));
    for (directory, mut before) in SYSTEM.iter().zip(system) {
        // Others may install what they like meanwhile.
        let installed = below(&sandbox.path("home/sd").join(&directory[1..]));
        let mut after = below(Path::new(directory));
        for files in [&mut before, &mut after] {
            files.retain(|path, _| installed.contains_key(path));
        }
        check_same(&before, &after);
    }
    assert_eq!(sandbox.run("cd home && ls -A . sd"), ".:\nBOSS\nhello\nsd\nservice\n\nsd:\nusr\n");
}

/// What `make install` makes apart from files of the clone.
const DIRECTORIES: [&str; 14] = [
    "bin",
    "share",
    "share/bash-completion",
    "share/bash-completion/completions",
    "share/fish",
    "share/fish/vendor_completions.d",
    "share/man",
    "share/man/man7",
    "share/man/man8",
    "share/servicedir",
    "share/servicedir/python",
    "share/servicedir/python/SkyNET",
    "share/zsh",
    "share/zsh/site-functions",
];

/// Completions for the shells.
const COMPLETIONS: [&str; 3] = [
    "share/bash-completion/completions/skynet",
    "share/fish/vendor_completions.d/skynet.fish",
    "share/zsh/site-functions/_skynet",
];

/// All programs, pages and skeletons of the clone are there, with their modes, and nothing else is; the programs run.
#[track_caller]
fn check_installed(sandbox: &Sandbox, directory: &str, clone: &Files) {
    let mut expected: BTreeSet<(PathBuf, u32)> =
        DIRECTORIES.map(|directory| (directory.into(), 0o40_755)).into();
    expected.extend(COMPLETIONS.map(|file| (file.into(), 0o100_644)));
    for name in programs() {
        let program = Path::new("bin").join(name);
        check_that_it_runs(sandbox, &sandbox.path(directory).join(&program));
        expected.insert((program, 0o100_755));
    }
    for (path, file) in clone {
        let name = Path::new(path.file_name().unwrap());
        if let Some(path) = shared(path) {
            expected.insert((Path::new("share/servicedir").join(path), file.mode & !0o022));
        } else if path.parent().is_some_and(|directory| directory.ends_with("man")) {
            let section = name.extension().unwrap().to_str().unwrap();
            expected.insert((Path::new("share/man").join(format!("man{section}")).join(name), 0o100_644));
        } else if path.parent() == Some(Path::new("crates/exo/python/SkyNET")) {
            let module = Path::new("share/servicedir/python/SkyNET").join(name);
            expected.insert((module, 0o100_644));
        } else if path.starts_with("crates") && path.ends_with("src/main.rs") {
            let name = path.iter().nth(1).unwrap();
            expected.insert((Path::new("bin").join(name), 0o100_755));
        } else if path == Path::new("scripts/svscanboot") {
            expected.insert((Path::new("bin").join(name), 0o100_755));
        }
    }
    let found = below(&sandbox.path(directory)).into_iter().map(|(path, file)| (path, file.mode)).collect();
    let wrong =
        expected.symmetric_difference(&found).map(|(path, mode)| format!("{mode:o} {}", path.display()));
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "missing, not expected, or with another mode: {wrong:?}");
}

/// Where a file of the clone is installed below share/servicedir, if it is.
fn shared(path: &Path) -> Option<&Path> {
    let of_skynet = path.strip_prefix("crates/skynet").unwrap_or(path);
    let template = of_skynet.strip_prefix("packaging").ok();
    let template = template.filter(|rest| rest.starts_with("participant-template"));
    template.or(of_skynet.starts_with("skeletons").then_some(of_skynet))
}

/// With an argument that means nothing to it, a program ends at once, in one of the usual ways.
#[track_caller]
fn check_that_it_runs(sandbox: &Sandbox, path: &Path) {
    let mut command = sandbox.command(path.to_str().unwrap());
    command.arg("no-such-thing");
    let code = sandbox.spawn(command, "messages").wait().code();
    assert!(matches!(code, Some(0 | 1 | 100 | 111)), "{}: {code:?}", path.display());
}

/// No file was written, made or removed.
#[track_caller]
fn check_same(before: &Files, after: &Files) {
    let paths: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changed: Vec<_> = paths.into_iter().filter(|&path| before.get(path) != after.get(path)).collect();
    assert!(changed.is_empty(), "changed: {changed:?}");
}

/// Where compiler and libraries are: where they were when this test was built, so that nothing is compiled twice.
fn toolchain() -> Vec<(&'static str, OsString)> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let mut variables = vec![
        ("CARGO_TARGET_DIR", built().parent().unwrap().into()),
        ("CARGO_HOME", home.join(".cargo").into()),
        ("RUSTUP_HOME", home.join(".rustup").into()),
    ];
    let real = ["PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"];
    variables.extend(real.iter().filter_map(|&name| Some((name, std::env::var_os(name)?))));
    // `make hammer` asks for a build that is fast, not for fast programs.
    let profile = ["CARGO_PROFILE_RELEASE_OPT_LEVEL", "CARGO_PROFILE_RELEASE_LTO"];
    variables.extend(profile.iter().filter_map(|&name| Some((name, std::env::var_os(name)?))));
    variables
}

/// The commands that README.md asks a reader to type, in order.
fn shell_blocks() -> String {
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let blocks = readme.split("\n```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let blocks: String = blocks.collect();
    assert!(blocks.contains("make install"), "README.md shows how to install it");
    blocks
}

/// Copies the files of the repository as they are now, with their times so that cargo sees nothing new.
fn clone(directory: &Path) {
    let mut git = std::process::Command::new("git");
    git.args(["-c", "safe.directory=*", "-C", ROOT, "ls-files", "-coz", "--exclude-standard"]);
    let files = String::from_utf8(git.output().unwrap().stdout).unwrap();
    // What was removed and not yet committed is still listed.
    for file in files.split_terminator('\0').filter(|file| Path::new(ROOT).join(file).is_file()) {
        let (from, to) = (Path::new(ROOT).join(file), directory.join(file));
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(&from, &to).unwrap();
        let modified = fs::metadata(&from).unwrap().modified().unwrap();
        fs::File::options().append(true).open(&to).unwrap().set_modified(modified).unwrap();
    }
    assert!(directory.join("Makefile").exists(), "this is a git repository");
}

/// What tells whether a file was written.
#[derive(Debug, PartialEq)]
struct File {
    mode: u32,
    inode: u64,
    changed: (i64, i64),
}

/// Files by their path in some directory.
type Files = BTreeMap<PathBuf, File>;

/// Everything below a directory.
fn below(directory: &Path) -> Files {
    let mut found = BTreeMap::new();
    let mut pending = vec![directory.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            let changed = (metadata.ctime(), metadata.ctime_nsec());
            let file = File { mode: metadata.mode(), inode: metadata.ino(), changed };
            found.insert(entry.path().strip_prefix(directory).unwrap().to_owned(), file);
            pending.extend(metadata.is_dir().then(|| entry.path()));
        }
    }
    found
}
