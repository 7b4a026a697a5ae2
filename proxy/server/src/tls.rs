//! TLS for players: a certificate, its key, and the protocols that are offered over it.
//!
//! Invariant: a value of [`Tls`] can serve; what cannot is refused when it is made. The private key is never shown.
//! Deliberately absent: files and making of certificates, which belong to who starts the rig.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
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

/// Why TLS cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// No protocol was named.
    #[error("no protocol is offered over TLS; name h2, http/1.1 or both")]
    NoProtocol,
    /// The certificate chain cannot be read.
    #[error("the certificate is not a chain of PEM certificates: {0}")]
    Certificate(String),
    /// The key cannot be read.
    #[error("the key is not a PEM private key: {0}")]
    Key(String),
    /// Certificate and key do not serve.
    #[error("certificate and key cannot be served: {0}")]
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
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
        let chain = chain.map_err(|error| TlsError::Certificate(error.to_string()))?;
        if chain.is_empty() {
            return Err(TlsError::Certificate("there is none".to_owned()));
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| TlsError::Key(error.to_string()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_serve_is_refused_when_it_is_made() {
        let refused = |chain: &str, offered: &[Protocol]| {
            Tls::new(chain.as_bytes(), b"", offered).expect_err("nothing to serve").to_string()
        };
        assert!(refused("", &[]).contains("no protocol"));
        assert!(refused("", &[Protocol::Http1]).contains("there is none"));
        assert!(refused("-----BEGIN CERTIFICATE-----\n!\n", &[Protocol::Http1]).contains("certificate"));
    }
}
