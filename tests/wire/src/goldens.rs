//! What each fault is on the wire, on each transport: the one table of it.
//!
//! Invariant: every fault of the list has its row. A row is a contract that tests of players rely on: status, bytes of body, end,
//! and what the record says was done. Holds are shortened by `hold_ms`; that they are kept is part of every check.
//! Deliberately absent: what the bytes are (see `faults.rs`).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rebuffer_kit::{
    Ask, Asked, Ending, Feed, Http2, Origin, Rig, Said, Saying, Setup, StreamEnding, Wire, pattern,
};
use rebuffer_model::{FAULTS, Rule};
use rebuffer_proxy::Protocol;

/// How long what holds is held.
const HOLD: Duration = Duration::from_millis(120);
const SIZE: usize = 200_000;

/// A fault with what it is told, and what is seen: status, bytes, end, action. Over HTTP/1.1 without and with TLS the end is
/// `open`, `fin` or `rst`, over TLS also `torn` for a close without `close_notify`; over HTTP/2 it is `end`, `early` for an end
/// that the declared length belies, `rst:` and the code of a stream's reset, `goaway`, or `gone` for a reset of the connection.
struct Golden {
    rule: &'static str,
    h1: &'static str,
    tls: &'static str,
    h2: &'static str,
}

const fn row(rule: &'static str, h1: &'static str, tls: &'static str, h2: &'static str) -> Golden {
    Golden { rule, h1, tls, h2 }
}

/// Answers that are whole, the same on every transport.
const fn whole(rule: &'static str, h1: &'static str, h2: &'static str) -> Golden {
    Golden { rule, h1, tls: h1, h2 }
}

