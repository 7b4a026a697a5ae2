//! Limits on transfers: what is cut, how it ends, what the row says, and what is left alone.
//!
//! Invariant: the client of these tests does not read, so every write of the rig is blocked when the limit comes. That a cut comes
//! in time is measured on paused time beside its code; here it must not come early, nor never.

use std::net::SocketAddr;

use rebuffer_kit::{Ask, Asked, Ending, Feed, Gate, Http2, Origin, Rig, Said, Saying, Setup, Wire, refused};
use rebuffer_model::{Cause, Exchange, FaultCategory};
use rebuffer_proxy::Protocol;

const LIMIT_MS: f64 = 300.0;
/// More than the buffers of both kernels take.
const HUGE: usize = 64 << 20;

fn site(gate: &Gate) -> impl Fn(&Asked) -> Said + use<> {
    let gate = gate.clone();
    move |asked: &Asked| {
        let ok = Saying::new(200, "OK").with("Content-Type", "video/mp4");
        match asked.path() {
            "/late.mp4" => Said::noise("").wait(&gate),
            "/stops.mp4" => ok.with("Content-Length", "1000").bare().send("begin").wait(&gate),
            "/short.mp4" => ok.body(asked, "short"),
            "/list.m3u8" => ok.body(asked, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na.mp4\n"),
            _ => ok.body(asked, vec![b'x'; HUGE]),
        }
    }
}

struct Limited {
    rig: Rig,
    _origin: Origin,
    gate: Gate,
    feed: Feed,
}

impl Limited {
    async fn rig() -> Self {
        let gate = Gate::shut();
        let origin = Origin::serve(site(&gate)).await;
        let setup = Setup::at(origin.address).secure(&[Protocol::Http2, Protocol::Http1]);
        let rig = Rig::start(setup).await;
        let feed = rig.feed().await;
        Self { rig, _origin: origin, gate, feed }
    }

    async fn player(&self, name: &str, timeouts: &str) -> SocketAddr {
        self.rig.api.create(name, &format!(r#""transfer_timeouts":{{{timeouts}}}"#)).await;
        self.rig.session(name).await
    }
}

fn was_cut(row: &Exchange, name: &str, place: &str) {
    let fault = row.fault.as_ref().expect("a fault");
    assert_eq!((fault.name.as_str(), fault.rule_id.as_ref()), (name, None));
    assert_eq!(fault.action, format!("{name}_{place}"));
    assert_eq!((fault.category, row.cause), (FaultCategory::TransferTimeout, Some(Cause::Injected)));
    let took = row.timing.client_wait_ms + row.timing.transfer_ms;
    assert!(took >= LIMIT_MS, "{took} ms");
}

const KINDS: [(&str, &str); 2] = [
    (r#""active_timeout_seconds":0.3"#, "transfer_active_timeout"),
    (r#""idle_timeout_seconds":0.3"#, "transfer_idle_timeout"),
];

#[tokio::test]
async fn a_blocked_write_is_cut_on_every_transport() {
    let mut limited = Limited::rig().await;
    for (timeouts, name) in KINDS {
        for transport in ["h1", "tls"] {
            let session = limited.player(&format!("{transport}-{name}"), timeouts).await;
            let mut wire =
                if transport == "h1" { Wire::connect(session).await } else { Wire::secure(session).await };
            wire.send(&Ask::get("/huge.mp4")).await;
            wire.head().await;
            let row = limited.feed.exchange("/huge.mp4").await;
            was_cut(&row, name, "mid_body");
            assert!(!row.answer.complete && row.answer.body_bytes < HUGE as u64);
            let (rest, ending) = wire.end().await;
            assert!(rest.len() < HUGE, "{transport}: {}", rest.len());
            assert!(matches!(ending, Ending::Fin | Ending::Torn), "{transport}: {ending:?}");
        }
        let session = limited.player(&format!("h2-{name}"), timeouts).await;
        let mut http2 = Http2::with_window(session, 65_535).await;
        let (status, mut stream) = http2.send(&Ask::get("/huge.mp4")).await.head().await;
        assert_eq!(status, 200);
        let row = limited.feed.exchange("/huge.mp4").await;
        was_cut(&row, name, "mid_body");
        let error = loop {
            match stream.data().await.expect("the stream is reset") {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.reason(), Some(h2::Reason::CANCEL));
        assert_eq!(http2.ask(&Ask::get("/short.mp4")).await.status, Some(200), "the connection goes on");
    }
}

#[tokio::test]
async fn a_head_that_is_not_there_in_time_is_a_504_of_the_limit() {
    let mut limited = Limited::rig().await;
    let session = limited.player("tv", KINDS[0].0).await;
    let mut wire = Wire::connect(session).await;
    let problem = refused(&wire.ask(&Ask::get("/late.mp4")).await, 504);
    assert!(problem.detail.contains("transfer_timeouts"), "{}", problem.detail);
    let row = limited.feed.exchange("/late.mp4").await;
    was_cut(&row, "transfer_active_timeout", "pre_headers");
    assert_eq!(wire.ask(&Ask::get("/short.mp4")).await.text(), "short", "the connection goes on");
    assert_eq!(limited.feed.exchange("/short.mp4").await.fault, None);
}

#[tokio::test]
async fn an_origin_that_stops_is_cut_by_the_idle_limit() {
    let mut limited = Limited::rig().await;
    let session = limited.player("tv", KINDS[1].0).await;
    let answer = Wire::fetch(session, &Ask::get("/stops.mp4")).await;
    assert_eq!((answer.text(), answer.whole, answer.ending), ("begin", false, Ending::Fin));
    was_cut(&limited.feed.exchange("/stops.mp4").await, "transfer_idle_timeout", "mid_body");
}

#[tokio::test]
async fn kinds_without_a_limit_and_requests_with_a_fault_are_left_alone() {
    let mut limited = Limited::rig().await;
    let timeouts = r#""active_timeout_seconds":0.05,"applies_segments":false"#;
    let session = limited.player("tv", timeouts).await;
    let mut wire = Wire::connect(session).await;
    wire.send(&Ask::get("/stops.mp4")).await;
    wire.head().await;
    // A playlist has no limit either; both outlast it by far.
    let rule = r#""transfer_timeouts":{"active_timeout_seconds":0.05},
        "fault_rules":[{"id":"slow","type":"latency","hold_ms":200}]"#;
    limited.rig.api.create("late", rule).await;
    let late = limited.rig.session("late").await;
    assert_eq!(Wire::fetch(late, &Ask::get("/short.mp4")).await.text(), "short");
    let row = limited.feed.exchange("/short.mp4").await;
    assert_eq!(row.fault.map(|fault| fault.action), Some("latency".to_owned()));
    limited.gate.open();
    assert_eq!(wire.bytes(5).await, b"begin");
}

#[tokio::test]
async fn limits_out_of_bounds_are_refused_by_name() {
    let limited = Limited::rig().await;
    limited.player("tv", "").await;
    let revision = limited.rig.api.player("tv").await.control_revision;
    for (field, value) in [("active_timeout_seconds", "0.001"), ("idle_timeout_seconds", "3601")] {
        let patch = format!(r#"{{"transfer_timeouts":{{"{field}":{value}}}}}"#);
        let problem = refused(&limited.rig.api.try_patch("tv", &revision, &patch).await, 400);
        assert_eq!(problem.pointer, Some(format!("/transfer_timeouts/{field}")));
    }
    let record = limited.rig.api.patch("tv", r#"{"transfer_timeouts":{"idle_timeout_seconds":5}}"#).await;
    assert_eq!(record.transfer_timeouts.idle_timeout_seconds, 5.0);
    assert!(record.transfer_timeouts.applies_segments);
}
