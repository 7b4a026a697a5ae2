//! Low-latency HLS through the rig: directives, blocking reloads, parts that are still being made; and the faults that break it.
//!
//! Invariant: what has to happen at once is proved by order, never by time: the origin goes on only when the client has what came
//! before. Deliberately absent: what a playlist says and how edits of it look (see the media room).

use std::net::SocketAddr;
use std::time::Duration;

use rebuffer_kit::{Ask, Asked, Feed, Gate, Http2, Origin, Rig, Said, Saying, Setup, Wire, refused, soon};
use rebuffer_model::{Cause, RequestKind};
use rebuffer_proxy::Protocol;

const PLAYLIST: &str = concat!(
    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=1\n#EXT-X-MEDIA-SEQUENCE:15\n",
    "#EXTINF:2,\nseg-15.mp4\n#EXT-X-PART:DURATION=1,URI=\"part-16.0.mp4\"\n",
    "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"part-16.1.mp4\"\n",
);
const LATER: &str = concat!(
    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=1\n#EXT-X-MEDIA-SEQUENCE:15\n",
    "#EXTINF:2,\nseg-15.mp4\n#EXT-X-PART:DURATION=1,URI=\"part-16.0.mp4\"\n",
    "#EXT-X-PART:DURATION=1,URI=\"part-16.1.mp4\"\n",
);
const BLOCKING: &str = "/live.m3u8?_HLS_msn=16&_HLS_part=1";

/// A server that holds a blocking reload, and the second chunk of a part, until the gate opens.
fn site(gate: &Gate) -> impl Fn(&Asked) -> Said + use<> {
    let gate = gate.clone();
    move |asked: &Asked| {
        let playlist = || Saying::new(200, "OK").with("Content-Type", "application/vnd.apple.mpegurl");
        let chunked = || {
            let ok = Saying::new(200, "OK").with("Content-Type", "video/mp4");
            ok.with("Transfer-Encoding", "chunked").bare()
        };
        match asked.path() {
            "/live.m3u8" if asked.query("_HLS_msn").is_some() => {
                Said::noise("").wait(&gate).then(playlist().body(asked, LATER))
            }
            "/held.m3u8" => Said::noise("").wait(&gate).then(playlist().body(asked, PLAYLIST)),
            "/live.m3u8" => playlist().body(asked, PLAYLIST),
            "/chunks.mp4" => chunked().chunk(b"first").wait(&gate).chunk(b"second").chunk(b""),
            _ => Saying::new(200, "OK").with("Content-Type", "video/mp4").body(asked, "media"),
        }
    }
}

struct Live {
    rig: Rig,
    origin: Origin,
    gate: Gate,
    feed: Feed,
}

impl Live {
    async fn rig() -> Self {
        Self::patient(Duration::from_secs(30)).await
    }

    async fn patient(head: Duration) -> Self {
        let gate = Gate::shut();
        let origin = Origin::serve(site(&gate)).await;
        let setup = Setup::at(origin.address).secure(&[Protocol::Http2, Protocol::Http1]);
        let rig = Rig::start(setup.patience(head, Duration::from_secs(60))).await;
        let feed = rig.feed().await;
        Self { rig, origin, gate, feed }
    }

