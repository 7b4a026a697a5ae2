//! Records for tests.

use rebuffer_model::{Position, Record, RecordBody, Timestamp};

pub(crate) const PLAYER: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
pub(crate) const OTHER: &str = "6ba7b811-9dad-11d1-80b4-00c04fd430c8";

/// 2026-03-01T10:00:00Z.
pub(crate) const START_MS: i64 = 1_772_359_200_000;

pub(crate) fn record(position: u64, ms: i64, body: &str) -> Record {
    let body = serde_json::from_str::<RecordBody>(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    Record { position: Position(position), ts: Timestamp::from_millis(START_MS + ms), body }
}

fn who(player: &str, play: &str) -> String {
    format!(r#"{{"player_id":"{player}","play_id":"{play}"}}"#)
}

pub(crate) fn report(position: u64, ms: i64, player: &str, play: &str, said: &str) -> Record {
    let who = who(player, play);
    record(position, ms, &format!(r#"{{"sample":{{"who":{who},"player":{{{said}}},"rig":{{}}}}}}"#))
}

pub(crate) fn request(position: u64, ms: i64, player: &str, play: &str, status: u16) -> Record {
    let started = Timestamp::from_millis(START_MS + ms - 5);
    let verdict = match status {
        404 => {
            r#","cause":"injected","fault":{"rule_id":"r1","type":"404","action":"http_404","category":"http"}"#
        }
        _ => "",
    };
    let body = format!(
        r#"{{"exchange":{{"who":{},"started_at":"{started}",
        "request":{{"method":"GET","http_version":"HTTP/1.1","url":"/v/{position}.m4s","kind":"segment",
            "headers":[{{"name":"user-agent","value":"test"}}],"body_bytes":0}},
        "answer":{{"status":{status},"headers":[],"content_type":"video/mp4","body_bytes":10,"complete":true}},
        "timing":{{"client_wait_ms":1,"transfer_ms":1,"total_ms":5}}{verdict},
        "link":{{"connection":1,"earlier_exchanges":0}}}}}}"#,
        who(player, play)
    );
    record(position, ms, &body)
}

pub(crate) fn action(position: u64, ms: i64, player: &str, play: &str, event: &str, info: &str) -> Record {
    let who = who(player, play);
    let kind = format!(r#"{{"event":"{event}","info":{info}}}"#);
    record(position, ms, &format!(r#"{{"action":{{"who":{who},"source":"proxy","kind":{kind}}}}}"#))
}

/// A mixture as it comes from a rig in use, around a midnight.
pub(crate) fn mixture(position: u64) -> Record {
    let midnight = 14 * 3_600_000;
    let ms = midnight - 20_000 + i64::try_from(position * 7).unwrap();
    match position % 10 {
        0 => action(position, ms, PLAYER, "p", "origin_left", r#"{"host":"cdn.example"}"#),
        1..=4 => report(position, ms, PLAYER, "p", r#""last_event":"heartbeat","buffer_depth_s":12.5"#),
        _ => request(position, ms, OTHER, "q", if position % 10 == 5 { 404 } else { 200 }),
    }
}
