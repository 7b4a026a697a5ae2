//! TLS on both sides of a test: the certificate that a rig shows, and a client that trusts it and nothing else.
//!
//! Invariant: one certificate for the whole process, of a name that no machine has.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use rebuffer_proxy::{Protocol, Tls};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::wire::soon;

const NAME: &str = "rig.test";

struct Certificate {
    chain: String,
    key: String,
    der: CertificateDer<'static>,
}

static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
    let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    Certificate { chain, key, der: made.cert.der().clone() }
});

/// What a rig is given to serve TLS.
pub(crate) fn served(offered: &[Protocol]) -> Tls {
    let Certificate { chain, key, .. } = &*CERTIFICATE;
    Tls::new(chain.as_bytes(), key.as_bytes(), offered).expect("TLS can be served")
}

/// A handshake that asks for this protocol.
pub(crate) async fn connect(peer: SocketAddr, protocol: Protocol) -> TlsStream<TcpStream> {
    let stream = soon("a connection", TcpStream::connect(peer)).await.expect("somebody listens");
    stream.set_nodelay(true).expect("a fresh socket");
    let mut trusted = RootCertStore::empty();
    trusted.add(CERTIFICATE.der.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.expect("ring speaks TLS").with_root_certificates(trusted).with_no_client_auth();
    config.alpn_protocols = vec![protocol.name().into()];
    let name = ServerName::try_from(NAME).expect("a name");
    let shaken = soon("a handshake", TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    shaken.expect("the rig speaks TLS")
}
