//! Writing JSON: as much of it as a list of flat facts takes.
#![forbid(unsafe_code)]

/// An object that is being written.
#[derive(Debug, Default)]
pub struct Object {
    members: Vec<String>,
}

impl Object {
    /// Adds a member whose value is JSON already.
    pub fn raw(&mut self, name: &str, value: &str) -> &mut Self {
        self.members.push(format!("{}:{value}", quoted(name)));
        self
    }

    /// Adds a text.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.raw(name, &quoted(value))
    }

    /// Adds a number or a truth value; `null` if there is none.
    pub fn value(&mut self, name: &str, value: Option<impl ToString>) -> &mut Self {
        self.raw(name, &value.map_or("null".to_string(), |value| value.to_string()))
    }

    /// The object.
    pub fn finish(&self) -> String {
        format!("{{{}}}", self.members.join(","))
    }
}

/// An array with a line for each element.
pub fn lines(elements: &[String]) -> String {
    if elements.is_empty() { "[]\n".to_string() } else { format!("[\n{}\n]\n", elements.join(",\n")) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            control if control < ' ' => quoted.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_in_their_order() {
        let mut object = Object::default();
        object.text("name", "web").value("pid", Some(7)).value("up", Some(true)).value("at", None::<u32>);
        assert_eq!(object.finish(), r#"{"name":"web","pid":7,"up":true,"at":null}"#);
    }

    #[test]
    fn whatever_a_name_contains_is_one_string() {
        assert_eq!(quoted("a\"b\\c\nd\te\u{1}f\u{e4}"), "\"a\\\"b\\\\c\\nd\\te\\u0001f\u{e4}\"");
    }

    #[test]
    fn an_array_has_a_line_for_each_element() {
        assert_eq!(lines(&[]), "[]\n");
        assert_eq!(lines(&["1".to_string(), "2".to_string()]), "[\n1,\n2\n]\n");
    }
}
