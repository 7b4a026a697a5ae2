//! What each fault does on the wire, byte for byte, and what its row says.
//!
//! Invariant: HTTP/1.1 without TLS; statuses, lengths and endings are a contract that tests of players rely on.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use rebuffer_kit::{Answer, Ask, Asked, Ending, Feed, Origin, Rig, Said, Saying, Setup, Wire, json, pattern};
use rebuffer_model::{Cause, Exchange, FaultCategory};

/// What passes of a body before it is cut.
const PREFIX: usize = 65_536;

fn size_of(asked: &Asked) -> usize {
    asked.query("size").and_then(|size| size.parse().ok()).unwrap_or(1_000)
}

/// Bodies of any size, in chunks below `/chunked`, with honest ranges.
fn site(asked: &Asked) -> Said {
    let body = pattern(1, size_of(asked));
    let ok = |status, reason| {
        Saying::new(status, reason)
            .with("Content-Type", "video/mp4")
            .with("Cache-Control", "max-age=60")
            .with("X-Origin", "yes")
    };
    match asked.value("range") {
        Some("bytes=100-299") => ok(206, "Partial Content")
            .with("Content-Range", &format!("bytes 100-299/{}", body.len()))
            .body(asked, &body[100..300]),
        Some(range) => panic!("no such range: {range}"),
        None if asked.path() == "/chunked" => ok(200, "OK").chunked(asked, &[&body[..7], &body[7..]]),
        None => ok(200, "OK").body(asked, body),
    }
}

/// A rig whose player `tv` has one rule that fires on every request below `/hit`.
struct Faulty {
    origin: Origin,
    _rig: Rig,
    session: SocketAddr,
    feed: Feed,
}

impl Faulty {
    async fn with(fault: &str) -> Self {
        let origin = Origin::serve(site).await;
        let rig = Rig::start(Setup::at(origin.address)).await;
        rig.api.create("tv", &format!(r#""fault_rules":[{}]"#, always(fault))).await;
        let session = rig.session("tv").await;
        let feed = rig.feed().await;
        Self { origin, _rig: rig, session, feed }
    }

    async fn row(&mut self, url: &str) -> Exchange {
        self.feed.exchange(url).await
    }
}

fn always(fault: &str) -> String {
    format!(
        r#"{{"id":"bad","type":"{fault}","mode":"requests","frequency":1,
            "filter":{{"url_match":{{"mode":"regex","patterns":["^/(hit|chunked)"]}}}}}}"#
    )
}

/// What a row says of a fault: rule, type, action, category.
fn fault_of(row: &Exchange) -> (&str, &str, &str, FaultCategory) {
    let fault = row.fault.as_ref().expect("a fault");
    let rule = fault.rule_id.as_ref().map_or("", |id| id.as_str());
    (rule, &fault.name, &fault.action, fault.category)
}

#[tokio::test]
async fn a_status_is_answered_at_once_and_the_connection_goes_on() {
    for (fault, status) in [("404", 404), ("503", 503), ("599", 599)] {
        let mut faulty = Faulty::with(fault).await;
        let mut wire = Wire::connect(faulty.session).await;
        let answer = wire.ask(&Ask::get("/hit?size=9")).await;
        assert_eq!((answer.status, answer.body.len(), answer.ending), (status, 0, Ending::Open));
        assert_eq!(answer.value("content-length"), Some("0"));
        assert_eq!(answer.value("x-origin"), None);
        assert_eq!(faulty.origin.take_asked(), [], "the origin is not asked");
        let next = wire.ask(&Ask::get("/pass?size=9")).await;
        assert_eq!((next.status, next.body), (200, pattern(1, 9)), "keep-alive after {fault}");

        let row = faulty.row("/hit").await;
        assert_eq!(fault_of(&row), ("bad", fault, &*format!("http_{fault}"), FaultCategory::Http));
        assert_eq!((row.cause, row.answer.status, row.answer.body_bytes), (Some(Cause::Injected), status, 0));
        assert!(row.origin.is_none() && row.answer.complete);
        let row = faulty.row("/pass").await;
        assert_eq!((row.cause, row.fault, row.link.earlier_exchanges), (None, None, 1));
    }
}

