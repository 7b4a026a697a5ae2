//! TLS for players: a certificate, its key, and the protocols that are offered over it.
//!
//! Invariant: a value of [`Tls`] can serve; what cannot is refused when it is made. The private key is never shown.
//! Deliberately absent: files and making of certificates, which belong to who starts the rig.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::TlsAcceptor;

/// TLS on the ports of players, beside clear text.
#[derive(Clone)]
pub struct Tls(TlsAcceptor);

/// A protocol offered over TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Why TLS cannot be served, or a certificate not be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No protocol was named.
    #[error("no protocol is offered over TLS; name h2, http/1.1 or both")]
    NoProtocol,
    /// A certificate cannot be read.
    #[error("these are not PEM certificates: {0}")]
    Certificate(String),
    /// The key cannot be read.
    #[error("this is not a PEM private key: {0}")]
    Key(String),
    /// The key is not that of the certificate.
    #[error("the key does not belong to the certificate")]
    KeyMismatch,
    /// Certificate and key cannot be used.
    #[error("certificate and key cannot be used")]
    Unusable(#[from] rustls::Error),
}

impl Protocol {
    /// The name by which it is negotiated (ALPN).
    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
        }
    }
}

impl Tls {
    /// A chain and its key as PEM, and what to offer, the preferred first.
    ///
    /// # Errors
    /// When they cannot be read, do not belong together, or nothing is offered.
    pub fn new(chain: &[u8], key: &[u8], offered: &[Protocol]) -> Result<Self, TlsError> {
        if offered.is_empty() {
            return Err(TlsError::NoProtocol);
        }
        let certificate = certified_key(chain, key)?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certificate)));
        config.alpn_protocols = offered.iter().map(|protocol| protocol.name().into()).collect();
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.0
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let offered = &self.0.config().alpn_protocols;
        let offered: Vec<_> = offered.iter().map(|name| String::from_utf8_lossy(name)).collect();
        f.debug_struct("Tls").field("offered", &offered).finish_non_exhaustive()
    }
}

/// The cryptography of all TLS, with players and with origins.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// All certificates of a PEM text, at least one.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let all = all.map_err(|error| TlsError::Certificate(error.to_string()))?;
    if all.is_empty() {
        return Err(TlsError::Certificate("there is none".to_owned()));
    }
    Ok(all)
}

/// A chain and the key that belongs to it.
pub(crate) fn certified_key(chain: &[u8], key: &[u8]) -> Result<CertifiedKey, TlsError> {
    let chain = certificates(chain)?;
    let is_encrypted = key.windows(ENCRYPTED.len()).any(|text| text == ENCRYPTED);
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| {
        let why = if is_encrypted { "it has a password".to_owned() } else { error.to_string() };
        TlsError::Key(why)
    })?;
    CertifiedKey::from_der(chain, key, &provider()).map_err(|error| {
        let is_mismatch = matches!(error, rustls::Error::InconsistentKeys(_));
        if is_mismatch { TlsError::KeyMismatch } else { TlsError::Unusable(error) }
    })
}

/// Stands in the PEM text of a key with a password (RFC 7468 §11, RFC 1421 §4.6.1.1).
const ENCRYPTED: &[u8] = b"ENCRYPTED";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_serve_is_refused_when_it_is_made() {
        let refused = |chain: &str, key: &str, offered: &[Protocol]| {
            Tls::new(chain.as_bytes(), key.as_bytes(), offered).expect_err("nothing to serve").to_string()
        };
        let h1 = &[Protocol::Http1];
        assert!(refused("", "", &[]).contains("no protocol"));
        assert!(refused("", "", h1).contains("there is none"));
        assert!(refused("-----BEGIN CERTIFICATE-----\n!\n", "", h1).contains("certificates"));
        let some = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert!(refused(some, "", h1).contains("key"));
        let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(refused(some, locked, h1).contains("password"));
    }
}
