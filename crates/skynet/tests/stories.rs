//! Every story of docs/skynet.md, "Stories" that the manager is for has a test that carries its id.

use std::fs;
use std::path::Path;

const STORIES: [&str; 18] = [
    "a1", "a2", "a3", "a4", "a5", "a6", "a7", "p1", "p2", "p3", "p4", "d5", "d6", "o1", "o2", "o3", "o4",
    "i1",
];

/// The names of the tests of a file that are run always, by the lines before them.
fn tests(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let pairs = lines.windows(2).filter(|pair| pair.first() == Some(&"#[test]"));
    pairs.filter_map(|pair| pair.last()?.strip_prefix("fn ")?.split('(').next()).collect()
}

#[test]
fn every_story_has_a_test_with_real_processes() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let texts: Vec<String> =
        files.filter(|path| path.is_file()).map(|path| fs::read_to_string(path).unwrap()).collect();
    let names: Vec<&str> = texts.iter().flat_map(|text| tests(text)).collect();
    let has_test = |story: &&str| names.iter().any(|name| name.starts_with(&format!("{story}_")));
    let missing: Vec<&str> = STORIES.into_iter().filter(|story| !has_test(story)).collect();
    assert!(missing.is_empty(), "stories without a test: {missing:?}");
}
