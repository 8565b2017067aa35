//! What `amqp_host` can be: hosts, ports and URLs.
#![forbid(unsafe_code)]

use crate::address::Secret;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The port of a broker.
const PORT: u16 = 5672;

/// The same for TLS.
const TLS_PORT: u16 = 5671;

/// The longest name of a host.
const LONGEST_HOST: usize = 253;

/// The longest part of it between dots.
const LONGEST_LABEL: usize = 63;

/// One of the brokers that `amqp_host` names.
#[derive(Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its name or number; one with colons is in brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it is reached by TLS.
    pub is_tls: bool,
    /// What a URL says of the account.
    pub user: Option<String>,
    /// What it says of the password.
    pub password: Option<Secret>,
    /// What it says of the virtual host.
    pub vhost: Option<String>,
}

/// Reads `amqp_host`: one or more of HOST, HOST:PORT and URLs, with commas or blanks between them. An error is the beginning
/// of a message, and shows nothing that could be a password.
pub fn endpoints(text: &str) -> Result<Vec<Endpoint>, String> {
    let may_be_shown = !text.contains('@') && !text.contains("://");
    let items = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty());
    let endpoints = items.map(|item| {
        let found = match item.split_once("://") {
            Some((scheme, rest)) => url(scheme, rest),
            None => plain(item).ok_or_else(|| "is no HOST:PORT".to_string()),
        };
        found.map_err(|why| format!("{} {why}", if may_be_shown { item } else { "amqp_host" }))
    });
    endpoints.collect()
}

fn plain(text: &str) -> Option<Endpoint> {
    let (host, port) = host_and_port(text)?;
    let port = port.unwrap_or(PORT);
    Some(Endpoint { host, port, is_tls: false, user: None, password: None, vhost: None })
}

/// What is behind `://`, as <https://www.rabbitmq.com/docs/uri-spec> has it.
fn url(scheme: &str, rest: &str) -> Result<Endpoint, String> {
    let is_tls = match scheme.to_ascii_lowercase().as_str() {
        "amqp" => false,
        "amqps" => true,
        _ => return Err("is no URL of a broker, which begins with amqp:// or amqps://".to_string()),
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.contains('?') || path.contains('?') {
        let text = "is a URL with ?, for which there are amqp_ca, amqp_cert, amqp_key and amqp_login";
        return Err(format!("{text}; in a name or password it is %3F"));
    }
    if path.contains('/') {
        return Err("is a URL with a slash in its virtual host, where it is %2F".to_string());
    }
    let (account, place) = match authority.rsplit_once('@') {
        Some((account, place)) => (Some(account), place),
        None => (None, authority),
    };
    let (user, password) = match account.map(|account| account.split_once(':').ok_or(account)) {
        Some(Ok((user, password))) => (Some(user), Some(password)),
        Some(Err(user)) => (Some(user), None),
        None => (None, None),
    };
    let decode = |text: Option<&str>| match text.filter(|text| !text.is_empty()) {
        Some(text) => {
            unescape(text).map(Some).ok_or_else(|| "is a URL with a % that begins no %XX".to_string())
        }
        None => Ok(None),
    };
    let (user, password, vhost) = (decode(user)?, decode(password)?, decode(Some(path))?);
    let (host, port) = host_and_port(place).ok_or_else(|| "is a URL without HOST:PORT".to_string())?;
    let port = port.unwrap_or(if is_tls { TLS_PORT } else { PORT });
    Ok(Endpoint { host, port, is_tls, user, password: password.map(Secret), vhost })
}

fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    // A number with colons and no port.
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some((format!("[{text}]"), None));
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !text.ends_with(']') => {
            (host, Some(port.parse().ok().filter(|port| *port > 0)?))
        }
        _ => (text, None),
    };
    is_host(host).then(|| (host.to_string(), port))
}

