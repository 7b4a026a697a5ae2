//! Connections that change their protocol: the handshake passes, bytes go both ways, and the row counts them.
//!
//! Deliberately absent: what the bytes mean; a browser judges that (see the end-to-end ring).

use rebuffer_kit::{
    Ask, Asked, Ending, Origin, Rig, Said, Saying, Setup, TestCa, TlsOrigin, TlsServer, Wire,
};
use rebuffer_model::Exchange;
use rebuffer_proxy::{OriginTls, TrustStore, Verification};

const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn handshake() -> Ask {
    let ask = Ask::get("/live").with("Connection", "keep-alive, Upgrade").with("Upgrade", "websocket");
    ask.with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==").with("Sec-WebSocket-Version", "13")
}

fn switching() -> Saying {
    let head = Saying::new(101, "Switching Protocols").with("Upgrade", "websocket");
    head.with("Connection", "Upgrade").with("Sec-WebSocket-Accept", ACCEPT)
}

fn site(asked: &Asked) -> Said {
    match asked.value("upgrade") {
        // The first bytes of the new protocol come with the head.
        Some("websocket") => switching().bare().send("hello").echo(),
        _ => Saying::new(426, "Upgrade Required").body(asked, "no"),
    }
}

async fn speak(wire: &mut Wire) {
    wire.send(&handshake()).await;
    let (head, status) = wire.head().await;
    let said = ["upgrade", "connection", "sec-websocket-accept"].map(|name| head.value(name));
    assert_eq!((status, said), (101, [Some("websocket"), Some("Upgrade"), Some(ACCEPT)]));
    assert_eq!(wire.bytes(5).await, b"hello");
    for text in ["one", "and two"] {
        wire.send_raw(text.as_bytes()).await;
        assert_eq!(wire.bytes(text.len()).await, text.as_bytes());
    }
}

fn counted(row: &Exchange) -> (u16, u64, u64, Option<u64>, bool) {
    let origin = row.origin.as_ref().map(|origin| origin.body_bytes);
    (row.answer.status, row.request.body_bytes, row.answer.body_bytes, origin, row.answer.complete)
}

#[tokio::test]
async fn a_websocket_passes_both_ways_and_is_counted() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    speak(&mut wire).await;
    let asked = origin.take_asked();
    assert_eq!(
        (asked[0].value("connection"), asked[0].value("upgrade")),
        (Some("Upgrade"), Some("websocket"))
    );
    wire.shut_down().await;
    assert_eq!(wire.end().await, (Vec::new(), Ending::Fin));
    let row = rig.feed().await.exchange("/live").await;
    assert_eq!(counted(&row), (101, 10, 15, Some(15), true));
}

#[tokio::test]
async fn a_websocket_reaches_an_origin_with_tls_that_prefers_http2() {
    let ca = TestCa::new("lab");
    let origin = TlsOrigin::serve(TlsServer::new(ca.issue(&["127.0.0.1"]))).await;
    let mut store = TrustStore::built_in();
    store.add_pem(ca.pem().as_bytes()).expect("a CA");
    let tls = OriginTls { verification: Verification::Trusted(store), ..OriginTls::default() };
    let rig = Rig::start(Setup::at(origin.address).with_origin_tls(tls)).await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    wire.send(&handshake()).await;
    assert_eq!(wire.head().await.1, 101);
    wire.send_raw(b"one").await;
    assert_eq!(wire.bytes(3).await, b"one");
}

#[tokio::test]
async fn an_origin_that_refuses_the_change_is_heard() {
    let origin = Origin::serve(|asked: &Asked| Saying::new(403, "No").body(asked, "not you")).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let answer = Wire::fetch(rig.session("tv").await, &handshake()).await;
    assert_eq!((answer.status, answer.text()), (403, "not you"));
}

#[tokio::test]
async fn a_protocol_that_would_hide_requests_is_not_asked_for() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let ask = Ask::get("/live").with("Connection", "Upgrade, HTTP2-Settings").with("Upgrade", "h2c");
    let answer = Wire::fetch(rig.session("tv").await, &ask.with("HTTP2-Settings", "AAMAAABk")).await;
    assert_eq!(answer.status, 426);
    let asked = origin.take_asked();
    assert_eq!(["connection", "upgrade", "http2-settings"].map(|name| asked[0].value(name)), [None; 3]);
}

#[tokio::test]
async fn an_end_of_either_side_ends_the_other() {
    let origin = Origin::serve(|_: &Asked| switching().bare().send("bye").close()).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let session = rig.session("tv").await;
    let mut wire = Wire::connect(session).await;
    wire.send(&handshake()).await;
    assert_eq!(wire.head().await.1, 101);
    assert_eq!(wire.end().await, (b"bye".to_vec(), Ending::Fin));
    drop(wire);
    let row = rig.feed().await.exchange("/live").await;
    assert_eq!(counted(&row), (101, 0, 3, Some(3), true));
}

#[tokio::test]
async fn a_tunnel_ends_with_its_session() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let mut feed = rig.feed().await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    speak(&mut wire).await;
    assert_eq!(rig.api.ask(&Ask::new("DELETE", "/api/v2/players/tv")).await.status, 204);
    let (rest, _ending) = wire.end().await;
    assert_eq!(rest, b"");
    assert_eq!(counted(&feed.exchange("/live").await), (101, 10, 15, Some(15), false));
}
