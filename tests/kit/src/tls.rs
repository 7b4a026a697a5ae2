//! TLS with a rig: its certificate, and a client that trusts one CA and nothing else.
//!
//! Invariant: one certificate for the whole process, of a name that no machine has, unless a test brings its own.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use rebuffer_proxy::{Certificate, Protocol, Tls};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::test_ca::{Issued, TestCa};
use crate::wire::soon;

const NAME: &str = "rig.test";

static CA: LazyLock<TestCa> = LazyLock::new(|| TestCa::new("CA of the tests"));
static ISSUED: LazyLock<Issued> = LazyLock::new(|| CA.issue(&[NAME]));

/// What a rig is given to serve TLS.
pub(crate) fn served(offered: &[Protocol]) -> Tls {
    Tls::new(certificate(&ISSUED), offered).expect("TLS can be served")
}

/// A certificate as a rig takes it.
pub fn certificate(issued: &Issued) -> Certificate {
    let made = Certificate::new(issued.certificate.as_bytes(), issued.key.as_bytes());
    made.expect("a certificate and its key")
}

/// A handshake that asks for this protocol.
pub(crate) async fn connect(peer: SocketAddr, protocol: Protocol) -> TlsStream<TcpStream> {
    handshake(peer, CA.pem(), NAME, protocol).await
}

/// A handshake with a server whose certificate is of this CA and for this name.
pub(crate) async fn handshake(
    peer: SocketAddr,
    ca: &str,
    name: &str,
    protocol: Protocol,
) -> TlsStream<TcpStream> {
    let stream = soon("a connection", TcpStream::connect(peer)).await.expect("somebody listens");
    stream.set_nodelay(true).expect("a fresh socket");
    let mut trusted = RootCertStore::empty();
    let ca = CertificateDer::from_pem_slice(ca.as_bytes()).expect("a certificate");
    trusted.add(ca).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.expect("ring speaks TLS").with_root_certificates(trusted).with_no_client_auth();
    config.alpn_protocols = vec![protocol.name().into()];
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let shaken = soon("a handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    shaken.expect("the rig speaks TLS")
}

/// The certificate of a server, which is of this CA and for this name.
pub async fn server_certificate(peer: SocketAddr, ca: &str, name: &str) -> CertificateDer<'static> {
    let stream = handshake(peer, ca, name, Protocol::Http1).await;
    let chain = stream.get_ref().1.peer_certificates().expect("a server has a certificate");
    chain.first().expect("a server has a certificate").clone()
}
