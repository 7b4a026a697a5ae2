//! An origin with TLS that answers with what the handshake negotiated.
//!
//! Invariant: every request gets the same answer, over HTTP/1.1 or HTTP/2, but for one that asks for another protocol: what the
//! client says in that is said back. Deliberately absent: scripts (see `origin.rs`).

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONNECTION, UPGRADE};
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use rebuffer_proxy::Protocol;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::test_ca::{Issued, TestCa};

static TLS12_ONLY: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];

/// The TLS of an origin.
#[derive(Debug)]
pub struct TlsServer<'a> {
    certificate: Issued,
    versions: &'static [&'static SupportedProtocolVersion],
    alpn: Vec<Protocol>,
    client_ca: Option<&'a TestCa>,
}

/// A running one; it stops when dropped.
#[derive(Debug)]
pub struct TlsOrigin {
    pub address: SocketAddr,
    _serving: JoinSet<()>,
}

impl<'a> TlsServer<'a> {
    /// With this certificate, ALPN for both protocols, and any client.
    pub fn new(certificate: Issued) -> Self {
        let alpn = vec![Protocol::Http2, Protocol::Http1];
        Self { certificate, versions: rustls::ALL_VERSIONS, alpn, client_ca: None }
    }

    /// Without any protocol there is no ALPN.
    #[must_use]
    pub fn with_alpn(self, alpn: &[Protocol]) -> Self {
        Self { alpn: alpn.to_vec(), ..self }
    }

    #[must_use]
    pub fn with_tls12_only(self) -> Self {
        Self { versions: TLS12_ONLY, ..self }
    }

    /// Clients need a certificate of this CA.
    #[must_use]
    pub fn with_client_ca(self, ca: &'a TestCa) -> Self {
        Self { client_ca: Some(ca), ..self }
    }

    fn config(&self) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let config = config.with_protocol_versions(self.versions).expect("versions of TLS");
        let config = match self.client_ca {
            None => config.with_no_client_auth(),
            Some(ca) => {
                let mut trusted = RootCertStore::empty();
                trusted.add(certificate(ca.pem())).expect("a CA");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(trusted), provider);
                config.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
        };
        let key = PrivateKeyDer::from_pem_slice(self.certificate.key.as_bytes()).expect("a key");
        let chain = vec![certificate(&self.certificate.certificate)];
        let mut config = config.with_single_cert(chain, key).expect("a certificate and its key");
        config.alpn_protocols = self.alpn.iter().map(|protocol| protocol.name().into()).collect();
        config
    }
}

impl TlsOrigin {
    pub async fn serve(server: TlsServer<'_>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let acceptor = TlsAcceptor::from(Arc::new(server.config()));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(connection(acceptor.clone(), stream));
            }
        });
        Self { address, _serving: serving }
    }
}

/// Answers `HTTP/2.0, a client certificate` or the like.
async fn connection(acceptor: TlsAcceptor, stream: TcpStream) {
    // The client may refuse the certificate.
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let certificate = if stream.get_ref().1.peer_certificates().is_some() { "a" } else { "no" };
    let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| async move {
        if request.headers().contains_key(UPGRADE) {
            tokio::spawn(echo(hyper::upgrade::on(&mut request)));
            let response = Response::builder().status(StatusCode::SWITCHING_PROTOCOLS);
            let response = response.header(CONNECTION, "Upgrade").header(UPGRADE, "websocket");
            return Ok(response.body(Full::default()).expect("a head"));
        }
        let text = format!("{:?}, {certificate} client certificate", request.version());
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
    });
    let builder = Builder::new(TokioExecutor::new());
    let _ended = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

/// Says whatever the client says, once it may.
async fn echo(upgrade: OnUpgrade) {
    let Ok(upgraded) = upgrade.await else { return };
    let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded));
    let _ended = tokio::io::copy(&mut from, &mut to).await;
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).expect("a certificate")
}