#[tokio::test]
async fn a_head_request_can_be_faulted_like_any_other() {
    let faulty = Faulty::with("404").await;
    let mut wire = Wire::connect(faulty.session).await;
    assert_eq!(wire.ask(&Ask::new("HEAD", "/hit")).await.status, 404);
    assert_eq!(wire.ask(&Ask::new("HEAD", "/pass?size=5")).await.value("content-length"), Some("5"));
}

#[tokio::test]
async fn the_bytes_of_an_injected_status_are_these() {
    let faulty = Faulty::with("404").await;
    let mut wire = Wire::connect(faulty.session).await;
    wire.send(&Ask::get("/hit").with("Connection", "close")).await;
    let (bytes, ending) = wire.end().await;
    let golden = "HTTP/1.1 404 Not Found\r\naccess-control-allow-origin: *\r\naccess-control-expose-headers: *\r\n\
                  cache-control: no-store\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    assert_eq!((String::from_utf8(bytes).unwrap().as_str(), ending), (golden, Ending::Fin));
}

fn is_cut(answer: &Answer, size: usize, expected: usize) {
    assert_eq!((answer.status, answer.value("x-origin")), (200, Some("yes")), "the head is the origin's");
    assert_eq!(answer.body.len(), expected, "of {size}");
    assert!(answer.body == pattern(1, size)[..expected] && !answer.whole);
    assert_eq!(answer.ending, Ending::Reset, "of {size}");
}

#[tokio::test]
async fn a_body_is_reset_after_its_prefix_and_never_whole() {
    let mut faulty = Faulty::with("request_body_reset").await;
    for size in [PREFIX * 3, PREFIX + 1, PREFIX, PREFIX - 1, 500, 2, 1] {
        let expected = PREFIX.min(size - 1);
        let url = format!("/hit?size={size}");
        let answer = Wire::fetch(faulty.session, &Ask::get(&url)).await;
        assert_eq!(answer.value("content-length"), Some(&*size.to_string()), "the promise stands");
        is_cut(&answer, size, expected);

        let row = faulty.row(&url).await;
        let socket = FaultCategory::Socket;
        assert_eq!(fault_of(&row), ("bad", "request_body_reset", "request_body_reset", socket), "{size}");
        assert_eq!((row.cause, row.answer.status), (Some(Cause::Injected), 200));
        assert_eq!((row.answer.body_bytes, row.answer.complete), (expected as u64, false), "{size}");
    }
}

#[tokio::test]
async fn a_chunked_body_is_reset_after_its_prefix() {
    let mut faulty = Faulty::with("request_body_reset").await;
    let size = PREFIX * 2;
    let mut wire = Wire::connect(faulty.session).await;
    wire.send(&Ask::get(&format!("/chunked?size={size}"))).await;
    let (head, status) = wire.head().await;
    assert_eq!((status, head.value("transfer-encoding")), (200, Some("chunked")));
    let mut body = Vec::new();
    while let Some(chunk) = wire.chunk().await {
        assert!(!chunk.is_empty(), "the body must not end in order");
        body.extend(chunk);
    }
    assert!(body == pattern(1, size)[..PREFIX], "{}", body.len());
    assert_eq!(wire.end().await.1, Ending::Reset);
    assert_eq!(faulty.row("/chunked").await.answer.body_bytes, PREFIX as u64);
}

#[tokio::test]
async fn a_body_without_a_length_is_reset_before_its_last_byte() {
    let faulty = Faulty::with("request_body_reset").await;
    let mut wire = Wire::connect(faulty.session).await;
    wire.send(&Ask::get("/chunked?size=500")).await;
    let _head = wire.head().await;
    let mut body = Vec::new();
    while let Some(chunk) = wire.chunk().await {
        assert!(!chunk.is_empty(), "the body must not end in order");
        body.extend(chunk);
    }
    assert!(body == pattern(1, 500)[..499], "{}", body.len());
    assert_eq!(wire.end().await.1, Ending::Reset);
}