    async fn player(&self, name: &str, rule: &str) -> SocketAddr {
        let rule = format!(r#""fault_rules":[{{"id":"bad","mode":"requests","frequency":1,{rule}}}]"#);
        self.rig.api.create(name, &rule).await;
        self.rig.session(name).await
    }
}

#[tokio::test]
async fn directives_reach_the_origin_as_they_were_written() {
    let live = Live::rig().await;
    let session = live.rig.session("tv").await;
    live.gate.open();
    for query in ["_HLS_msn=7&_HLS_part=2&_HLS_skip=YES&x=%2F", "_HLS_skip=v2", "_HLS_msn=x"] {
        let target = format!("/live.m3u8?{query}");
        Wire::fetch(session, &Ask::get(&target)).await;
        Http2::connect(session).await.ask(&Ask::get(&target)).await;
        let asked = live.origin.take_asked();
        assert_eq!(asked.iter().map(|asked| asked.target.as_str()).collect::<Vec<_>>(), [&*target; 2]);
    }
}

#[tokio::test]
async fn a_chunk_that_arrives_is_with_the_client_before_the_next_one_is_made() {
    for transport in ["h1", "tls", "h2"] {
        let live = Live::rig().await;
        let session = live.rig.session("tv").await;
        let ask = Ask::get("/chunks.mp4");
        if transport == "h2" {
            let mut http2 = Http2::connect(session).await;
            let (_, mut stream) = http2.send(&ask).await.head().await;
            let first = soon("the first chunk", stream.data()).await.expect("a chunk").expect("bytes");
            assert_eq!(first, "first");
            live.gate.open();
            let second = soon("the second chunk", stream.data()).await.expect("a chunk").expect("bytes");
            assert_eq!(second, "second");
            continue;
        }
        let secure = transport == "tls";
        let mut wire = if secure { Wire::secure(session).await } else { Wire::connect(session).await };
        wire.send(&ask).await;
        wire.head().await;
        assert_eq!(wire.chunk().await.as_deref(), Some(&b"first"[..]), "{transport}");
        live.gate.open();
        assert_eq!(wire.chunk().await.as_deref(), Some(&b"second"[..]), "{transport}");
        assert_eq!(wire.chunk().await.as_deref(), Some(&b""[..]), "{transport}");
    }
}

#[tokio::test]
async fn a_blocking_reload_outlasts_the_limit_that_ends_any_other_wait() {
    let mut live = Live::patient(Duration::from_millis(300)).await;
    let timeouts = r#""transfer_timeouts":{"active_timeout_seconds":0.05,"idle_timeout_seconds":0.05}"#;
    live.rig.api.create("tv", timeouts).await;
    let session = live.rig.session("tv").await;
    let mut blocking = Wire::connect(session).await;
    blocking.send(&Ask::get(BLOCKING)).await;
    live.origin.asked(1).await;
    refused(&Wire::fetch(session, &Ask::get("/held.m3u8")).await, 504);
    live.gate.open();
    let answer = blocking.answer("GET").await;
    assert_eq!((answer.status, answer.text()), (200, LATER));
    let row = live.feed.exchange(BLOCKING).await;
    assert_eq!((row.cause, row.fault, row.request.kind), (None, None, RequestKind::Manifest));
}

#[tokio::test]
async fn a_blocking_reload_can_be_answered_early_and_late() {
    let mut live = Live::rig().await;
    let session = live.player("early", r#""type":"blocking_reload_early""#).await;
    let answer = Wire::fetch(session, &Ask::get(&format!("{BLOCKING}&x=1"))).await;
    assert_eq!(answer.text(), PLAYLIST, "as it is, though the origin would have waited");
    assert_eq!(live.origin.take_asked()[0].target, "/live.m3u8?x=1");
    let row = live.feed.exchange(BLOCKING).await;
    assert_eq!(row.fault.map(|fault| fault.action).as_deref(), Some("blocking_reload_early"));

    let session = live.player("late", r#""type":"blocking_reload_late","hold_ms":120"#).await;
    let mut wire = Wire::connect(session).await;
    wire.send(&Ask::get(BLOCKING)).await;
    live.origin.asked(1).await;
    live.gate.open();
    assert_eq!(wire.answer("GET").await.text(), LATER, "when the origin had it, and later");
    let fault = live.feed.exchange(BLOCKING).await.fault.expect("a fault");
    assert!(fault.held_ms.is_some_and(|held| held >= 120.0), "{fault:?}");
    // Any other reload is left alone.
    assert_eq!(wire.ask(&Ask::get("/live.m3u8?late")).await.text(), PLAYLIST);
    assert_eq!(live.feed.exchange("/live.m3u8?late").await.fault, None);
}

#[tokio::test]
async fn what_is_hinted_at_is_missing_until_it_is_listed() {
    let mut live = Live::rig().await;
    let session = live.player("tv", r#""type":"preload_hint_missing""#).await;
    let mut wire = Wire::connect(session).await;
    let mut status = async |target: &str| wire.ask(&Ask::get(target)).await.status;
    assert_eq!(status("/live.m3u8").await, 200);
    assert_eq!(status("/part-16.0.mp4").await, 200, "it is there");
    live.origin.take_asked();
    assert_eq!(status("/part-16.1.mp4").await, 404);
    assert_eq!(live.origin.take_asked(), [], "the origin is not asked");
    let row = live.feed.exchange("/part-16.1.mp4").await;
    assert_eq!((row.request.kind, row.cause), (RequestKind::Partial, Some(Cause::Injected)));
    live.gate.open();
    assert_eq!(status(BLOCKING).await, 200);
    assert_eq!(status("/part-16.1.mp4").await, 200, "now it is listed");
}

#[tokio::test]
async fn a_playlist_breaks_one_rule_and_keeps_the_rest() {
    let mut live = Live::rig().await;
    live.gate.open();
    let cases = [
        (r#""type":"media_sequence_back","extent":3"#, "SEQUENCE:15", "SEQUENCE:12"),
        (r#""type":"vanished_part""#, "#EXT-X-PART:DURATION=1,URI=\"part-16.0.mp4\"\n", ""),
    ];
    for (place, (rule, from, to)) in cases.into_iter().enumerate() {
        let session = live.player(&format!("tv-{place}"), &rule.replace("bad", "worse")).await;
        let mut wire = Wire::connect(session).await;
        let first = wire.ask(&Ask::get("/live.m3u8").with("Accept-Encoding", "gzip")).await;
        assert_eq!(first.text(), PLAYLIST.replace(from, to), "{rule}");
        let row = live.feed.exchange("/live.m3u8").await;
        let fault = row.fault.expect("a fault");
        assert_eq!((fault.name.as_str(), fault.action.as_str()), (&*fault.name, &*fault.name));
        assert_eq!(row.cause, Some(Cause::Injected));
    }
    let session = live.player("plain", r#""type":"wrong_skipped_segments""#).await;
    assert_eq!(Wire::fetch(session, &Ask::get("/live.m3u8")).await.text(), PLAYLIST);
    let fault = live.feed.exchange("/live.m3u8").await.fault.expect("a fault");
    assert_eq!(fault.action, "not_performed_nothing_to_break", "it is no delta update");
}
