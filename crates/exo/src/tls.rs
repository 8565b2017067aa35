//! TLS to the broker: whom we trust, and who we are.

use crate::address::{Address, Tls};
use amqprs::tls::TlsAdaptor;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::{Error, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Where systems have the certificates that they trust: Debian, Fedora, SUSE, Alpine.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// What amqprs needs for TLS. The files are read for each connection, so that renewed certificates are used. An error is the
/// end of a message.
pub fn adaptor(address: &Address, tls: &Tls) -> Result<TlsAdaptor, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let builder = builder.with_root_certificates(roots(address, tls)?);
    let config = match &tls.identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let from = &address.certificate_from;
            let chain = certificates(certificate).map_err(|why| format!("{why}: {from}"))?;
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| format!("{}: {from}", unreadable(key, &error, "key")))?;
            let config = builder.with_client_auth_cert(chain, key);
            config.map_err(|error| format!("{} is not accepted: {error}: {from}", certificate.display()))?
        }
    };
    let name = address.host.trim_start_matches('[').trim_end_matches(']').to_string();
    Ok(TlsAdaptor::new(TlsConnector::from(Arc::new(config)), name))
}

fn roots(address: &Address, tls: &Tls) -> Result<RootCertStore, String> {
    let system = || SYSTEM.iter().map(PathBuf::from).find(|path| path.exists());
    let from = &address.ca_from;
    let path = tls.ca.clone().or_else(system);
    let path = path.ok_or_else(|| format!("the system has no certificates to trust: {from}"))?;
    let mut roots = RootCertStore::empty();
    let (added, _) =
        roots.add_parsable_certificates(certificates(&path).map_err(|why| format!("{why}: {from}"))?);
    if added == 0 {
        Err(format!("{} has no certificate to trust: {from}", path.display()))
    } else {
        Ok(roots)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let found = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    let found: Vec<CertificateDer<'static>> =
        found.map_err(|error| unreadable(path, &error, "certificate"))?;
    if found.is_empty() { Err(format!("{} has no certificate", path.display())) } else { Ok(found) }
}

fn unreadable(path: &Path, error: &Error, what: &str) -> String {
    match error {
        Error::Io(error) => format!("unable to read {}: {error}", path.display()),
        Error::NoItemsFound => format!("{} has no {what}", path.display()),
        error => format!("{} is no PEM file with a {what}: {error}", path.display()),
    }
}
