//! Comparing what multilog has left. Archives may be cut at other lines (DIFFERENCES in multilog(8)); then both sides
//! must keep to the limits, and what they keep must be the end of the same text.

use super::super::Verdict;
use super::super::run::{Bytes, SIDES, same, same_bytes, without_any_labels};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// What is in a directory, by name.
pub(super) type Tree = BTreeMap<Bytes, Node>;

/// A file or directory, its mode, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    File(u32, Bytes),
    Directory(u32, Tree),
}

pub(super) fn read(directory: &Path) -> Tree {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let node = |path: &Path| {
        let metadata = fs::metadata(path).unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_dir() {
            Node::Directory(mode, read(path))
        } else {
            Node::File(mode, Bytes(fs::read(path).unwrap()))
        }
    };
    entries.map(|path| (Bytes(path.file_name().unwrap().as_bytes().to_vec()), node(&path))).collect()
}

/// What the script says about the directories that follow.
#[derive(Debug, Clone, Copy)]
struct Rules {
    size: usize,
    number: usize,
}

/// Which directories the script names, without `./`, and their rules.
fn rules(script: &[Bytes]) -> BTreeMap<Vec<u8>, Rules> {
    let number = |digits: &[u8]| {
        let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
        let number =
            digits.fold(0_u64, |number, digit| number.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
        usize::try_from(number).unwrap()
    };
    let mut present = Rules { size: 99999, number: 10 };
    let mut all = BTreeMap::new();
    for word in script {
        match word.0.split_first() {
            Some((b's', digits)) => present.size = number(digits).clamp(4096, 16_777_215),
            Some((b'n', digits)) => present.number = number(digits).max(2),
            Some((b'.', path)) => {
                let path: Vec<&[u8]> =
                    path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).collect();
                let path = if path.ends_with(&[b"..", b"b"]) { b"b".to_vec() } else { path.join(&b'/') };
                all.insert(path, present);
            }
            _ => {}
        }
    }
    all
}

/// Compares what is there now; before, both sides were the same.
pub(super) fn compare(script: &[Bytes], before: &Tree, after: [&Tree; 2]) -> Verdict {
    let rules = rules(script);
    compare_directory(&rules, &Bytes::default(), Some(before), after)
}

fn compare_directory(
    rules: &BTreeMap<Vec<u8>, Rules>,
    path: &Bytes,
    before: Option<&Tree>,
    after: [&Tree; 2],
) -> Verdict {
    let empty = Tree::new();
    let before = before.unwrap_or(&empty);
    let logs = after.map(|tree| Log::of(tree, before));
    if logs[0] != logs[1] {
        let rules = rules.get(&path.0).ok_or(format!("{path:?} is no log directory, and not the same"))?;
        compare_logs(*rules, before, &logs)
            .map_err(|wrong| format!("directory {path:?}: {wrong}\n{logs:#?}"))?;
    }
    let rest = after.map(|tree| tree.iter().filter(|(name, _)| !is_part_of_log(name)).collect::<Vec<_>>());
    let names = [0, 1].map(|side| rest[side].iter().map(|(name, _)| name).collect::<Vec<_>>());
    same(&format!("names in {path:?}"), [&names[0], &names[1]])?;
    for ((name, ours), (_, theirs)) in rest[0].iter().zip(&rest[1]) {
        let path = Bytes([&path.0[..], if path.0.is_empty() { b"" } else { b"/" }, &name.0].concat());
        match (ours, theirs) {
            (Node::Directory(our_mode, ours), Node::Directory(their_mode, theirs)) => {
                same(&format!("mode of {path:?}"), [our_mode, their_mode])?;
                let before = match before.get(name) {
                    Some(Node::Directory(_, tree)) => Some(tree),
                    _ => None,
                };
                compare_directory(rules, &path, before, [ours, theirs])?;
            }
            (Node::File(our_mode, ours), Node::File(their_mode, theirs)) => {
                same(&format!("mode of {path:?}"), [our_mode, their_mode])?;
                let [ours, theirs] = [ours, theirs].map(|content| without_any_labels(&content.0));
                same_bytes(&format!("content of {path:?}"), [&ours, &theirs])?;
            }
            _ => return Err(format!("{path:?} is of different types")),
        }
    }
    Ok(())
}

