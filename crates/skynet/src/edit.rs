//! Changes single lines of text files and leaves the rest as people have written it.
#![forbid(unsafe_code)]

use skynet_core::ini::{self, Line, without_mark};
use std::ops::Range;

/// The settings file `text` with `key=value` in `section`: in place of the lines that set it, which are the last ones of
/// several, or of one that is commented out, or at the end of the section.
pub fn set(text: &str, section: &str, key: &str, value: &str) -> String {
    let text = without_mark(text);
    let mut lines: Vec<&str> = text.lines().collect();
    let kinds: Vec<Line<'_>> = ini::lines(text).collect();
    let (place, indentation) = place(&kinds, &lines, section, key);
    let line = format!("{indentation}{key}={value}");
    let header = format!("[{section}]");
    match place {
        Some(place) => drop(lines.splice(place, [line.as_str()])),
        None => lines.extend([header.as_str(), line.as_str()]),
    }
    join(&lines)
}

/// The lines that the line with `key` replaces, none if there is no such section, and its indentation. A different
/// indentation could make it continue the setting before it, or make the next line continue it.
fn place<'a>(
    kinds: &[Line<'_>],
    lines: &[&'a str],
    section: &str,
    key: &str,
) -> (Option<Range<usize>>, &'a str) {
    let is_key = |name: &str| name.eq_ignore_ascii_case(key);
    let kind = |index: usize| kinds.get(index).copied().unwrap_or(Line::Blank);
    let indentation = |index: usize| {
        let line = lines.get(index).copied().unwrap_or_default();
        line.get(..line.len() - line.trim_start().len()).unwrap_or_default()
    };
    // What follows without belonging to the lines from here.
    let next = |from: usize| {
        (from..kinds.len()).find(|&index| !matches!(kind(index), Line::Blank | Line::Comment | Line::More(_)))
    };
    let is_more = |index: usize| matches!(kind(index), Line::More(_));
    // A section may occur more than once.
    let mut inside: Vec<usize> = Vec::new();
    let mut name_of_section = None;
    for (index, line) in kinds.iter().enumerate() {
        if let Line::Section(name) = *line {
            name_of_section = Some(name);
        }
        if name_of_section == Some(section) {
            inside.push(index);
        }
    }
    let sets = |index: &&usize| matches!(kind(**index), Line::Setting { key, .. } if is_key(key));
    if let Some(&set) = inside.iter().rfind(sets) {
        let end = (set + 1..next(set + 1).unwrap_or(kinds.len())).rfind(|&index| is_more(index));
        return (Some(set..end.unwrap_or(set) + 1), indentation(set));
    }
    let is_commented_out = |index: &&usize| {
        let index = **index;
        let comment = lines.get(index).filter(|_| kind(index) == Line::Comment);
        let setting = comment.and_then(|line| line.strip_prefix('#')).and_then(ini::setting);
        let is_within_a_value = (index..next(index).unwrap_or(kinds.len())).any(is_more);
        setting.is_some_and(|(name, _)| is_key(name)) && !is_within_a_value
    };
    let commented = inside.iter().find(is_commented_out).map(|&index| index..index + 1);
    let end = || inside.iter().rfind(|index| kind(**index) != Line::Blank).map(|&last| last + 1..last + 1);
    let place = commented.or_else(end);
    let follows = place.as_ref().and_then(|place| next(place.end));
    (place, follows.map_or("", indentation))
}

/// Whether `value` can be that of a setting: it is read as it was written, and sets nothing else.
pub fn is_value(value: &str) -> bool {
    value.trim() == value && !value.chars().any(char::is_control)
}

/// The shell script `text` with `value` assigned where `variable` is first assigned something.
pub fn assign(text: &str, variable: &str, value: &str) -> String {
    let line = format!("{variable}={}", quote(value));
    let start = format!("{variable}=");
    let mut lines: Vec<&str> = text.lines().collect();
    if let Some(place) = lines.iter_mut().find(|line| line.starts_with(&start)) {
        *place = &line;
    }
    join(&lines)
}

/// A word of the shell that stands for `value`.
fn quote(value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./+@:,".contains(&byte);
    if value.bytes().all(is_plain) {
        value.to_string()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}

fn join(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let changed = set(text, "participant", "queue", "q");
        assert_eq!(changed, expected);
        assert_eq!(set(&changed, "participant", "queue", "q"), expected);
    }

    #[test]
    fn a_setting_is_changed_where_it_stands() {
        check("[participant]\nqueue=old\ncode=a\n", "[participant]\nqueue=q\ncode=a\n");
        check("[participant]\n# the queue\nQueue = old\n[x]\n", "[participant]\n# the queue\nqueue=q\n[x]\n");
        check("[participant]\nqueue=a\nqueue=b\n", "[participant]\nqueue=a\nqueue=q\n");
    }

    #[test]
    fn a_setting_is_changed_where_it_holds() {
        check(
            "[participant]\nqueue=a\n[x]\nqueue=x\n[participant]\nqueue = b\n[y]\n",
            "[participant]\nqueue=a\n[x]\nqueue=x\n[participant]\nqueue=q\n[y]\n",
        );
        check(
            "[participant]\nqueue=a\n[x]\n[participant]\n#queue=\n",
            "[participant]\nqueue=q\n[x]\n[participant]\n#queue=\n",
        );
        check(
            "[participant]\na=1\n[x]\n[participant]\nb=1\n\n",
            "[participant]\na=1\n[x]\n[participant]\nb=1\nqueue=q\n\n",
        );
        check(" [ participant ]\nqueue=a\n", " [ participant ]\nqueue=q\n");
        check("\u{feff}[participant]\nqueue=a\n", "[participant]\nqueue=q\n");
        // The first of `=` and `:` ends a key.
        check("[participant]\nqueue:a=b\n", "[participant]\nqueue=q\n");
        check("[participant]\nqueue=a:b\n", "[participant]\nqueue=q\n");
    }

    #[test]
    fn a_value_of_several_lines_is_changed_as_a_whole() {
        check("[participant]\nqueue=a\n b\n\n c=d\ncode=a\n", "[participant]\nqueue=q\ncode=a\n");
        check("[participant]\ncode=a\n queue=b\n", "[participant]\ncode=a\n queue=b\nqueue=q\n");
        check(
            "[participant]\nqueue=a\n b\n[x]\n[participant]\n c=d\n",
            "[participant]\nqueue=q\n[x]\n[participant]\n c=d\n",
        );
        check("[participant]\n#queue=\na=b\n#queue=\n c\n", "[participant]\nqueue=q\na=b\n#queue=\n c\n");
        check("[participant]\na=b\n#queue=\n c\n", "[participant]\na=b\n#queue=\n c\nqueue=q\n");
    }

    #[test]
    fn what_is_indented_stays_what_it_is() {
        check("[participant]\n queue=a\n b=c\n", "[participant]\n queue=q\n b=c\n");
        check("[participant]\n a=b\n\t[x]\n", "[participant]\n a=b\n\tqueue=q\n\t[x]\n");
        check("[participant]\n#queue=\n  a=b\n", "[participant]\n  queue=q\n  a=b\n");
    }

    #[test]
    fn a_setting_that_is_commented_out_is_made_there() {
        check("[participant]\n#queue=\n#x=\n", "[participant]\nqueue=q\n#x=\n");
        check("[participant]\n#queue=\nqueue=b\n", "[participant]\n#queue=\nqueue=q\n");
    }

    #[test]
    fn a_new_setting_comes_at_the_end_of_its_section() {
        check("[participant]\na=1\n\n[x]\nqueue=x\n", "[participant]\na=1\nqueue=q\n\n[x]\nqueue=x\n");
        check("[x]\nqueue=x", "[x]\nqueue=x\n[participant]\nqueue=q\n");
        check("[participant]", "[participant]\nqueue=q\n");
        check("", "[participant]\nqueue=q\n");
    }

    #[test]
    fn a_value_sets_nothing_else() {
        assert!(["", "q", "a b", "a=b # c", "[x]", "\u{e4}.*"].into_iter().all(is_value));
        assert!(
            !["q\nrunas=root", "q\r", " q", "q ", "\tq", "a\tb", "\u{a0}q", "\0", "\u{85}"]
                .into_iter()
                .any(is_value)
        );
    }

    #[test]
    fn scripts_are_given_their_values() {
        let script = "#!/bin/sh\nx=1\naccount=nobody\naccount=2\n";
        assert_eq!(assign(script, "account", "boss"), "#!/bin/sh\nx=1\naccount=boss\naccount=2\n");
        assert_eq!(assign("dir=\n", "dir", "/a b/it's"), "dir='/a b/it'\\''s'\n");
        assert_eq!(assign("dir=/x\n", "dir", ""), "dir=\n");
        assert_eq!(assign("a=1\n", "b", "2"), "a=1\n");
    }
}
