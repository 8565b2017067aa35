//! Which module imports which, as the paths in their code say.

use super::{code, sources};
use std::collections::{BTreeMap, BTreeSet};

/// A module: its names from the root of its crate on.
pub type Module = Vec<String>;

/// The modules of one crate.
pub struct Crate {
    /// The file of each, and its text without tests.
    pub modules: BTreeMap<Module, (String, String)>,
}

impl Crate {
    /// The crate whose files are below `directory`. Programs are crates of their own.
    pub fn read(directory: &str) -> Self {
        let files = sources(directory).into_iter().filter(|(path, _)| !path.contains("/bin/"));
        let modules = files.map(|(path, text)| (module(directory, &path), (path, text)));
        Self { modules: modules.collect() }
    }

    /// What each module imports.
    pub fn imports(&self) -> BTreeMap<&Module, BTreeSet<&Module>> {
        let imports = |(module, (_, text)): (&Module, &(String, String))| {
            let text = code(text).collect::<Vec<_>>().join("\n");
            let found = paths(&text).into_iter().filter_map(|path| self.resolve(module, &path));
            found.filter(|found| found != module).collect::<BTreeSet<_>>()
        };
        let known = |module: &Module| self.modules.get_key_value(module).unwrap().0;
        let all = self.modules.iter().map(|entry| (entry.0, imports(entry)));
        all.map(|(module, found)| (module, found.iter().map(known).collect())).collect()
    }

    /// The module to which a path in `module` leads.
    fn resolve(&self, module: &Module, path: &[String]) -> Option<Module> {
        let ups = path.iter().take_while(|name| *name == "super").count();
        let mut found = match path.first()?.as_str() {
            "crate" => Module::new(),
            "super" => module[..module.len().checked_sub(ups)?].to_vec(),
            _ => module.clone(),
        };
        for name in &path[ups.max(1)..] {
            found.push(name.clone());
            if !self.modules.contains_key(&found) {
                found.pop();
                break;
            }
        }
        self.modules.contains_key(&found).then_some(found)
    }

    /// The imports that are part of a circle.
    pub fn circles(&self) -> Vec<String> {
        let imports = self.imports();
        let reaches = |from: &Module, to: &Module| {
            let (mut pending, mut seen) = (vec![from], BTreeSet::new());
            while let Some(module) = pending.pop() {
                if module == to {
                    return true;
                }
                if seen.insert(module) {
                    pending.extend(&imports[module]);
                }
            }
            false
        };
        let edges = imports.iter().flat_map(|(&from, found)| found.iter().map(move |&to| (from, to)));
        let name = |module: &Module| self.modules[module].0.clone();
        let circular = edges.filter(|(from, to)| reaches(to, from));
        circular.map(|(from, to)| format!("{} imports {}", name(from), name(to))).collect()
    }
}

fn module(directory: &str, path: &str) -> Module {
    let inside = path[directory.len()..].trim_start_matches('/').trim_end_matches(".rs");
    let inside = inside.strip_suffix("/mod").unwrap_or(inside);
    let is_root = ["lib", "main", "bench"].contains(&inside);
    if is_root { Module::new() } else { inside.split('/').map(str::to_owned).collect() }
}

/// The paths in a text that begin in its crate.
fn paths(text: &str) -> Vec<Vec<String>> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    for (index, &token) in tokens.iter().enumerate() {
        let begins = ["crate", "super", "self"].contains(&token) && tokens.get(index + 1) == Some(&"::");
        if begins && (index == 0 || tokens[index - 1] != "::") {
            tree(&tokens, index, &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Words, `::`, and single characters.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            _ if is_word(first) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            _ => first.len_utf8(),
        };
        if !first.is_whitespace() {
            tokens.push(&rest[..length]);
        }
        rest = &rest[length..];
    }
    tokens
}

/// Adds the paths of the tree that begins at `index`, below `prefix`. Returns where it ends.
fn tree(tokens: &[&str], mut index: usize, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let depth = prefix.len();
    loop {
        match tokens.get(index) {
            Some(&"{") => {
                index += 1;
                while tokens.get(index).is_some_and(|token| *token != "}") {
                    index = match tokens[index] {
                        "," => index + 1,
                        "as" => index + 2,
                        _ => tree(tokens, index, prefix, found),
                    };
                }
                index += 1;
                break;
            }
            Some(word) if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                prefix.push((*word).to_owned());
                index += 1;
                if tokens.get(index) == Some(&"::") {
                    index += 1;
                    continue;
                }
                found.push(prefix.clone());
                break;
            }
            _ => {
                found.push(prefix.clone());
                index += 1;
                break;
            }
        }
    }
    prefix.truncate(depth);
    index
}

#[test]
fn the_paths_of_a_text_are_found() {
    let text =
        "use crate::a::{self, b::C, d as e};\nuse std::fs;\npub(super) fn f() { super::super::g::h(self.x) }";
    let found: Vec<String> = paths(text).iter().map(|path| path.join("::")).collect();
    assert_eq!(found, ["crate::a::self", "crate::a::b::C", "crate::a::d", "super::super::g::h"]);
}

#[test]
fn a_circle_is_found() {
    let module = |name: &str, text: &str| (vec![name.to_owned()], (name.to_owned(), text.to_owned()));
    let modules = [
        module("a", "use crate::b::X;"),
        module("b", "use super::c;"),
        module("c", "fn f() { crate::a::g() }"),
        module("d", "use crate::a;"),
    ];
    let house = Crate { modules: modules.into() };
    assert_eq!(house.circles(), ["a imports b", "b imports c", "c imports a"]);
}
