//! Documents that comments, pages and other documents cite: each exists, and so does each cited section.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Documents of which citations may name a section: `## 1.3 supervise` and `## 7. Adoption` are sections `1.3` and `7`.
const SECTIONED: &[&str] = &["docs/compatibility.md", "docs/decisions.md"];

/// The text files below `directory`, without what tools leave there.
fn text_files(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut pending = vec![directory.to_path_buf()];
    while let Some(path) = pending.pop() {
        let name = path.file_name().unwrap_or_default();
        if path.is_symlink() || [".git", "target", "__pycache__"].iter().any(|skipped| name == *skipped) {
            continue;
        }
        if path.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if let Ok(text) = fs::read_to_string(&path) {
            files.push((path, text));
        }
    }
    files
}

/// A document's name in a text, with the text that follows it.
struct Citation<'a> {
    name: &'a str,
    rest: &'a str,
}

/// The names and paths in `text` that end in the suffix of documents.
fn citations(text: &str) -> Vec<Citation<'_>> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_./-".contains(letter);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(length) = text[at..].find(".md") {
        let end = at + length + ".md".len();
        let begin = text[..end]
            .rfind(|letter| !is_part(letter))
            .map_or(0, |before| before + text[before..].chars().next().map_or(1, char::len_utf8));
        let is_whole = !text[end..].starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
        if is_whole && text[begin..end].len() > ".md".len() {
            found.push(Citation { name: &text[begin..end], rest: &text[end..] });
        }
        at = end;
    }
    found
}

/// The document that `name` means in `file`: seen from the directory of the file, or from `root`.
fn document(root: &Path, file: &Path, name: &str) -> Option<PathBuf> {
    let beside = file.parent().unwrap().join(name);
    [beside, root.join(name.trim_start_matches('/'))].into_iter().find(|path| path.is_file())
}

/// The section numbers at the beginning of `rest`, as in ` 1.3, 1.4` or `), section 8`.
fn cited_sections(rest: &str) -> Vec<&str> {
    let mut sections = Vec::new();
    let rest = rest.trim_start_matches(['`', ')']);
    let mut rest = [", section ", " "].iter().find_map(|joint| rest.strip_prefix(joint)).unwrap_or("");
    loop {
        let length =
            rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        let section = rest[..length].trim_end_matches('.');
        if !section.starts_with(|letter: char| letter.is_ascii_digit()) {
            return sections;
        }
        sections.push(section);
        let after = &rest[length..];
        let Some(next) = [", ", " and ", " to "].iter().find_map(|joint| after.strip_prefix(joint)) else {
            return sections;
        };
        rest = next;
    }
}

/// The second word of each heading, without a full stop.
fn sections(document: &str) -> BTreeSet<&str> {
    let numbers = document.lines().filter_map(|line| line.strip_prefix("## ")?.split(' ').next());
    numbers.map(|number| number.trim_end_matches('.')).collect()
}

/// The anchor that GitHub gives a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|letter| letter.is_alphanumeric() || *letter == '-' || *letter == '_').collect()
}

/// Each mistake in the citations of the files below `root`.
fn mistakes(root: &Path) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (file, text) in text_files(root) {
        let shown = file.strip_prefix(root).unwrap().display();
        for Citation { name, rest } in citations(&text) {
            let Some(path) = document(root, &file, name) else {
                mistakes.push(format!("{shown} cites {name}, which does not exist"));
                continue;
            };
            let target = fs::read_to_string(&path).unwrap();
            if let Some(rest) = rest.strip_prefix('#') {
                let wanted = rest.split([')', ' ', '`', '"', '\n']).next().unwrap();
                if !target.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == wanted) {
                    mistakes.push(format!("{shown} cites {name}#{wanted}, which does not exist"));
                }
            }
            if SECTIONED.iter().any(|sectioned| path == root.join(sectioned)) {
                let known = sections(&target);
                for section in cited_sections(rest).iter().filter(|section| !known.contains(*section)) {
                    mistakes.push(format!("{shown} cites {name} {section}, which does not exist"));
                }
            }
        }
    }
    mistakes
}

#[track_caller]
fn check(mistakes: &[String], rule: &str) {
    assert!(mistakes.is_empty(), "{rule}:\n  {}", mistakes.join("\n  "));
}

#[test]
fn every_cited_document_and_section_exists() {
    check(&mistakes(Path::new(ROOT)), "cite documents and sections that are in the repository");
}

#[test]
fn a_missing_document_or_section_is_found() {
    let sandbox = crate::support::Sandbox::new();
    let suffix = "md";
    let root = sandbox.path("sources");
    fs::create_dir_all(root.join("docs/deep")).unwrap();
    let write = |name: &str, text: &str| fs::write(root.join(name), text.replace("DOC", suffix)).unwrap();
    write(&format!("docs/decisions.{suffix}"), "## 7. Adoption\n## 8. Shutdown\n");
    write(
        "docs/deep/fine",
        "docs/decisions.DOC 7 and 8. ../decisions.DOC#7-adoption a.mdx docs/decisions.DOC, 9\n",
    );
    assert_eq!(mistakes(&root), [""; 0]);
    write(
        "wrong",
        "docs/decisions.DOC 7, 9: docs/decisions.DOC#9-x `gone.DOC` (docs/decisions.DOC), section 6\n",
    );
    let expected =
        [" 9, which", "#9-x, which", "gone.DOC, which", " 6, which"].map(|part| part.replace("DOC", suffix));
    let found = mistakes(&root);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (mistake, part) in found.iter().zip(&expected) {
        assert!(mistake.contains(part.as_str()), "{mistake} lacks {part}");
    }
}

#[test]
fn every_difference_is_in_the_table_of_differences_with_its_manual_page() {
    let read = |name: &str| fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
    let mut cells = Vec::new();
    for line in read("docs/compatibility.md").lines().filter(|line| line.starts_with("| 1.")) {
        let row: Vec<String> =
            line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_string()).collect();
        if row.len() == 5 {
            cells.push(row);
        }
    }
    let mut mistakes = Vec::new();
    for row in &cells {
        for page in row[4].split(", ").filter(|page| page.ends_with(')')) {
            let (name, section) = page.trim_end_matches(')').split_once('(').unwrap();
            let path = Path::new(ROOT).join(format!("man/{name}.{section}"));
            if !fs::read_to_string(path).is_ok_and(|text| text.contains(".Sh DIFFERENCES")) {
                mistakes.push(format!("row {}: {page} has no DIFFERENCES", row[0]));
            }
        }
    }
    let rows: BTreeSet<&str> = cells.iter().map(|row| row[0].as_str()).collect();
    if rows.len() != cells.len() {
        mistakes.push("two rows have one number".to_string());
    }
    let table = read("tests/conformance/differences.txt");
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let row = line.split(" | ").next().unwrap();
        if !rows.contains(row) {
            mistakes.push(format!("row {row} of differences.txt is missing in docs/compatibility.md"));
        }
    }
    check(&mistakes, "docs/compatibility.md lists every deliberate difference");
}

#[test]
fn every_source_file_that_a_document_names_exists() {
    let root = Path::new(ROOT);
    let mut missing = Vec::new();
    for (document, text) in text_files(&root.join("docs")) {
        for word in text.split('`').skip(1).step_by(2) {
            let is_path = ["src/", "crates/", "tests/"].iter().any(|start| word.starts_with(start))
                && !word.contains(['*', ' ', ':'])
                && !word.contains("NAME");
            if is_path && !root.join(word).exists() {
                missing.push(format!("{}: {word}", document.display()));
            }
        }
    }
    check(&missing, "a document names files that exist");
}