#[tokio::test]
async fn what_has_no_body_says_that_it_was_not_cut() {
    let mut faulty = Faulty::with("request_body_reset").await;
    for ask in [Ask::new("HEAD", "/hit?size=9"), Ask::get("/hit?size=0")] {
        let answer = Wire::fetch(faulty.session, &ask).await;
        assert_eq!((answer.status, answer.whole, answer.ending), (200, true, Ending::Open), "{ask:?}");
        let row = faulty.row("/hit").await;
        assert_eq!(fault_of(&row).2, "not_performed_no_body", "{ask:?}");
    }
}

#[tokio::test]
async fn a_reset_concerns_no_other_connection_of_the_player() {
    let faulty = Faulty::with("request_body_reset").await;
    let mut other = Wire::connect(faulty.session).await;
    assert!(other.ask(&Ask::get("/pass?size=10")).await.whole);
    is_cut(&Wire::fetch(faulty.session, &Ask::get("/hit?size=10")).await, 10, 9);
    let answer = other.ask(&Ask::get("/pass?size=20")).await;
    assert_eq!((answer.body, answer.ending), (pattern(1, 20), Ending::Open));
}

#[tokio::test]
async fn a_corrupted_body_has_its_length_and_not_one_byte_of_its_own() {
    let mut faulty = Faulty::with("corrupted").await;
    let whole = |ask: Ask, status, length| (ask, status, length);
    let cases = [
        whole(Ask::get("/hit?size=200000&n=1"), 200, 200_000),
        whole(Ask::get("/hit?size=1&n=2"), 200, 1),
        whole(Ask::get("/hit?size=1000&n=3").with("Range", "bytes=100-299"), 206, 200),
        whole(Ask::get("/chunked?size=5000&n=4"), 200, 5_000),
    ];
    let mut wire = Wire::connect(faulty.session).await;
    for (ask, status, length) in cases {
        let answer = wire.ask(&ask).await;
        assert_eq!((answer.status, answer.whole, answer.ending), (status, true, Ending::Open), "{ask:?}");
        assert!(answer.body == vec![0; length], "{ask:?}");
        assert_eq!(answer.value("x-origin"), Some("yes"));
        if status == 206 {
            assert_eq!(answer.value("content-range"), Some("bytes 100-299/1000"));
        }
        let row = faulty.row(&ask.target).await;
        assert_eq!(fault_of(&row), ("bad", "corrupted", "corrupted_zero_fill", FaultCategory::Corruption));
        assert_eq!((row.cause, row.answer.body_bytes), (Some(Cause::Injected), length as u64));
        assert!(row.answer.complete);
    }
}

#[tokio::test]
async fn what_a_fault_changed_stays_out_of_caches_and_what_it_left_alone_does_not() {
    for (fault, expected) in
        [("corrupted", "no-store"), ("wrong_content_type", "no-store"), ("slow_body", "max-age=60")]
    {
        let faulty = Faulty::with(fault).await;
        let mut wire = Wire::connect(faulty.session).await;
        assert_eq!(wire.ask(&Ask::get("/hit")).await.value("cache-control"), Some(expected), "{fault}");
        assert_eq!(wire.ask(&Ask::get("/pass")).await.value("cache-control"), Some("max-age=60"), "{fault}");
    }
}

