//! The archive API as callers meet it.

use rebuffer_model::Record;
use serde::Deserialize;

use crate::records::{OTHER, PLAYER, action, record, report, request};
use crate::rig::{Rig, get, get_with, router, settled};

#[derive(Debug, Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Brief {
    id: String,
    ts: String,
}

#[derive(Debug, Deserialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: String,
    parameter: Option<String>,
}

fn ids(text: &str) -> Vec<String> {
    serde_json::from_str::<Page<Brief>>(text).unwrap().items.into_iter().map(|row| row.id).collect()
}

async fn filled(rig: &Rig) -> (rebuffer_forwarder::Forwarder, axum::Router) {
    let forwarder = rig.forwarder();
    rig.feed.append([
        action(1, 0, PLAYER, "a", "session_start", r#"{"manifest_url":"/m.m3u8"}"#),
        request(2, 1_000, PLAYER, "a", 200),
        request(3, 2_000, PLAYER, "a", 404),
        report(
            4,
            3_000,
            PLAYER,
            "a",
            r#""last_event":"rate_shift_down","state":"playing","video_bitrate_mbps":1.5"#,
        ),
        request(5, 4_000, OTHER, "b", 200),
        report(6, 5_000, OTHER, "b", r#""last_event":"heartbeat""#),
    ]);
    settled(&forwarder, 6).await;
    let router = router(&forwarder);
    (forwarder, router)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_filtered_ordered_and_paged() {
    let Some(rig) = Rig::start().await else { return };
    let (_forwarder, router) = filled(&rig).await;
    for (path, expected) in [
        ("/api/v2/events", vec!["6", "4"]),
        ("/api/v2/events?order=asc", vec!["4", "6"]),
        ("/api/v2/events?label_has=info%3Dshift_down", vec!["4"]),
        ("/api/v2/events?label_not=info%3Dshift_down", vec!["6"]),
        ("/api/v2/events?play_id=b", vec!["6"]),
        ("/api/v2/events?from=2026-03-01T10:00:03Z&to=2026-03-01T10:00:05Z", vec!["4"]),
        ("/api/v2/events?last_event=heartbeat", vec!["6"]),
        ("/api/v2/network_requests", vec!["5", "3", "2"]),
        ("/api/v2/network_requests?faulted=true&cause=injected&rule_id=r1", vec!["3"]),
        ("/api/v2/network_requests?status_min=200&status_max=200&order=asc", vec!["2", "5"]),
        ("/api/v2/network_requests?label_has=warning%3Dhttp_4xx&request_kind=segment", vec!["3"]),
        ("/api/v2/control_events?event=session_start&actor=proxy", vec!["1"]),
        ("/api/v2/control_events?event=session_end", vec![]),
    ] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert_eq!(ids(&answer.text), expected, "{path}");
    }
    let mut path = "/api/v2/network_requests?limit=2".to_owned();
    let mut paged = Vec::new();
    loop {
        let page: Page<Brief> = serde_json::from_str(&get(&router, &path).await.text).unwrap();
        paged.extend(page.items.into_iter().map(|row| row.id));
        let Some(cursor) = page.next_cursor else { break };
        path = format!("/api/v2/network_requests?limit=2&cursor={cursor}");
    }
    assert_eq!(paged, ["5", "3", "2"]);
}

/// A request with everything that a row can say of it beside what was asked and answered.
fn telling(position: u64, known: &str, presentation: &str, role: &str, remarks: &str) -> Record {
    let body = format!(
        r#"{{"exchange":{{"who":{{"player_id":"{PLAYER}","player_name":"big tv","play_id":"a"}},
        "started_at":"2026-03-01T10:00:00Z",
        "request":{{"method":"GET","http_version":"HTTP/1.1","url":"/m","kind":"manifest","known":"{known}",
            "presentation":{{"path":"{presentation}","role":"{role}"}},"headers":[],"body_bytes":0}},
        "answer":{{"status":200,"headers":[],"content_type":"","body_bytes":10,"complete":true,
            "playlist_unread":"it is longer than 16 MiB"}},
        "remarks":[{remarks}],
        "timing":{{"client_wait_ms":1,"transfer_ms":1,"total_ms":5}},
        "link":{{"connection":1,"earlier_exchanges":0}}}}}}"#
    );
    record(position, i64::try_from(position).unwrap() * 1_000, &body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_known_and_remarked_of_requests_is_told_and_filtered_by() {
    let Some(rig) = Rig::start().await else { return };
    let forwarder = rig.forwarder();
    rig.feed.append([
        telling(1, "declared", "/main.m3u8", "primary", r#""urls_rewritten""#),
        telling(2, "guessed", "/ad.m3u8", "interstitial", r#""playlist_unread","origin_left""#),
        request(3, 3_000, OTHER, "b", 200),
        report(4, 4_000, OTHER, "b", r#""last_event":"heartbeat""#),
        action(5, 5_000, OTHER, "b", "label_changed", r#"{"labels":{"name":"hall"}}"#),
        action(6, 6_000, PLAYER, "a", "playlist_unread", r#"{"path":"/m","reason":"a"}"#),
    ]);
    settled(&forwarder, 6).await;
    let router = router(&forwarder);
    for (path, expected) in [
        ("network_requests?known=guessed", vec!["2"]),
        ("network_requests?known=declared", vec!["1"]),
        ("network_requests?presentation=/main.m3u8", vec!["1"]),
        ("network_requests?presentation_role=interstitial", vec!["2"]),
        ("network_requests?remark=playlist_unread", vec!["2"]),
        ("network_requests?remark=playlist_unread&remark=origin_left", vec!["2"]),
        ("network_requests?remark=playlist_unread&remark=urls_rewritten", vec![]),
        ("network_requests?label_has=warning%3D*playlist_unread", vec!["2"]),
        ("network_requests?player_name=big%20tv", vec!["2", "1"]),
        ("network_requests?player_name=hall", vec!["3"]),
        ("events?player_name=hall", vec!["4"]),
        ("events?player_name=big%20tv", vec![]),
        ("control_events?player_name=hall", vec!["5"]),
        ("control_events?label_has=warning%3D*playlist_unread", vec!["6"]),
    ] {
        let answer = get(&router, &format!("/api/v2/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert_eq!(ids(&answer.text), expected, "{path}");
    }
    let fields = "player_name,request_known,presentation,presentation_role,remarks,playlist_unread";
    let row = get(&router, &format!("/api/v2/network_requests?known=guessed&fields={fields}")).await;
    let expected = r#""player_name":"big tv","request_known":"guessed","presentation":"/ad.m3u8","presentation_role":"interstitial","remarks":["playlist_unread","origin_left"],"playlist_unread":"it is longer than 16 MiB"}"#;
    assert!(row.text.contains(expected), "{}", row.text);
    for (name, play) in [("big%20tv", "a"), ("hall", "b")] {
        let page = get(&router, &format!("/api/v2/plays?player_name={name}")).await;
        let page: Page<rebuffer_api::archive::PlaySummary> = serde_json::from_str(&page.text).unwrap();
        let found: Vec<_> = page.items.iter().map(|play| play.play_id.to_string()).collect();
        assert_eq!(found, [play]);
        assert_eq!(page.items[0].player_name, name.replace("%20", " "));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_have_the_types_that_are_promised() {
    let Some(rig) = Rig::start().await else { return };
    let (_forwarder, router) = filled(&rig).await;
    let answer = get(&router, "/api/v2/network_requests?status_min=400&fields=status,bytes_out,faulted,labels,total_ms,request_headers,delivered_mbps").await;
    let expected = r#"{"items":[{"ts":"2026-03-01T10:00:02.000Z","id":"3","status":404,"bytes_out":"10","faulted":true,"labels":["warning=http_4xx","error=fault_other","warning=*segment_failure"],"total_ms":5,"request_headers":[{"name":"user-agent","value":"test"}],"delivered_mbps":null}],"next_cursor":null}"#;
    assert_eq!(answer.text, expected);
    let lines =
        get_with(&router, "/api/v2/events?order=asc&fields=id", &[("accept", "application/x-ndjson")]).await;
    assert_eq!(lines.headers["content-type"], "application/x-ndjson");
    let rows: Vec<Brief> = lines.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["4", "6"]);
    assert!(rows.iter().all(|row| row.ts.ends_with('Z')));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plays_are_summed_up() {
    let Some(rig) = Rig::start().await else { return };
    let (_forwarder, router) = filled(&rig).await;
    let page: Page<rebuffer_api::archive::PlaySummary> =
        serde_json::from_str(&get(&router, "/api/v2/plays").await.text).unwrap();
    let names: Vec<_> = page.items.iter().map(|play| play.play_id.to_string()).collect();
    assert_eq!(names, ["b", "a"]);
    let play = &page.items[1];
    assert_eq!((play.net_events.0, play.net_errors.0, play.net_injected.0), (2, 1, 1));
    assert_eq!((play.metric_events.0, play.downshifts.0, play.last_state.as_str()), (1, 1, "playing"));
    assert_eq!(play.avg_video_bitrate_mbps, Some(1.5));
    assert_eq!(play.user_agent, "test");
    assert_eq!(play.started_at.to_string(), "2026-03-01T10:00:00.000000Z", "the action belongs to it, too");

    let one = get(&router, "/api/v2/plays/a").await;
    assert_eq!(serde_json::from_str::<rebuffer_api::archive::PlaySummary>(&one.text).unwrap(), *play);
    let filtered = get(&router, "/api/v2/plays?label_has=warning%3Dhttp_4xx&limit=1").await.text;
    let filtered: Page<rebuffer_api::archive::PlaySummary> = serde_json::from_str(&filtered).unwrap();
    assert_eq!(filtered.items.len(), 1);
    let next = format!(
        "/api/v2/plays?label_has=warning%3Dhttp_4xx&limit=1&cursor={}",
        filtered.next_cursor.unwrap()
    );
    assert!(get(&router, &next).await.text.contains(r#""items":[]"#));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_understood_is_refused_by_name() {
    let Some(rig) = Rig::start().await else { return };
    let (_forwarder, router) = filled(&rig).await;
    for (path, name) in [
        ("/api/v2/plays?from=yesterday", "from"),
        ("/api/v2/plays?limit=0", "limit"),
        ("/api/v2/plays?status_min=1", "status_min"),
        ("/api/v2/events?cursor=x", "cursor"),
        ("/api/v2/events?fields=nope", "fields"),
        ("/api/v2/events?stride_ms=0", "stride_ms"),
        ("/api/v2/network_requests?status_min=many", "status_min"),
        ("/api/v2/control_events?order=sideways", "order"),
        ("/api/v2/network_requests?known=perhaps", "known"),
        ("/api/v2/network_requests?presentation_role=first", "presentation_role"),
        ("/api/v2/network_requests?remark=playlist_unread&remark=nice", "remark"),
        ("/api/v2/events?remark=playlist_unread", "remark"),
        ("/api/v2/timeseries?player_id=a&player_name=b", "player_name"),
        ("/api/v2/timeseries", "player_id"),
    ] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let problem: Problem = serde_json::from_str(&answer.text).unwrap();
        assert_eq!(problem.parameter.as_deref(), Some(name), "{path}");
        assert_eq!(problem.kind, "urn:rebuffer:problem:bad-request");
    }
    let missing = get(&router, "/api/v2/plays/nobody").await;
    assert_eq!(missing.status, 404);
    assert!(missing.text.contains("play-not-found"));
}

#[test]
fn the_vocabulary_and_the_document_are_there() {
    let document = rebuffer_forwarder::openapi().to_json().unwrap();
    for path in
        ["plays", "plays/{play_id}", "events", "network_requests", "control_events", "timeseries", "labels"]
    {
        assert!(document.contains(&format!("\"/api/v2/{path}\"")), "{path}");
    }
    assert!(document.contains("Contiguous buffer ahead of the playhead, s."), "columns are described");
}
