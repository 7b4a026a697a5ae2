//! TLS for players: the certificate and its key, and the protocols that are offered (ALPN).
//!
//! Invariant: a value of [`Certificate`] or [`Tls`] can serve; what cannot is refused when it is made. A certificate is replaced
//! for new connections; open ones go on. No private key appears in `Debug` or in an error.
//! Deliberately absent: files, making of certificates and clocks, which belong to who starts the rig.

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

/// TLS on the ports of players, beside clear text. Clones share the certificate.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<CertificateResolver>,
}

/// A certificate chain and its key, and what players have to know of them.
#[derive(Clone)]
pub struct Certificate {
    key: Arc<CertifiedKey>,
    names: Vec<String>,
    ca: Option<String>,
}

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

#[derive(Debug)]
struct CertificateResolver(ArcSwap<Certificate>);

impl Protocol {
    /// The name by which it is negotiated (ALPN).
    pub fn name(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "h2",
        }
    }
}

impl Certificate {
    /// A chain, its end first, and its key as PEM.
    ///
    /// # Errors
    /// When they cannot be read or do not belong together.
    pub fn new(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        let key = Arc::new(certified_key(chain, key)?);
        Ok(Self { key, names: Vec::new(), ca: None })
    }

    /// The names and addresses it is valid for, as they stand in URLs.
    #[must_use]
    pub fn with_names(self, names: Vec<String>) -> Self {
        Self { names, ..self }
    }

    /// The certificate of the CA that signed it, as PEM, for players to download.
    #[must_use]
    pub fn with_ca(self, ca: String) -> Self {
        Self { ca: Some(ca), ..self }
    }
}

impl Tls {
    /// This certificate, and what to offer, the preferred first.
    ///
    /// # Errors
    /// When nothing is offered.
    pub fn new(certificate: Certificate, offered: &[Protocol]) -> Result<Self, TlsError> {
        if offered.is_empty() {
            return Err(TlsError::NoProtocol);
        }
        let certificate = Arc::new(CertificateResolver(ArcSwap::from_pointee(certificate)));
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificate) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = offered.iter().map(|protocol| protocol.name().into()).collect();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
    }

    /// Uses another certificate from the next connection on.
    pub fn replace_certificate(&self, certificate: Certificate) {
        self.certificate.0.store(Arc::new(certificate));
    }

    /// The names of the protocols that are offered, the preferred first.
    pub(crate) fn alpn_protocols(&self) -> Vec<String> {
        let offered = &self.acceptor.config().alpn_protocols;
        offered.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
    }

    /// The names and addresses of the certificate in use.
    pub(crate) fn certificate_names(&self) -> Vec<String> {
        self.certificate.0.load().names.clone()
    }

    /// The CA of the certificate in use, as PEM; none when that came from files of the user's.
    pub(crate) fn ca_certificate(&self) -> Option<String> {
        self.certificate.0.load().ca.clone()
    }

    pub(crate) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("alpn_protocols", &self.alpn_protocols())
            .field("names", &self.certificate_names())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("names", &self.names).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for CertificateResolver {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0.load().key))
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
        let refused = |chain: &str, key: &str| {
            Certificate::new(chain.as_bytes(), key.as_bytes()).expect_err("nothing to serve").to_string()
        };
        assert!(refused("", "").contains("there is none"));
        assert!(refused("-----BEGIN CERTIFICATE-----\n!\n", "").contains("certificates"));
        let some = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
        assert!(refused(some, "").contains("key"));
        let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n";
        assert!(refused(some, locked).contains("password"));
    }
}
