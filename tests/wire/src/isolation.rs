//! What is done to one player is done to nobody else.
//!
//! Invariant: order and bytes are compared, never times.

use rebuffer_kit::{
    Ask, Asked, Ending, Origin, Rig, Said, Saying, Setup, Wire, mixed_site, mixed_table, pattern,
};
use rebuffer_model::Cause;

/// At 1 Mbit/s half a minute, without a cap a moment.
const LARGE: usize = 4_000_000;

fn site(asked: &Asked) -> Said {
    match asked.path() {
        "/large" => Saying::new(200, "OK").body(asked, pattern(8, LARGE)),
        _ => mixed_site(asked),
    }
}

#[tokio::test]
async fn a_player_beside_a_capped_and_faulted_one_is_served_as_if_alone() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    let harm = r#""shape":{"rate_mbps":1},"fault_rules":[
        {"id":"bad","type":"503","filter":{"url_match":{"mode":"exact","patterns":["/file.bin"]}},"mode":"requests"}]"#;
    rig.api.create("harmed", harm).await;
    let harmed = rig.session("harmed").await;
    let free = rig.session("free").await;
    assert_ne!(harmed, free);

    let mut slow = Wire::connect(harmed).await;
    slow.send(&Ask::get("/large")).await;
    slow.head().await;
    assert_eq!(slow.bytes(1_000).await, pattern(8, LARGE)[..1_000]);
    // It reads as fast as it can, so that only the cap holds it back.
    let slow = tokio::spawn(async move { slow.bytes(LARGE - 1_000).await });

    let answer = Wire::fetch(free, &Ask::get("/large")).await;
    assert!(answer.whole && answer.body == pattern(8, LARGE));
    for ask in mixed_table().iter().step_by(5) {
        let alone = Wire::fetch(origin.address, ask).await;
        let beside = Wire::fetch(free, ask).await;
        let plain =
            |answer: &rebuffer_kit::Answer| (answer.status, answer.reason().to_owned(), answer.body.clone());
        assert_eq!(plain(&beside), plain(&alone), "{ask:?}");
    }
    let faulted = Wire::fetch(harmed, &Ask::get("/file.bin?size=10")).await;
    assert_eq!(faulted.status, 503);
    let view = rig.api.player("harmed").await.session.expect("a session");
    assert_eq!(view.active_requests, 1, "the capped download still runs after all that");
    assert!(!slow.is_finished());
    slow.abort();
    assert!(slow.await.is_err_and(|end| end.is_cancelled()));

    let mut feed = rig.feed().await;
    let row = feed.exchange("/large").await;
    assert_eq!((row.link.rate_limit_mbps, row.answer.complete), (None, true));
    let row = feed.exchange("/large").await;
    assert_eq!((row.link.rate_limit_mbps, row.cause), (Some(1.0), Some(Cause::Client)));
    assert!(row.answer.body_bytes < LARGE as u64 / 2, "{}", row.answer.body_bytes);
}

#[tokio::test]
async fn a_cap_that_is_lifted_lets_the_running_download_go() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    rig.api.create("tv", r#""shape":{"rate_mbps":0.1}"#).await;
    let mut wire = Wire::connect(rig.session("tv").await).await;
    wire.send(&Ask::get("/large")).await;
    wire.head().await;
    wire.bytes(1).await;
    let lifted = rig.api.patch("tv", r#"{"shape":{"rate_mbps":null}}"#).await;
    assert_eq!(lifted.link.and_then(|link| link.rate_mbps), None);
    // At 0.1 Mbit/s the rest would take five minutes.
    assert_eq!(wire.bytes(LARGE - 1).await, pattern(8, LARGE)[1..]);
    assert_eq!(wire.ask(&Ask::get("/echo")).await.ending, Ending::Open);
}

#[tokio::test]
async fn one_players_port_serves_nobody_else() {
    let origin = Origin::serve(site).await;
    let rig = Rig::start(Setup::at(origin.address)).await;
    rig.api.create("harmed", r#""fault_rules":[{"type":"503"}]"#).await;
    let harmed = rig.session("harmed").await;
    let answer = Wire::fetch(harmed, &Ask::get("/echo?player_id=free&x=1")).await;
    assert_eq!(answer.status, 302, "a stranger is sent to the base port, under the same origin");
    let base = format!("http://{}/origin/echo?player_id=free&x=1", rig.base);
    assert_eq!(answer.value("location"), Some(&*base));
}
