//! TLS with an origin: how its certificate is verified, and the client certificate of the rig.
//!
//! Invariant: a value of these types can be used; what cannot is refused when it is made. No private key appears in `Debug` or in
//! an error. Deliberately absent: files and the environment, which belong to who starts the rig, and what errors mean (see
//! `explain.rs`).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use crate::tls::{TlsError, certificates, certified_key, provider};

/// The certificate authorities (CAs) that origins are trusted by; at least one. Cloning shares them.
#[derive(Clone)]
pub struct TrustStore(Arc<RootCertStore>);

/// A certificate and its key, for origins that request one.
#[derive(Clone)]
pub struct ClientCertificate(Arc<CertifiedKey>);

/// How the certificate of an origin is verified.
#[derive(Debug, Clone)]
pub enum Verification {
    /// It has to be valid now, for the host of the origin, and signed by one of these.
    Trusted(TrustStore),
    /// Not at all.
    Off,
}

/// How the rig speaks TLS with one origin.
#[derive(Debug, Clone)]
pub struct OriginTls {
    /// How the origin's certificate is verified.
    pub verification: Verification,
    /// What the rig answers when the origin requests a certificate.
    pub client_certificate: Option<ClientCertificate>,
}

/// Answers an origin that requests a client certificate, and remembers that it did.
#[derive(Debug)]
pub(super) struct ClientIdentity {
    certificate: Option<ClientCertificate>,
    is_requested: AtomicBool,
}

/// Accepts every certificate. The signature of the handshake would prove possession of a key that anybody may have made, so it is
/// not verified either, and certificates that cannot be parsed pass as well.
#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl TrustStore {
    /// The CAs that Mozilla trusted when the rig was built.
    pub fn built_in() -> Self {
        Self(Arc::new(webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()))
    }

    /// Those of these certificates that can be used; none when none can.
    pub fn from_certificates(certificates: Vec<CertificateDer<'static>>) -> Option<Self> {
        let mut roots = RootCertStore::empty();
        let (_added, left_out) = roots.add_parsable_certificates(certificates);
        if left_out > 0 {
            tracing::debug!(left_out, "certificates of the trust store cannot be used");
        }
        (!roots.is_empty()).then(|| Self(Arc::new(roots)))
    }

    /// Adds all certificates of a PEM text.
    ///
    /// # Errors
    /// When there is none, or one cannot be used.
    pub fn add_pem(&mut self, pem: &[u8]) -> Result<(), TlsError> {
        let roots = Arc::make_mut(&mut self.0);
        for certificate in certificates(pem)? {
            roots.add(certificate).map_err(|error| TlsError::Certificate(error.to_string()))?;
        }
        Ok(())
    }
}

impl ClientCertificate {
    /// A chain, its end first, and its key as PEM.
    ///
    /// # Errors
    /// When they cannot be read or do not belong together.
    pub fn new(chain: &[u8], key: &[u8]) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(certified_key(chain, key)?)))
    }
}

impl OriginTls {
    /// Whether the origin's certificate is verified.
    pub(crate) fn is_verified(&self) -> bool {
        matches!(self.verification, Verification::Trusted(_))
    }

    /// The configuration of connections to such an origin, and the identity they use.
    pub(super) fn client_config(&self) -> (ClientConfig, Arc<ClientIdentity>) {
        let identity = Arc::new(ClientIdentity {
            certificate: self.client_certificate.clone(),
            is_requested: AtomicBool::new(false),
        });
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for both versions of TLS");
        let config = match &self.verification {
            Verification::Trusted(TrustStore(roots)) => config.with_root_certificates(Arc::clone(roots)),
            Verification::Off => {
                config.dangerous().with_custom_certificate_verifier(Arc::new(AcceptAny(provider())))
            }
        };
        let config = config.with_client_cert_resolver(Arc::clone(&identity) as Arc<dyn ResolvesClientCert>);
        (config, identity)
    }
}

impl ClientIdentity {
    pub(super) fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }

    /// Whether the origin ever requested a certificate.
    pub(super) fn is_requested(&self) -> bool {
        self.is_requested.load(Ordering::Relaxed)
    }
}

impl Default for OriginTls {
    fn default() -> Self {
        Self { verification: Verification::Trusted(TrustStore::built_in()), client_certificate: None }
    }
}

impl ResolvesClientCert for ClientIdentity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.is_requested.store(true, Ordering::Relaxed);
        self.certificate.as_ref().map(|certificate| Arc::clone(&certificate.0))
    }

    fn has_certs(&self) -> bool {
        self.has_certificate()
    }
}

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustStore").field("cas", &self.0.len()).finish()
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").finish_non_exhaustive()
    }
}
