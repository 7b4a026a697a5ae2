//! Records for tests, in as few words as possible.

use rebuffer_model::{Position, Record, Timestamp};

pub(crate) const PLAYER: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";

/// Records of one play, each at a number of milliseconds.
#[derive(Debug, Clone)]
pub(crate) struct Story(Vec<(i64, String)>);

impl Story {
    pub(crate) fn new(records: Vec<(i64, String)>) -> Self {
        Self(records)
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = Record> + '_ {
        (1..).zip(&self.0).map(|(position, (ms, body))| Record {
            position: Position(position),
            ts: Timestamp::from_millis(*ms),
            body: serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}")),
        })
    }
}

pub(crate) fn who(player: &str, play: &str) -> String {
    format!(r#"{{"player_id":"{player}","play_id":"{play}"}}"#)
}

pub(crate) fn report(ms: i64, player: &str) -> (i64, String) {
    (ms, format!(r#"{{"sample":{{"who":{},"player":{{{player}}},"rig":{{}}}}}}"#, who(PLAYER, "p1")))
}

pub(crate) fn exchange(ms: i64, kind: &str, status: u16, more: &str) -> (i64, String) {
    (ms, exchange_of(&who(PLAYER, "p1"), ms, kind, status, (1, 1), more))
}

pub(crate) fn timed(ms: i64, kind: &str, wait: u32, transfer: u32) -> (i64, String) {
    (ms, exchange_of(&who(PLAYER, "p1"), ms, kind, 200, (wait, transfer), ""))
}

pub(crate) fn exchange_of(
    who: &str,
    ms: i64,
    kind: &str,
    status: u16,
    (wait, transfer): (u32, u32),
    more: &str,
) -> String {
    let started = Timestamp::from_millis(ms);
    format!(
        r#"{{"exchange":{{"who":{who},"started_at":"{started}",
        "request":{{"method":"GET","http_version":"HTTP/1.1","url":"/a/1.m4s?n={ms}","kind":"{kind}","headers":[],"body_bytes":0}},
        "answer":{{"status":{status},"headers":[],"content_type":"","body_bytes":9,"complete":true}},
        "timing":{{"client_wait_ms":{wait},"transfer_ms":{transfer},"total_ms":9}},
        "link":{{"connection":1,"earlier_exchanges":0}}{more}}}}}"#
    )
}

pub(crate) fn action(ms: i64, event: &str, info: &str) -> (i64, String) {
    let who = who(PLAYER, "p1");
    (
        ms,
        format!(
            r#"{{"action":{{"who":{who},"source":"harness","kind":{{"event":"{event}","info":{info}}}}}}}"#
        ),
    )
}

pub(crate) fn gap(ms: i64) -> (i64, String) {
    (ms, r#"{"gap":{"from":"1","to":"9","lost":9}}"#.to_owned())
}
