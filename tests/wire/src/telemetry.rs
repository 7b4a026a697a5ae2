//! What the rig says of a session's link: live, in the player's record, and with each report.
//!
//! Invariant: one measurement, told everywhere alike; a delay that is done on answers is in the record of each.

use rebuffer_kit::{Ask, Asked, Origin, Rig, Said, Saying, Setup, Sse, Wire, json};
use rebuffer_model::{LinkMetrics, RecordBody};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Frame {
    data: Second,
}

#[derive(Debug, Deserialize)]
struct Second {
    server_metrics: LinkMetrics,
}

fn site(asked: &Asked) -> Said {
    Saying::new(200, "OK").body(asked, vec![b'x'; 100_000])
}

async fn rig() -> (Origin, Rig) {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    (origin, rig)
}

#[tokio::test]
async fn a_second_of_the_link_is_told_live_in_the_record_and_with_a_report() {
    let (_origin, rig) = rig().await;
    let mut events = Sse::open(rig.api.address, "/api/v2/events?player_id=tv", None).await;
    rig.api.create("tv", r#""shape":{"rate_mbps":50}"#).await;
    assert_eq!(rig.api.player("tv").await.server_metrics, None, "no session yet");
    let mut player = Wire::connect(rig.session("tv").await).await;
    assert_eq!(player.ask(&Ask::get("/a")).await.status, 200);

    let event = events.named("player.link").await;
    assert_eq!(event.id, None, "a second has no place in the order of edges");
    let frame: Frame = serde_json::from_str(&event.data).expect("a frame");
    let live = frame.data.server_metrics;
    assert_eq!((live.tcp.connections, live.effective_rate_limit_mbps), (1, 50.0));
    assert!(live.tcp.delivered_mbps.is_some_and(|rate| rate > 0.5), "{live:?}");
    assert!(live.tcp.rtt_ms.is_some() && !live.tcp.rtt_stale, "{live:?}");
    assert_eq!(live.wire, rebuffer_model::WireMetrics::default(), "paced links have no wire");

    let shown = rig.api.player("tv").await.server_metrics.expect("there is a session");
    assert_eq!(shown.tcp.connections, 1);
    let report = json(Ask::new("POST", "/api/v2/players/tv/metrics"), "{}");
    assert_eq!(rig.api.ask(&report).await.status, 204);
    let mut feed = rig.feed().await;
    let knew = feed.next(|record| match &record.body {
        RecordBody::Sample(sample) => Some(sample.rig.clone()),
        RecordBody::Exchange(_) | RecordBody::Action(_) | RecordBody::Gap { .. } => None,
    });
    let knew = knew.await;
    let link = knew.link.expect("there is a session");
    assert_eq!((knew.delivered_mbps, knew.client_rtt_ms), (link.tcp.delivered_mbps, link.tcp.rtt_ms));
}

#[tokio::test]
async fn a_delay_on_answers_is_in_the_record_of_each() {
    let (_origin, rig) = rig().await;
    rig.api
        .create(
            "tv",
            r#""shape":{"delay_ms":30},"fault_rules":[{"type":"404","mode":"requests","consecutive":1,"frequency":1,"filter":{"request_kind":["segment"]}}]"#,
        )
        .await;
    let session = rig.session("tv").await;
    let mut feed = rig.feed().await;
    for (path, status) in [("/a.txt", 200), ("/b.ts", 404)] {
        assert_eq!(Wire::fetch(session, &Ask::get(path)).await.status, status);
        let exchange = feed.exchange(path).await;
        let held = exchange.link.held_ms.expect("it was held");
        assert!(held >= 30.0 && exchange.timing.client_wait_ms >= held, "{exchange:?}");
        assert_eq!(exchange.cause.is_some(), status == 404, "a delay is no fault");
    }
    rig.api.patch("tv", r#"{"shape":{"delay_ms":null}}"#).await;
    Wire::fetch(session, &Ask::get("/c.txt")).await;
    assert_eq!(feed.exchange("/c.txt").await.link.held_ms, None);
}
