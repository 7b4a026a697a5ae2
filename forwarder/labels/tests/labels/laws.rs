//! Laws over the whole vocabulary: each label has a name, a meaning, a case that earns it and a near miss that does not.

use std::collections::BTreeSet;

use crate::story::{Story, action, exchange, gap, report};
use rebuffer_labels::{FAMILIES, LABELS, Memory};

/// A label, what earns it, and the nearest thing that does not; the last record of a story counts.
type Case = (&'static str, Story, Story);

fn told(story: &Story) -> BTreeSet<String> {
    let mut memory = Memory::default();
    let mut last = Vec::new();
    for record in story.records() {
        last = memory.label(&record);
    }
    last.iter().map(ToString::to_string).collect()
}

fn event(name: &str) -> Story {
    Story::new(vec![report(0, &format!(r#""last_event":"{name}""#))])
}

/// A play that has been running for a minute, then this.
fn midplay(records: Vec<(i64, String)>) -> Story {
    let mut all = vec![report(0, r#""last_event":"video_first_frame","first_frame_time_s":0.5"#)];
    all.extend(records.into_iter().map(|(ms, body)| (ms + 60_000, body)));
    Story::new(all)
}

/// A play whose first frame came a second ago, then this.
fn startup(records: Vec<(i64, String)>) -> Story {
    let mut all = vec![report(0, r#""last_event":"video_first_frame","first_frame_time_s":0.5"#)];
    all.extend(records.into_iter().map(|(ms, body)| (ms + 1_000, body)));
    Story::new(all)
}

fn scrub(records: Vec<(i64, String)>) -> Story {
    let mut all = vec![report(0, r#""last_event":"timejump""#)];
    all.extend(records.into_iter().map(|(ms, body)| (ms + 10, body)));
    midplay(all)
}

fn waited(kind: &str, ms: i64) -> Vec<(i64, String)> {
    vec![
        report(0, &format!(r#""last_event":"{kind}_start""#)),
        report(ms, &format!(r#""last_event":"{kind}_end""#)),
    ]
}

fn session_cases() -> Vec<Case> {
    let frame = |seconds: f64| {
        Story::new(vec![report(
            0,
            &format!(r#""last_event":"video_first_frame","first_frame_time_s":{seconds}"#),
        )])
    };
    let restart = |field: &str| Story::new(vec![report(0, &format!(r#""last_event":"restart",{field}"#))]);
    vec![
        ("info=shift_up", event("rate_shift_up"), event("rate_shift_down")),
        ("info=shift_down", event("rate_shift_down"), event("rate_shift_up")),
        ("info=first_frame", event("video_first_frame"), event("heartbeat")),
        ("warning=*video_startup_long", frame(2.1), frame(2.0)),
        ("error=*video_startup_severe", frame(4.1), frame(4.0)),
        ("info=playback_start", event("video_start_time"), event("playing")),
        ("warning=timejump", event("timejump"), event("playing")),
        ("warning=stall_segment", event("segment_stall"), event("stall_start")),
        ("critical=stall_frozen", event("frozen"), event("stall_start")),
        ("critical=user_marked_911", event("user_marked"), event("heartbeat")),
        (
            "info=restart_reload",
            restart(r#""restart_reason":"reload","trigger_type":"restart""#),
            restart(r#""restart_reason":"auto_recovery""#),
        ),
        (
            "critical=restart_auto_recovery",
            restart(r#""restart_reason":"auto_recovery""#),
            restart(r#""trigger_type":"reload""#),
        ),
        ("error=player_error", event("error"), event("state_change")),
        ("info=*stall_short_startup", startup(waited("stall", 999)), startup(waited("stall", 1_000))),
        ("warning=*stall_long_startup", startup(waited("stall", 1_000)), startup(waited("stall", 3_000))),
        ("critical=*stall_severe_startup", startup(waited("stall", 3_000)), midplay(waited("stall", 3_000))),
        ("info=*stall_short_midplay", midplay(waited("stall", 999)), startup(waited("stall", 999))),
        ("warning=*stall_long_midplay", midplay(waited("buffering", 1_000)), midplay(waited("stall", 999))),
        ("critical=*stall_severe_midplay", midplay(waited("stall", 3_000)), midplay(waited("stall", 2_999))),
        (
            "info=*buffering_short_startup",
            Story::new(waited("buffering", 999)),
            midplay(waited("buffering", 999)),
        ),
        (
            "warning=*buffering_long_startup",
            Story::new(waited("buffering", 2_999)),
            Story::new(waited("buffering", 999)),
        ),
        (
            "critical=*buffering_severe_startup",
            Story::new(waited("buffering", 60_000)),
            Story::new(waited("buffering", 2_999)),
        ),
        ("info=*buffering_short_scrub", scrub(waited("buffering", 999)), midplay(waited("buffering", 999))),
        ("info=*buffering_long_scrub", scrub(waited("buffering", 2_900)), scrub(waited("buffering", 900))),
        (
            "warning=*buffering_severe_scrub",
            scrub(vec![report(2_000, r#""last_event":"buffering_end","last_buffering_time_s":3.5"#)]),
            scrub(vec![report(3_000, r#""last_event":"buffering_end","last_buffering_time_s":3.5"#)]),
        ),
    ]
}

fn network_cases() -> Vec<Case> {
    let one = |body: (i64, String)| Story::new(vec![body]);
    let fault = |kind: &str, status: u16, category: &str| {
        one(exchange(
            0,
            kind,
            status,
            &format!(r#","fault":{{"type":"x","action":"x","category":"{category}"}}"#),
        ))
    };
    let plain = |kind: &str, status: u16| one(exchange(0, kind, status, ""));
    let slow = |kind: &str, wait: u32, transfer: u32| one(crate::story::timed(0, kind, wait, transfer));
    let retry =
        |after: i64| Story::new(vec![exchange(0, "segment", 404, ""), exchange(after, "segment", 200, "")]);
    vec![
        ("error=http_5xx", plain("segment", 500), plain("segment", 499)),
        ("warning=http_4xx", plain("segment", 404), plain("segment", 399)),
        ("warning=fault_incomplete", fault("segment", 200, "socket"), fault("segment", 404, "http")),
        ("error=fault_other", fault("segment", 404, "http"), fault("segment", 404, "corruption")),
        ("warning=slow_request", slow("manifest", 2_001, 0), slow("manifest", 2_000, 0)),
        ("warning=slow_segment", slow("audio_segment", 0, 6_001), slow("manifest", 0, 6_001)),
        ("error=*master_manifest_failure", plain("master_manifest", 404), plain("manifest", 404)),
        ("warning=*manifest_failure", plain("audio_manifest", 503), plain("master_manifest", 503)),
        ("warning=*segment_failure", plain("init", 404), plain("key", 404)),
        ("warning=*transport_socket", fault("segment", 200, "socket"), fault("segment", 200, "corruption")),
        (
            "info=*transfer_abandoned",
            fault("segment", 200, "client_disconnect"),
            fault("segment", 200, "socket"),
        ),
        ("info=*request_retry", retry(4_000), retry(4_001)),
    ]
}

/// What was done to the link and what became of it.
fn link_cases() -> Vec<Case> {
    let one = |event: &str, info: &str| Story::new(vec![action(0, event, info)]);
    vec![
        (
            "info=*shaper_config_change",
            one("shaper_config_change", r#"{"asked":{}}"#),
            one("fault_rule_enabled", r#"{"rule":{"id":"r1","type":"404"}}"#),
        ),
        (
            "info=*pattern_enabled",
            one("pattern_enabled", r#"{"mode":"pyramid","steps":3,"round_s":18,"repeat":true}"#),
            one("pattern_disabled", r#"{"mode":"pyramid","finished":false}"#),
        ),
        (
            "info=*pattern_disabled",
            one("pattern_disabled", r#"{"mode":"pyramid","finished":true}"#),
            one("pattern_step", r#"{"step":1,"mode":"pyramid","duration_s":6,"asked":{}}"#),
        ),
        (
            "info=*pattern_step",
            one("pattern_step", r#"{"step":1,"mode":"pyramid","duration_s":6,"asked":{}}"#),
            one("shaper_config_change", r#"{"asked":{}}"#),
        ),
        (
            "warning=*fault_on",
            one("fault_on", r#"{"type":"drop"}"#),
            one("fault_off", r#"{"type":"drop","packets":1,"finished":true}"#),
        ),
        (
            "info=*fault_off",
            one("fault_off", r#"{"type":"reject","packets":1,"finished":false}"#),
            one("fault_on", r#"{"type":"reject"}"#),
        ),
        (
            "warning=*shaper_drift",
            one("shaper_drift", r#"{"found":"a class at another rate","repaired":true}"#),
            one("shaper_config_change", r#"{"asked":{}}"#),
        ),
    ]
}

/// What makes the rig blind, as an action and on the request that it concerns.
fn unseen_cases() -> Vec<Case> {
    let one = |event: &str, info: &str| Story::new(vec![action(0, event, info)]);
    let remarked =
        |remark: &str| Story::new(vec![exchange(0, "manifest", 200, &format!(r#","remarks":["{remark}"]"#))]);
    let left = r#"{"host":"a"}"#;
    let unread = r#"{"path":"/m.m3u8","reason":"a"}"#;
    vec![
        ("warning=*origin_left", one("origin_left", left), one("playlist_unread", unread)),
        ("warning=*origin_left", remarked("origin_left"), remarked("location_rewritten")),
        ("warning=*playlist_unread", one("playlist_unread", unread), one("origin_left", left)),
        ("warning=*playlist_unread", remarked("playlist_unread"), remarked("origin_left")),
        (
            "warning=*request_unread",
            one("request_unread", r#"{"reason":"a"}"#),
            one("playlist_unread", unread),
        ),
        (
            "warning=*playlists_unknown",
            one("playlists_unknown", r#"{"path":"/1.m4s"}"#),
            one("playlist_unread", unread),
        ),
        (
            "warning=*client_ambiguous",
            one("client_ambiguous", r#"{"path":"/m","sessions":2}"#),
            one("playlists_unknown", r#"{"path":"/1.m4s"}"#),
        ),
    ]
}

fn control_cases() -> Vec<Case> {
    let one = |event: &str, info: &str| Story::new(vec![action(0, event, info)]);
    let rule = r#"{"rule":{"id":"r1","type":"404"}}"#;
    let off = r#"{"rule_id":"r1","type":"404"}"#;
    vec![
        (
            "info=*session_start",
            one("session_start", r#"{"manifest_url":"/m"}"#),
            one("session_end", r#"{"reason":"deleted"}"#),
        ),
        (
            "info=*session_end",
            one("session_end", r#"{"reason":"deleted"}"#),
            one("session_start", r#"{"manifest_url":"/m"}"#),
        ),
        ("warning=*fault_rule_enabled", one("fault_rule_enabled", rule), one("fault_rule_disabled", off)),
        ("info=*fault_rule_disabled", one("fault_rule_disabled", off), one("fault_rule_enabled", rule)),
        (
            "warning=*fault_rule_config_change",
            one("fault_rule_config_change", rule),
            one("fault_rule_enabled", rule),
        ),
        (
            "info=*transfer_timeouts_change",
            one("transfer_timeouts_change", r#"{"asked":{}}"#),
            one("content_change", r#"{"asked":{}}"#),
        ),
        (
            "info=*content_change",
            one("content_change", r#"{"asked":{}}"#),
            one("content_unmet", r#"{"field":"","why":"a"}"#),
        ),
        (
            "warning=*content_unmet",
            one("content_unmet", r#"{"field":"","why":"a"}"#),
            one("content_change", r#"{"asked":{}}"#),
        ),
        (
            "warning=*manifest_changed",
            one("manifest_changed", r#"{"old":[],"new":[]}"#),
            one("content_change", r#"{"asked":{}}"#),
        ),
        (
            "info=*label_changed",
            one("label_changed", r#"{"labels":{}}"#),
            one("origin_left", r#"{"host":"a"}"#),
        ),
        ("warning=*feed_gap", Story::new(vec![gap(0)]), event("heartbeat")),
    ]
}

#[test]
fn every_label_is_earned_by_its_case_and_not_by_the_near_miss() {
    let mut covered = BTreeSet::new();
    let cases = [session_cases(), network_cases(), link_cases(), unseen_cases(), control_cases()].concat();
    for (label, earns, misses) in cases {
        assert!(told(&earns).contains(label), "{label} is not earned: {:?}", told(&earns));
        assert!(!told(&misses).contains(label), "{label} is earned by its near miss: {:?}", told(&misses));
        covered.insert(label.to_owned());
    }
    let all = LABELS.iter().map(|rule| rule.label().expect("a label").to_string()).collect::<BTreeSet<_>>();
    assert_eq!(covered, all);
}

#[test]
fn a_pattern_is_also_labelled_with_what_it_does() {
    let step = action(0, "pattern_step", r#"{"step":1,"mode":"ramp_up","duration_s":6,"asked":{}}"#);
    let labels = ["info=*pattern_step", "info=*pattern_step_ramp_up"].map(str::to_owned);
    assert_eq!(told(&Story::new(vec![step])), BTreeSet::from(labels));
    let other = action(0, "shaper_config_change", r#"{"asked":{}}"#);
    assert_eq!(told(&Story::new(vec![other])).len(), 1);
}

#[test]
fn names_are_unique_and_meanings_are_sentences() {
    let names: BTreeSet<_> = LABELS.iter().map(|rule| rule.name).collect();
    assert_eq!(names.len(), LABELS.len(), "a name is used twice");
    let docs = LABELS.iter().map(|rule| rule.doc).chain(FAMILIES.iter().map(|family| family.doc));
    for doc in docs {
        assert!(doc.len() > 12 && doc.ends_with('.'), "{doc:?}");
    }
}

#[test]
fn what_is_healthy_has_no_label() {
    for healthy in [
        event("heartbeat"),
        midplay(vec![report(0, r#""state":"playing","buffer_depth_s":12.0"#)]),
        Story::new(vec![exchange(0, "segment", 206, "")]),
        Story::new(vec![exchange(0, "manifest", 304, "")]),
        Story::new(vec![exchange(0, "manifest", 200, r#","remarks":["urls_rewritten"]"#)]),
    ] {
        assert_eq!(told(&healthy), BTreeSet::new());
    }
}
