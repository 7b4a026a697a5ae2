//! Origins with TLS: verification, client certificates, ALPN, and what a 502 says when TLS fails.
//!
//! Invariant: no machine trusts the CAs here. A failure names the setting that changes it, and its cause is the origin.
//! Deliberately absent: files, and the system's trust store (see the end-to-end ring).

use std::net::SocketAddr;

use rebuffer_kit::{
    Ask, Asked, Issued, Origin, Rig, Saying, Setup, TestCa, TlsOrigin, TlsServer, Wire, refused,
};
use rebuffer_model::{Cause, Remark};
use rebuffer_proxy::{ClientCertificate, OriginTls, Protocol, TrustStore, Verification};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const HOST: &str = "127.0.0.1";

#[derive(Debug, Deserialize)]
struct Info {
    origins: Vec<InfoOrigin>,
}

#[derive(Debug, Deserialize)]
struct InfoOrigin {
    tls: Option<InfoTls>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct InfoTls {
    verified: bool,
    client_certificate: bool,
}

fn verified_by(ca: &TestCa) -> OriginTls {
    let mut store = TrustStore::built_in();
    store.add_pem(ca.pem().as_bytes()).expect("a CA");
    OriginTls { verification: Verification::Trusted(store), client_certificate: None }
}

fn insecure() -> OriginTls {
    OriginTls { verification: Verification::Off, client_certificate: None }
}

fn with_client(issued: &Issued, tls: OriginTls) -> OriginTls {
    let client = ClientCertificate::new(issued.certificate.as_bytes(), issued.key.as_bytes());
    OriginTls { client_certificate: Some(client.expect("a certificate and its key")), ..tls }
}

async fn rig_for(origin: &TlsOrigin, tls: OriginTls) -> Rig {
    Rig::start(Setup::at(origin.address).with_origin_tls(tls)).await
}

/// The detail of the 502.
async fn failure(rig: &Rig) -> String {
    let answer = Wire::fetch(rig.session("tv").await, &Ask::get("/a.m3u8")).await;
    let detail = refused(&answer, 502).detail;
    assert!(detail.starts_with("the rig cannot reach https://127.0.0.1:"), "{detail}");
    let row = rig.feed().await.exchange("/a.m3u8").await;
    assert_eq!((row.cause, row.origin), (Some(Cause::Origin), None));
    detail
}

#[tokio::test]
async fn an_origin_of_a_trusted_private_ca_is_asked_over_h2_or_http1_by_alpn() {
    let ca = TestCa::new("lab");
    let (h1, h2) = (Protocol::Http1, Protocol::Http2);
    let cases: [(&[Protocol], &str); 4] =
        [(&[h2, h1], "HTTP/2.0"), (&[h2], "HTTP/2.0"), (&[h1], "HTTP/1.1"), (&[], "HTTP/1.1")];
    for (offered, negotiated) in cases {
        let server = TlsServer::new(ca.issue(&[HOST])).with_alpn(offered);
        let origin = TlsOrigin::serve(server).await;
        let rig = rig_for(&origin, verified_by(&ca)).await;
        let mut wire = Wire::connect(rig.session("tv").await).await;
        for path in ["/a", "/b"] {
            let answer = wire.ask(&Ask::get(path)).await;
            let expected = format!("{negotiated}, no client certificate");
            assert_eq!((answer.status, answer.text()), (200, expected.as_str()), "{offered:?}");
        }
        let mut feed = rig.feed().await;
        for path in ["/a", "/b"] {
            assert_eq!(feed.exchange(path).await.remarks, [], "{offered:?} {path}");
        }
        let info: Info = rig.api.get("/api/v2/info").await;
        assert_eq!(info.origins[0].tls, Some(InfoTls { verified: true, client_certificate: false }));
    }
}

#[tokio::test]
async fn an_origin_of_an_unknown_ca_is_a_502() {
    let (ca, other, namesake) = (TestCa::new("lab"), TestCa::new("x"), TestCa::new("lab"));
    let origin = TlsOrigin::serve(TlsServer::new(ca.issue(&[HOST]))).await;
    for tls in [OriginTls::default(), verified_by(&other), verified_by(&namesake)] {
        let detail = failure(&rig_for(&origin, tls).await).await;
        assert!(detail.contains("unknown CA") && detail.contains("--origin-ca"), "{detail}");
    }
}

#[tokio::test]
async fn an_insecure_origin_is_not_verified_and_info_and_record_say_so() {
    let ca = TestCa::new("lab");
    let certificates =
        [ca.issue(&["other.test"]), ca.issue_valid(&[HOST], (2000, 2001)), TestCa::self_signed()];
    for (issued, tls12) in
        certificates.into_iter().flat_map(|issued| [(issued.clone(), false), (issued, true)])
    {
        let server = TlsServer::new(issued);
        let server = if tls12 { server.with_tls12_only() } else { server };
        let origin = TlsOrigin::serve(server).await;
        let rig = rig_for(&origin, insecure()).await;
        let answer = Wire::fetch(rig.session("tv").await, &Ask::get("/a")).await;
        assert_eq!((answer.status, answer.text()), (200, "HTTP/2.0, no client certificate"));
        let row = rig.feed().await.exchange("/a").await;
        assert_eq!(row.remarks, [Remark::CertificateNotVerified]);
        let info: Info = rig.api.get("/api/v2/info").await;
        assert_eq!(info.origins[0].tls, Some(InfoTls { verified: false, client_certificate: false }));
    }
}

#[tokio::test]
async fn an_origin_without_tls_has_no_tls_fields() {
    let origin = Origin::serve(|_: &Asked| Saying::new(204, "No Content").bare()).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    Wire::fetch(rig.session("tv").await, &Ask::get("/a")).await;
    assert_eq!(rig.feed().await.exchange("/a").await.remarks, []);
    let info: Info = rig.api.get("/api/v2/info").await;
    assert_eq!(info.origins[0].tls, None);
}

#[tokio::test]
async fn an_origin_that_requires_a_client_certificate_gets_it_or_the_502_says_so() {
    let (ca, clients, others) = (TestCa::new("lab"), TestCa::new("clients"), TestCa::new("others"));
    let issued = clients.issue(&["rig.test"]);
    for tls12 in [false, true] {
        let server = TlsServer::new(ca.issue(&[HOST])).with_client_ca(&clients);
        let server = if tls12 { server.with_tls12_only() } else { server };
        let origin = TlsOrigin::serve(server).await;

        let rig = rig_for(&origin, with_client(&issued, verified_by(&ca))).await;
        let answer = Wire::fetch(rig.session("tv").await, &Ask::get("/a")).await;
        assert_eq!(
            (answer.status, answer.text()),
            (200, "HTTP/2.0, a client certificate"),
            "TLS 1.2: {tls12}"
        );
        let info: Info = rig.api.get("/api/v2/info").await;
        assert_eq!(info.origins[0].tls, Some(InfoTls { verified: true, client_certificate: true }));

        let detail = failure(&rig_for(&origin, verified_by(&ca)).await).await;
        assert!(detail.contains("requests a client certificate"), "TLS 1.2: {tls12}: {detail}");
        assert!(detail.contains("--origin-client-cert origin=CERT,KEY"), "{detail}");

        let wrong = with_client(&others.issue(&["rig.test"]), verified_by(&ca));
        let detail = failure(&rig_for(&origin, wrong).await).await;
        assert!(detail.contains("accept the certificate of --origin-client-cert origin=..."), "{detail}");
    }
}

#[tokio::test]
async fn expired_and_wrong_name_certificates_are_a_502_that_says_so() {
    let ca = TestCa::new("lab");
    let cases = [
        (ca.issue_valid(&[HOST], (2000, 2001)), "expired at 2001-01-01T"),
        (ca.issue_valid(&[HOST], (2099, 2100)), "not valid before 2099-01-01T"),
        (ca.issue(&["other.test", "192.0.2.7"]), "not valid for 127.0.0.1, but for other.test, 192.0.2.7"),
        (TestCa::self_signed(), "--origin-insecure origin"),
    ];
    for (issued, expected) in cases {
        let origin = TlsOrigin::serve(TlsServer::new(issued)).await;
        let detail = failure(&rig_for(&origin, verified_by(&ca)).await).await;
        assert!(detail.contains(expected), "{detail}");
        assert!(detail.contains("--origin-insecure origin"), "{detail}");
    }
}

#[tokio::test]
async fn a_certificate_with_ca_true_is_a_502_that_says_so() {
    let own = TestCa::self_signed();
    let mut store = TrustStore::built_in();
    store.add_pem(own.certificate.as_bytes()).expect("a CA");
    let tls = OriginTls { verification: Verification::Trusted(store), client_certificate: None };
    let origin = TlsOrigin::serve(TlsServer::new(own)).await;
    let detail = failure(&rig_for(&origin, tls).await).await;
    assert!(detail.contains("CA:TRUE") && detail.contains("--origin-insecure origin"), "{detail}");
}

/// Reads once, answers with this and closes.
async fn clear_server(answer: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((HOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // All of the ClientHello, or the close is a reset.
            let mut hello = [0; 16_384];
            let _length = stream.read(&mut hello).await.expect("a ClientHello");
            stream.write_all(answer.as_bytes()).await.expect("somebody listens");
        }
    });
    address
}

#[tokio::test]
async fn an_origin_that_does_not_speak_tls_is_a_502_that_says_so() {
    let clear = clear_server("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
    let rig = Rig::start(Setup::at(clear).with_origin_tls(OriginTls::default())).await;
    let detail = failure(&rig).await;
    assert!(detail.contains("does not speak TLS") && detail.contains("http://"), "{detail}");
    let silent = clear_server("").await;
    let rig = Rig::start(Setup::at(silent).with_origin_tls(OriginTls::default())).await;
    let detail = failure(&rig).await;
    assert!(detail.contains("closed the connection (tls handshake eof)"), "{detail}");
}
