//! Changes single lines of text files and leaves the rest as people have written it.
#![forbid(unsafe_code)]

use participant::config::{section_of, setting_of, without_mark};

/// The settings file `text` with `key=value` in `section`: in place of the line that sets it, which is the last one of
/// several, or of one that is commented out, or at the end of the section.
pub fn set(text: &str, section: &str, key: &str, value: &str) -> String {
    let line = format!("{key}={value}");
    let header = format!("[{section}]");
    let mut lines: Vec<&str> = without_mark(text).lines().collect();
    // A section may occur more than once.
    let mut bodies: Vec<(usize, &str)> = Vec::new();
    let (mut is_inside, mut end) = (false, None);
    for (index, line) in lines.iter().enumerate() {
        if let Some(name) = section_of(line) {
            is_inside = name == section;
            end = if is_inside { Some(index) } else { end };
        } else if is_inside {
            bodies.push((index, line));
            end = if line.trim().is_empty() { end } else { Some(index) };
        }
    }
    let Some(end) = end else {
        lines.extend([header.as_str(), line.as_str()]);
        return join(&lines);
    };
    let made = bodies.iter().rfind(|(_, line)| sets(line, key));
    let commented =
        || bodies.iter().find(|(_, line)| line.strip_prefix('#').is_some_and(|line| sets(line, key)));
    match made.or_else(commented).and_then(|(index, _)| lines.get_mut(*index)) {
        Some(place) => *place = &line,
        None => lines.insert(end + 1, &line),
    }
    join(&lines)
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

/// Whether a line of a settings file sets `key`.
fn sets(line: &str, key: &str) -> bool {
    setting_of(line).is_some_and(|(name, _)| name.eq_ignore_ascii_case(key))
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
