//! Rows for tests: one with every column filled, one with as little as there can be.

use rebuffer_model::{Exchange, Label, Position, Sample, Timestamp};
use rebuffer_tables::{NetworkRequest, Origin, SessionEvent};

pub(crate) const PLAYER: &str = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
pub(crate) const SOURCE: &str = "proxy";

pub(crate) fn origin(position: u64, ms: i64) -> Origin<'static> {
    Origin { source: SOURCE, position: Position(position), ts: Timestamp::from_millis(ms) }
}

pub(crate) fn labels(texts: &[&str]) -> Vec<Label> {
    texts.iter().map(|text| Label::try_from((*text).to_owned()).unwrap()).collect()
}

pub(crate) fn sparse_report(position: u64, ms: i64) -> SessionEvent {
    report(position, ms, "p1", &[], "")
}

pub(crate) fn report(position: u64, ms: i64, play: &str, told: &[&str], more: &str) -> SessionEvent {
    let json =
        format!(r#"{{"who":{{"player_id":"{PLAYER}","play_id":"{play}"}},"player":{{{more}}},"rig":{{}}}}"#);
    let sample = serde_json::from_str::<Sample>(&json).unwrap();
    SessionEvent::new(origin(position, ms), &sample, &labels(told))
}

pub(crate) fn full_report(position: u64, ms: i64) -> SessionEvent {
    let player = r#"
        "event_time":"2026-03-01T10:00:00.123456Z","last_event":"heartbeat","trigger_type":"timer","state":"playing",
        "waiting_reason":"none \"quoted\" \\ \u00e9 \u2603 \n","source":"web","playback_engine":"hls.js",
        "browser_family":"Firefox","error":"a/b","restart_reason":"reload","video_resolution":"1280x720",
        "display_resolution":"640x360","video_bitrate_mbps":1.1,"video_quality_pct":33.333333333,
        "network_bitrate_mbps":0.000012345,"avg_network_bitrate_mbps":123456.789,"buffer_depth_s":12.5,
        "buffer_end_s":1772359200.123456,"seekable_end_s":1e21,"live_edge_s":0.1,"live_offset_s":-3.25,
        "true_offset_s":1e-7,"position_s":1772359187.5,"playback_rate":1.0,"first_frame_time_s":0.4,
        "video_start_time_s":0.5,"stall_count":3,"stall_time_s":2.75,"last_stall_time_s":1.5,
        "last_buffering_time_s":0.25,"frames_displayed":18446744073709551615,"dropped_frames":7,
        "player_restarts":1,"loop_count_player":2,"profile_shift_count":4,"playhead_wallclock_ms":-1,
        "tv_mode":"game","zoom":1.5,"hdr":true"#;
    let rig = r#"{"effective_rate_limit_mbps":5,"delivered_mbps":4.75,"rendition_mbps":3,"client_rtt_ms":12.25,
        "bytes_out_total":9007199254740993,"requests_total":10,"fault_count_total":1,"player_ip":"192.0.2.7",
        "user_agent":"Mozilla/5.0","master_manifest_url":"/live/master.m3u8",
        "link":{"connections":2,"shaper_packets":81,"shaper_drops":3}}"#;
    let json = format!(
        r#"{{"who":{{"player_id":"{PLAYER}","player_name":"big tv","session_id":"01890a5d-ac96-774b-bcce-b302099a8057","play_id":"p1","attempt_id":2}},
        "player":{{{player}}},"rig":{rig}}}"#
    );
    let sample = serde_json::from_str::<Sample>(&json).unwrap();
    SessionEvent::new(
        origin(position, ms),
        &sample,
        &labels(&["info=shift_up", "critical=*stall_severe_midplay"]),
    )
}

pub(crate) fn request(position: u64, ms: i64, play: &str, status: u16, told: &[&str]) -> NetworkRequest {
    let started = Timestamp::from_millis(ms - 20);
    let fault = match status {
        404 => {
            r#","cause":"injected","fault":{"rule_id":"r1","type":"404","action":"http_404","category":"http"}"#
        }
        _ => "",
    };
    let json = format!(
        r#"{{"who":{{"player_id":"{PLAYER}","player_name":"big tv","play_id":"{play}"}},"started_at":"{started}",
        "request":{{"method":"GET","http_version":"HTTP/1.1","url":"/v/1.m4s?x=1","kind":"segment","known":"declared",
            "presentation":{{"path":"/v/master.m3u8","role":"primary"}},
            "variant":{{"rung":2,"bandwidth":3000000,"resolution":"1280x720","uri":"v2.m3u8"}},
            "headers":[{{"name":"User-Agent","value":"agent \"7\""}},{{"name":"Range","value":"bytes=0-9"}}],"body_bytes":0}},
        "origin":{{"name":"demo","url":"http://192.0.2.1/v/1.m4s","status":200,
            "headers":[{{"name":"content-range","value":"bytes 0-9/100"}}],"reused":true,"ttfb_ms":1.5,"body_bytes":10}},
        "answer":{{"status":{status},"headers":[],"content_type":"video/mp4","body_bytes":10,"complete":true,
            "playlist_unread":"it is longer than 16 MiB"}},
        "remarks":["urls_rewritten","playlist_unread"],
        "timing":{{"client_wait_ms":2,"transfer_ms":3,"total_ms":20.125,"delivered_mbps":7.5}}{fault},
        "link":{{"connection":1,"earlier_exchanges":3,"rate_limit_mbps":5,
            "tcp_start":{{"rtt_ms":1,"min_rtt_ms":1,"rto_ms":200,"retransmits":2,"cwnd":10,"delivery_rate_mbps":1,"app_limited":true,"bytes_acked":1}},
            "tcp_end":{{"rtt_ms":1.5,"min_rtt_ms":1,"rto_ms":201,"retransmits":5,"cwnd":12,"delivery_rate_mbps":6,"app_limited":false,"bytes_acked":11}}}}}}"#
    );
    let exchange = serde_json::from_str::<Exchange>(&json).unwrap();
    NetworkRequest::new(origin(position, ms), &exchange, &labels(told))
}
