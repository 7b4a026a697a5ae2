//! TLS of players: the CA for download, what `info` says, and a certificate that is replaced.
//!
//! Invariant: only a certificate that the rig issued has a CA to download.

use std::net::SocketAddr;

use rebuffer_kit::{
    Answer, Ask, Asked, Origin, Rig, Saying, Setup, TestCa, Wire, certificate, refused, server_certificate,
};
use rebuffer_proxy::{Protocol, Tls};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Info {
    listen: Listen,
}

#[derive(Debug, Deserialize)]
struct Listen {
    tls: Option<TlsInfo>,
}

#[derive(Debug, Deserialize)]
struct TlsInfo {
    urls: Vec<String>,
    protocols: Vec<String>,
    ca_url: Option<String>,
}

async fn origin() -> Origin {
    Origin::serve(|asked: &Asked| Saying::new(200, "OK").body(asked, "of the origin")).await
}

fn tls(ca: &TestCa, is_local: bool) -> Tls {
    let tls = certificate(&ca.issue(&["rig.lab", "::1"]));
    let tls = tls.with_names(vec!["rig.lab".to_owned(), "::1".to_owned()]);
    let tls = if is_local { tls.with_ca(ca.pem().to_owned()) } else { tls };
    Tls::new(tls, &[Protocol::Http2, Protocol::Http1]).expect("TLS can be served")
}

async fn tls_info(rig: &Rig) -> Option<TlsInfo> {
    rig.api.get::<Info>("/api/v2/info").await.listen.tls
}

async fn download(base: SocketAddr) -> Answer {
    Wire::fetch(base, &Ask::get("/ca.pem")).await
}

#[tokio::test]
async fn ca_pem_is_served_on_the_base_port_and_info_has_its_url() {
    let (origin, ca) = (origin().await, TestCa::new("the rig's CA"));
    let rig = Rig::start(Setup::at(origin.address).with_tls(tls(&ca, true))).await;
    let answer = download(rig.base).await;
    assert_eq!((answer.status, answer.text()), (200, ca.pem()));
    assert_eq!(answer.value("content-type"), Some("application/x-pem-file"));
    let expected = "attachment; filename=\"rebuffer-ca.pem\"";
    assert_eq!(answer.value("content-disposition"), Some(expected));
    let mut secure = Wire::secure_with(rig.base, answer.text(), "rig.lab").await;
    assert_eq!(secure.ask(&Ask::get("/ca.pem")).await.text(), ca.pem());
    assert!(origin.take_asked().is_empty());
    assert_eq!(download(rig.session("tv").await).await.text(), "of the origin");

    let info = tls_info(&rig).await.expect("TLS is on");
    let port = rig.base.port();
    assert_eq!(info.urls, [format!("https://rig.lab:{port}/"), format!("https://[::1]:{port}/")]);
    assert_eq!(info.protocols, ["h2", "http/1.1"]);
    assert_eq!(info.ca_url, Some(format!("http://{}/ca.pem", rig.base)));
}

#[tokio::test]
async fn ca_pem_is_a_404_that_says_why_when_there_is_no_local_ca() {
    let (origin, ca) = (origin().await, TestCa::new("the user's CA"));
    let off = Rig::start(Setup::at(origin.address)).await;
    let detail = refused(&download(off.base).await, 404).detail;
    assert!(detail.contains("TLS is off") && detail.contains("--tls auto"), "{detail}");
    assert!(tls_info(&off).await.is_none());

    let given = Rig::start(Setup::at(origin.address).with_tls(tls(&ca, false))).await;
    let detail = refused(&download(given.base).await, 404).detail;
    assert!(detail.contains("--tls CERTIFICATE,KEY"), "{detail}");
    let info = tls_info(&given).await.expect("TLS is on");
    assert_eq!((info.urls.len(), info.ca_url), (2, None));
    assert!(origin.take_asked().is_empty());
}

#[tokio::test]
async fn a_replaced_certificate_is_for_new_connections_and_open_ones_go_on() {
    let (origin, first, second) = (origin().await, TestCa::new("first"), TestCa::new("second"));
    let tls = tls(&first, true);
    let rig = Rig::start(Setup::at(origin.address).with_tls(tls.clone())).await;
    let session = rig.session("tv").await;
    let mut old = Wire::secure_with(session, first.pem(), "rig.lab").await;
    assert_eq!(old.ask(&Ask::get("/a")).await.text(), "of the origin");
    let issued = second.issue(&["rig.lab"]);
    tls.replace_certificate(certificate(&issued).with_ca(second.pem().to_owned()));
    server_certificate(session, second.pem(), "rig.lab").await;
    assert_eq!(download(rig.base).await.text(), second.pem());
    assert_eq!(old.ask(&Ask::get("/b")).await.text(), "of the origin");
}