#[rustfmt::skip]
const GOLDENS: &[Golden] = &[
    whole(r#""type":"none""#, "200 200000 open", "200 200000 end"),
    whole(r#""type":"403""#, "403 0 open http_403", "403 0 end http_403"),
    whole(r#""type":"404""#, "404 0 open http_404", "404 0 end http_404"),
    whole(r#""type":"500""#, "500 0 open http_500", "500 0 end http_500"),
    whole(r#""type":"503""#, "503 0 open http_503", "503 0 end http_503"),
    whole(r#""type":"599","body":"seven""#, "599 5 open http_599", "599 5 end http_599"),
    whole(r#""type":"timeout""#, "504 0 open http_504_timeout", "504 0 end http_504_timeout"),
    whole(r#""type":"timeout","status":408"#, "408 0 open http_408_timeout", "408 0 end http_408_timeout"),
    whole(r#""type":"connection_refused""#, "503 0 open http_503_connection_refused", "503 0 end http_503_connection_refused"),
    whole(r#""type":"dns_failure""#, "502 0 open http_502_dns_failure", "502 0 end http_502_dns_failure"),
    whole(r#""type":"rate_limiting""#, "429 0 open http_429_rate_limited", "429 0 end http_429_rate_limited"),
    row(r#""type":"request_connect_hang","hold_ms":120"#,
        "- 0 fin request_connect_hang", "- 0 fin request_connect_hang", "- 0 rst:8 request_connect_hang_h2_stream"),
    row(r#""type":"request_connect_hang","hold_ms":120,"h2_scope":"connection""#,
        "- 0 fin request_connect_hang", "- 0 fin request_connect_hang", "- 0 goaway request_connect_hang_h2_connection"),
    row(r#""type":"request_connect_reset""#,
        "- 0 rst request_connect_reset", "- 0 rst request_connect_reset", "- 0 rst:2 request_connect_reset_h2_stream"),
    row(r#""type":"request_connect_reset","h2_scope":"connection""#,
        "- 0 rst request_connect_reset", "- 0 rst request_connect_reset", "- 0 gone request_connect_reset_h2_connection"),
    row(r#""type":"request_connect_delayed","hold_ms":120"#,
        "- 0 fin request_connect_delayed", "- 0 fin request_connect_delayed", "- 0 rst:8 request_connect_delayed_h2_stream"),
    row(r#""type":"request_first_byte_hang","hold_ms":120"#,
        "200 0 fin request_first_byte_hang", "200 0 fin request_first_byte_hang", "200 0 rst:8 request_first_byte_hang_h2_stream"),
    row(r#""type":"request_first_byte_reset""#,
        "200 0 rst request_first_byte_reset", "200 0 rst request_first_byte_reset", "200 0 rst:2 request_first_byte_reset_h2_stream"),
    row(r#""type":"request_first_byte_delayed","hold_ms":120"#,
        "200 0 fin request_first_byte_delayed", "200 0 fin request_first_byte_delayed", "200 0 rst:8 request_first_byte_delayed_h2_stream"),
    row(r#""type":"request_body_hang","hold_ms":120"#,
        "200 65536 fin request_body_hang", "200 65536 fin request_body_hang", "200 65536 rst:8 request_body_hang_h2_stream"),
    row(r#""type":"request_body_reset""#,
        "200 65536 rst request_body_reset", "200 65536 rst request_body_reset", "200 65536 rst:2 request_body_reset_h2_stream"),
    row(r#""type":"request_body_reset","after_bytes":1000,"h2_scope":"connection""#,
        "200 1000 rst request_body_reset", "200 1000 rst request_body_reset", "200 1000 gone request_body_reset_h2_connection"),
    row(r#""type":"request_body_delayed","hold_ms":120,"after_bytes":1"#,
        "200 1 fin request_body_delayed", "200 1 fin request_body_delayed", "200 1 rst:8 request_body_delayed_h2_stream"),
    row(r#""type":"truncated""#,
        "200 65536 fin truncated", "200 65536 fin truncated", "200 65536 early truncated_h2_stream"),
    whole(r#""type":"slow_body","rate_mbps":10"#, "200 200000 open slow_body", "200 200000 end slow_body"),
    whole(r#""type":"latency","hold_ms":120"#, "200 200000 open latency", "200 200000 end latency"),
    whole(r#""type":"corrupted""#, "200 200000 open corrupted_zero_fill", "200 200000 end corrupted_zero_fill"),
    whole(r#""type":"corrupted","corruption":"bit_flips","seed":4"#, "200 200000 open corrupted_bit_flips", "200 200000 end corrupted_bit_flips"),
    whole(r#""type":"corrupted","corruption":"first_bytes""#, "200 200000 open corrupted_first_bytes", "200 200000 end corrupted_first_bytes"),
    whole(r#""type":"corrupted","corruption":"last_bytes""#, "200 200000 open corrupted_last_bytes", "200 200000 end corrupted_last_bytes"),
    whole(r#""type":"wrong_content_type""#, "200 200000 open wrong_content_type", "200 200000 end wrong_content_type"),
    whole(r#""type":"stale_manifest""#, "200 44 open stale_manifest", "200 44 end stale_manifest"),
    whole(r#""type":"redirect_loop""#, "302 0 open redirect_loop", "302 0 end redirect_loop"),
    whole(r#""type":"blocking_reload_early""#, "200 44 open blocking_reload_early", "200 44 end blocking_reload_early"),
    whole(r#""type":"blocking_reload_late","hold_ms":120"#, "200 44 open blocking_reload_late", "200 44 end blocking_reload_late"),
    row(r#""type":"blocking_reload_never","hold_ms":120"#,
        "- 0 fin blocking_reload_never", "- 0 fin blocking_reload_never", "- 0 rst:8 blocking_reload_never_h2_stream"),
    whole(r#""type":"preload_hint_missing""#, "404 0 open http_404_preload_hint_missing", "404 0 end http_404_preload_hint_missing"),
    whole(r#""type":"media_sequence_back""#, "200 177 open media_sequence_back", "200 177 end media_sequence_back"),
    whole(r#""type":"vanished_part""#, "200 146 open vanished_part", "200 146 end vanished_part"),
    whole(r#""type":"wrong_skipped_segments""#, "200 177 open wrong_skipped_segments", "200 177 end wrong_skipped_segments"),
];

/// A playlist with everything that low latency has.
const LOW_LATENCY: &str = concat!(
    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:15\n#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXTINF:2,\na\n",
    "#EXT-X-PART:DURATION=1,URI=\"p\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"hint.mp4\"\n",
);

impl Golden {
    fn written(&self) -> String {
        format!(
            r#"{{"id":"bad",{},"mode":"requests","frequency":1,
                "filter":{{"url_match":{{"mode":"basename","patterns":["segment.mp4","live.m3u8","ll.m3u8","hint.mp4"]}}}}}}"#,
            self.rule
        )
    }

    fn fault(&self) -> String {
        let rule: Rule = serde_json::from_str(&self.written()).expect("a rule");
        rule.fault.to_string()
    }

    /// What is asked for: a playlist where the fault strikes nothing else.
    fn target(&self) -> &'static str {
        match self.fault().as_str() {
            "stale_manifest" => "/live.m3u8",
            "preload_hint_missing" => "/hint.mp4",
            "media_sequence_back" | "vanished_part" | "wrong_skipped_segments" => "/ll.m3u8",
            blocking if blocking.starts_with("blocking") => "/live.m3u8?_HLS_msn=7",
            _ => "/segment.mp4",
        }
    }

    fn holds(&self) -> Duration {
        if self.rule.contains("\"hold_ms\":120") { HOLD } else { Duration::ZERO }
    }
}

fn site(asked: &Asked) -> Said {
    let ok = || Saying::new(200, "OK").with("Content-Type", "video/mp4");
    match asked.path() {
        "/live.m3u8" => Saying::new(200, "OK")
            .with("Content-Type", "application/vnd.apple.mpegurl")
            .body(asked, "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\na"),
        "/ll.m3u8" => Saying::new(200, "OK").body(asked, LOW_LATENCY),
        _ => ok().body(asked, pattern(1, SIZE)),
    }
}

/// A session of its own for one row, and the feed of its rig.
struct Stage {
    rig: Rig,
    _origin: Origin,
    feed: Feed,
}

impl Stage {
    async fn set() -> Self {
        let origin = Origin::serve(site).await;
        let setup = Setup::at(origin.address).secure(&[Protocol::Http2, Protocol::Http1]);
        let rig = Rig::start(setup).await;
        let feed = rig.feed().await;
        Self { rig, _origin: origin, feed }
    }

    /// A session whose player has the rule of this row; what needs a past has one.
    async fn session(&mut self, golden: &Golden, transport: &str, place: usize) -> SocketAddr {
        let player = format!("{transport}-{place}");
        self.rig.api.create(&player, &format!(r#""fault_rules":[{}]"#, golden.written())).await;
        let session = self.rig.session(&player).await;
        let past = match golden.fault().as_str() {
            "stale_manifest" => Some(golden.target()),
            "preload_hint_missing" => Some("/ll.m3u8"),
            _ => None,
        };
        if let Some(past) = past {
            Wire::fetch(session, &Ask::get(past)).await;
            self.feed.exchange(past).await;
        }
        session
    }

    /// What the row of the exchange says was done, with a space before it; nothing where nothing was.
    async fn action(&mut self, golden: &Golden) -> String {
        let row = self.feed.exchange(golden.target()).await;
        let action = row.fault.as_ref().map(|fault| format!(" {}", fault.action));
        if let (false, Some(fault)) = (golden.holds().is_zero(), &row.fault) {
            let held = fault.held_ms.expect("a hold has its time");
            assert!(held >= HOLD.as_secs_f64() * 1e3, "{}: {held} ms", golden.rule);
        }
        action.unwrap_or_default()
    }
}

async fn seen_on_http1(mut wire: Wire, target: &str) -> String {
    wire.send(&Ask::get(target)).await;
    let answer = wire.answer_or_end("GET").await;
    let (status, bytes) = answer.as_ref().map_or(("-".to_owned(), 0), |answer| {
        assert_eq!(answer.whole, answer.ending == Ending::Open, "{answer:?}");
        (answer.status.to_string(), answer.body.len())
    });
    let end = match wire.ended() {
        Ending::Open => "open",
        Ending::Fin => "fin",
        Ending::Torn => "torn",
        Ending::Reset => "rst",
    };
    format!("{status} {bytes} {end}")
}

async fn seen_on_http2(session: SocketAddr, target: &str) -> String {
    let mut http2 = Http2::connect(session).await;
    let answer = http2.ask(&Ask::get(target)).await;
    let status = answer.status.map_or("-".to_owned(), |status| status.to_string());
    let end = match answer.ending {
        StreamEnding::Ended => "end".to_owned(),
        StreamEnding::TooEarly => "early".to_owned(),
        StreamEnding::Reset(code) => format!("rst:{code}"),
        StreamEnding::GoAway(_) => "goaway".to_owned(),
        StreamEnding::Gone(std::io::ErrorKind::ConnectionReset) => "gone".to_owned(),
        StreamEnding::Gone(other) => format!("{other:?}"),
    };
    if !matches!(answer.ending, StreamEnding::GoAway(_) | StreamEnding::Gone(_)) {
        // The connection and its other streams go on.
        let next = http2.ask(&Ask::new("HEAD", "/other.mp4")).await;
        assert_eq!((next.status, next.ending), (Some(200), StreamEnding::Ended), "{target}");
    }
    format!("{status} {} {end}", answer.body.len())
}

async fn check(transport: &str, expected: fn(&Golden) -> &'static str) {
    let mut stage = Stage::set().await;
    let mut wrong = Vec::new();
    for (place, golden) in GOLDENS.iter().enumerate() {
        let session = stage.session(golden, transport, place).await;
        let began = Instant::now();
        let seen = match transport {
            "h1" => seen_on_http1(Wire::connect(session).await, golden.target()).await,
            "tls" => seen_on_http1(Wire::secure(session).await, golden.target()).await,
            _ => seen_on_http2(session, golden.target()).await,
        };
        assert!(began.elapsed() >= golden.holds(), "{} on {transport} did not hold", golden.rule);
        let seen = format!("{seen}{}", stage.action(golden).await);
        if seen != expected(golden) {
            wrong.push(format!("{}\n  expected {}\n  seen     {seen}", golden.rule, expected(golden)));
        }
    }
    assert!(wrong.is_empty(), "on {transport}:\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn every_fault_is_on_clear_http1_what_its_row_says() {
    check("h1", |golden| golden.h1).await;
}

#[tokio::test]
async fn every_fault_is_on_http1_over_tls_what_its_row_says() {
    check("tls", |golden| golden.tls).await;
}

#[tokio::test]
async fn every_fault_is_on_http2_what_its_row_says() {
    check("h2", |golden| golden.h2).await;
}

#[test]
fn every_fault_of_the_list_has_its_row() {
    for fact in FAULTS {
        assert!(GOLDENS.iter().any(|golden| golden.fault() == fact.name), "{}", fact.name);
    }
}
