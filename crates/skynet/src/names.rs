//! Which participants somebody means: names may be shortened as long as they are not ambiguous.
#![forbid(unsafe_code)]

/// Why a word is not the name of a participant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoName {
    /// Nothing begins so.
    Unknown(String),
    /// Several begin so.
    Ambiguous(String, Vec<String>),
}

impl std::fmt::Display for NoName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(word) => write!(formatter, "There is no participant {word}"),
            Self::Ambiguous(word, names) => {
                write!(formatter, "Ambiguous name {word}, it could be {}", names.join(" or "))
            }
        }
    }
}

/// The participant among `known` that `word` means: the one of that name, or the only one that begins so.
pub fn resolve(word: &str, known: &[String]) -> Result<String, NoName> {
    if known.iter().any(|name| name == word) {
        return Ok(word.to_string());
    }
    let candidates: Vec<&String> = known.iter().filter(|name| name.starts_with(word)).collect();
    match candidates.as_slice() {
        _ if word.is_empty() => Err(NoName::Unknown(word.to_string())),
        [] => Err(NoName::Unknown(word.to_string())),
        [name] => Ok((*name).clone()),
        several => {
            Err(NoName::Ambiguous(word.to_string(), several.iter().map(ToString::to_string).collect()))
        }
    }
}

/// The participants among `known` that `word` means: the one that [`resolve`] finds, or all instances `word_0`, `word_1` and
/// so on of which it is the common name.
pub fn resolve_all(word: &str, known: &[String]) -> Result<Vec<String>, NoName> {
    let is_instance = |name: &String| {
        let number = name.strip_prefix(word).and_then(|rest| rest.strip_prefix('_'));
        number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    match resolve(word, known) {
        Err(NoName::Ambiguous(_, names)) if names.iter().all(is_instance) => Ok(names),
        found => found.map(|name| vec![name]),
    }
}

/// Whether `name` can be the name of a participant: a directory of one component that svscan takes up, without blanks, so
/// that old scripts and the process engine can do with it.
pub fn is_valid(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@".contains(&byte);
    !name.is_empty() && name.len() <= 200 && !name.starts_with(['.', '-']) && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_shortened() {
        let known = ["build_image", "build_ks", "get", "get_all"].map(str::to_string);
        assert_eq!(resolve("build_i", &known), Ok("build_image".to_string()));
        assert_eq!(resolve("get", &known), Ok("get".to_string()));
        assert_eq!(
            resolve("bui", &known).unwrap_err().to_string(),
            "Ambiguous name bui, it could be build_image or build_ks"
        );
        assert_eq!(resolve("x", &known).unwrap_err().to_string(), "There is no participant x");
        assert!(resolve("", &known).is_err());
    }

    #[test]
    fn the_name_that_instances_have_in_common_means_all_of_them() {
        let known = ["p_0", "p_1", "q_0", "q_all", "r_0"].map(str::to_string);
        assert_eq!(resolve_all("p", &known), Ok(vec!["p_0".to_string(), "p_1".to_string()]));
        assert_eq!(resolve_all("r", &known), Ok(vec!["r_0".to_string()]));
        assert!(resolve_all("q", &known).is_err() && resolve_all("", &known).is_err());
    }

    #[test]
    fn a_name_is_one_that_svscan_and_scripts_can_do_with() {
        assert!(["a", "build_ks", "x-1.2", "a@b"].into_iter().all(is_valid));
        assert!(!["", ".", ".a", "-a", "a/b", "a b", "a\n", "\u{e4}"].into_iter().any(is_valid));
    }
}