/// Whether this can be the name or number of a host.
fn is_host(text: &str) -> bool {
    if let Some(number) = text.strip_prefix('[') {
        return number.strip_suffix(']').is_some_and(|number| number.parse::<Ipv6Addr>().is_ok());
    }
    let labels: Vec<&str> = text.strip_suffix('.').unwrap_or(text).split('.').collect();
    let is_numeric = labels.iter().all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    if is_numeric && labels.len() >= 4 {
        return text.parse::<Ipv4Addr>().is_ok();
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_label = |label: &&str| (1..=LONGEST_LABEL).contains(&label.len()) && label.bytes().all(is_name);
    text.len() <= LONGEST_HOST && labels.iter().all(is_label)
}

/// The text that `%XX` stands for.
fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let shown = endpoints(text).map(|found| {
            let show = |endpoint: Endpoint| {
                let Endpoint { host, port, is_tls, user, password, vhost } = endpoint;
                let tls = if is_tls { "tls " } else { "" };
                let said = [user, password.map(|secret| secret.0), vhost];
                let said: String = said.into_iter().flatten().map(|text| format!(" {text}")).collect();
                format!("{tls}{host}:{port}{said}")
            };
            found.into_iter().map(show).collect::<Vec<_>>()
        });
        assert_eq!(shown, Ok(expected.iter().map(ToString::to_string).collect()), "{text}");
    }

    #[test]
    fn hosts_have_ports() {
        check("h", &["h:5672"]);
        check("h:1", &["h:1"]);
        check("rabbit_1.example.org.:5673", &["rabbit_1.example.org.:5673"]);
        check("127.0.0.1", &["127.0.0.1:5672"]);
        check("::1", &["[::1]:5672"]);
        check("[::1]", &["[::1]:5672"]);
        check("[::1]:5673", &["[::1]:5673"]);
    }

    #[test]
    fn there_may_be_several() {
        check("a,b:1, amqps://c", &["a:5672", "b:1", "tls c:5671"]);
        check("a b", &["a:5672", "b:5672"]);
        check(",", &[]);
    }

    #[test]
    fn urls_have_accounts_and_virtual_hosts() {
        check("amqp://h", &["h:5672"]);
        check("amqp://h/", &["h:5672"]);
        check("AMQPS://h/%2F", &["tls h:5671 /"]);
        check("amqp://u:p@h:1/v", &["h:1 u p v"]);
        check("amqp://u@h", &["h:5672 u"]);
        check("amqp://u%40x:p%2Fa%3a@[::1]:1/v%20w", &["[::1]:1 u@x p/a: v w"]);
        check("amqp://u:p:q@h", &["h:5672 u p:q"]);
        check("amqps://u:a@b@h/v", &["tls h:5671 u a@b v"]);
    }

    #[test]
    fn what_can_be_no_host_is_refused() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(endpoints(text), Err(expected.to_string()), "{text}");
        }
        for text in [
            "h:x",
            ":1",
            "h:0",
            "h:65536",
            "h:",
            "a..b",
            "h/v",
            "a;b",
            "1.2.3.400",
            "1.2.3.4.5",
            "[::1",
            "[h]:1",
        ] {
            check(text, &format!("{text} is no HOST:PORT"));
        }
        check(&"a".repeat(64), &format!("{} is no HOST:PORT", "a".repeat(64)));
    }

    #[test]
    fn no_message_shows_a_password() {
        for text in [
            "amqp://u:s3cret",
            "amqp://u:s3cret@",
            "amqp://u:s3cret@h:x",
            "amqp://u:s3/cret@h",
            "amqp://u:s3cret@h/a/b",
            "amqp://u:s3,cret@h",
            "http://u:s3cret@h",
            "u:s3cret@h:1",
            "amqp://u:s3cret%@h",
            "amqp://u:s3cret%é@h",
            "amqp://u:s3cret@h?x=y",
            "a:s3cret,b@h",
            "amqp:/u:s3cret@h",
        ] {
            let message = endpoints(text).unwrap_err();
            assert!(message.starts_with("amqp_host is ") && !message.contains("s3"), "{text}: {message}");
        }
    }
}
