//! Origins that are down, late, silent or break off, and clients that leave: what is seen, and who is blamed.
//!
//! Invariant: a failure of the origin is answered by the rig in its own name, or passed on as it was; it is never injected.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rebuffer_kit::{Ask, Asked, Ending, Gate, Origin, Rig, Said, Saying, Setup, Wire, pattern, refused};
use rebuffer_model::{Cause, FaultCategory};
use tokio::net::TcpListener;

/// Long enough for a machine that is busy, short enough to wait for.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(60);
const SENT: usize = 3_000;
const PROMISED: usize = 100_000;

/// An address where nobody listens, and nobody will while the socket lives.
async fn nobody() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn an_origin_that_is_down_is_a_502_of_the_rig_and_the_origins_fault() {
    let (listener, address) = nobody().await;
    drop(listener);
    let rig = Rig::start(Setup::at(address)).await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    let answer = wire.ask(&Ask::get("/live/a.m3u8?token=abc")).await;
    let problem = refused(&answer, 502);
    assert!(problem.detail.starts_with("the rig cannot reach http://"), "{}", problem.detail);
    assert!(!problem.detail.contains("abc"), "a credential in {}", problem.detail);
    assert_eq!(answer.value("access-control-allow-origin"), Some("*"), "a page must be able to read it");
    assert_eq!(answer.ending, Ending::Open);
    let row = rig.feed().await.exchange("/live/a.m3u8").await;
    assert_eq!((row.cause, row.fault, row.origin), (Some(Cause::Origin), None, None));
    assert_eq!((row.answer.status, row.answer.body_bytes), (502, answer.body.len() as u64));
}

#[tokio::test]
async fn an_origin_that_says_nothing_is_a_504_of_the_rig() {
    let (_listener, address) = nobody().await;
    let rig = Rig::start(Setup::at(address).patience(SHORT, LONG)).await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    let problem = refused(&wire.ask(&Ask::get("/slow")).await, 504);
    assert!(problem.detail.contains("/slow any longer: no answer within 0.3 s"), "{}", problem.detail);
    let row = rig.feed().await.exchange("/slow").await;
    assert_eq!((row.cause, row.answer.status), (Some(Cause::Origin), 504));
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_a_502() {
    let origin = Origin::serve(|_: &Asked| Said::noise("SSH-2.0-OpenSSH_9.2\r\n").close()).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let answer = Wire::fetch(rig.session("tv").await, &Ask::get("/x")).await;
    refused(&answer, 502);
    assert_eq!(rig.feed().await.exchange("/x").await.cause, Some(Cause::Origin));
}

#[tokio::test]
async fn errors_of_the_origin_pass_and_are_the_origins() {
    let origin = Origin::serve(|asked: &Asked| Saying::new(503, "Busy").body(asked, "try later")).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let answer = Wire::fetch(rig.session("tv").await, &Ask::get("/x")).await;
    assert_eq!((answer.status, answer.reason(), answer.text()), (503, "Busy", "try later"));
    let row = rig.feed().await.exchange("/x").await;
    assert_eq!((row.cause, row.fault), (Some(Cause::Origin), None));
    assert_eq!(row.origin.map(|origin| (origin.status, origin.body_bytes)), Some((503, 9)));
}

/// Breaks off in the middle in the way the path says, once the gate is open.
async fn breaking(gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::serve(move |asked: &Asked| {
        let head = Saying::new(200, "OK").with("Content-Type", kind_of(asked));
        let body = pattern(3, SENT);
        let said = match asked.path().contains("chunked") {
            true => head.with("Transfer-Encoding", "chunked").bare().chunk(&body),
            false => head.with("Content-Length", &PROMISED.to_string()).bare().send(body),
        };
        let said = said.wait(&gate);
        if asked.path().contains("reset") { said.reset() } else { said.close() }
    })
    .await
}

fn kind_of(asked: &Asked) -> &'static str {
    if asked.path().ends_with(".m3u8") { "application/vnd.apple.mpegurl" } else { "video/mp4" }
}

#[tokio::test]
async fn a_body_that_breaks_off_breaks_off_the_same_way() {
    let cases = [
        ("/length/fin", Ending::Fin),
        ("/length/reset", Ending::Reset),
        ("/chunked/fin", Ending::Fin),
        ("/chunked/reset", Ending::Reset),
    ];
    let gate = Gate::shut();
    let origin = breaking(&gate).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let session = rig.session("tv").await;
    let mut feed = rig.feed().await;
    let mut wires = Vec::new();
    for (path, _) in cases {
        let mut wire = Wire::connect(session).await;
        wire.send(&Ask::get(path)).await;
        let (_, status) = wire.head().await;
        assert_eq!(status, 200);
        wires.push(wire);
    }
    gate.open();
    for ((path, expected), mut wire) in cases.into_iter().zip(wires) {
        let body =
            if path.contains("chunked") { wire.chunk().await.unwrap() } else { wire.bytes(SENT).await };
        assert!(body == pattern(3, SENT), "{path}: {}", body.len());
        assert_eq!(wire.end().await, (Vec::new(), expected), "{path}");
        let row = feed.exchange(path).await;
        let fault = row.fault.expect("a fault");
        assert_eq!(
            (row.cause, fault.name.as_str(), fault.rule_id),
            (Some(Cause::Origin), "origin_truncated", None)
        );
        assert_eq!((row.answer.body_bytes, row.answer.complete), (SENT as u64, false), "{path}");
    }
}

#[tokio::test]
async fn a_playlist_that_breaks_off_breaks_off_the_same_way() {
    let gate = Gate::shut();
    gate.open();
    let origin = breaking(&gate).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let answer = Wire::fetch(rig.session("tv").await, &Ask::get("/fin/list.m3u8")).await;
    assert_eq!((answer.status, answer.body, answer.whole), (200, pattern(3, SENT), false));
    assert_eq!(rig.feed().await.exchange("/fin/list.m3u8").await.cause, Some(Cause::Origin));
}

#[tokio::test]
async fn a_body_that_stops_coming_ends_after_the_stall_limit() {
    let gate = Gate::shut();
    let origin = breaking(&gate).await;
    let rig = Rig::start(Setup::at(origin.address).patience(LONG, SHORT)).await;
    let answer = Wire::fetch(rig.session("tv").await, &Ask::get("/x")).await;
    assert_eq!((answer.status, answer.body, answer.whole), (200, pattern(3, SENT), false));
    let row = rig.feed().await.exchange("/x").await;
    assert_eq!((row.cause, row.answer.complete), (Some(Cause::Origin), false));
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_is_the_cause_itself() {
    let gate = Gate::shut();
    let origin = breaking(&gate).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    wire.send(&Ask::get("/length")).await;
    wire.head().await;
    assert_eq!(wire.bytes(SENT).await, pattern(3, SENT));
    drop(wire);
    let row = rig.feed().await.exchange("/length").await;
    let fault = row.fault.expect("a fault");
    assert_eq!((fault.name.as_str(), fault.category), ("client_disconnect", FaultCategory::ClientDisconnect));
    assert_eq!((row.cause, row.answer.complete), (Some(Cause::Client), false));
    assert_eq!(row.answer.body_bytes, SENT as u64);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_head_is_the_cause_itself() {
    let (listener, address) = nobody().await;
    let rig = Rig::start(Setup::at(address)).await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    wire.send(&Ask::get("/never")).await;
    let _asked = listener.accept().await.unwrap();
    drop(wire);
    let row = rig.feed().await.exchange("/never").await;
    assert_eq!((row.cause, row.answer.status, row.answer.complete), (Some(Cause::Client), 0, false));
}
