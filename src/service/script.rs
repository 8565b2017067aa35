//! What the `run` of a service asks for, as far as its text tells: an account, and log directories. A shell can write the
//! same in other ways, so what is found here explains a failure and decides nothing.
#![forbid(unsafe_code)]

/// What a script asks for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Demands {
    /// The account that setuidgid or envuidgid is given.
    pub account: Option<Vec<u8>>,
    /// The directories that multilog is given.
    pub directories: Vec<Vec<u8>>,
}

impl Demands {
    /// Reads a script.
    pub fn read(script: &[u8]) -> Self {
        let mut demands = Self::default();
        let mut lines = script.split(|&byte| byte == b'\n');
        while let Some(line) = lines.next() {
            let mut line = line.to_vec();
            while line.last() == Some(&b'\\') {
                line.pop();
                line.extend_from_slice(lines.next().unwrap_or_default());
            }
            demands.read_line(&line);
        }
        demands
    }

    fn read_line(&mut self, line: &[u8]) {
        let is_blank = |byte: &u8| b" \t\r".contains(byte);
        let words = line.split(is_blank).filter(|word| !word.is_empty());
        let words: Vec<&[u8]> = words.take_while(|word| !word.starts_with(b"#")).collect();
        let is =
            |name: &'static [u8]| move |word: &&[u8]| word.rsplit(|&byte| byte == b'/').next() == Some(name);
        // What the shell would change is not known here.
        let is_plain = |word: &&[u8]| !word.iter().any(|byte| b"$`*?(){}".contains(byte));
        let after = |place: Option<usize>| words.get(place? + 1).copied().map(unquoted).filter(is_plain);
        for name in [&b"setuidgid"[..], b"envuidgid"] {
            self.account = after(words.iter().position(is(name))).map(<[u8]>::to_vec).or(self.account.take());
        }
        let Some(multilog) = words.iter().position(is(b"multilog")) else { return };
        let arguments = words
            .iter()
            .skip(multilog + 1)
            .take_while(|word| !word.iter().any(|byte| b"|;&<>".contains(byte)));
        let arguments = arguments.map(|word| unquoted(word));
        let directories = arguments.filter(|word| word.starts_with(b"/") || word.starts_with(b"."));
        self.directories.extend(directories.filter(is_plain).map(<[u8]>::to_vec));
    }
}

fn unquoted(word: &[u8]) -> &[u8] {
    let inner = |mark: u8| word.strip_prefix(&[mark])?.strip_suffix(&[mark]);
    inner(b'"').or_else(|| inner(b'\'')).unwrap_or(word)
}

/// The number of an account, in the text of `/etc/passwd`.
pub fn find_account(accounts: &[u8], name: &[u8]) -> Option<u32> {
    accounts.split(|&byte| byte == b'\n').find_map(|line| {
        let mut fields = line.split(|&byte| byte == b':');
        let is_it = fields.next()? == name;
        let number = std::str::from_utf8(fields.nth(1)?).ok()?.parse().ok()?;
        is_it.then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(script: &str, account: &str, directories: &str) {
        let demands = Demands::read(script.as_bytes());
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(demands.account.as_ref().map_or(String::new(), text), account, "{script}");
        let found: Vec<String> = demands.directories.iter().map(text).collect();
        assert_eq!(found.join(" "), directories, "{script}");
    }

    #[test]
    fn an_account_and_log_directories_are_found() {
        check("#!/bin/sh\nexec setuidgid log multilog t ./main\n", "log", "./main");
        check("exec /usr/bin/setuidgid 'web' ./server -p 80", "web", "");
        check("exec multilog t n10 ./main '-*' '+* bad' /var/log/bad # ./no", "", "./main /var/log/bad");
        check("exec setuidgid log \\\n  multilog t \\\n  \"./main\"", "log", "./main");
        check("exec multilog t ./main 2>&1 ./a | cat ./b", "", "./main");
        check("exec envuidgid dns softlimit -d 300000 /usr/bin/dnscache", "dns", "");
    }

    #[test]
    fn what_a_shell_would_change_is_not_known() {
        check("exec setuidgid $USER multilog t \"$dir\" ./$name ./main", "", "./main");
        check("# setuidgid log multilog ./main", "", "");
        check("setuidgid", "", "");
        check("exec multilog", "", "");
        check("", "", "");
    }

    #[test]
    fn accounts_are_found_by_their_whole_name() {
        let accounts = b"root:x:0:0:root:/root:/bin/sh\nbroken:x\nlog:x:7:8::/:\nodd:x:a:b::/:\n";
        let find = |name: &str| find_account(accounts, name.as_bytes());
        assert_eq!((find("root"), find("log")), (Some(0), Some(7)));
        for name in ["lo", "logg", "", "broken", "odd", "x"] {
            assert_eq!(find(name), None, "{name}");
        }
    }
}