/// A small HLS presentation: a master of two rungs and audio, playlists of six segments each.
fn hls(asked: &Asked) -> Said {
    let playlist = |text: &str| {
        Saying::new(200, "OK").with("Content-Type", "application/vnd.apple.mpegurl").body(asked, text)
    };
    let path = asked.path();
    if path == "/master.m3u8" {
        return playlist(concat!(
            "#EXTM3U\n#EXT-X-VERSION:7\n",
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",URI=\"audio/list\"\n",
            "#EXT-X-STREAM-INF:BANDWIDTH=400000,AUDIO=\"a\",RESOLUTION=320x180\nlow/list\n",
            "#EXT-X-STREAM-INF:BANDWIDTH=4000000,AUDIO=\"a\",RESOLUTION=1280x720\nhigh/list\n",
        ));
    }
    if path.ends_with("/list") {
        let mut text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI=\"start\"\n".to_owned();
        for part in 0..6 {
            text.push_str(&format!("#EXTINF:2,\npiece-{part}?t=1\n"));
        }
        return playlist(&text);
    }
    Saying::new(200, "OK").body(asked, pattern(2, 300))
}

#[tokio::test]
async fn one_of_five_segments_fails_and_nothing_else_does() {
    let origin = Origin::serve(hls).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let rule = r#""fault_rules":[{"id":"one-in-five","type":"404","mode":"requests","consecutive":1,"frequency":5,
        "filter":{"request_kind":["segment"]}}]"#;
    rig.api.create("tv", rule).await;
    let session = rig.session("tv").await;
    let mut feed = rig.feed().await;
    let mut wire = Wire::connect(session).await;
    let mut statuses = BTreeMap::<String, Vec<u16>>::new();
    let mut targets = vec!["/master.m3u8".to_owned()];
    for rung in ["low", "audio", "high"] {
        targets.extend([format!("/{rung}/list"), format!("/{rung}/start")]);
    }
    for part in 0..6 {
        for rung in ["low", "audio", "high"] {
            // Playlists are fetched again between segments, as in a live presentation.
            targets.extend([format!("/{rung}/list"), format!("/{rung}/piece-{part}?t=1")]);
        }
    }
    for target in targets {
        let answer = wire.ask(&Ask::get(&target)).await;
        let row = feed.exchange(&target).await;
        let kind = row.request.kind.as_str().to_owned();
        if kind == "segment" {
            let bandwidth = if target.starts_with("/low") { 400_000 } else { 4_000_000 };
            assert_eq!(row.request.variant.map(|variant| variant.bandwidth), Some(bandwidth), "{target}");
        }
        statuses.entry(kind).or_default().push(answer.status);
    }
    let first_of_five =
        |count: usize| (0..count).map(|n| if n % 5 == 0 { 404 } else { 200 }).collect::<Vec<_>>();
    let expected = BTreeMap::from([
        ("master_manifest".to_owned(), vec![200]),
        ("manifest".to_owned(), vec![200; 14]),
        ("audio_manifest".to_owned(), vec![200; 7]),
        ("init".to_owned(), vec![200; 3]),
        ("audio_segment".to_owned(), vec![200; 6]),
        ("segment".to_owned(), first_of_five(12)),
    ]);
    assert_eq!(statuses, expected);
    let counters = rig.api.player("tv").await.rule_counters;
    let counters = counters.values().next().expect("counters");
    assert_eq!((counters.matched, counters.fired, counters.exhausted), (12, 3, false));
}

#[tokio::test]
async fn a_rule_is_gone_with_its_removal_and_new_ones_act_on_open_connections() {
    let faulty = Faulty::with("503").await;
    let api = faulty._rig.api;
    let mut wire = Wire::connect(faulty.session).await;
    assert_eq!(wire.ask(&Ask::get("/hit")).await.status, 503);
    let revision = api.player("tv").await.control_revision;
    let rule = "/api/v2/players/tv/fault_rules/bad";
    let ask = Ask::new("PATCH", rule).with("If-Match", &format!("\"{revision}\""));
    assert_eq!(api.ask(&json(ask, r#"{"type":"410"}"#)).await.status, 200);
    assert_eq!(wire.ask(&Ask::get("/hit")).await.status, 410);
    let revision = api.player("tv").await.control_revision;
    let ask = Ask::new("DELETE", rule).with("If-Match", &format!("\"{revision}\""));
    assert_eq!(api.ask(&ask).await.status, 204);
    assert_eq!(wire.ask(&Ask::get("/hit")).await.status, 200);
}