fn is_archive(name: &[u8]) -> bool {
    let is_hex = |digits: &[u8]| digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
    name.len() == 27 && name[0] == b'@' && is_hex(&name[1..25]) && matches!(&name[25..], b".s" | b".u")
}

fn is_part_of_log(name: &Bytes) -> bool {
    is_archive(&name.0) || name.0 == b"current"
}

/// The archives and `current` of a directory, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Log {
    archives: Vec<Archive>,
    current: Option<(u32, Bytes)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Archive {
    /// Its code alone, unless it was there before.
    name: Bytes,
    mode: u32,
    /// Without labels.
    content: Bytes,
}

impl Log {
    fn of(tree: &Tree, before: &Tree) -> Self {
        let mut log = Self { archives: Vec::new(), current: None };
        for (name, node) in tree {
            let Node::File(mode, content) = node else { continue };
            let masked = Bytes(without_any_labels(&content.0));
            if is_archive(&name.0) {
                let name =
                    if before.contains_key(name) { name.clone() } else { Bytes(name.0[25..].to_vec()) };
                log.archives.push(Archive { name, mode: *mode, content: masked });
            } else if name.0 == b"current" {
                log.current = Some((*mode, masked));
            }
        }
        log
    }

    /// All that is kept.
    fn text(&self) -> Vec<u8> {
        let archives = self.archives.iter().flat_map(|archive| &archive.content.0);
        archives.chain(self.current.iter().flat_map(|(_, content)| &content.0)).copied().collect()
    }
}

/// That two logs whose archives are cut at different places are the same otherwise.
fn compare_logs(rules: Rules, before: &Tree, logs: &[Log; 2]) -> Verdict {
    let modes = logs.each_ref().map(|log| log.current.as_ref().map(|(mode, _)| *mode));
    same("mode of current", [&modes[0], &modes[1]])?;
    let [ours, theirs] = logs.each_ref().map(Log::text);
    // The side that keeps less has removed the rest as it must.
    let (less, more, log) =
        if ours.len() <= theirs.len() { (&ours, &theirs, &logs[0]) } else { (&theirs, &ours, &logs[1]) };
    let side = if std::ptr::eq(log, &logs[0]) { "ours" } else { "theirs" };
    if !more.ends_with(less) {
        let more = &more[more.len() - less.len()..];
        return same_bytes(&format!("ends ({side} is the shorter one)"), [less, more]);
    }
    if less.len() < more.len() && log.archives.len() + 1 != rules.number {
        return Err(format!("{side} removed archives too early"));
    }
    for (log, side) in logs.iter().zip(SIDES) {
        check_limits(rules, before, log).map_err(|wrong| format!("{side:?}: {wrong}"))?;
    }
    let is_pruned = logs.iter().any(|log| log.archives.len() + 1 >= rules.number);
    let kinds = logs
        .each_ref()
        .map(|log| log.archives.iter().map(|archive| (&archive.name, archive.mode)).collect::<BTreeSet<_>>());
    if is_pruned { Ok(()) } else { same("codes and modes of archives", [&kinds[0], &kinds[1]]) }
}

/// That a log is within its limits.
fn check_limits(rules: Rules, before: &Tree, log: &Log) -> Verdict {
    if log.archives.len() >= rules.number {
        return Err(format!("{} archives", log.archives.len()));
    }
    let found = |name: &str| match before.get(&name.into()) {
        Some(Node::File(_, content)) => content.clone(),
        _ => Bytes::default(),
    };
    let least = rules.size - 2000;
    // What was there already has the size that it had.
    let is_left = |archive: &Archive| {
        archive.content == found("processed")
            || found("current").0.len() >= least && archive.content.0.starts_with(b"left in current")
    };
    for archive in log.archives.iter().filter(|archive| archive.name.0 == b".s" && !is_left(archive)) {
        let content = &archive.content.0;
        if !(least..=rules.size).contains(&content.len()) {
            return Err(format!("an archive of {} bytes", content.len()));
        }
        let end = &content[content.len() - 2000..];
        if !end.ends_with(b"\n") && (content.len() < rules.size || end[1..].contains(&b'\n')) {
            return Err(format!("an archive of {} bytes is cut within a line", content.len()));
        }
    }
    Ok(())
}
