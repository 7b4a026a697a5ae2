//! The archive API as callers meet it.

use serde::Deserialize;

use crate::records::{OTHER, PLAYER, action, report, request};
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
