//! What a case left behind, as text that can be compared: files and output with times, pids and bytes masked.

use std::fmt::Write as _;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The files of supervise that the original does not have.
const OWN: [&str; 7] =
    ["finishing", "instance", "instance.new", "last-exit", "last-exit.new", "ready", "ready.new"];

/// Appends what lies below a directory: type, mode, size, name and content of everything, sorted by name.
pub(super) fn tree(directory: &Path, prefix: &str, out: &mut String, labels: &mut usize) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    let mut names: Vec<_> = entries.map(|entry| entry.expect("entry").file_name()).collect();
    names.sort();
    // Where a supervise works, ours writes down more; what is in these files, other tests look at.
    if fs::symlink_metadata(directory.join("control")).is_ok_and(|meta| meta.file_type().is_fifo()) {
        names.retain(|name| !OWN.iter().any(|own| name == own));
    }
    for name in names {
        let path = directory.join(&name);
        let meta = fs::symlink_metadata(&path).expect("nothing runs any more");
        let (kind, mode) = (meta.file_type(), meta.mode() & 0o7777);
        // Numbered, not just masked: the order of archives is part of what is compared.
        let shown = mask(&name.clone().into_vec(), || {
            *labels += 1;
            format!("@<{labels}>")
        });
        let shown = format!("{prefix}{}", shown.replace('\n', "\\n"));
        if kind.is_symlink() {
            let target = fs::read_link(&path).expect("a link");
            writeln!(out, "link {shown} -> {}", plain(target.as_os_str().as_bytes()))
        } else if kind.is_dir() {
            writeln!(out, "dir {mode:04o} {shown}/").expect("a String");
            tree(&path, &format!("{shown}/"), out, labels);
            Ok(())
        } else if kind.is_fifo() {
            writeln!(out, "fifo {mode:04o} {shown}")
        } else {
            writeln!(out, "file {mode:04o} {} {shown}", meta.len()).expect("a String");
            contents(&path, out);
            Ok(())
        }
        .expect("a String");
    }
}

fn contents(path: &Path, out: &mut String) {
    let Ok(bytes) = fs::read(path) else { return };
    let text = match <[u8; 18]>::try_from(&bytes[..]) {
        Ok(record) if is_near_now(&hex(&record[..12])) => record_text(&record),
        _ => plain(&bytes),
    };
    if text.len() > 6000 {
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        writeln!(out, "    | long text with hash {:016x}", hasher.finish()).expect("a String");
        return;
    }
    for line in text.split_inclusive('\n') {
        let end = if line.ends_with('\n') { "" } else { "<no newline>\n" };
        write!(out, "    | {line}{end}").expect("a String");
    }
}

/// A status record with its time and pid masked, in the words of the prelude's `status`.
fn record_text(bytes: &[u8; 18]) -> String {
    let pid = if bytes[12..16] == [0; 4] { "0" } else { "N" };
    format!("stamp now pid {pid} paused {:02x} want {:02x}\n", bytes[16], bytes[17])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Text in which anything but printable ASCII is escaped and TAI64N labels of this hour are masked.
pub(super) fn plain(bytes: &[u8]) -> String {
    // Not numbered: two lines may or may not get the same label, depending on how fast the machine is.
    mask(bytes, || "@<label>".to_string())
}

fn mask(bytes: &[u8], mut label: impl FnMut() -> String) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        if first == b'@' && tail.get(..24).is_some_and(|hex| is_near_now(&String::from_utf8_lossy(hex))) {
            text.push_str(&label());
            rest = &tail[24..];
        } else if matches!(first, b'\n' | b'\t' | b' '..=b'~') {
            text.push(char::from(first));
        } else {
            write!(text, "\\x{first:02x}").expect("a String");
        }
    }
    text
}

/// Whether 24 lowercase hex digits are a stamp of the last hour, so that labels written in a case stay as they are.
fn is_near_now(hex: &str) -> bool {
    if !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return false;
    }
    let (Ok(seconds), Ok(nanoseconds)) =
        (u64::from_str_radix(&hex[..16], 16), u32::from_str_radix(&hex[16..], 16))
    else {
        return false;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a sane clock").as_secs() + (1 << 62) + 10;
    (now - 3600..=now + 1).contains(&seconds) && nanoseconds < 1_000_000_000
}

/// A line diff by longest common subsequence; transcripts are short.
pub(super) fn diff(wanted: &str, got: &str) -> String {
    let (a, b): (Vec<&str>, Vec<&str>) = (wanted.lines().collect(), got.lines().collect());
    let mut common = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] =
                if a[i] == b[j] { common[i + 1][j + 1] + 1 } else { common[i + 1][j].max(common[i][j + 1]) };
        }
    }
    let (mut i, mut j, mut out) = (0, 0, String::new());
    while i < a.len() || j < b.len() {
        let (sign, line) = if i < a.len() && j < b.len() && a[i] == b[j] {
            (i, j) = (i + 1, j + 1);
            (' ', a[i - 1])
        } else if j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]) {
            i += 1;
            ('-', a[i - 1])
        } else {
            j += 1;
            ('+', b[j - 1])
        };
        writeln!(out, "{sign} {line}").expect("a String");
    }
    out
}
