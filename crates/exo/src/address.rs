//! The nodes of a broker, and how they know us.
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::fmt::{Debug, Display, Formatter};
use std::path::PathBuf;

/// A broker, and how it knows us.
#[derive(Debug, Clone)]
pub struct Address {
    /// Its name or number; one with colons is in brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The account.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// The virtual host.
    pub vhost: String,
    /// The files for TLS, if that is used.
    pub tls: Option<Tls>,
    /// How we log in.
    pub login: Login,
    /// Where the account and its password are set, for messages.
    pub login_from: String,
    /// Where the virtual host is set.
    pub vhost_from: String,
    /// Where the queue is set.
    pub queue_from: String,
    /// Where the certificate authority is set.
    pub ca_from: String,
    /// Where the client certificate is set.
    pub certificate_from: String,
}

impl Display for Address {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

/// The nodes of a broker, which are tried in turn.
#[derive(Debug, Clone)]
pub struct Nodes {
    /// The one whose turn it is.
    pub current: Address,
    others: VecDeque<Address>,
}

impl Nodes {
    /// These, in their order; none if there is none.
    pub fn new(mut addresses: VecDeque<Address>) -> Option<Self> {
        Some(Self { current: addresses.pop_front()?, others: addresses })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.others.len() + 1
    }

    /// It is the turn of the next one.
    pub fn turn(&mut self) {
        if let Some(next) = self.others.pop_front() {
            self.others.push_back(std::mem::replace(&mut self.current, next));
        }
    }

    /// All of them, beginning with the one whose turn it is.
    pub fn iter(&self) -> impl Iterator<Item = &Address> {
        std::iter::once(&self.current).chain(&self.others)
    }
}

/// A text that no message shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl Debug for Secret {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("***")
    }
}

/// The files for TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// The certificates that a broker's certificate is checked by; those of the system without.
    pub ca: Option<PathBuf>,
    /// Our certificate and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}

/// How we log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// By account and password.
    Plain,
    /// By the certificate.
    External,
}

impl Login {
    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "plain" => Some(Self::Plain),
            "external" => Some(Self::External),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", Secret("s3cret".to_string())), "***");
    }
}
